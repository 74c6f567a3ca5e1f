/*
 * x86_dot_avx2.c - rows of int8 times panels of 8 or 4 bits.
 *
 * maddubs multiplies unsigned by signed bytes and adds neighbours with saturation to 16
 * bits.  8-bit weights: |w| times x with the sign of w, at most 2 * 128 * 127, fits.
 * 4-bit weights stay 0..15: eight such sums fit, and 8 * sum(x) is taken off once for a
 * block of 32.  Integer sums are exact, so another instruction set that forms them some
 * other way gives the same bits.
 */
#include "x86_lanes.h"
#include "x86_product.h"

#include <math.h>

enum { ROWS = 4, AHEAD = 4096 }; /* rows that share one unpacking of w */

/* ---- x to int8 ---- */

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

/* Blocks [from, to) of 32. */
void byte_row_make(const float *x, int64_t k, int64_t from, int64_t to, char *row) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i ones = _mm256_set1_epi16(1), unit = _mm256_set1_epi8(1);
  char *scales = row + k, *sums = scales + k / BYTE_GROUP * 4;
  for (int64_t b = from; b < to; b++) {
    __m256 v[4];
    __m256i q[4];
    for (int i = 0; i < 4; i++) v[i] = _mm256_loadu_ps(x + b * BYTE_GROUP + i * 8);
    const float scale = magnitude(v) / 127.0f;
    const __m256 by = _mm256_set1_ps(scale > 0.0f ? 1.0f / scale : 0.0f);
    for (int i = 0; i < 4; i++) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], by));
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, order);
    bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(-127));
    _mm256_storeu_si256((void *)(row + b * BYTE_GROUP), bytes);
    memcpy(scales + b * 4, &scale, 4);
    __m256i sum = _mm256_madd_epi16(_mm256_maddubs_epi16(unit, bytes), ones);
    __m128i s =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    const int32_t total = _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
    memcpy(sums + b * 4, &total, 4);
  }
}

/* ---- products ---- */

struct rows {
  const char *q[ROWS];
  const float *scale[ROWS];
  const int32_t *sum[ROWS];
};

INLINE __m256i four(const char *q) {
  int32_t word;
  memcpy(&word, q, sizeof word);
  return _mm256_set1_epi32(word);
}

/* 32 k of 16 outputs, 8-bit weights at `w`: dot[r][half]. */
INLINE void block_i8(int m, const char *w, const struct rows *x, int64_t k,
                     __m256i dot[ROWS][2]) {
  const __m256i ones = _mm256_set1_epi16(1);
  UNROLL
  for (int r = 0; r < m; r++) dot[r][0] = dot[r][1] = _mm256_setzero_si256();
  for (int i = 0; i < BYTE_GROUP; i += 4, w += PANEL * 4) {
    const __m256i w0 = _mm256_loadu_si256((const void *)w);
    const __m256i w1 = _mm256_loadu_si256((const void *)(w + 32));
    const __m256i a0 = _mm256_abs_epi8(w0), a1 = _mm256_abs_epi8(w1);
    _mm_prefetch(w + AHEAD, _MM_HINT_T0);
    UNROLL
    for (int r = 0; r < m; r++) {
      const __m256i v = four(x->q[r] + k + i);
      const __m256i p0 = _mm256_maddubs_epi16(a0, _mm256_sign_epi8(v, w0));
      const __m256i p1 = _mm256_maddubs_epi16(a1, _mm256_sign_epi8(v, w1));
      dot[r][0] = _mm256_add_epi32(dot[r][0], _mm256_madd_epi16(p0, ones));
      dot[r][1] = _mm256_add_epi32(dot[r][1], _mm256_madd_epi16(p1, ones));
    }
  }
}

/* The same, 4-bit weights: dot product with codes 0..15. */
INLINE void block_i4(int m, const char *w, const struct rows *x, int64_t k,
                     __m256i dot[ROWS][2]) {
  const __m256i ones = _mm256_set1_epi16(1), mask = _mm256_set1_epi8(15);
  UNROLL
  for (int r = 0; r < m; r++) dot[r][0] = dot[r][1] = _mm256_setzero_si256();
  for (int i = 0; i < BYTE_GROUP; i += 8, w += PANEL * 4) {
    const __m256i w0 = _mm256_loadu_si256((const void *)w);
    const __m256i w1 = _mm256_loadu_si256((const void *)(w + 32));
    _mm_prefetch(w + AHEAD, _MM_HINT_T0);
    const __m256i n0 = _mm256_and_si256(w0, mask), n1 = _mm256_and_si256(w1, mask);
    const __m256i f0 = _mm256_and_si256(_mm256_srli_epi16(w0, 4), mask);
    const __m256i f1 = _mm256_and_si256(_mm256_srli_epi16(w1, 4), mask);
    UNROLL
    for (int r = 0; r < m; r++) {
      const __m256i near = four(x->q[r] + k + i), far = four(x->q[r] + k + i + 4);
      dot[r][0] = _mm256_add_epi16(dot[r][0], _mm256_maddubs_epi16(n0, near));
      dot[r][1] = _mm256_add_epi16(dot[r][1], _mm256_maddubs_epi16(n1, near));
      dot[r][0] = _mm256_add_epi16(dot[r][0], _mm256_maddubs_epi16(f0, far));
      dot[r][1] = _mm256_add_epi16(dot[r][1], _mm256_maddubs_epi16(f1, far));
    }
  }
  UNROLL
  for (int r = 0; r < m; r++) {
    dot[r][0] = _mm256_madd_epi16(dot[r][0], ones);
    dot[r][1] = _mm256_madd_epi16(dot[r][1], ones);
  }
}

/* c(m, 16) of one panel.  form and m are constants where this is expanded. */
INLINE void panel_dot(enum form form, int m, const struct weights *w, const char *data,
                      const struct rows *x, float *c) {
  const int64_t step = PANEL * (form == FORM_I8 ? BYTE_GROUP : BYTE_GROUP / 2);
  __m256 sum[ROWS][2];
  UNROLL
  for (int r = 0; r < m; r++) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
  for (int64_t k = 0; k < w->k;) {
    const __m256 d0 = lanes_half(data), d1 = lanes_half(data + 16);
    __m256 m0 = d0, m1 = d1;
    data += PANEL * 2;
    if (form == FORM_I4M) {
      m0 = lanes_half(data);
      m1 = lanes_half(data + 16);
      data += PANEL * 2;
    }
    for (const int64_t end = k + w->group; k < end; k += BYTE_GROUP, data += step) {
      const int64_t b = k / BYTE_GROUP;
      __m256i dot[ROWS][2];
      if (form == FORM_I8)
        block_i8(m, data, x, k, dot);
      else
        block_i4(m, data, x, k, dot);
      UNROLL
      for (int r = 0; r < m; r++) {
        const __m256 scale = _mm256_set1_ps(x->scale[r][b]);
        if (form == FORM_I4) {
          const __m256i off = _mm256_set1_epi32(8 * x->sum[r][b]);
          dot[r][0] = _mm256_sub_epi32(dot[r][0], off);
          dot[r][1] = _mm256_sub_epi32(dot[r][1], off);
        }
        sum[r][0] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r][0]), _mm256_mul_ps(d0, scale),
                                    sum[r][0]);
        sum[r][1] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r][1]), _mm256_mul_ps(d1, scale),
                                    sum[r][1]);
        if (form == FORM_I4M) {
          const __m256 total = _mm256_mul_ps(scale, _mm256_set1_ps((float)x->sum[r][b]));
          sum[r][0] = _mm256_fmadd_ps(m0, total, sum[r][0]);
          sum[r][1] = _mm256_fmadd_ps(m1, total, sum[r][1]);
        }
      }
    }
  }
  UNROLL
  for (int r = 0; r < m; r++) {
    _mm256_storeu_ps(c + r * PANEL, sum[r][0]);
    _mm256_storeu_ps(c + r * PANEL + 8, sum[r][1]);
  }
}

typedef void dot_function(const struct weights *w, const char *data, const struct rows *x,
                          float *c);
#define DOT(form, m)                                                                       \
  static void dot_##form##_##m(const struct weights *w, const char *data,                  \
                               const struct rows *x, float *c) {                           \
    panel_dot(FORM_##form, m, w, data, x, c);                                              \
  }
#define DOTS(form) DOT(form, 1) DOT(form, 2) DOT(form, 3) DOT(form, 4)
DOTS(I8)
DOTS(I4)
DOTS(I4M)
#define DOT_ROW(form)                                                                      \
  { NULL, dot_##form##_1, dot_##form##_2, dot_##form##_3, dot_##form##_4 }
static dot_function *const dots[3][ROWS + 1] = {DOT_ROW(I8), DOT_ROW(I4), DOT_ROW(I4M)};

void product_int8_avx2(const struct weights *w, const struct panels *p,
                       const char *byte_rows, int64_t rows, float *const c[SIDE]) {
  const uint64_t size = byte_row_size(w->k);
  for (int64_t row = 0; row < rows; row += ROWS) {
    const int64_t m = rows - row < ROWS ? rows - row : ROWS;
    struct rows x;
    for (int64_t r = 0; r < m; r++) {
      x.q[r] = byte_rows + (uint64_t)(row + r) * size;
      x.scale[r] = (const float *)(const void *)(x.q[r] + w->k);
      x.sum[r] = (const int32_t *)(const void *)(x.q[r] + w->k + w->k / BYTE_GROUP * 4);
    }
    for (int i = 0; i < p->n; i++)
      dots[w->form - FORM_I8][m](w, w->data + (uint64_t)p->at[i] * w->panel_bytes, &x,
                                 c[i] + row * PANEL);
  }
}
