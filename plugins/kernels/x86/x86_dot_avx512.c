/*
 * x86_dot_avx512.c - rows of int8 times panels of 8 or 4 bits, by VNNI: four products
 * of an unsigned and a signed byte are added to each 32-bit sum, without saturation.
 *
 * 8-bit weights are shifted by 128 to be unsigned, 4-bit ones are; what that adds is
 * taken off through the sum of x.  Sums are exact, so bits equal x86_dot_avx2.c's.
 */
#include "x86_lanes.h"
#include "x86_product.h"

enum { ROWS = 8, AHEAD = 4096 };

struct rows {
  const char *q[ROWS];
  const float *scale[ROWS];
  const int32_t *sum[ROWS];
};

INLINE __m512i four(const char *q) {
  int32_t word;
  memcpy(&word, q, sizeof word);
  return _mm512_set1_epi32(word);
}

/* 32 k of 16 outputs: dot[r], with weights 128 or 8 too large. */
INLINE void block_i8(int m, const char *w, const struct rows *x, int64_t k, __m512i *dot) {
  const __m512i shift = _mm512_set1_epi8((char)0x80);
  for (int i = 0; i < BYTE_GROUP; i += 4, w += PANEL * 4) {
    const __m512i u = _mm512_xor_si512(_mm512_loadu_si512(w), shift);
    _mm_prefetch(w + AHEAD, _MM_HINT_T0);
    UNROLL
    for (int r = 0; r < m; r++)
      dot[r] = _mm512_dpbusd_epi32(dot[r], u, four(x->q[r] + k + i));
  }
}

INLINE void block_i4(int m, const char *w, const struct rows *x, int64_t k, __m512i *dot) {
  const __m512i mask = _mm512_set1_epi8(15);
  for (int i = 0; i < BYTE_GROUP; i += 8, w += PANEL * 4) {
    const __m512i v = _mm512_loadu_si512(w);
    const __m512i near = _mm512_and_si512(v, mask);
    const __m512i far = _mm512_and_si512(_mm512_srli_epi16(v, 4), mask);
    _mm_prefetch(w + AHEAD, _MM_HINT_T0);
    UNROLL
    for (int r = 0; r < m; r++) {
      dot[r] = _mm512_dpbusd_epi32(dot[r], near, four(x->q[r] + k + i));
      dot[r] = _mm512_dpbusd_epi32(dot[r], far, four(x->q[r] + k + i + 4));
    }
  }
}

INLINE __m512 half_panel(const char *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}

/* c(m, 16) of one panel.  form and m are constants where this is expanded. */
INLINE void panel_dot(enum form form, int m, const struct weights *w, const char *data,
                      const struct rows *x, float *c) {
  const int64_t step = PANEL * (form == FORM_I8 ? BYTE_GROUP : BYTE_GROUP / 2);
  const int32_t shift = form == FORM_I8 ? 128 : form == FORM_I4 ? 8 : 0;
  __m512 sum[ROWS];
  UNROLL
  for (int r = 0; r < m; r++) sum[r] = _mm512_setzero_ps();
  for (int64_t k = 0; k < w->k;) {
    const __m512 d = half_panel(data);
    const __m512 low = form == FORM_I4M ? half_panel(data + PANEL * 2) : d;
    data += PANEL * (form == FORM_I4M ? 4 : 2);
    for (const int64_t end = k + w->group; k < end; k += BYTE_GROUP, data += step) {
      const int64_t b = k / BYTE_GROUP;
      __m512i dot[ROWS];
      UNROLL
      for (int r = 0; r < m; r++) dot[r] = _mm512_set1_epi32(-shift * x->sum[r][b]);
      if (form == FORM_I8)
        block_i8(m, data, x, k, dot);
      else
        block_i4(m, data, x, k, dot);
      UNROLL
      for (int r = 0; r < m; r++) {
        const __m512 scale = _mm512_set1_ps(x->scale[r][b]);
        sum[r] =
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[r]), _mm512_mul_ps(d, scale), sum[r]);
        if (form == FORM_I4M) {
          const __m512 all = _mm512_mul_ps(scale, _mm512_set1_ps((float)x->sum[r][b]));
          sum[r] = _mm512_fmadd_ps(low, all, sum[r]);
        }
      }
    }
  }
  UNROLL
  for (int r = 0; r < m; r++) _mm512_storeu_ps(c + r * PANEL, sum[r]);
}

typedef void dot_function(const struct weights *w, const char *data, const struct rows *x,
                          float *c);
#define DOT(form, m)                                                                       \
  static void dot_##form##_##m(const struct weights *w, const char *data,                  \
                               const struct rows *x, float *c) {                           \
    panel_dot(FORM_##form, m, w, data, x, c);                                              \
  }
#define DOTS(form)                                                                         \
  DOT(form, 1)                                                                             \
  DOT(form, 2) DOT(form, 3) DOT(form, 4) DOT(form, 5) DOT(form, 6) DOT(form, 7) DOT(form, 8)
DOTS(I8)
DOTS(I4)
DOTS(I4M)
#define DOT_ROW(form)                                                                      \
  {                                                                                        \
    NULL, dot_##form##_1, dot_##form##_2, dot_##form##_3, dot_##form##_4, dot_##form##_5,  \
        dot_##form##_6, dot_##form##_7, dot_##form##_8                                     \
  }
static dot_function *const dots[3][ROWS + 1] = {DOT_ROW(I8), DOT_ROW(I4), DOT_ROW(I4M)};

void product_int8_avx512(const struct weights *w, const struct panels *p,
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
