/* x86_record_avx2.c - rows of x rounded to int8 by groups of 32. */
#include "x86_lanes.h"
#include "x86_product.h"

#include <math.h>

/* Largest magnitude of 32 values; NaN if one of them is not finite.  Magnitudes are
 * ordered as their bits are, and what is not finite lies above them all. */
WIDE_INLINE float magnitude(const __m256 v[4]) {
  const __m256i all = _mm256_set1_epi32(0x7fffffff);
  __m256i top = _mm256_and_si256(all, _mm256_castps_si256(v[0]));
  WIDE_UNROLL
  for (int i = 1; i < 4; i++)
    top = _mm256_max_epi32(top, _mm256_and_si256(all, _mm256_castps_si256(v[i])));
  __m128i s = _mm_max_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
  s = _mm_max_epi32(s, _mm_unpackhi_epi64(s, s));
  s = _mm_max_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  const float greatest = _mm_cvtss_f32(_mm_castsi128_ps(s));
  return _mm_cvtsi128_si32(s) < 0x7f800000 ? greatest : NAN;
}

void record_make(const float *x, struct record *to) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i bias = _mm256_set1_epi8((char)0x80);
  __m256 v[4];
  __m256i q[4];
  WIDE_UNROLL
  for (int i = 0; i < 4; i++) v[i] = _mm256_loadu_ps(x + i * 8);
  const float scale = magnitude(v) / 127.0f;
  const __m256 by = _mm256_set1_ps(scale > 0.0f ? 1.0f / scale : 0.0f);
  WIDE_UNROLL
  for (int i = 0; i < 4; i++) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], by));
  __m256i bytes =
      _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  bytes = _mm256_permutevar8x32_epi32(bytes, order);
  bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(-127));
  _mm256_storeu_si256((void *)to->q, bytes);
  /* Sums of eight, then of sixteen. */
  const __m256i eights =
      _mm256_sad_epu8(_mm256_xor_si256(bytes, bias), _mm256_setzero_si256());
  const __m128i low = _mm256_castsi256_si128(eights),
                high = _mm256_extracti128_si256(eights, 1);
  const __m128i halves =
      _mm_add_epi64(_mm_unpacklo_epi64(low, high), _mm_unpackhi_epi64(low, high));
  const int32_t a = _mm_cvtsi128_si32(halves) - 16 * 128,
                b = _mm_extract_epi32(halves, 2) - 16 * 128;
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

/* Blocks [block, end) of one row. */
static void row_make(const ridge_kernel_call *call, struct record *records, int64_t row,
                     int64_t block, int64_t end) {
  const ridge_span *x = &call->in[0];
  const int64_t blocks = x->cols / BYTE_GROUP, across = records_across(call->rows, row);
  const float *from = wide_row(x, row) + block * BYTE_GROUP;
  struct record *to = records + record_index(call->rows, blocks, row, block);
  for (; block < end; block++, from += BYTE_GROUP, to += across) record_make(from, to);
}

void records_prepare(const ridge_kernel_call *call, void *prepared, int32_t thread,
                     int32_t threads) {
  const int64_t blocks = call->in[0].cols / BYTE_GROUP;
  const struct wide_share mine = wide_share_of(blocks * call->rows, thread, threads);
  for (int64_t at = mine.lo; at < mine.hi;) {
    const int64_t row = at / blocks, block = at % blocks;
    const int64_t end = blocks - block < mine.hi - at ? blocks : block + mine.hi - at;
    row_make(call, prepared, row, block, end);
    at += end - block;
  }
}
