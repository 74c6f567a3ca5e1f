/*
 * x86_norm_avx2.c - rmsnorm, layernorm, and both with the addition before them.
 *
 * Sums run in 32 interleaved partial sums and a fixed tree, so they hang on the width
 * alone.  Threads share out rows.
 */
#include "x86.h"
#include "x86_lanes.h"

#include <math.h>

enum { WIDE = 4 };

INLINE float fold(const __m256 s[WIDE]) {
  return lanes_sum(_mm256_add_ps(_mm256_add_ps(s[0], s[2]), _mm256_add_ps(s[1], s[3])));
}

/* Sum of (x - mean)^2. */
static float spread(const float *x, int64_t n, float mean) {
  const __m256 m = _mm256_set1_ps(mean);
  __m256 s[WIDE] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                    _mm256_setzero_ps()};
  int64_t i = 0;
  for (; i + 8 * WIDE <= n; i += 8 * WIDE) {
    UNROLL
    for (int j = 0; j < WIDE; j++) {
      const __m256 d = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8 * j), m);
      s[j] = _mm256_fmadd_ps(d, d, s[j]);
    }
  }
  for (; i < n; i += 8) {
    __m256 d = _mm256_sub_ps(lanes_load(x + i, n - i), m);
    d = _mm256_and_ps(d, _mm256_castsi256_ps(lanes_first(n - i)));
    s[0] = _mm256_fmadd_ps(d, d, s[0]);
  }
  return fold(s);
}

static float total(const float *x, int64_t n) {
  __m256 s[WIDE] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                    _mm256_setzero_ps()};
  int64_t i = 0;
  for (; i + 8 * WIDE <= n; i += 8 * WIDE) {
    UNROLL
    for (int j = 0; j < WIDE; j++)
      s[j] = _mm256_add_ps(s[j], _mm256_loadu_ps(x + i + 8 * j));
  }
  for (; i < n; i += 8) s[0] = _mm256_add_ps(s[0], lanes_load(x + i, n - i));
  return fold(s);
}

struct affine {
  const float *scale, *shift; /* (n); NULL: none */
};

static void normalize(const float *x, float *y, int64_t n, float mean, float factor,
                      struct affine a) {
  const __m256 m = _mm256_set1_ps(mean), f = _mm256_set1_ps(factor);
  for (int64_t i = 0; i < n; i += 8) {
    __m256 v = _mm256_mul_ps(_mm256_sub_ps(lanes_load(x + i, n - i), m), f);
    if (a.scale) v = _mm256_mul_ps(v, lanes_load(a.scale + i, n - i));
    if (a.shift) v = _mm256_add_ps(v, lanes_load(a.shift + i, n - i));
    lanes_store(y + i, v, n - i);
  }
}

static void rms_row(const float *x, float *y, int64_t n, double eps, struct affine a) {
  a.shift = NULL;
  normalize(x, y, n, 0.0f, 1.0f / sqrtf(spread(x, n, 0.0f) / (float)n + (float)eps), a);
}

static void layer_row(const float *x, float *y, int64_t n, double eps, struct affine a) {
  const float mean = total(x, n) / (float)n;
  normalize(x, y, n, mean, 1.0f / sqrtf(spread(x, n, mean) / (float)n + (float)eps), a);
}

typedef void row_function(const float *, float *, int64_t, double, struct affine);

static struct affine affine_of(const ridge_kernel_call *call, uint32_t slot) {
  const ridge_node *node = call->site->node;
  return (struct affine){has_input(node, slot) ? call->in[slot].data : NULL,
                         has_input(node, slot + 1) ? call->in[slot + 1].data : NULL};
}

static void run_norm(const ridge_kernel_call *call, row_function *f, int32_t thread,
                     int32_t threads) {
  const struct share mine = share_of(call->rows, thread, threads);
  const struct affine a = affine_of(call, 1);
  for (int64_t r = mine.lo; r < mine.hi; r++)
    f(span_row(&call->in[0], r), span_row(&call->out[0], r), call->in[0].cols,
      call->site->node->attrs.eps, a);
}

/* out[0] is the sum, out[1] the norm. */
static void run_add_norm(const ridge_kernel_call *call, row_function *f, int32_t thread,
                         int32_t threads) {
  const struct share mine = share_of(call->rows, thread, threads);
  const struct affine a = affine_of(call, 2);
  const int64_t n = call->in[0].cols;
  for (int64_t r = mine.lo; r < mine.hi; r++) {
    const float *left = span_row(&call->in[0], r), *right = span_row(&call->in[1], r);
    float *sum = span_row(&call->out[0], r);
    for (int64_t i = 0; i < n; i += 8)
      lanes_store(sum + i,
                  _mm256_add_ps(lanes_load(left + i, n - i), lanes_load(right + i, n - i)),
                  n - i);
    f(sum, span_row(&call->out[1], r), n, call->site->node->attrs.eps, a);
  }
}

static ridge_status accepts_norm(const ridge_kernel_site *site, char *why, size_t room) {
  if (site->node->attrs.heads > 0) {
    snprintf(why, room, "a norm over each head is not known here");
    return RIDGE_DECLINED;
  }
  const ridge_status status = vector_is_f32(site, 1, why, room);
  return status == RIDGE_OK ? vector_is_f32(site, 2, why, room) : status;
}

static ridge_status accepts_add_norm(const ridge_kernel_site *site, char *why,
                                     size_t room) {
  const ridge_status status = vector_is_f32(site, 2, why, room);
  return status == RIDGE_OK ? vector_is_f32(site, 3, why, room) : status;
}

#define NORM_KERNEL(name, how, row)                                                        \
  static void run_##name(const ridge_kernel_call *call, int32_t thread, int32_t threads) { \
    run_##how(call, row, thread, threads);                                                 \
  }                                                                                        \
  const ridge_kernel x86_##name = {                                                        \
      .struct_size = sizeof(ridge_kernel),                                                 \
      .accepts = accepts_##how,                                                            \
      .run = run_##name,                                                                   \
  };
NORM_KERNEL(rmsnorm, norm, rms_row)
NORM_KERNEL(layernorm, norm, layer_row)
NORM_KERNEL(add_rmsnorm, add_norm, rms_row)
NORM_KERNEL(add_layernorm, add_norm, layer_row)
