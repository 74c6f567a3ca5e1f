/* x86_record_avx2.c - rows of x rounded to int8 by groups of 32. */
#include "x86_lanes.h"
#include "x86_product.h"

#include <math.h>

/* Largest magnitude of 32 values; NaN if one of them is not finite. */
INLINE float magnitude(const __m256 v[4]) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 top = _mm256_andnot_ps(sign, v[0]),
         poison = _mm256_mul_ps(v[0], _mm256_setzero_ps());
  UNROLL
  for (int i = 1; i < 4; i++) {
    top = _mm256_max_ps(top, _mm256_andnot_ps(sign, v[i]));
    poison = _mm256_fmadd_ps(v[i], _mm256_setzero_ps(), poison);
  }
  return lanes_max(top) + lanes_sum(poison);
}

/* Of sixteen bytes. */
INLINE int32_t byte_sum(__m128i bytes) {
  const __m128i bias = _mm_set1_epi8((char)0x80);
  const __m128i s = _mm_sad_epu8(_mm_xor_si128(bytes, bias), _mm_setzero_si128());
  return _mm_cvtsi128_si32(s) + _mm_extract_epi16(s, 4) - 16 * 128;
}

void record_make(const float *x, struct record *to) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256 v[4];
  __m256i q[4];
  UNROLL
  for (int i = 0; i < 4; i++) v[i] = _mm256_loadu_ps(x + i * 8);
  const float scale = magnitude(v) / 127.0f;
  const __m256 by = _mm256_set1_ps(scale > 0.0f ? 1.0f / scale : 0.0f);
  UNROLL
  for (int i = 0; i < 4; i++) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], by));
  __m256i bytes =
      _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  bytes = _mm256_permutevar8x32_epi32(bytes, order);
  bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(-127));
  _mm256_storeu_si256((void *)to->q, bytes);
  const int32_t a = byte_sum(_mm256_castsi256_si128(bytes)),
                b = byte_sum(_mm256_extracti128_si256(bytes, 1));
  to->scale = scale;
  to->sum[0] = (int16_t)a;
  to->sum[1] = (int16_t)b;
  to->total = scale * (float)(a + b);
  to->part[0] = scale * (float)a;
  to->part[1] = scale * (float)b;
}

uint64_t records_bytes(const ridge_kernel_site *site) {
  return (uint64_t)site->max_rows * (uint64_t)(site->in_dims[0][1] / BYTE_GROUP) *
         sizeof(struct record);
}

void records_prepare(const ridge_kernel_call *call, void *prepared, int32_t thread,
                     int32_t threads) {
  const ridge_span *x = &call->in[0];
  struct record *records = prepared;
  const int64_t blocks = x->cols / BYTE_GROUP;
  const struct share mine = share_of(blocks * call->rows, thread, threads);
  for (int64_t at = mine.lo; at < mine.hi; at++) {
    const int64_t row = at / blocks, block = at % blocks;
    record_make(span_row(x, row) + block * BYTE_GROUP,
                records + record_index(call->rows, blocks, row, block));
  }
}
