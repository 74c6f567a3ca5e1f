/*
 * portable_codec_block.c - the other GGUF blocks of 32: q4_1 and q5_1 (scale and
 * least value), and q5_0 (symmetric, five bits).
 *
 * Element j is in the low half of byte j, element j + 16 in the high half; fifth bits
 * stand together in 32 bits, element j at bit j.
 */
#include "portable.h"
#include "portable_codec.h"

enum { BLOCK = 32, HALF = BLOCK / 2 };

/* ---- q4_1: f16 d, f16 m, 16 bytes; x = d q + m ---- */

static void q4_1_decode(const void *from, float *to, int64_t n) {
  const char *p = from;
  for (int64_t at = 0; at < n; at += BLOCK, p += 20) {
    const float d = half_at(p), m = half_at(p + 2);
    const uint8_t *q = (const uint8_t *)(p + 4);
    for (int i = 0; i < HALF; i++) {
      to[at + i] = d * (float)(q[i] & 15) + m;
      to[at + i + HALF] = d * (float)(q[i] >> 4) + m;
    }
  }
}

static void q4_1_encode(const float *from, void *to, int64_t n) {
  char *p = to;
  for (int64_t at = 0; at < n; at += BLOCK, p += 20) {
    const float *x = from + at;
    const struct extent e = extent_of(x, BLOCK);
    const float d = (e.most - e.least) / 15.0f, by = inverse(d);
    scale_put(p, d, e);
    half_put(p + 2, e.least);
    uint8_t *q = (uint8_t *)(p + 4);
    for (int i = 0; i < HALF; i++)
      q[i] = (uint8_t)(code_of((x[i] - e.least) * by + 0.5f, 0, 15) |
                       code_of((x[i + HALF] - e.least) * by + 0.5f, 0, 15) << 4);
  }
}

/* ---- five bits ---- */

static int fives_get(const char *p, int i) {
  uint32_t high;
  memcpy(&high, p, sizeof high);
  const int byte = ((const uint8_t *)p)[4 + i % HALF];
  return (i < HALF ? byte & 15 : byte >> 4) | (int)(high >> i & 1u) << 4;
}

static void fives_put(char *p, const uint8_t code[BLOCK]) {
  uint32_t high = 0;
  for (int i = 0; i < BLOCK; i++) high |= (uint32_t)(code[i] >> 4) << i;
  memcpy(p, &high, sizeof high);
  for (int i = 0; i < HALF; i++)
    ((uint8_t *)p)[4 + i] = (uint8_t)((code[i] & 15) | (code[i + HALF] & 15) << 4);
}

/* ---- q5_0: f16 d, fives; x = d (q - 16) ---- */

static void q5_0_decode(const void *from, float *to, int64_t n) {
  const char *p = from;
  for (int64_t at = 0; at < n; at += BLOCK, p += 22) {
    const float d = half_at(p);
    for (int i = 0; i < BLOCK; i++) to[at + i] = d * (float)(fives_get(p + 2, i) - 16);
  }
}

static void q5_0_encode(const float *from, void *to, int64_t n) {
  char *p = to;
  for (int64_t at = 0; at < n; at += BLOCK, p += 22) {
    const struct extent e = extent_of(from + at, BLOCK);
    const float d = e.peak / -16.0f, by = inverse(d);
    uint8_t code[BLOCK];
    for (int i = 0; i < BLOCK; i++)
      code[i] = (uint8_t)code_of(from[at + i] * by + 16.5f, 0, 31);
    scale_put(p, d, e);
    fives_put(p + 2, code);
  }
}

/* ---- q5_1: f16 d, f16 m, fives; x = d q + m ---- */

static void q5_1_decode(const void *from, float *to, int64_t n) {
  const char *p = from;
  for (int64_t at = 0; at < n; at += BLOCK, p += 24) {
    const float d = half_at(p), m = half_at(p + 2);
    for (int i = 0; i < BLOCK; i++) to[at + i] = d * (float)fives_get(p + 4, i) + m;
  }
}

static void q5_1_encode(const float *from, void *to, int64_t n) {
  char *p = to;
  for (int64_t at = 0; at < n; at += BLOCK, p += 24) {
    const struct extent e = extent_of(from + at, BLOCK);
    const float d = (e.most - e.least) / 31.0f, by = inverse(d);
    uint8_t code[BLOCK];
    for (int i = 0; i < BLOCK; i++)
      code[i] = (uint8_t)code_of((from[at + i] - e.least) * by + 0.5f, 0, 31);
    scale_put(p, d, e);
    half_put(p + 2, e.least);
    fives_put(p + 4, code);
  }
}

CODEC(q4_1, BLOCK, 20, q4_1_encode);
CODEC(q5_0, BLOCK, 22, q5_0_encode);
CODEC(q5_1, BLOCK, 24, q5_1_encode);
