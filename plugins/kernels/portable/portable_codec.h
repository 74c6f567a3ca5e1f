/*
 * portable_codec.h - steps that the block codecs have in common.
 *
 * Block codecs of the GGUF family are described by ggml's quantization reference;
 * encoders here give the same bytes for finite input.  A block with a value that is
 * not finite is stored with scale NaN: no code stands for it, and a NaN is seen
 * where a clamped number would not be.
 */
#ifndef PORTABLE_CODEC_H
#define PORTABLE_CODEC_H

#include "portable_half.h"

#include <math.h>
#include <ridge/codec.h>

#define CODEC(name_, elements, bytes, encode_)                                             \
  const ridge_codec portable_##name_ = {                                                   \
      .struct_size = sizeof(ridge_codec),                                                  \
      .name = #name_,                                                                      \
      .block = (elements),                                                                 \
      .block_bytes = (bytes),                                                              \
      .decode = name_##_decode,                                                            \
      .encode = encode_,                                                                   \
  }
#define WEIGHTED_CODEC(name_, elements, bytes)                                             \
  const ridge_codec portable_##name_ = {                                                   \
      .struct_size = sizeof(ridge_codec),                                                  \
      .name = #name_,                                                                      \
      .block = (elements),                                                                 \
      .block_bytes = (bytes),                                                              \
      .decode = name_##_decode,                                                            \
      .encode = name_##_encode,                                                            \
      .encode_weighted = name_##_weighted,                                                 \
  }

/* What an encoder wants to know of a block. */
struct extent {
  float least, most; /* smallest and largest value                              */
  float peak;        /* the value of largest magnitude, the first of equals     */
  float poison;      /* 0, or NaN if the block holds NaN or infinity            */
};

static inline struct extent extent_of(const float *x, int64_t n) {
  struct extent e = {x[0], x[0], 0.0f, 0.0f};
  for (int64_t i = 0; i < n; i++) {
    e.least = x[i] < e.least ? x[i] : e.least;
    e.most = x[i] > e.most ? x[i] : e.most;
    e.peak = fabsf(x[i]) > fabsf(e.peak) ? x[i] : e.peak;
    e.poison += x[i] * 0.0f;
  }
  return e;
}

/* The scale of a block, or NaN if the block is poisoned. */
static inline void scale_put(void *p, float d, struct extent e) {
  half_put(p, e.poison == 0.0f ? d : NAN);
}

/* 1 / d, and 0 for a block of zeros. */
static inline float inverse(float d) { return d != 0.0f ? 1.0f / d : 0.0f; }

/* Truncated and held within [lo, hi]; NaN gives lo.  Only blocks with poison or a
 * subnormal scale ever come near the bounds' far side. */
static inline int code_of(float x, int lo, int hi) {
  if (!(x > (float)lo)) return lo;
  return x < (float)hi ? (int)x : hi;
}

/* Nearest integer, halves away from zero, as roundf, without the call. */
static inline int code_round(float x, int bound) {
  const int whole = code_of(x, -bound, bound);
  const float rest = x - (float)whole;
  const int step = (rest >= 0.5f) - (rest <= -0.5f);
  const int code = whole + step;
  return code > bound ? bound : code < -bound ? -bound : code;
}

#endif
