/*
 * portable_norm.c - rmsnorm (arXiv 1910.07467, eq. 4) and layernorm (arXiv
 * 1607.06450), alone and with the addition before them.
 *
 * Threads share out rows; sums run in the order of portable_dot.  Weights may be
 * in any codec and are decoded once per call.
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

static void run_norm(const ridge_kernel_call *call, row_function *f, int32_t thread,
                     int32_t threads) {
  const struct affine a = affine_of(call, 1);
  const struct share mine = share_of(call->rows, thread, threads);
  if (mine.lo == mine.hi) return;
  for (int64_t r = mine.lo; r < mine.hi; r++)
    f(span_row(&call->in[0], r), span_row(&call->out[0], r), call->in[0].cols,
      call->site->node->attrs.eps, a);
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
