/*
 * x86_lanes.h - eight lanes of halves.
 */
#ifndef X86_LANES_H
#define X86_LANES_H

#include <ridge/wide.h>

WIDE_INLINE __m256 lanes_half(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128(p)); }

WIDE_INLINE __m256 lanes_bfloat(const void *p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

#endif
