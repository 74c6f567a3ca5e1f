/*
 * ridge/wide.h - sixteen lanes of f32 in one C source for every machine: for kernels.
 *
 * A file that includes this is compiled for some machine (AVX-512, AVX2 with FMA and
 * F16C, NEON; anything else works too, slowly).  Each operation is done to the sixteen
 * lanes in the same way and sums are folded in one fixed order, so that a kernel has
 * the same bits on every machine whose multiply-add rounds once; without such an
 * instruction (plain builds) products are rounded first, and only that differs.
 *
 * Names begin with wide_.  Nothing of this is ABI: it is source that a plugin compiles
 * in.  Arrays of lanes stay in registers where loops over them are marked WIDE_UNROLL
 * and their bounds are constants after inlining (WIDE_INLINE).
 */
#ifndef RIDGE_WIDE_H
#define RIDGE_WIDE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#define WIDE_X86 1
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__clang__)
#define WIDE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define WIDE_UNROLL _Pragma("GCC unroll 64")
#endif
#define WIDE_INLINE static inline __attribute__((always_inline))

enum { WIDE = 16 };

/* ---- what a machine has: a part of the lanes ---- */

typedef float wide_quad __attribute__((vector_size(16)));

#if defined(__AVX512F__) && defined(WIDE_X86)
enum { WIDE_PARTS = 1 };
typedef __m512 wide_part;
typedef int32_t wide_ints __attribute__((vector_size(64)));
#elif defined(WIDE_X86)
enum { WIDE_PARTS = 2 };
typedef __m256 wide_part;
typedef int32_t wide_ints __attribute__((vector_size(32)));
#else
enum { WIDE_PARTS = 4 };
typedef wide_quad wide_part;
typedef int32_t wide_ints __attribute__((vector_size(16)));
#endif
enum { WIDE_PART = WIDE / WIDE_PARTS };

typedef struct ridge_wide {
  wide_part part[WIDE_PARTS];
} ridge_wide;

/* a where all bits of a lane are set, b where none is. */
WIDE_INLINE wide_part wide_part_choose(wide_ints where, wide_part a, wide_part b) {
  return (wide_part)((where & (wide_ints)a) | (~where & (wide_ints)b));
}

WIDE_INLINE wide_part wide_part_load(const void *p) {
  wide_part v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

WIDE_INLINE void wide_part_store(void *p, wide_part v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/* IEEE half precision, one number; for machines without an instruction. */
WIDE_INLINE float wide_half_value(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = (half >> 10) & 31u;
  const uint32_t fraction = half & 1023u;
  float value = (float)fraction * 0x1p-24f;
  uint32_t bits = sign | (exponent + (exponent == 31 ? 224 : 112)) << 23 | fraction << 13;
  if (exponent == 0) {
    __builtin_memcpy(&bits, &value, sizeof bits);
    bits |= sign;
  }
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

#if defined(WIDE_X86)
#if defined(__AVX512F__)
#define WIDE_X86_(name) _mm512_##name
#define WIDE_HALVES_    __m256i
#else
#define WIDE_X86_(name) _mm256_##name
#define WIDE_HALVES_    __m128i
#endif

WIDE_INLINE wide_part wide_part_set(float x) { return WIDE_X86_(set1_ps)(x); }
/* a b + c, rounded once */
WIDE_INLINE wide_part wide_part_fma(wide_part a, wide_part b, wide_part c) {
  return WIDE_X86_(fmadd_ps)(a, b, c);
}
/* The larger; the second where one is no number.  Likewise the smaller. */
WIDE_INLINE wide_part wide_part_max(wide_part a, wide_part b) {
  return WIDE_X86_(max_ps)(a, b);
}
WIDE_INLINE wide_part wide_part_min(wide_part a, wide_part b) {
  return WIDE_X86_(min_ps)(a, b);
}
WIDE_INLINE wide_part wide_part_half(const void *p) {
  WIDE_HALVES_ half;
  __builtin_memcpy(&half, p, sizeof half);
  return WIDE_X86_(cvtph_ps)(half);
}
WIDE_INLINE void wide_part_to_half(void *p, wide_part v) {
  const WIDE_HALVES_ half =
      WIDE_X86_(cvtps_ph)(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __builtin_memcpy(p, &half, sizeof half);
}

/* Signed bytes, and 16-bit words, to whole numbers. */
WIDE_INLINE wide_ints wide_part_bytes(const void *p) {
#if defined(__AVX512F__)
  return (wide_ints)_mm512_cvtepi8_epi32(_mm_loadu_si128(p));
#else
  return (wide_ints)_mm256_cvtepi8_epi32(_mm_loadl_epi64(p));
#endif
}
WIDE_INLINE wide_ints wide_part_words(const void *p) {
  WIDE_HALVES_ words;
  __builtin_memcpy(&words, p, sizeof words);
  return (wide_ints)WIDE_X86_(cvtepu16_epi32)(words);
}

#else /* NEON, or nothing */

#if defined(__aarch64__)
WIDE_INLINE wide_part wide_part_set(float x) { return (wide_part)vdupq_n_f32(x); }
WIDE_INLINE wide_part wide_part_fma(wide_part a, wide_part b, wide_part c) {
  return (wide_part)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
WIDE_INLINE wide_part wide_part_half(const void *p) {
  return (wide_part)vcvt_f32_f16(vld1_f16(p));
}
WIDE_INLINE void wide_part_to_half(void *p, wide_part v) {
  vst1_f16(p, vcvt_f16_f32((float32x4_t)v));
}
#else
WIDE_INLINE wide_part wide_part_set(float x) { return (wide_part){x, x, x, x}; }
WIDE_INLINE wide_part wide_part_fma(wide_part a, wide_part b, wide_part c) {
  return a * b + c;
}
WIDE_INLINE wide_part wide_part_half(const void *p) {
  uint16_t half[WIDE_PART];
  __builtin_memcpy(half, p, sizeof half);
  return (wide_part){wide_half_value(half[0]), wide_half_value(half[1]),
                     wide_half_value(half[2]), wide_half_value(half[3])};
}
#endif
WIDE_INLINE wide_part wide_part_max(wide_part a, wide_part b) {
  return wide_part_choose((wide_ints)(a > b), a, b);
}
WIDE_INLINE wide_part wide_part_min(wide_part a, wide_part b) {
  return wide_part_choose((wide_ints)(a < b), a, b);
}
WIDE_INLINE wide_ints wide_part_bytes(const void *p) {
  int8_t byte[WIDE_PART];
  __builtin_memcpy(byte, p, sizeof byte);
  return (wide_ints){byte[0], byte[1], byte[2], byte[3]};
}
WIDE_INLINE wide_ints wide_part_words(const void *p) {
  uint16_t word[WIDE_PART];
  __builtin_memcpy(word, p, sizeof word);
  return (wide_ints){word[0], word[1], word[2], word[3]};
}
#endif

/* ---- all sixteen ---- */

#define WIDE_EACH_(i) WIDE_UNROLL for (int i = 0; i < WIDE_PARTS; i++)

WIDE_INLINE ridge_wide wide_set(float x) {
  ridge_wide v;
  WIDE_EACH_(i) v.part[i] = wide_part_set(x);
  return v;
}
WIDE_INLINE ridge_wide wide_zero(void) { return wide_set(0.0f); }

WIDE_INLINE ridge_wide wide_load(const float *p) {
  ridge_wide v;
  WIDE_EACH_(i) v.part[i] = wide_part_load(p + i * WIDE_PART);
  return v;
}
/* By parts: gcc takes a copy of the whole through the stack. */
WIDE_INLINE void wide_store(float *p, ridge_wide v) {
  WIDE_EACH_(i) wide_part_store(p + i * WIDE_PART, v.part[i]);
}

#if defined(WIDE_X86) && !defined(__AVX512F__)
/* All bits of the first n lanes of a part; n may lie outside of it. */
WIDE_INLINE __m256i wide_part_first(int64_t n) {
  const int some = n < 0 ? 0 : n > 8 ? 8 : (int)n;
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(some), lane);
}
#endif

/* The first n lanes, 1 to 16 or more; zeros beyond. */
WIDE_INLINE ridge_wide wide_load_some(const float *p, int64_t n) {
  if (n >= WIDE) return wide_load(p);
#if defined(__AVX512F__) && defined(WIDE_X86)
  return (ridge_wide){{_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p)}};
#elif defined(WIDE_X86)
  return (ridge_wide){{_mm256_maskload_ps(p, wide_part_first(n)),
                       _mm256_maskload_ps(p + 8, wide_part_first(n - 8))}};
#else
  ridge_wide v = wide_zero();
  __builtin_memcpy(&v, p, (size_t)n * sizeof *p);
  return v;
#endif
}
WIDE_INLINE void wide_store_some(float *p, ridge_wide v, int64_t n) {
  if (n >= WIDE) {
    wide_store(p, v);
    return;
  }
#if defined(__AVX512F__) && defined(WIDE_X86)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v.part[0]);
#elif defined(WIDE_X86)
  _mm256_maskstore_ps(p, wide_part_first(n), v.part[0]);
  _mm256_maskstore_ps(p + 8, wide_part_first(n - 8), v.part[1]);
#else
  __builtin_memcpy(p, &v, (size_t)n * sizeof *p);
#endif
}

#define WIDE_BINARY_(name, expression)                                                     \
  WIDE_INLINE ridge_wide name(ridge_wide a, ridge_wide b) {                                \
    ridge_wide v;                                                                          \
    WIDE_EACH_(i) v.part[i] = (expression);                                                \
    return v;                                                                              \
  }
WIDE_BINARY_(wide_add, a.part[i] + b.part[i])
WIDE_BINARY_(wide_sub, a.part[i] - b.part[i])
WIDE_BINARY_(wide_mul, a.part[i] * b.part[i])
WIDE_BINARY_(wide_div, a.part[i] / b.part[i])
/* Where one is no number, the second. */
WIDE_BINARY_(wide_max, wide_part_max(a.part[i], b.part[i]))
WIDE_BINARY_(wide_min, wide_part_min(a.part[i], b.part[i]))

/* a b + c */
WIDE_INLINE ridge_wide wide_fma(ridge_wide a, ridge_wide b, ridge_wide c) {
  ridge_wide v;
  WIDE_EACH_(i) v.part[i] = wide_part_fma(a.part[i], b.part[i], c.part[i]);
  return v;
}

/* a where lo <= x <= hi, else b */
WIDE_INLINE ridge_wide wide_where(ridge_wide lo, ridge_wide x, ridge_wide hi, ridge_wide a,
                                  ridge_wide b) {
  WIDE_EACH_(i) {
    const wide_ints in =
        (wide_ints)(lo.part[i] <= x.part[i]) & (wide_ints)(x.part[i] <= hi.part[i]);
    a.part[i] = wide_part_choose(in, a.part[i], b.part[i]);
  }
  return a;
}

/* 16-bit floats and signed bytes to lanes. */
WIDE_INLINE ridge_wide wide_half(const void *p) {
  ridge_wide v;
  WIDE_EACH_(i) v.part[i] = wide_part_half((const char *)p + i * WIDE_PART * 2);
  return v;
}
WIDE_INLINE ridge_wide wide_bfloat(const void *p) {
  ridge_wide v;
  WIDE_EACH_(i)
  v.part[i] = (wide_part)(wide_part_words((const char *)p + i * WIDE_PART * 2) << 16);
  return v;
}
WIDE_INLINE ridge_wide wide_bytes(const void *p) {
  ridge_wide v;
  WIDE_EACH_(i)
  v.part[i] = __builtin_convertvector(wide_part_bytes((const char *)p + i * WIDE_PART),
                                      __typeof__(v.part[i]));
  return v;
}

/* Whole numbers in memory. */
WIDE_INLINE ridge_wide wide_whole(const int32_t *p) {
  ridge_wide v;
  WIDE_EACH_(i) {
    wide_ints n;
    __builtin_memcpy(&n, p + i * WIDE_PART, sizeof n);
    v.part[i] = __builtin_convertvector(n, __typeof__(v.part[i]));
  }
  return v;
}

/* ---- pairs of neighbours ---- */

#if defined(__AVX512F__) && defined(WIDE_X86)
#define WIDE_SWAP_(v)  _mm512_permute_ps(v, 0xb1)
#define WIDE_EVENS_(v) _mm512_moveldup_ps(v)
#define WIDE_ODDS_(v)  _mm512_movehdup_ps(v)
#elif defined(WIDE_X86)
#define WIDE_SWAP_(v)  _mm256_permute_ps(v, 0xb1)
#define WIDE_EVENS_(v) _mm256_moveldup_ps(v)
#define WIDE_ODDS_(v)  _mm256_movehdup_ps(v)
#else
#define WIDE_SWAP_(v)  __builtin_shufflevector(v, v, 1, 0, 3, 2)
#define WIDE_EVENS_(v) __builtin_shufflevector(v, v, 0, 0, 2, 2)
#define WIDE_ODDS_(v)  __builtin_shufflevector(v, v, 1, 1, 3, 3)
#endif
/* 1 0 3 2 ..., 0 0 2 2 ..., 1 1 3 3 ... */
WIDE_INLINE ridge_wide wide_swap(ridge_wide v) {
  WIDE_EACH_(i) v.part[i] = WIDE_SWAP_(v.part[i]);
  return v;
}
WIDE_INLINE ridge_wide wide_evens(ridge_wide v) {
  WIDE_EACH_(i) v.part[i] = WIDE_EVENS_(v.part[i]);
  return v;
}
WIDE_INLINE ridge_wide wide_odds(ridge_wide v) {
  WIDE_EACH_(i) v.part[i] = WIDE_ODDS_(v.part[i]);
  return v;
}

/* Thirty-two lanes, a then b: the sixteen at even places, those at odd ones. */
WIDE_INLINE void wide_unzip(ridge_wide a, ridge_wide b, ridge_wide *even, ridge_wide *odd) {
#if defined(__AVX512F__) && defined(WIDE_X86)
  const __m512i at =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  even->part[0] = _mm512_permutex2var_ps(a.part[0], at, b.part[0]);
  odd->part[0] = _mm512_permutex2var_ps(
      a.part[0], _mm512_add_epi32(at, _mm512_set1_epi32(1)), b.part[0]);
#else
  wide_part p[2 * WIDE_PARTS];
  __builtin_memcpy(p, &a, sizeof a);
  __builtin_memcpy(p + WIDE_PARTS, &b, sizeof b);
  WIDE_EACH_(i) {
#if defined(WIDE_X86)
    const __m256d e = _mm256_castps_pd(_mm256_shuffle_ps(p[2 * i], p[2 * i + 1], 0x88));
    const __m256d o = _mm256_castps_pd(_mm256_shuffle_ps(p[2 * i], p[2 * i + 1], 0xdd));
    even->part[i] = _mm256_castpd_ps(_mm256_permute4x64_pd(e, 0xd8));
    odd->part[i] = _mm256_castpd_ps(_mm256_permute4x64_pd(o, 0xd8));
#else
    even->part[i] = __builtin_shufflevector(p[2 * i], p[2 * i + 1], 0, 2, 4, 6);
    odd->part[i] = __builtin_shufflevector(p[2 * i], p[2 * i + 1], 1, 3, 5, 7);
#endif
  }
#endif
}

/* The floats whose bits are these whole numbers. */
WIDE_INLINE ridge_wide wide_bits(ridge_wide x) {
  WIDE_EACH_(i) x.part[i] = (wide_part) __builtin_convertvector(x.part[i], wide_ints);
  return x;
}

/* To the nearest half, ties to even; not in plain builds. */
#if defined(WIDE_X86) || defined(__aarch64__)
WIDE_INLINE void wide_to_half(void *p, ridge_wide v) {
  WIDE_EACH_(i) wide_part_to_half((char *)p + i * WIDE_PART * 2, v.part[i]);
}
#endif

/* One half-precision number in memory. */
WIDE_INLINE float wide_half_one(const void *p) {
  uint16_t half;
  __builtin_memcpy(&half, p, sizeof half);
#if defined(WIDE_X86)
  return _cvtsh_ss(half);
#else
  return wide_half_value(half);
#endif
}

/* ---- folds: lanes 16 apart by halves, ((x0 + x2) + (x1 + x3)) in the end ---- */

WIDE_INLINE wide_quad wide_quarter(ridge_wide v) {
#if !defined(WIDE_X86)
  return (v.part[0] + v.part[2]) + (v.part[1] + v.part[3]);
#else
#if defined(__AVX512F__)
  const __m256 half =
      _mm512_castps512_ps256(v.part[0]) +
      _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v.part[0]), 1));
#else
  const __m256 half = v.part[0] + v.part[1];
#endif
  return (wide_quad)(_mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1));
#endif
}

WIDE_INLINE float wide_sum(ridge_wide v) {
  const wide_quad q = wide_quarter(v);
  return (q[0] + q[2]) + (q[1] + q[3]);
}

/* The sums of four, side by side. */
WIDE_INLINE wide_quad wide_sums(ridge_wide a, ridge_wide b, ridge_wide c, ridge_wide d) {
#if defined(__AVX512F__) && defined(WIDE_X86)
  /* The same tree, two vectors in one register from the first step on. */
  const __m512 ab = _mm512_shuffle_f32x4(a.part[0], b.part[0], 0x44) +
                    _mm512_shuffle_f32x4(a.part[0], b.part[0], 0xee);
  const __m512 cd = _mm512_shuffle_f32x4(c.part[0], d.part[0], 0x44) +
                    _mm512_shuffle_f32x4(c.part[0], d.part[0], 0xee);
  __m512 q = _mm512_shuffle_f32x4(ab, cd, 0x88) + _mm512_shuffle_f32x4(ab, cd, 0xdd);
  q = q + _mm512_permute_ps(q, 0x4e);
  q = q + _mm512_permute_ps(q, 0xb1);
  const __m512i firsts =
      _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
  return (wide_quad)_mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, q));
#else
  const wide_quad qa = wide_quarter(a), qb = wide_quarter(b);
  const wide_quad qc = wide_quarter(c), qd = wide_quarter(d);
  const wide_quad ab = __builtin_shufflevector(qa, qb, 0, 1, 4, 5) +
                       __builtin_shufflevector(qa, qb, 2, 3, 6, 7);
  const wide_quad cd = __builtin_shufflevector(qc, qd, 0, 1, 4, 5) +
                       __builtin_shufflevector(qc, qd, 2, 3, 6, 7);
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) +
         __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
#endif
}

/* The largest; none may be no number. */
WIDE_INLINE float wide_largest(ridge_wide v) {
  typedef int32_t quad_ints __attribute__((vector_size(16)));
  wide_quad q[4];
  __builtin_memcpy(q, &v, sizeof q);
  WIDE_UNROLL
  for (int i = 1; i < 4; i++) {
    const quad_ints more = (quad_ints)(q[i] > q[0]);
    q[0] = (wide_quad)((more & (quad_ints)q[i]) | (~more & (quad_ints)q[0]));
  }
  const float a = q[0][0] > q[0][1] ? q[0][0] : q[0][1];
  const float b = q[0][2] > q[0][3] ? q[0][2] : q[0][3];
  return a > b ? a : b;
}

/* ---- functions ---- */

/* p 2^n for whole n: by halves, so that results fade to zero and rise to infinity where
 * they should, or by the instruction that does the same. */
WIDE_INLINE wide_part wide_part_scale(wide_part p, wide_part n) {
#if defined(__AVX512F__) && defined(WIDE_X86)
  return _mm512_scalef_ps(p, n);
#else
  const wide_ints whole = __builtin_convertvector(n, wide_ints), half = whole >> 1;
  p = p * (wide_part)((half + 127) << 23);
  return p * (wide_part)((whole - half + 127) << 23);
#endif
}

/* e^x within 2 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, the polynomial of Cephes' expf.
 * What is no number stays so, and e^0 is 1. */
WIDE_INLINE wide_part wide_part_exp(wide_part x) {
  const wide_part magic = wide_part_set(12582912.0f); /* 1.5 * 2^23: rounds to even */
  x = wide_part_max(wide_part_set(-105.0f), wide_part_min(wide_part_set(90.0f), x));
  const wide_part n = (x * wide_part_set(1.44269504f) + magic) - magic;
  wide_part r = wide_part_fma(n, wide_part_set(-0.693359375f), x);
  r = wide_part_fma(n, wide_part_set(2.12194440e-4f), r);
  wide_part p = wide_part_set(1.9875691500e-4f);
  p = wide_part_fma(p, r, wide_part_set(1.3981999507e-3f));
  p = wide_part_fma(p, r, wide_part_set(8.3334519073e-3f));
  p = wide_part_fma(p, r, wide_part_set(4.1665795894e-2f));
  p = wide_part_fma(p, r, wide_part_set(1.6666665459e-1f));
  p = wide_part_fma(p, r, wide_part_set(5.0000001201e-1f));
  p = wide_part_fma(p, r * r, r + wide_part_set(1.0f));
  return wide_part_scale(p, n);
}

WIDE_INLINE ridge_wide wide_exp(ridge_wide x) {
  WIDE_EACH_(i) x.part[i] = wide_part_exp(x.part[i]);
  return x;
}

/* tanh(x): the odd polynomial of Cephes' tanhf near zero, else 1 - 2 / (e^2x + 1). */
WIDE_INLINE wide_part wide_part_tanh(wide_part x) {
  const wide_part one = wide_part_set(1.0f), z = x * x;
  wide_part p = wide_part_set(-5.70498872745e-3f);
  p = wide_part_fma(p, z, wide_part_set(2.06390887954e-2f));
  p = wide_part_fma(p, z, wide_part_set(-5.37397155531e-2f));
  p = wide_part_fma(p, z, wide_part_set(1.33314422036e-1f));
  p = wide_part_fma(p, z, wide_part_set(-3.33332819422e-1f));
  const wide_part near = wide_part_fma(p * z, x, x);
  const wide_part far = one - wide_part_set(2.0f) / (wide_part_exp(x + x) + one);
  const wide_part size = (wide_part)((wide_ints)x & 0x7fffffff);
  return wide_part_choose((wide_ints)(size < wide_part_set(0.625f)), near, far);
}

WIDE_INLINE ridge_wide wide_tanh(ridge_wide x) {
  WIDE_EACH_(i) x.part[i] = wide_part_tanh(x.part[i]);
  return x;
}

#endif
