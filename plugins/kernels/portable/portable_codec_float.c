/*
 * portable_codec_float.c - f32, f16 (IEEE binary16) and bf16: one element a block.
 */
#include "portable.h"
#include "portable_codec.h"

static void f32_decode(const void *from, float *to, int64_t n) {
  memcpy(to, from, (size_t)n * sizeof *to);
}
static void f32_encode(const float *from, void *to, int64_t n) {
  memcpy(to, from, (size_t)n * sizeof *from);
}

#define HALVES(name, one_decode, one_encode)                                               \
  static void name##_decode(const void *from, float *to, int64_t n) {                      \
    const char *p = from;                                                                  \
    for (int64_t i = 0; i < n; i++) {                                                      \
      uint16_t h;                                                                          \
      memcpy(&h, p + i * 2, sizeof h);                                                     \
      to[i] = one_decode(h);                                                               \
    }                                                                                      \
  }                                                                                        \
  static void name##_encode(const float *from, void *to, int64_t n) {                      \
    char *p = to;                                                                          \
    for (int64_t i = 0; i < n; i++) {                                                      \
      const uint16_t h = one_encode(from[i]);                                              \
      memcpy(p + i * 2, &h, sizeof h);                                                     \
    }                                                                                      \
  }
HALVES(f16, half_decode, half_encode)
HALVES(bf16, bfloat_decode, bfloat_encode)

CODEC(f32, 1, 4, f32_encode);
CODEC(f16, 1, 2, f16_encode);
CODEC(bf16, 1, 2, bf16_encode);
