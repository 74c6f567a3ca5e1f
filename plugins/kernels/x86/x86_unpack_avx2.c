/*
 * x86_unpack_avx2.c - a block of a packed panel as f32, for the matrix kernel.
 *
 * Each number is exactly what the codec's decode gives: one multiplication (and one
 * addition) of the same f32 values.
 */
#include "x86_lanes.h"
#include "x86_panel.h"

enum { AHEAD = 4096 }; /* bytes to fetch ahead */

static void unpack_half(const char *from, int64_t depth, float *to) {
  for (int64_t i = 0; i < depth * PANEL; i += 16) {
    _mm_prefetch(from + i * 2 + AHEAD, _MM_HINT_T0);
    _mm256_storeu_ps(to + i, lanes_half(from + i * 2));
    _mm256_storeu_ps(to + i + 8, lanes_half(from + i * 2 + 16));
  }
}

static void unpack_bfloat(const char *from, int64_t depth, float *to) {
  for (int64_t i = 0; i < depth * PANEL; i += 16) {
    _mm_prefetch(from + i * 2 + AHEAD, _MM_HINT_T0);
    _mm256_storeu_ps(to + i, lanes_bfloat(from + i * 2));
    _mm256_storeu_ps(to + i + 8, lanes_bfloat(from + i * 2 + 16));
  }
}

/* The signed byte `i` of each 32-bit lane. */
#define BYTE(v, i)                                                                         \
  _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(v, 24 - 8 * (i)), 24))

/* Four k of eight outputs; `to` has a stride of PANEL. */
INLINE void unpack_quad(__m256i v, __m256 scale, __m256 low, float *to) {
  _mm256_storeu_ps(to, _mm256_add_ps(_mm256_mul_ps(BYTE(v, 0), scale), low));
  _mm256_storeu_ps(to + PANEL, _mm256_add_ps(_mm256_mul_ps(BYTE(v, 1), scale), low));
  _mm256_storeu_ps(to + 2 * PANEL, _mm256_add_ps(_mm256_mul_ps(BYTE(v, 2), scale), low));
  _mm256_storeu_ps(to + 3 * PANEL, _mm256_add_ps(_mm256_mul_ps(BYTE(v, 3), scale), low));
}

/* -0.0 as the minimum changes no sum, not even its sign. */
#define NOTHING _mm256_set1_ps(-0.0f)

static void unpack_i8(const char *from, int64_t depth, int64_t group, float *to) {
  for (int64_t k = 0; k < depth; k += group) {
    const __m256 s0 = lanes_half(from), s1 = lanes_half(from + 16);
    from += PANEL * 2;
    for (int64_t i = 0; i < group; i += 4, from += PANEL * 4, to += PANEL * 4) {
      _mm_prefetch(from + AHEAD, _MM_HINT_T0);
      unpack_quad(_mm256_loadu_si256((const void *)from), s0, NOTHING, to);
      unpack_quad(_mm256_loadu_si256((const void *)(from + 32)), s1, NOTHING, to + 8);
    }
  }
}

/* Eight k of sixteen outputs; `bias` is what a code 0 stands for. */
INLINE void unpack_nibbles(const char *from, __m256i bias, const __m256 scale[2],
                           const __m256 low[2], float *to) {
  const __m256i mask = _mm256_set1_epi8(15);
  _mm_prefetch(from + AHEAD, _MM_HINT_T0);
  UNROLL
  for (int half = 0; half < 2; half++) {
    const __m256i v = _mm256_loadu_si256((const void *)(from + 32 * half));
    const __m256i near = _mm256_and_si256(v, mask);
    const __m256i far = _mm256_and_si256(_mm256_srli_epi16(v, 4), mask);
    unpack_quad(_mm256_add_epi8(near, bias), scale[half], low[half], to + 8 * half);
    unpack_quad(_mm256_add_epi8(far, bias), scale[half], low[half],
                to + 4 * PANEL + 8 * half);
  }
}

static void unpack_i4(const char *from, int64_t depth, int64_t group, float *to) {
  const __m256 low[2] = {NOTHING, NOTHING};
  for (int64_t k = 0; k < depth; k += group) {
    const __m256 scale[2] = {lanes_half(from), lanes_half(from + 16)};
    from += PANEL * 2;
    for (int64_t i = 0; i < group; i += 8, from += PANEL * 4, to += PANEL * 8)
      unpack_nibbles(from, _mm256_set1_epi8(-8), scale, low, to);
  }
}

static void unpack_i4m(const char *from, int64_t depth, int64_t group, float *to) {
  for (int64_t k = 0; k < depth; k += group) {
    const __m256 scale[2] = {lanes_half(from), lanes_half(from + 16)};
    const __m256 low[2] = {lanes_half(from + 32), lanes_half(from + 48)};
    from += PANEL * 4;
    for (int64_t i = 0; i < group; i += 8, from += PANEL * 4, to += PANEL * 8)
      unpack_nibbles(from, _mm256_setzero_si256(), scale, low, to);
  }
}

/* Rows are decoded one by one and laid beside each other. */
static void unpack_rows(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                        float *to) {
  const ridge_codec *codec = w->span->codec;
  const int64_t run = p / w->panels, from = p % w->panels * PANEL;
  const uint64_t skip = (uint64_t)(k0 / codec->block) * codec->block_bytes;
  float *row = to + DEPTH * PANEL;
  for (int64_t lane = 0; lane < PANEL; lane++) {
    const bool real = from + lane < w->n;
    const uint64_t at = (uint64_t)(run * w->n + from + lane) * w->span->stride + skip;
    if (real) codec->decode(w->data + at, row, depth);
    for (int64_t k = 0; k < depth; k++) to[k * PANEL + lane] = real ? row[k] : 0.0f;
  }
}

const float *panel_block(const struct weights *w, int64_t p, int64_t k0, int64_t depth,
                         float *room) {
  const char *panel = w->data + (uint64_t)p * w->panel_bytes;
  const int64_t groups = k0 / w->group;
  switch (w->form) {
  case FORM_F32: return (const float *)(const void *)panel + k0 * PANEL;
  case FORM_F16: unpack_half(panel + k0 * PANEL * 2, depth, room); break;
  case FORM_BF16: unpack_bfloat(panel + k0 * PANEL * 2, depth, room); break;
  case FORM_I8:
    unpack_i8(panel + groups * (w->group + 2) * PANEL, depth, w->group, room);
    break;
  case FORM_I4:
    unpack_i4(panel + groups * (w->group / 2 + 2) * PANEL, depth, w->group, room);
    break;
  case FORM_I4M:
    unpack_i4m(panel + groups * (w->group / 2 + 4) * PANEL, depth, w->group, room);
    break;
  case FORM_ROWS: unpack_rows(w, p, k0, depth, room); break;
  }
  return room;
}
