/*
 * portable_half.h - IEEE 754 binary16 and bfloat16 to and from f32, with integer
 * arithmetic only: round to nearest, ties to even, as the hardware does it.
 */
#ifndef PORTABLE_HALF_H
#define PORTABLE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline float float_of(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* The exponent is rebased by a multiplication, which also normalizes subnormals. */
static inline float half_decode(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
  const float rebased = float_of(rest) * 0x1p112f;
  const uint32_t special = rest >= 0x0f800000u ? rest | 0x7f800000u : bits_of(rebased);
  return float_of(sign | special);
}

static inline uint16_t half_encode(float x) {
  const uint32_t u = bits_of(x), sign = u >> 16 & 0x8000u;
  uint32_t rest = u & 0x7fffffffu;
  if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x3ffu));
  if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and above    */
  if (rest < 0x38800000u) { /* below 2^-14: let an addition round at bit 2^-24      */
    rest = bits_of(float_of(rest) + 0.5f) - 0x3f000000u;
    return (uint16_t)(sign | rest);
  }
  rest += 0xc8000fffu + (rest >> 13 & 1u); /* exponent - 112, half less one bit, odd */
  return (uint16_t)(sign | rest >> 13);
}

static inline float bfloat_decode(uint16_t b) { return float_of((uint32_t)b << 16); }

static inline uint16_t bfloat_encode(float x) {
  const uint32_t u = bits_of(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u);
  return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

/* Little-endian in files and in memory: every machine ridge runs on. */
static inline float half_at(const void *p) {
  uint16_t h;
  memcpy(&h, p, sizeof h);
  return half_decode(h);
}

static inline void half_put(void *p, float x) {
  const uint16_t h = half_encode(x);
  memcpy(p, &h, sizeof h);
}

#endif
