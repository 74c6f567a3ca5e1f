/*
 * x86_cache_avx2.c - cache_put for f32 and f16, and reading tiles of a cache in any
 * codec; f16, bf16, q8_0 and q4_0 are decoded here, eight elements at a time, to
 * exactly what their codec gives.
 */
#include "x86_cache.h"
#include "x86_lanes.h"

/* ---- decoding a run of rows ---- */

struct rows {
  const char *from;
  uint64_t stride;
  float *to; /* (n, cols) */
  int64_t n, cols;
  const ridge_codec *codec;
};

/* 16-bit rows may end anywhere; the last few go through a copy. */
#define DECODE_HALVES(name, load)                                                          \
  static void name(const struct rows *r) {                                                 \
    const int64_t cols = r->cols;                                                          \
    for (int64_t row = 0; row < r->n; row++) {                                             \
      const char *from = r->from + (uint64_t)row * r->stride;                              \
      float *to = r->to + row * cols;                                                      \
      int64_t i = 0;                                                                       \
      for (; i + 8 <= cols; i += 8) _mm256_storeu_ps(to + i, load(from + i * 2));          \
      if (i == cols) continue;                                                             \
      char end[16] = {0};                                                                  \
      memcpy(end, from + i * 2, (size_t)(cols - i) * 2);                                   \
      lanes_store(to + i, load(end), cols - i);                                            \
    }                                                                                      \
  }
DECODE_HALVES(decode_f16, lanes_half)
DECODE_HALVES(decode_bf16, lanes_bfloat)

INLINE __m256 half_scale(const char *p) {
  uint16_t h;
  memcpy(&h, p, sizeof h);
  return _mm256_set1_ps(_cvtsh_ss(h));
}

static void decode_q8_0(const struct rows *r) {
  const int64_t cols = r->cols;
  for (int64_t row = 0; row < r->n; row++) {
    const char *from = r->from + (uint64_t)row * r->stride;
    float *to = r->to + row * cols;
    for (int64_t i = 0; i < cols; i += 32, from += 34) {
      const __m256 d = half_scale(from);
      UNROLL
      for (int j = 0; j < 32; j += 8)
        _mm256_storeu_ps(to + i + j, _mm256_mul_ps(d, lanes_int8(from + 2 + j)));
    }
  }
}

/* Eight signed codes in the low half of a register. */
INLINE __m256 codes(__m128i q, __m256 d) {
  return _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)));
}

static void decode_q4_0(const struct rows *r) {
  const int64_t cols = r->cols;
  const __m128i mask = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
  for (int64_t row = 0; row < r->n; row++) {
    const char *from = r->from + (uint64_t)row * r->stride;
    float *to = r->to + row * cols;
    for (int64_t i = 0; i < cols; i += 32, from += 18) {
      const __m256 d = half_scale(from);
      const __m128i q = _mm_loadu_si128((const void *)(from + 2));
      const __m128i near = _mm_sub_epi8(_mm_and_si128(q, mask), eight);
      const __m128i far = _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(q, 4), mask), eight);
      _mm256_storeu_ps(to + i, codes(near, d));
      _mm256_storeu_ps(to + i + 8, codes(_mm_srli_si128(near, 8), d));
      _mm256_storeu_ps(to + i + 16, codes(far, d));
      _mm256_storeu_ps(to + i + 24, codes(_mm_srli_si128(far, 8), d));
    }
  }
}

static void decode_any(const struct rows *r) {
  for (int64_t row = 0; row < r->n; row++)
    r->codec->decode(r->from + (uint64_t)row * r->stride, r->to + row * r->cols, r->cols);
}

typedef void decode_function(const struct rows *);

/* NULL: already f32. */
static decode_function *decode_of(const ridge_codec *codec) {
  static const struct {
    const char *name;
    decode_function *decode;
  } known[] = {{"f32", NULL},
               {"f16", decode_f16},
               {"bf16", decode_bf16},
               {"q8_0", decode_q8_0},
               {"q4_0", decode_q4_0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(codec->name, known[i].name)) return known[i].decode;
  return decode_any;
}

/* ---- tiles ---- */

void cache_tile_read(const struct cache_reader *c, int64_t from, int64_t to,
                     struct cache_tile *tile) {
  decode_function *decode = decode_of(c->cache->codec);
  for (int64_t p = from; p < to;) {
    const int64_t left = c->batch->block_tokens - p % c->batch->block_tokens;
    struct rows r = {.from = cache_row(c, p),
                     .stride = c->cache->stride,
                     .to = c->room + (p - from) * c->cache->cols,
                     .n = left < to - p ? left : to - p,
                     .cols = c->cache->cols,
                     .codec = c->cache->codec};
    if (decode) decode(&r);
    for (int64_t i = 0; i < r.n; i++)
      tile->row[p - from + i] =
          decode ? r.to + i * r.cols
                 : (const float *)(const void *)(r.from + (uint64_t)i * r.stride);
    p += r.n;
  }
}

/* ---- cache_put ---- */

static void put_row(const float *x, char *row, int64_t n, bool half) {
  if (!half) {
    memcpy(row, x, (size_t)n * sizeof *x);
    return;
  }
  for (int64_t i = 0; i < n; i += 8) {
    const __m128i h = _mm256_cvtps_ph(lanes_load(x + i, n - i), _MM_FROUND_TO_NEAREST_INT);
    char bytes[16];
    if (n - i >= 8) {
      _mm_storeu_si128((void *)(row + i * 2), h);
      continue;
    }
    _mm_storeu_si128((void *)bytes, h);
    memcpy(row + i * 2, bytes, (size_t)(n - i) * 2);
  }
}

static void run_cache_put(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_span *x = &call->in[0], *cache = &call->in[1];
  const ridge_batch *batch = call->batch;
  const bool half = !is_f32(cache->codec); /* keyed for f32 and f16 only */
  const int64_t dim = cache->cols, kv_heads = x->cols / dim;
  const struct share mine = share_of(call->rows * kv_heads, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / kv_heads, head = item % kv_heads;
    const struct cache_reader at = {.cache = cache,
                                    .batch = batch,
                                    .kv_heads = kv_heads,
                                    .head = head,
                                    .sequence = batch->sequence[row]};
    put_row(span_row(x, row) + head * dim, cache_row(&at, batch->position[row]), dim, half);
  }
}

const ridge_kernel x86_cache_put = {
    .struct_size = sizeof(ridge_kernel),
    .run = run_cache_put,
};
