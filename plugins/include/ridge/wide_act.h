/*
 * ridge/wide_act.h - the element-wise functions of ridge/graph.h in lanes.  Source for
 * kernels, as ridge/wide.h is.
 */
#ifndef RIDGE_WIDE_ACT_H
#define RIDGE_WIDE_ACT_H

#include <ridge/graph.h>
#include <ridge/wide.h>

/* erf(x) within 1.5e-7: Abramowitz and Stegun, 7.1.26. */
WIDE_INLINE wide_part wide_part_erf(wide_part x) {
  const wide_part one = wide_part_set(1.0f);
  const wide_ints sign = (wide_ints)x & (wide_ints)wide_part_set(-0.0f);
  const wide_part size = (wide_part)((wide_ints)x & 0x7fffffff);
  const wide_part t = one / wide_part_fma(size, wide_part_set(0.3275911f), one);
  wide_part p = wide_part_set(1.061405429f);
  p = wide_part_fma(p, t, wide_part_set(-1.453152027f));
  p = wide_part_fma(p, t, wide_part_set(1.421413741f));
  p = wide_part_fma(p, t, wide_part_set(-0.284496736f));
  p = wide_part_fma(p, t, wide_part_set(0.254829592f));
  p = p * t;
  const wide_part y = wide_part_fma(-p, wide_part_exp(-(size * size)), one);
  return (wide_part)((wide_ints)y | sign);
}

WIDE_INLINE wide_part wide_part_sigmoid(wide_part x, wide_part over) {
  return over / (wide_part_set(1.0f) + wide_part_exp(-x));
}

WIDE_INLINE wide_part wide_part_gelu(wide_part x) {
  const wide_part half = x * wide_part_set(0.5f);
  return wide_part_fma(half, wide_part_erf(x * wide_part_set(0.70710678f)), half);
}

WIDE_INLINE wide_part wide_part_gelu_tanh(wide_part x) {
  const wide_part inner = wide_part_fma(x * x * x, wide_part_set(0.044715f), x);
  const wide_part half = x * wide_part_set(0.5f);
  return wide_part_fma(half, wide_part_tanh(inner * wide_part_set(0.79788456f)), half);
}

/* Every function of the map; a NaN stays one. */
WIDE_INLINE ridge_wide wide_act(uint32_t act, ridge_wide x) {
  WIDE_EACH_(i) {
    const wide_part v = x.part[i];
    switch (act) {
    case RIDGE_ACT_SILU: x.part[i] = wide_part_sigmoid(v, v); break;
    case RIDGE_ACT_GELU: x.part[i] = wide_part_gelu(v); break;
    case RIDGE_ACT_GELU_TANH: x.part[i] = wide_part_gelu_tanh(v); break;
    case RIDGE_ACT_RELU: x.part[i] = wide_part_max(wide_part_set(0.0f), v); break;
    case RIDGE_ACT_SIGMOID: x.part[i] = wide_part_sigmoid(v, wide_part_set(1.0f)); break;
    default: break;
    }
  }
  return x;
}

#endif
