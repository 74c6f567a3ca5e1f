/*
 * x86_lanes.h - what all files here begin with, and eight lanes of halves.
 */
#ifndef X86_LANES_H
#define X86_LANES_H

#include <immintrin.h>
#include <stdint.h>

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE __m256 lanes_half(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128(p)); }

INLINE __m256 lanes_bfloat(const void *p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

#endif
