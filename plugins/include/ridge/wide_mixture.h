/*
 * ridge/wide_mixture.h - what surrounds the products of experts, in lanes: the choice of
 * experts, and the sum of what they gave.  Source for kernels, as ridge/wide.h is.
 */
#ifndef RIDGE_WIDE_MIXTURE_H
#define RIDGE_WIDE_MIXTURE_H

#include <ridge/wide_kernel.h>

#include <math.h>

/* ---- route: E scores -> J experts and their weights ---- */

static inline int64_t wide_route_room(const ridge_attrs *a) {
  return (a->experts + WIDE - 1) / WIDE * WIDE;
}

static inline uint64_t wide_route_scratch(const ridge_kernel_site *site) {
  return (uint64_t)wide_route_room(&site->node->attrs) * sizeof(float);
}

/* p = softmax(x); -1, which is never chosen, from n to room. */
static inline void wide_shares(const float *x, float *p, int64_t n, int64_t room) {
  const ridge_wide nothing = wide_set(-INFINITY), none = wide_set(-1.0f);
  ridge_wide top = nothing, sum = wide_zero();
  for (int64_t i = 0; i < room; i += WIDE) wide_store(p + i, nothing);
  memcpy(p, x, (size_t)n * sizeof *p);
  for (int64_t i = 0; i < room; i += WIDE) top = wide_max(wide_load(p + i), top);
  const ridge_wide shift = wide_set(wide_largest(top));
  for (int64_t i = 0; i < room; i += WIDE) {
    const ridge_wide e = wide_exp(wide_sub(wide_load(p + i), shift));
    wide_store(p + i, e);
    sum = wide_add(sum, e);
  }
  const ridge_wide all = wide_set(wide_sum(sum));
  for (int64_t i = 0; i < room; i += WIDE)
    wide_store(p + i, wide_div(wide_load(p + i), all));
  if (n < room) wide_store_some(p + n, none, room - n);
}

/* The largest that is left, the first of equals; with nothing but NaN the first that is
 * left.  A taken one is -1. */
static inline int32_t wide_take(float *p, int64_t room, float *value) {
  ridge_wide top = wide_set(-1.0f);
  for (int64_t i = 0; i < room; i += WIDE) top = wide_max(wide_load(p + i), top);
  const float best = wide_largest(top);
  int64_t at = 0;
  if (best >= 0)
    while (at < room && p[at] != best) at++;
  else
    while (at < room && p[at] == -1.0f) at++;
  if (at == room) at = 0; /* more asked for than there are: the builder refuses it */
  *value = p[at];
  p[at] = -1.0f;
  return (int32_t)at;
}

static inline void wide_run_route(const ridge_kernel_call *call, int32_t thread,
                                  int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t room = wide_route_room(a);
  const float scale = a->scale != 0 ? (float)a->scale : 1.0f;
  const struct wide_share mine = wide_share_of(call->rows, thread, threads);
  float *p = (float *)call->scratch;
  for (int64_t row = mine.lo; row < mine.hi; row++) {
    int32_t *expert = (int32_t *)(void *)wide_row(&call->out[0], row);
    float *weight = wide_row(&call->out[1], row), sum = 0;
    wide_shares(wide_row(&call->in[0], row), p, a->experts, room);
    for (int64_t j = 0; j < a->used; j++) {
      expert[j] = wide_take(p, room, &weight[j]);
      sum += weight[j];
    }
    const float by = (a->flags & RIDGE_ROUTE_NORM) != 0 ? scale / sum : scale;
    for (int64_t j = 0; j < a->used; j++) weight[j] *= by;
  }
}

/* ---- weighted_sum, in the order of the choices ---- */

enum { WIDE_MIXTURE_STRETCH = 256 }; /* columns that one thread takes at a time */

static inline void wide_run_weighted_sum(const ridge_kernel_call *call, int32_t thread,
                                         int32_t threads) {
  const int64_t n = call->out[0].cols, choices = call->in[1].cols;
  const int64_t each = (n + WIDE_MIXTURE_STRETCH - 1) / WIDE_MIXTURE_STRETCH;
  const struct wide_share mine = wide_share_of(call->rows * each, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / each, from = item % each * WIDE_MIXTURE_STRETCH;
    const int64_t end = n - from < WIDE_MIXTURE_STRETCH ? n : from + WIDE_MIXTURE_STRETCH;
    const float *x = wide_row(&call->in[0], row), *weight = wide_row(&call->in[1], row);
    float *y = wide_row(&call->out[0], row);
    for (int64_t i = from; i < end; i += WIDE) {
      ridge_wide sum = wide_mul(wide_set(weight[0]), wide_load_some(x + i, end - i));
      for (int64_t j = 1; j < choices; j++)
        sum = wide_fma(wide_set(weight[j]), wide_load_some(x + j * n + i, end - i), sum);
      wide_store_some(y + i, sum, end - i);
    }
  }
}

/* X(name, accepts, scratch): every operator here. */
#define WIDE_MIXTURE_MAP(X)                                                                \
  X(route, NULL, wide_route_scratch)                                                       \
  X(weighted_sum, NULL, NULL)

#endif
