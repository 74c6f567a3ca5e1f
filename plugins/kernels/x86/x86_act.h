/*
 * x86_act.h - the element-wise functions of ridge/graph.h, eight lanes at a time.
 */
#ifndef X86_ACT_H
#define X86_ACT_H

#include "x86_lanes.h"

#include <ridge/graph.h>

INLINE __m256 act_silu(__m256 x) {
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256 e = lanes_exp(_mm256_xor_ps(_mm256_set1_ps(-0.0f), x));
  return _mm256_div_ps(x, _mm256_add_ps(one, e));
}

INLINE __m256 act_sigmoid(__m256 x) {
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256 e = lanes_exp(_mm256_xor_ps(_mm256_set1_ps(-0.0f), x));
  return _mm256_div_ps(one, _mm256_add_ps(one, e));
}

INLINE __m256 act_gelu(__m256 x) {
  const __m256 erf = lanes_erf(_mm256_mul_ps(x, _mm256_set1_ps(0.70710678f)));
  const __m256 half = _mm256_mul_ps(x, _mm256_set1_ps(0.5f));
  return _mm256_fmadd_ps(half, erf, half);
}

INLINE __m256 act_gelu_tanh(__m256 x) {
  const __m256 cubic = _mm256_mul_ps(_mm256_mul_ps(x, x), x);
  const __m256 inner = _mm256_fmadd_ps(cubic, _mm256_set1_ps(0.044715f), x);
  const __m256 tanh = lanes_tanh(_mm256_mul_ps(inner, _mm256_set1_ps(0.79788456f)));
  const __m256 half = _mm256_mul_ps(x, _mm256_set1_ps(0.5f));
  return _mm256_fmadd_ps(half, tanh, half);
}

/* Zero first, so that a NaN in x is what max returns. */
INLINE __m256 act_relu(__m256 x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }

INLINE __m256 act_of(uint32_t act, __m256 x) {
  switch (act) {
  case RIDGE_ACT_SILU: return act_silu(x);
  case RIDGE_ACT_GELU: return act_gelu(x);
  case RIDGE_ACT_GELU_TANH: return act_gelu_tanh(x);
  case RIDGE_ACT_RELU: return act_relu(x);
  case RIDGE_ACT_SIGMOID: return act_sigmoid(x);
  default: return x;
  }
}

#endif
