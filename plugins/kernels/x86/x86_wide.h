/*
 * x86_wide.h - one name for the vector instructions of both sets, as far as products of
 * int8 need them: a `wide` holds quads of bytes of LANES outputs, `floats` one number
 * for each.  For files compiled for AVX2 or for AVX-512 with VNNI.
 */
#ifndef X86_WIDE_H
#define X86_WIDE_H

#include "x86_lanes.h"

#include <string.h>

#ifdef __AVX512VNNI__
#define BY(name) name##_avx512
#define W(op)    _mm512_##op
typedef __m512i wide;
typedef __m512 floats;
enum { LANES = 16 };
WIDE_INLINE wide w_load(const void *p) { return _mm512_loadu_si512(p); }
WIDE_INLINE void w_store(void *p, wide v) { _mm512_storeu_si512(p, v); }
WIDE_INLINE wide w_and(wide a, wide b) { return _mm512_and_si512(a, b); }
WIDE_INLINE wide w_or(wide a, wide b) { return _mm512_or_si512(a, b); }
WIDE_INLINE wide w_zero(void) { return _mm512_setzero_si512(); }
WIDE_INLINE wide w_table(const void *p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
}
#ifdef __clang__
typedef unsigned bit_count; /* as its header has it */
#else
typedef int bit_count;
#endif
WIDE_INLINE wide w_right(wide v, int n) { return _mm512_srli_epi16(v, (bit_count)n); }
WIDE_INLINE wide w_left(wide v, int n) { return _mm512_slli_epi16(v, (bit_count)n); }
WIDE_INLINE floats f_zero(void) { return _mm512_setzero_ps(); }
WIDE_INLINE floats f_of_bits(wide v) { return _mm512_castsi512_ps(v); }
WIDE_INLINE floats f_half(const void *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}
WIDE_INLINE wide w_signed(const void *p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
}
WIDE_INLINE wide w_unsigned(const void *p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p));
}
#else
#define BY(name) name##_avx2
#define W(op)    _mm256_##op
typedef __m256i wide;
typedef __m256 floats;
enum { LANES = 8 };
WIDE_INLINE wide w_load(const void *p) { return _mm256_loadu_si256((const void *)p); }
WIDE_INLINE void w_store(void *p, wide v) { _mm256_storeu_si256((void *)p, v); }
WIDE_INLINE wide w_and(wide a, wide b) { return _mm256_and_si256(a, b); }
WIDE_INLINE wide w_or(wide a, wide b) { return _mm256_or_si256(a, b); }
WIDE_INLINE wide w_zero(void) { return _mm256_setzero_si256(); }
WIDE_INLINE wide w_table(const void *p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)p));
}
WIDE_INLINE wide w_right(wide v, int n) { return _mm256_srli_epi16(v, n); }
WIDE_INLINE wide w_left(wide v, int n) { return _mm256_slli_epi16(v, n); }
WIDE_INLINE floats f_zero(void) { return _mm256_setzero_ps(); }
WIDE_INLINE floats f_of_bits(wide v) { return _mm256_castsi256_ps(v); }
WIDE_INLINE floats f_half(const void *p) { return lanes_half(p); }
WIDE_INLINE wide w_signed(const void *p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(p));
}
WIDE_INLINE wide w_unsigned(const void *p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(p));
}
#endif

enum { HALVES = 16 / LANES };

WIDE_INLINE wide w_bytes(int b) { return W(set1_epi8)((char)b); }
WIDE_INLINE wide w_words(int w) { return W(set1_epi32)(w); }
WIDE_INLINE wide w_word_at(const void *p) {
  int32_t word;
  memcpy(&word, p, sizeof word);
  return W(set1_epi32)(word);
}
/* Bits `from` .. of every byte moved to `to` .., those of `mask` kept. */
WIDE_INLINE wide w_bits(wide v, int from, int to, int mask) {
  const wide moved = from > to   ? w_right(v, from - to)
                     : from < to ? w_left(v, to - from)
                                 : v;
  return w_and(moved, w_bytes(mask));
}
WIDE_INLINE floats f_load(const float *p) { return W(loadu_ps)(p); }
WIDE_INLINE void f_store(float *p, floats v) { W(storeu_ps)(p, v); }
WIDE_INLINE floats f_all(float x) { return W(set1_ps)(x); }
WIDE_INLINE floats f_mul(floats a, floats b) { return W(mul_ps)(a, b); }
WIDE_INLINE floats f_fma(floats a, floats b, floats c) { return W(fmadd_ps)(a, b, c); }
WIDE_INLINE floats f_of(wide v) { return W(cvtepi32_ps)(v); }

#endif
