/*
 * ridge/wide_cache.h - rows of a paged cache, found through the block table and turned to
 * f32 for a run of positions.  Source for kernels, as ridge/wide.h is.
 *
 * f32, f16, bf16, q8_0 and q4_0 are decoded here, sixteen elements at a time, to exactly
 * what their codec gives; every other codec is asked to decode.
 */
#ifndef RIDGE_WIDE_CACHE_H
#define RIDGE_WIDE_CACHE_H

#include <ridge/kernel.h>
#include <ridge/wide.h>

#include <string.h>

/* Bytes to fetch ahead: one stream needs that much to keep up with memory. */
enum { WIDE_AHEAD = 4096 };

enum wide_form { WIDE_F32, WIDE_F16, WIDE_BF16, WIDE_Q8_0, WIDE_Q4_0, WIDE_OTHER };

static inline enum wide_form wide_form_of(const ridge_codec *codec) {
  static const char *const names[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
  int form = 0;
  while (form < WIDE_OTHER && strcmp(codec->name, names[form]) != 0) form++;
  return (enum wide_form)form;
}

/* One head's keys or values of one sequence. */
struct wide_cache {
  const ridge_span *span;
  const ridge_batch *batch;
  int64_t kv_heads, head;
  int32_t sequence;
  enum wide_form form;
};

static inline char *wide_cache_row(const struct wide_cache *c, int64_t position) {
  const int64_t size = c->batch->block_tokens;
  const int64_t block = c->batch->blocks[c->sequence][position / size];
  const int64_t row = (block * c->kv_heads + c->head) * size + position % size;
  return (char *)c->span->data + (uint64_t)row * c->span->stride;
}

WIDE_INLINE ridge_wide wide_floats(enum wide_form form, const char *at) {
  return form == WIDE_F16    ? wide_half(at)
         : form == WIDE_BF16 ? wide_bfloat(at)
                             : wide_load((const float *)(const void *)at);
}

/* The last few of a row, zeros beyond; nothing past its end is read. */
WIDE_INLINE ridge_wide wide_floats_some(enum wide_form form, const char *at, int64_t n) {
  if (form == WIDE_F32) return wide_load_some((const float *)(const void *)at, n);
  uint16_t end[WIDE] = {0};
#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(WIDE_X86)
  const __mmask16 some = (__mmask16)((1u << n) - 1);
  _mm256_storeu_si256((__m256i *)(void *)end, _mm256_maskz_loadu_epi16(some, at));
#else
  int64_t i = 0;
  if (n >= 8) memcpy(end, at, 16), i = 8; /* most heads that end here have these */
  for (; i < n; i++) memcpy(&end[i], at + 2 * i, 2);
#endif
  return wide_floats(form, (const char *)end);
}

WIDE_INLINE void wide_row_floats(enum wide_form form, const char *from, float *to,
                                 int64_t n) {
  const int64_t size = form == WIDE_F32 ? 4 : 2;
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) {
    __builtin_prefetch(from + i * size + WIDE_AHEAD);
    wide_store(to + i, wide_floats(form, from + i * size));
  }
  if (i < n) wide_store(to + i, wide_floats_some(form, from + i * size, n - i));
}

/* Blocks of 32: a half-precision scale, then signed bytes. */
WIDE_INLINE void wide_row_q8_0(const char *from, float *to, int64_t n) {
  for (int64_t i = 0; i < n; i += 32, from += 34) {
    const ridge_wide d = wide_set(wide_half_one(from));
    wide_store(to + i, wide_mul(d, wide_bytes(from + 2)));
    wide_store(to + i + WIDE, wide_mul(d, wide_bytes(from + 2 + WIDE)));
  }
}

/* Blocks of 32: a scale, then 16 bytes; low halves are the first sixteen, codes from -8. */
WIDE_INLINE void wide_row_q4_0(const char *from, float *to, int64_t n) {
  typedef uint8_t bytes __attribute__((vector_size(16)));
  for (int64_t i = 0; i < n; i += 32, from += 18) {
    const ridge_wide d = wide_set(wide_half_one(from));
    bytes q, low, high;
    memcpy(&q, from + 2, sizeof q);
    low = (q & 15) - 8;
    high = (q >> 4) - 8;
    wide_store(to + i, wide_mul(d, wide_bytes(&low)));
    wide_store(to + i + WIDE, wide_mul(d, wide_bytes(&high)));
  }
}

/* `n` rows lying `stride` apart to rows of `width` floats, a multiple of WIDE; what is
 * beyond a row's dimensions becomes zero. */
static inline void wide_rows(const struct wide_cache *c, const char *from, int64_t n,
                             float *to, int64_t width) {
  const uint64_t stride = c->span->stride;
  const int64_t dim = c->span->cols;
  switch (c->form) {
#define WIDE_ROWS_(form, call)                                                             \
  case form:                                                                               \
    for (int64_t i = 0; i < n; i++, from += stride, to += width) call;                     \
    return
    WIDE_ROWS_(WIDE_F32, wide_row_floats(WIDE_F32, from, to, dim));
    WIDE_ROWS_(WIDE_F16, wide_row_floats(WIDE_F16, from, to, dim));
    WIDE_ROWS_(WIDE_BF16, wide_row_floats(WIDE_BF16, from, to, dim));
    WIDE_ROWS_(WIDE_Q8_0, wide_row_q8_0(from, to, dim));
    WIDE_ROWS_(WIDE_Q4_0, wide_row_q4_0(from, to, dim));
#undef WIDE_ROWS_
  default:
    for (int64_t i = 0; i < n; i++, from += stride, to += width) {
      c->span->codec->decode(from, to, dim);
      for (int64_t d = dim; d < width; d++) to[d] = 0;
    }
  }
}

/* Positions [from, to) to rows of `width` floats. */
static inline void wide_cache_read(const struct wide_cache *c, int64_t from, int64_t to,
                                   float *out, int64_t width) {
  const int64_t size = c->batch->block_tokens;
  while (from < to) {
    const int64_t left = size - from % size, n = left < to - from ? left : to - from;
    wide_rows(c, wide_cache_row(c, from), n, out, width);
    out += n * width;
    from += n;
  }
}

#endif
