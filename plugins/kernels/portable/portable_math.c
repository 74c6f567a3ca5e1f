/*
 * portable_math.c - sums in a fixed order, and the element-wise functions.
 *
 * Vectors of four through the compiler's generic vector type: the same additions
 * in the same order on every machine, without intrinsics.
 */
#include "portable.h"

#include <math.h>

typedef float quad __attribute__((vector_size(16)));

enum { LANES = 16, QUADS = LANES / 4 };

static inline quad load(const float *p) {
  quad v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* 16 -> 8 -> 4 -> 2 -> 1; `rest` holds what was left over, lane by lane. */
static float fold(const quad sum[QUADS], const float rest[LANES]) {
  float lane[LANES];
  for (int i = 0; i < QUADS; i++) memcpy(lane + i * 4, &sum[i], sizeof sum[i]);
  for (int i = 0; i < LANES; i++) lane[i] += rest[i];
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lane[i] += lane[i + width];
  return lane[0];
}

float portable_dot(const float *a, const float *b, int64_t n) {
  quad s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    s0 += load(a + i) * load(b + i);
    s1 += load(a + i + 4) * load(b + i + 4);
    s2 += load(a + i + 8) * load(b + i + 8);
    s3 += load(a + i + 12) * load(b + i + 12);
  }
  float rest[LANES] = {0};
  for (int64_t j = 0; i + j < n; j++) rest[j] = a[i + j] * b[i + j];
  return fold((quad[QUADS]){s0, s1, s2, s3}, rest);
}

float portable_sum(const float *a, int64_t n) {
  quad s[QUADS] = {{0}};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < QUADS; j++) s[j] += load(a + i + j * 4);
  float rest[LANES] = {0};
  for (int64_t j = 0; i + j < n; j++) rest[j] = a[i + j];
  return fold(s, rest);
}

float portable_spread(const float *a, float mean, int64_t n) {
  const quad m = {mean, mean, mean, mean};
  quad s[QUADS] = {{0}};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < QUADS; j++) {
      const quad d = load(a + i + j * 4) - m;
      s[j] += d * d;
    }
  float rest[LANES] = {0};
  for (int64_t j = 0; i + j < n; j++) rest[j] = (a[i + j] - mean) * (a[i + j] - mean);
  return fold(s, rest);
}

static float silu(float x) { return x / (1.0f + expf(-x)); }

static float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }

static float gelu_tanh(float x) {
  return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

/* A NaN stays one: the comparison is false and x itself is kept. */
static float relu(float x) { return x < 0.0f ? 0.0f : x; }

static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

void portable_activate(uint32_t act, float *x, int64_t n) {
  static float (*const functions[RIDGE_ACT_COUNT])(float) = {
      [RIDGE_ACT_SILU] = silu,           [RIDGE_ACT_GELU] = gelu,
      [RIDGE_ACT_GELU_TANH] = gelu_tanh, [RIDGE_ACT_RELU] = relu,
      [RIDGE_ACT_SIGMOID] = sigmoid,
  };
  float (*const f)(float) = act < RIDGE_ACT_COUNT ? functions[act] : NULL;
  if (!f) return;
  for (int64_t i = 0; i < n; i++) x[i] = f(x[i]);
}
