/*
 * x86_cache_avx2.c - cache_put for f32 and f16, and reading tiles of a cache in any
 * codec; f16, bf16, q8_0 and q4_0 are decoded here, eight elements at a time, to
 * exactly what their codec gives.
 */
#include "x86_cache.h"
#include "x86_lanes.h"

/* ---- decoding one row of n elements ---- */

typedef void decode_function(const char *from, float *to, int64_t n);

/* 16-bit rows may end anywhere; the last few go through a copy. */
#define DECODE_HALVES(name, load)                                                       \
  static void name(const char *from, float *to, int64_t n) {                            \
    for (int64_t i = 0; i < n; i += 8) {                                                \
      char end[16] = {0};                                                               \
      const char *at = from + i * 2;                                                    \
      if (n - i < 8) at = memcpy(end, at, (size_t)(n - i) * 2);                         \
      lanes_store(to + i, load(at), n - i);                                             \
    }                                                                                   \
  }
DECODE_HALVES(decode_f16, lanes_half)
DECODE_HALVES(decode_bf16, lanes_bfloat)

INLINE float half_scale(const char *p) {
  uint16_t h;
  memcpy(&h, p, sizeof h);
  return _cvtsh_ss(h);
}

static void decode_q8_0(const char *from, float *to, int64_t n) {
  for (int64_t i = 0; i < n; i += 32, from += 34) {
    const __m256 d = _mm256_set1_ps(half_scale(from));
    for (int j = 0; j < 32; j += 8)
      _mm256_storeu_ps(to + i + j, _mm256_mul_ps(d, lanes_int8(from + 2 + j)));
  }
}

static void decode_q4_0(const char *from, float *to, int64_t n) {
  const __m128i mask = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
  for (int64_t i = 0; i < n; i += 32, from += 18) {
    const __m256 d = _mm256_set1_ps(half_scale(from));
    const __m128i q = _mm_loadu_si128((const void *)(from + 2));
    int8_t code[32];
    _mm_storeu_si128((void *)code, _mm_sub_epi8(_mm_and_si128(q, mask), eight));
    _mm_storeu_si128((void *)(code + 16),
                     _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(q, 4), mask), eight));
    for (int j = 0; j < 32; j += 8)
      _mm256_storeu_ps(to + i + j, _mm256_mul_ps(d, lanes_int8(code + j)));
  }
}

static decode_function *decode_of(const ridge_codec *codec) {
  static const struct {
    const char *name;
    decode_function *decode;
  } known[] = {{"f16", decode_f16}, {"bf16", decode_bf16}, {"q8_0", decode_q8_0},
               {"q4_0", decode_q4_0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(codec->name, known[i].name)) return known[i].decode;
  return NULL;
}

/* ---- tiles ---- */

void cache_tile_read(struct cache_tile *tile, const ridge_span *cache,
                     const ridge_batch *batch, int64_t kv_heads, int32_t sequence,
                     int64_t head, int64_t from, int64_t to, float *room) {
  const bool plain = is_f32(cache->codec);
  decode_function *decode = plain ? NULL : decode_of(cache->codec);
  for (int64_t p = from; p < to;) {
    const int64_t left = batch->block_tokens - p % batch->block_tokens;
    const int64_t end = left < to - p ? p + left : to;
    const char *row = cache_row(cache, batch, kv_heads, sequence, head, p);
    for (; p < end; p++, row += cache->stride) {
      float *decoded = room + (p - from) * cache->cols;
      tile->row[p - from] = plain ? (const float *)(const void *)row : decoded;
      if (decode)
        decode(row, decoded, cache->cols);
      else if (!plain)
        cache->codec->decode(row, decoded, cache->cols);
    }
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
    put_row(span_row(x, row) + head * dim,
            cache_row(cache, batch, kv_heads, batch->sequence[row], head,
                      batch->position[row]),
            dim, half);
  }
}

const ridge_kernel x86_cache_put = {
    .struct_size = sizeof(ridge_kernel),
    .run = run_cache_put,
};
