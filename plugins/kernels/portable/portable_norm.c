/*
 * portable_norm.c - rmsnorm (arXiv 1910.07467, eq. 4) and layernorm (arXiv
 * 1607.06450), alone and with the addition before them.
 *
 * With heads each head of a row is normalized by itself.  Threads share out rows; sums run
 * in the order of portable_dot.  Weights may be in any codec and are decoded once per call.
 */
#include "portable.h"

#include <math.h>

static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  return 2 * (uint64_t)site->in_dims[0][1] * sizeof(float);
}

struct affine {
  const float *scale, *shift; /* (n); NULL: none */
};

/* Decode the inputs at `slot` and `slot` + 1 into the call's scratch. */
static struct affine affine_of(const ridge_kernel_call *call, uint32_t slot) {
  float *scratch = call->scratch, *shift = scratch + call->in[0].cols;
  struct affine a = {NULL, NULL};
  if (has_input(call, slot)) {
    span_decode(&call->in[slot], 0, scratch);
    a.scale = scratch;
  }
  if (has_input(call, slot + 1)) {
    span_decode(&call->in[slot + 1], 0, shift);
    a.shift = shift;
  }
  return a;
}

static void normalize(const float *x, float *y, int64_t n, float mean, float factor,
                      struct affine a) {
  for (int64_t i = 0; i < n; i++) {
    float v = (x[i] - mean) * factor;
    if (a.scale) v *= a.scale[i];
    if (a.shift) v += a.shift[i];
    y[i] = v;
  }
}

static void rmsnorm_row(const float *x, float *y, int64_t n, double eps, struct affine a) {
  const float mean = portable_dot(x, x, n) / (float)n;
  a.shift = NULL;
  normalize(x, y, n, 0.0f, 1.0f / sqrtf(mean + (float)eps), a);
}

static void layernorm_row(const float *x, float *y, int64_t n, double eps,
                          struct affine a) {
  const float mean = portable_sum(x, n) / (float)n;
  const float var = portable_spread(x, mean, n) / (float)n;
  normalize(x, y, n, mean, 1.0f / sqrtf(var + (float)eps), a);
}

typedef void row_function(const float *, float *, int64_t, double, struct affine);

/* A norm over each head has one scale and shift for all heads, or its own for each. */
static struct affine affine_at(const ridge_kernel_call *call, struct affine a, int64_t at) {
  if (call->in[1].cols != call->in[0].cols) return a;
  return (struct affine){a.scale ? a.scale + at : NULL, a.shift ? a.shift + at : NULL};
}

static void run_norm(const ridge_kernel_call *call, row_function *f, int32_t thread,
                     int32_t threads) {
  const ridge_attrs *attrs = &call->site->node->attrs;
  const int64_t heads = attrs->heads > 0 ? attrs->heads : 1, n = call->in[0].cols / heads;
  const struct affine a = affine_of(call, 1);
  const struct share mine = share_of(call->rows, thread, threads);
  for (int64_t r = mine.lo; r < mine.hi; r++)
    for (int64_t at = 0; at < heads * n; at += n)
      f(span_row(&call->in[0], r) + at, span_row(&call->out[0], r) + at, n, attrs->eps,
        affine_at(call, a, at));
}

/* out[0] is the sum, out[1] the norm. */
static void run_add_norm(const ridge_kernel_call *call, row_function *f, int32_t thread,
                         int32_t threads) {
  const struct affine a = affine_of(call, 2);
  const struct share mine = share_of(call->rows, thread, threads);
  const int64_t n = call->in[0].cols;
  for (int64_t r = mine.lo; r < mine.hi; r++) {
    const float *left = span_row(&call->in[0], r), *right = span_row(&call->in[1], r);
    float *sum = span_row(&call->out[0], r);
    for (int64_t i = 0; i < n; i++) sum[i] = left[i] + right[i];
    f(sum, span_row(&call->out[1], r), n, call->site->node->attrs.eps, a);
  }
}

static void run_rmsnorm(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  run_norm(call, rmsnorm_row, thread, threads);
}
static void run_layernorm(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  run_norm(call, layernorm_row, thread, threads);
}
static void run_add_rmsnorm(const ridge_kernel_call *call, int32_t thread,
                            int32_t threads) {
  run_add_norm(call, rmsnorm_row, thread, threads);
}
static void run_add_layernorm(const ridge_kernel_call *call, int32_t thread,
                              int32_t threads) {
  run_add_norm(call, layernorm_row, thread, threads);
}

#define NORM_KERNEL(name)                                                                  \
  const ridge_kernel portable_##name = {                                                   \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .scratch_bytes = scratch_bytes,                                                      \
      .run = run_##name,                                                                   \
  }
NORM_KERNEL(rmsnorm);
NORM_KERNEL(layernorm);
NORM_KERNEL(add_rmsnorm);
NORM_KERNEL(add_layernorm);
