/*
 * portable_experts.c - a mixture of experts (arXiv 1701.06538; 2401.04088 sec. 2.1): the
 * choice of experts, products with the chosen ones, and the weighted sum.
 *
 * For products the (row, choice) pairs are sorted by expert first, so that each weight
 * row is decoded once for all rows that chose its expert, and no other expert is read.
 * An element is one portable_dot whatever shares the batch; threads share out columns.
 */
#include "portable.h"

#include <math.h>

/* ---- route: E scores -> J experts and their weights ---- */

static uint64_t route_scratch(const ridge_kernel_site *site) {
  return (uint64_t)site->node->attrs.experts * sizeof(float);
}

static void softmax(const float *x, float *p, int64_t n) {
  float top = -INFINITY;
  for (int64_t i = 0; i < n; i++)
    if (x[i] > top) top = x[i];
  for (int64_t i = 0; i < n; i++) p[i] = expf(x[i] - top);
  const float sum = portable_sum(p, n);
  for (int64_t i = 0; i < n; i++) p[i] /= sum;
}

/* The largest of p not yet taken, the first of equals; a taken one is marked by -1.
 * A NaN is never larger: with nothing but NaN the first that is left is taken. */
static int64_t take_largest(float *p, int64_t n, float *value) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; i++) {
    if (p[i] < 0) continue;
    if (best < 0 || p[i] > p[best]) best = i;
  }
  *value = p[best];
  p[best] = -1;
  return best;
}

static void route_row(const ridge_kernel_call *call, int64_t row) {
  const ridge_attrs *a = &call->site->node->attrs;
  float *p = call->scratch; /* (E) */
  int32_t *expert = (int32_t *)(void *)span_row(&call->out[0], row);
  float *weight = span_row(&call->out[1], row), sum = 0;
  softmax(span_row(&call->in[0], row), p, a->experts);
  for (int64_t j = 0; j < a->used; j++) {
    expert[j] = (int32_t)take_largest(p, a->experts, &weight[j]);
    sum += weight[j];
  }
  const float scale = a->scale != 0 ? (float)a->scale : 1.0f;
  const float by = (a->flags & RIDGE_ROUTE_NORM) != 0 ? scale / sum : scale;
  for (int64_t j = 0; j < a->used; j++) weight[j] *= by;
}

static void run_route(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const struct share mine = share_of(call->rows, thread, threads);
  for (int64_t row = mine.lo; row < mine.hi; row++) route_row(call, row);
}

/* ---- expert_matmul ---- */

enum { TILE = 8 }; /* weight rows decoded together */

/* What one thread keeps: decoded rows, where each expert's pairs begin, the pairs. */
struct room {
  float *w;       /* (TILE, K) */
  int32_t *begin; /* (E + 1) */
  int32_t *pair;  /* (rows * J): row * J + j, by expert, rows ascending */
};

static uint64_t expert_scratch(const ridge_kernel_site *site) {
  const ridge_attrs *a = &site->node->attrs;
  return (uint64_t)(TILE * site->in_dims[1][1]) * sizeof(float) +
         (uint64_t)(a->experts + 1 + site->max_rows * a->used) * sizeof(int32_t);
}

static struct room room_of(const ridge_kernel_call *call) {
  struct room room = {.w = call->scratch};
  room.begin = (int32_t *)(void *)(room.w + TILE * call->in[1].cols);
  room.pair = room.begin + call->site->node->attrs.experts + 1;
  return room;
}

static const int32_t *chosen(const ridge_kernel_call *call, int64_t row) {
  return (const int32_t *)(const void *)span_bytes(&call->in[2], row);
}

/* Counting sort of all (row, choice) pairs by expert. */
static void sort_pairs(const ridge_kernel_call *call, struct room *room) {
  const ridge_attrs *a = &call->site->node->attrs;
  memset(room->begin, 0, (size_t)(a->experts + 1) * sizeof *room->begin);
  for (int64_t row = 0; row < call->rows; row++)
    for (int64_t j = 0; j < a->used; j++) room->begin[chosen(call, row)[j] + 1]++;
  for (int64_t e = 0; e < a->experts; e++) room->begin[e + 1] += room->begin[e];
  /* Filling moves each beginning to its end, which is the next one's beginning. */
  for (int64_t row = 0; row < call->rows; row++)
    for (int64_t j = 0; j < a->used; j++)
      room->pair[room->begin[chosen(call, row)[j]]++] = (int32_t)(row * a->used + j);
  memmove(room->begin + 1, room->begin, (size_t)a->experts * sizeof *room->begin);
  room->begin[0] = 0;
}

/* Columns [from, from + n) of one expert for all that chose it. */
static void run_tile(const ridge_kernel_call *call, const struct room *room, int64_t expert,
                     int64_t from, int64_t n, int64_t outputs) {
  const ridge_span *x = &call->in[0], *w = &call->in[1];
  const int64_t used = call->site->node->attrs.used, k = w->cols;
  const bool own = x->cols != k; /* an input for each choice */
  for (int64_t c = 0; c < n; c++)
    span_decode(w, expert * outputs + from + c, room->w + c * k);
  for (int32_t i = room->begin[expert]; i < room->begin[expert + 1]; i++) {
    const int64_t row = room->pair[i] / used, j = room->pair[i] % used;
    const float *input = span_row(x, row) + (own ? j * k : 0);
    float *y = span_row(&call->out[0], row) + j * outputs + from;
    for (int64_t c = 0; c < n; c++) y[c] = portable_dot(input, room->w + c * k, k);
  }
}

static void run_expert_matmul(const ridge_kernel_call *call, int32_t thread,
                              int32_t threads) {
  const ridge_attrs *a = &call->site->node->attrs;
  const int64_t outputs = call->in[1].rows / a->experts;
  const struct share mine = share_of(outputs, thread, threads);
  struct room room = room_of(call);
  if (mine.lo == mine.hi) return;
  sort_pairs(call, &room);
  for (int64_t e = 0; e < a->experts; e++) {
    if (room.begin[e] == room.begin[e + 1]) continue;
    for (int64_t from = mine.lo; from < mine.hi; from += TILE)
      run_tile(call, &room, e, from, mine.hi - from < TILE ? mine.hi - from : TILE,
               outputs);
  }
}

/* ---- weighted_sum, in the order of the choices ---- */

static void run_weighted_sum(const ridge_kernel_call *call, int32_t thread,
                             int32_t threads) {
  const int64_t n = call->out[0].cols, choices = call->in[1].cols;
  const struct share mine = share_of(call->rows, thread, threads);
  for (int64_t row = mine.lo; row < mine.hi; row++) {
    const float *x = span_row(&call->in[0], row), *weight = span_row(&call->in[1], row);
    float *y = span_row(&call->out[0], row);
    for (int64_t i = 0; i < n; i++) y[i] = weight[0] * x[i];
    for (int64_t j = 1; j < choices; j++)
      for (int64_t i = 0; i < n; i++) y[i] += weight[j] * x[j * n + i];
  }
}

const ridge_kernel portable_route = {
    .struct_size = sizeof(ridge_kernel),
    .scratch_bytes = route_scratch,
    .run = run_route,
};
const ridge_kernel portable_expert_matmul = {
    .struct_size = sizeof(ridge_kernel),
    .scratch_bytes = expert_scratch,
    .run = run_expert_matmul,
};
const ridge_kernel portable_weighted_sum = {
    .struct_size = sizeof(ridge_kernel),
    .run = run_weighted_sum,
};
