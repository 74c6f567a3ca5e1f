/*
 * portable_codec_table.c - GGUF's four bits that stand for numbers in a table: iq4_nl
 * (blocks of 32), iq4_xs (the same levels in super-blocks of 256), and mxfp4 (E2M1
 * numbers under a power of two, OCP Microscaling v1.0).
 *
 * Element j is in the low half of byte j, element j + 16 in the high half.
 */
#include "portable.h"
#include "portable_codec.h"
#include "portable_codec_super.h"

enum { BLOCK = 32, HALF = BLOCK / 2 };
#define SIZE_FLOOR 0.25f /* struct super_form's `floor`, for blocks too */

/* Levels denser near zero, as weights are. */
static const float levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                 1,    13,   25,  38,  53,  69,  89,  113};
static const struct grid level_grid = {-7.0f, 1.0f, 15, true};

static void nibbles_decode(const uint8_t *q, float d, const float table[16], float *y) {
  for (int i = 0; i < HALF; i++) {
    y[i] = d * table[q[i] & 15];
    y[i + HALF] = d * table[q[i] >> 4];
  }
}

static void nibbles_put(uint8_t *q, const uint8_t *code) {
  for (int i = 0; i < HALF; i++) q[i] = (uint8_t)(code[i] | code[i + HALF] << 4);
}

/* By the size of each number in units of the block's rms, and its importance. */
static void weigh(const float *x, const float *importance, float *w) {
  float sum = 0.0f;
  for (int i = 0; i < BLOCK; i++) sum += x[i] * x[i];
  const float by = sum > 0.0f ? (float)BLOCK / sum : 0.0f;
  for (int i = 0; i < BLOCK; i++) {
    const float square = x[i] * x[i] * by;
    w[i] = importance != NULL ? importance[i] * sqrtf(1.0f + square)
                              : SIZE_FLOOR + sqrtf(square);
  }
}

/* ---- iq4_nl: f16 d, 16 bytes ---- */

static void iq4_nl_decode(const void *from, float *to, int64_t n) {
  const char *p = from;
  for (int64_t at = 0; at < n; at += BLOCK, p += 18)
    nibbles_decode((const uint8_t *)(p + 2), half_at(p), levels, to + at);
}

static void iq4_nl_block(const float *x, const float *importance, char *p) {
  const struct extent e = extent_of(x, BLOCK);
  uint8_t code[BLOCK] = {0};
  float w[BLOCK], d = 0.0f;
  if (e.poison != 0.0f || !(fabsf(e.peak) < 0x1p40f)) {
    d = NAN;
  } else if (fabsf(e.peak) >= 0x1p-40f) {
    weigh(x, importance, w);
    const struct group g = {x, w, BLOCK, -127, 113, levels};
    d = half_decode(half_encode(search_scale(&g, level_grid).d));
    fit_codes(&g, d, 0.0f, code);
  }
  half_put(p, d);
  nibbles_put((uint8_t *)(p + 2), code);
}

static void iq4_nl_weighted(const float *from, const float *importance, void *to,
                            int64_t n) {
  char *p = to;
  for (int64_t at = 0; at < n; at += BLOCK, p += 18)
    iq4_nl_block(from + at, importance != NULL ? importance + at : NULL, p);
}

static void iq4_nl_encode(const float *from, void *to, int64_t n) {
  iq4_nl_weighted(from, NULL, to, n);
}
WEIGHTED_CODEC(iq4_nl, BLOCK, 18);

/* ---- iq4_xs: f16 d, upper bits of eight 6-bit scales (u16), lower halves, codes ---- */

enum { XS_BYTES = 136 };

static int iq4_xs_scale(const uint8_t *p, int g) {
  const int low = p[4 + g / 2] >> (g % 2 * 4) & 15, high = p[2 + g / 4] >> (g % 4 * 2) & 3;
  return (low | high << 4) - 32;
}

static void iq4_xs_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += SUPER, p += XS_BYTES)
    for (int g = 0; g < 8; g++)
      nibbles_decode(p + 8 + g * HALF, half_at(p) * (float)iq4_xs_scale(p, g), levels,
                     to + at + g * BLOCK);
}

static const struct super_form iq4_xs_form = {.groups = 8,
                                              .lo = -127,
                                              .hi = 113,
                                              .levels = levels,
                                              .scale_lo = -32,
                                              .scale_hi = 31,
                                              .grid = {-7.0f, 1.0f, 15, true},
                                              .floor = SIZE_FLOOR};

static void iq4_xs_weighted(const float *from, const float *importance, void *to,
                            int64_t n) {
  uint8_t *p = to;
  for (int64_t at = 0; at < n; at += SUPER, p += XS_BYTES) {
    struct super s;
    super_encode(&iq4_xs_form, from + at, importance != NULL ? importance + at : NULL, &s);
    memset(p, 0, 8);
    half_put(p, s.d);
    for (int g = 0; g < 8; g++) {
      const int scale = s.scale[g] + 32;
      p[4 + g / 2] |= (uint8_t)((scale & 15) << (g % 2 * 4));
      p[2 + g / 4] |= (uint8_t)((scale >> 4) << (g % 4 * 2));
      nibbles_put(p + 8 + g * HALF, s.code + g * BLOCK);
    }
  }
}

static void iq4_xs_encode(const float *from, void *to, int64_t n) {
  iq4_xs_weighted(from, NULL, to, n);
}
WEIGHTED_CODEC(iq4_xs, SUPER, XS_BYTES);

/* ---- mxfp4: an exponent byte (2^(e - 127); 255 is NaN), 16 bytes of E2M1 codes ---- */

/* The sixteen codes' numbers, doubled to be whole; and the same in rising order (there
 * are two zeros) with the code of each. */
static const float e2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
static const float rising[16] = {-12, -8, -6, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 6, 8, 12};
static const uint8_t code_of_rising[16] = {15, 14, 13, 12, 11, 10, 9, 0,
                                           0,  1,  2,  3,  4,  5,  6, 7};

static void mxfp4_decode(const void *from, float *to, int64_t n) {
  const uint8_t *p = from;
  for (int64_t at = 0; at < n; at += BLOCK, p += 17)
    nibbles_decode(p + 1, p[0] == 255 ? NAN : ldexpf(1.0f, (int)p[0] - 128), e2m1, to + at);
}

/* Of the powers of two around the one under which the largest value fits, the one
 * with the least error: a larger one clips nothing, a smaller one is finer. */
static int mxfp4_exponent(const struct group *g, float peak) {
  int top, best = 0;
  (void)frexpf(peak, &top); /* |peak| in [2^(top - 1), 2^top) */
  float least = INFINITY;
  for (int e = top - 5; e <= top - 2; e++) {
    if (e < -127 || e > 127) continue;
    const float error = fit_of(g, ldexpf(1.0f, e), 0.0f).error;
    if (!(error < least)) continue;
    least = error;
    best = e + 128;
  }
  return best;
}

static void mxfp4_block(const float *x, const float *importance, uint8_t *p) {
  const struct extent e = extent_of(x, BLOCK);
  float w[BLOCK];
  memset(p, 0, 17);
  if (e.poison != 0.0f || !(fabsf(e.peak) < 0x1p40f)) {
    p[0] = 255;
    return;
  }
  if (fabsf(e.peak) < 0x1p-40f) return;
  weigh(x, importance, w);
  const struct group g = {x, w, BLOCK, -12, 12, rising};
  uint8_t code[BLOCK];
  p[0] = (uint8_t)mxfp4_exponent(&g, e.peak);
  fit_codes(&g, ldexpf(1.0f, (int)p[0] - 128), 0.0f, code);
  for (int i = 0; i < BLOCK; i++) code[i] = code_of_rising[code[i]];
  nibbles_put(p + 1, code);
}

static void mxfp4_weighted(const float *from, const float *importance, void *to,
                           int64_t n) {
  uint8_t *p = to;
  for (int64_t at = 0; at < n; at += BLOCK, p += 17)
    mxfp4_block(from + at, importance != NULL ? importance + at : NULL, p);
}

static void mxfp4_encode(const float *from, void *to, int64_t n) {
  mxfp4_weighted(from, NULL, to, n);
}
WEIGHTED_CODEC(mxfp4, BLOCK, 17);
