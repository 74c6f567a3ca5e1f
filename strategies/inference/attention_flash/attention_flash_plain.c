/*
 * attention_flash_plain.c - the arithmetic of attention.flash for any machine, with the
 * same lanes and the same folding as the vector form (but no fused multiply-add).
 */
#include "attention_flash.h"

#include <math.h>
#include <string.h>

/* IEEE 754 binary16 to binary32: rebias the exponent; 2^-24 units below the normals. */
static float half_value(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  uint32_t exponent = (half >> 10) & 31u, fraction = half & 1023u, bits;
  float value;
  if (exponent == 0) {
    value = (float)fraction * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  if (exponent == 31) {
    bits = sign | 0x7f800000u | fraction << 13;
  } else {
    bits = sign | (exponent + 112) << 23 | fraction << 13;
  }
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void widen(const void *from, float *to, int64_t n) {
  const char *bytes = from;
  for (int64_t i = 0; i < n; i++) {
    uint16_t half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    to[i] = half_value(half);
  }
}

/* Lanes in vectors of four, which every machine's compiler knows how to keep in
 * registers. */
typedef float quad __attribute__((vector_size(16)));

static inline quad load(const float *from) {
  quad v;
  memcpy(&v, from, sizeof v);
  return v;
}

/* The lanes of one sum, always in this order. */
static float fold(const float lane[LANES]) {
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
         ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

static void scores(const float *q, const float *k, int64_t width, int64_t lo, int64_t hi,
                   float *s) {
  for (int64_t j = lo; j < hi; j++) {
    const float *key = k + j * width;
    quad low = {0}, high = {0};
    for (int64_t d = 0; d < width; d += LANES) {
      low += load(q + d) * load(key + d);
      high += load(q + d + 4) * load(key + d + 4);
    }
    float lane[LANES];
    memcpy(lane, &low, sizeof low);
    memcpy(lane + 4, &high, sizeof high);
    s[j] = fold(lane);
  }
}

static float weigh(float *s, int64_t lo, int64_t hi, float *m, float *l) {
  float top = *m, lane[LANES] = {0};
  for (int64_t j = lo; j < hi; j++) {
    if (s[j] > top) top = s[j];
  }
  float c = expf(*m - top);
  for (int64_t j = lo; j < hi; j++) {
    s[j] = expf(s[j] - top);
    lane[j % LANES] += s[j];
  }
  *l = *l * c + fold(lane);
  *m = top;
  return c;
}

static void add(const float *s, const float *v, int64_t width, int64_t lo, int64_t hi,
                float c, float *o) {
  for (int64_t d = 0; d < width; d += LANES) {
    quad low = load(o + d) * c, high = load(o + d + 4) * c;
    for (int64_t j = lo; j < hi; j++) {
      low += s[j] * load(v + j * width + d);
      high += s[j] * load(v + j * width + d + 4);
    }
    memcpy(o + d, &low, sizeof low);
    memcpy(o + d + 4, &high, sizeof high);
  }
}

const struct flash_ops flash_plain = {widen, scores, weigh, add};
