/*
 * loops.c - the inner loops of the probe, one set for each vector width.
 *
 * Eight accumulators hide the latency of a load and an operation; the exclusive or is
 * the cheapest use of a loaded vector, so that the load ports set the pace.
 */
#include "machine/loops.h"

enum { CHAINS = 12 };

/* How far ahead of each stream: about the latency of memory (100 ns) at the speed of
 * one of four streams (5 GB/s). */
enum { AHEAD = 512 };

typedef uint64_t words16 __attribute__((vector_size(16), may_alias));
typedef float floats16 __attribute__((vector_size(16)));
#define NAME(x) plain_##x
#define TARGET
#define WORDS        words16
#define FLOATS       floats16
#define FMA(a, b, c) ((a) * (b) + (c))
#include "machine/loops_body.h"

#if defined(__x86_64__)
#include <immintrin.h>

typedef uint64_t words32 __attribute__((vector_size(32), may_alias));
#define NAME(x)      avx2_##x
#define TARGET       __attribute__((target("avx2,fma")))
#define WORDS        words32
#define FLOATS       __m256
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "machine/loops_body.h"

typedef uint64_t words64 __attribute__((vector_size(64), may_alias));
#define NAME(x)      avx512_##x
#define TARGET       __attribute__((target("avx512f")))
#define WORDS        words64
#define FLOATS       __m512
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "machine/loops_body.h"

#define NAME         bytes_avx512vnni
#define TARGET       __attribute__((target("avx512f,avx512vnni")))
#define VECTOR       __m512i
#define SET(x)       _mm512_set1_epi32((x)*0x01010101)
#define DOT(y, a, b) _mm512_dpbusd_epi32(y, a, b)
#include "machine/loops_bytes.h"

#define NAME         bytes_avxvnni
#define TARGET       __attribute__((target("avx2,avxvnni")))
#define VECTOR       __m256i
#define SET(x)       _mm256_set1_epi32((x)*0x01010101)
#define DOT(y, a, b) _mm256_dpbusd_avx_epi32(y, a, b)
#include "machine/loops_bytes.h"

/* Without an instruction of its own: products to 16 bits, pairs to 32, sum. */
#define NAME   bytes_avx512bw
#define TARGET __attribute__((target("avx512f,avx512bw")))
#define VECTOR __m512i
#define SET(x) _mm512_set1_epi32((x)*0x01010101)
#define DOT(y, a, b)                                                                       \
  _mm512_add_epi32(                                                                        \
      y, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi32(0x00010001)))
#include "machine/loops_bytes.h"

#define NAME   bytes_avx2
#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define SET(x) _mm256_set1_epi32((x)*0x01010101)
#define DOT(y, a, b)                                                                       \
  _mm256_add_epi32(                                                                        \
      y, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi32(0x00010001)))
#include "machine/loops_bytes.h"
#endif

#define ROW(needs_, set, lanes)                                                            \
  {                                                                                        \
    needs_, set##_read_line, set##_read_streams, set##_multiply_add,                       \
        (uint64_t)CHAINS *(lanes)*2                                                        \
  }
static const struct loops list[] = {
#if defined(__x86_64__)
    ROW("avx512f", avx512, 16),
    ROW("avx2 fma", avx2, 8),
#endif
    ROW(NULL, plain, 4),
};

#define BYTE_ROW(needs_, run, bytes)                                                       \
  { needs_, run, (uint64_t)CHAINS *(bytes)*2 }
static const struct byte_loop byte_list[] = {
#if defined(__x86_64__)
    BYTE_ROW("avx512f avx512vnni", bytes_avx512vnni, 64),
    BYTE_ROW("avxvnni", bytes_avxvnni, 32),
    BYTE_ROW("avx512f avx512bw", bytes_avx512bw, 64),
    BYTE_ROW("avx2", bytes_avx2, 32),
#endif
    {NULL, NULL, 0}, /* here the list ends */
};

const struct byte_loop *byte_loops_list(size_t *n) {
  *n = sizeof byte_list / sizeof *byte_list - 1;
  return byte_list;
}

const struct loops *loops_list(size_t *n) {
  *n = sizeof list / sizeof *list;
  return list;
}
