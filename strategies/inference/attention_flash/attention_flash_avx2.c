/*
 * attention_flash_avx2.c - the arithmetic of attention.flash for AVX2, FMA and F16C.
 */
#include "attention_flash.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#include <math.h>

static void widen(const void *from, float *to, int64_t n) {
  const char *bytes = from;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    __m128i half = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 2 * i));
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(half));
  }
  for (; i < n; i++) {
    uint16_t half;
    __builtin_memcpy(&half, bytes + 2 * i, sizeof half);
    to[i] = _cvtsh_ss(half);
  }
}

/* X(0) .. X(n - 1): sums that must stay in registers are written out, for at -O2 gcc
 * keeps an array of them in memory, which is several times slower. */
#define FOUR(X)  X(0) X(1) X(2) X(3)
#define EIGHT(X) FOUR(X) X(4) X(5) X(6) X(7)

/* Fold the lanes of eight sums, giving them side by side; in each the order is
 * ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). */
static inline __m256 fold8(__m256 a0, __m256 a1, __m256 a2, __m256 a3, __m256 a4, __m256 a5,
                           __m256 a6, __m256 a7) {
  __m256 t0 = _mm256_hadd_ps(a0, a1), t1 = _mm256_hadd_ps(a2, a3);
  __m256 t2 = _mm256_hadd_ps(a4, a5), t3 = _mm256_hadd_ps(a6, a7);
  __m256 u0 = _mm256_hadd_ps(t0, t1), u1 = _mm256_hadd_ps(t2, t3);
  return _mm256_add_ps(_mm256_permute2f128_ps(u0, u1, 0x20),
                       _mm256_permute2f128_ps(u0, u1, 0x31));
}

static float fold(__m256 a) {
  __m256 t = _mm256_hadd_ps(a, a), u = _mm256_hadd_ps(t, t);
  return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(u), _mm256_extractf128_ps(u, 1)));
}

static float largest(__m256 a) {
  __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* e^x for x <= 0: 2^n e^r with |r| <= ln 2 / 2, e^r by its Taylor polynomial of degree
 * 7 (relative error below 2^-24).  Below -87 the result is 0; a NaN stays one, for the
 * second operand of min and max is returned when either is NaN. */
static inline __m256 exp8(__m256 x) {
  const __m256 least = _mm256_set1_ps(-87.0f);
  __m256 keep = _mm256_cmp_ps(x, least, _CMP_NLT_UQ);
  x = _mm256_max_ps(least, x);
  __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                             _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  /* ln 2 in two parts: n times the first is exact */
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 y = _mm256_set1_ps(1.0f / 5040);
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 720));
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 120));
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 24));
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 6));
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(0.5f));
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f));
  y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f));
  __m256i power = _mm256_slli_epi32(
      _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_and_ps(keep, _mm256_mul_ps(y, _mm256_castsi256_ps(power)));
}

#define ZERO(i) __m256 sum##i = _mm256_setzero_ps();
#define DOT(i)  sum##i = _mm256_fmadd_ps(x, _mm256_loadu_ps(key + i * width + d), sum##i);

static void scores(const float *q, const float *k, int64_t width, int64_t lo, int64_t hi,
                   float *s) {
  for (int64_t j = lo / LANES * LANES; j < hi; j += LANES) {
    const float *key = k + j * width;
    EIGHT(ZERO)
    for (int64_t d = 0; d < width; d += LANES) {
      __m256 x = _mm256_loadu_ps(q + d);
      EIGHT(DOT)
    }
    _mm256_storeu_ps(s + j, fold8(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7));
  }
}

/* All ones where lo <= j + lane < hi. */
static inline __m256 inside(int64_t j, int64_t lo, int64_t hi) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i at = _mm256_add_epi32(lane, _mm256_set1_epi32((int)j));
  __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)hi), at);
  __m256i above = _mm256_cmpgt_epi32(at, _mm256_set1_epi32((int)lo - 1));
  return _mm256_castsi256_ps(_mm256_and_si256(below, above));
}

static float weigh(float *s, int64_t lo, int64_t hi, float *m, float *l) {
  const __m256 nothing = _mm256_set1_ps(-INFINITY);
  const int64_t from = lo / LANES * LANES;
  __m256 top8 = _mm256_set1_ps(*m), sum = _mm256_setzero_ps();
  for (int64_t j = from; j < hi; j += LANES) {
    __m256 x = _mm256_blendv_ps(nothing, _mm256_loadu_ps(s + j), inside(j, lo, hi));
    _mm256_storeu_ps(s + j, x);
    top8 = _mm256_max_ps(x, top8); /* a NaN is passed over here and found in the sum */
  }
  float top = largest(top8), c = expf(*m - top);
  __m256 shift = _mm256_set1_ps(top);
  for (int64_t j = from; j < hi; j += LANES) {
    __m256 p = exp8(_mm256_sub_ps(_mm256_loadu_ps(s + j), shift));
    _mm256_storeu_ps(s + j, p);
    sum = _mm256_add_ps(sum, p);
  }
  *l = *l * c + fold(sum);
  *m = top;
  return c;
}

/* Some vectors of O at once, in registers over the whole tile. */
#define TAKE(i) __m256 sum##i = _mm256_mul_ps(_mm256_loadu_ps(o + i * LANES), scale);
#define ADD(i)  sum##i = _mm256_fmadd_ps(p, _mm256_loadu_ps(row + i * LANES), sum##i);
#define GIVE(i) _mm256_storeu_ps(o + i * LANES, sum##i);
#define DEFINE_ADD(name, TIMES)                                                            \
  static void name(const float *s, const float *v, int64_t width, int64_t lo, int64_t hi,  \
                   float c, float *o) {                                                    \
    const __m256 scale = _mm256_set1_ps(c);                                                \
    TIMES(TAKE)                                                                            \
    for (int64_t j = lo; j < hi; j++) {                                                    \
      const __m256 p = _mm256_broadcast_ss(s + j);                                         \
      const float *row = v + j * width;                                                    \
      TIMES(ADD)                                                                           \
    }                                                                                      \
    TIMES(GIVE)                                                                            \
  }
#define ONE(X) X(0)
DEFINE_ADD(add_eight, EIGHT)
DEFINE_ADD(add_four, FOUR)
DEFINE_ADD(add_one, ONE)

static void add(const float *s, const float *v, int64_t width, int64_t lo, int64_t hi,
                float c, float *o) {
  int64_t d = 0;
  for (; d + 8 * LANES <= width; d += 8 * LANES)
    add_eight(s, v + d, width, lo, hi, c, o + d);
  for (; d + 4 * LANES <= width; d += 4 * LANES)
    add_four(s, v + d, width, lo, hi, c, o + d);
  for (; d < width; d += LANES) add_one(s, v + d, width, lo, hi, c, o + d);
}

const struct flash_ops flash_avx2 = {widen, scores, weigh, add};

#else /* another machine: the fill asks for these facts, so this is never called */
const struct flash_ops flash_avx2 = {0};
#endif
