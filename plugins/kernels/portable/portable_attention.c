/*
 * portable_attention.c - cache_put, and attention as the definition has it: the
 * scores of a row over all its positions, their softmax, the weighted values
 * (arXiv 1706.03762, eq. 1; grouped heads: arXiv 2305.13245).
 *
 * Keys and values are read where the block table says, position by position in
 * ascending order, so that the size of blocks changes nothing.  With a window a row
 * sees its own position and the window - 1 before it.  Threads share out pairs of
 * (row, head).
 */
#include "portable_cache.h"

#include <math.h>

static void run_cache_put(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_span *x = &call->in[0], *cache = &call->in[1];
  const ridge_batch *batch = call->batch;
  const int64_t dim = cache->cols, kv_heads = x->cols / dim;
  const struct share mine = share_of(call->rows * kv_heads, thread, threads);
  for (int64_t item = mine.lo; item < mine.hi; item++) {
    const int64_t row = item / kv_heads, head = item % kv_heads;
    cache->codec->encode(
        span_row(x, row) + head * dim,
        cache_row(cache, batch, kv_heads, batch->sequence[row], head, batch->position[row]),
        dim);
  }
}

/* Scores of one row, then one head of keys or values, decoded. */
static uint64_t attention_scratch(const ridge_kernel_site *site) {
  const ridge_attrs *a = &site->node->attrs;
  return (uint64_t)(site->max_context + a->head_dim) * sizeof(float);
}

/* Turn scores into weights that sum to one.  A NaN among them makes all NaN, through
 * the sum. */
static void softmax(float *score, int64_t n) {
  float top = -INFINITY, sum;
  for (int64_t i = 0; i < n; i++)
    if (score[i] > top) top = score[i];
  for (int64_t i = 0; i < n; i++) score[i] = expf(score[i] - top);
  sum = portable_sum(score, n);
  for (int64_t i = 0; i < n; i++) score[i] /= sum;
}

/* s = cap tanh(s / cap), before the softmax (Gemma 2, arXiv 2408.00118 sec. 2). */
static void soft_cap(float *score, int64_t n, float cap) {
  for (int64_t i = 0; i < n; i++) score[i] = cap * tanhf(score[i] / cap);
}

static void attend(const ridge_kernel_call *call, int64_t row, int64_t head) {
  const ridge_attrs *a = &call->site->node->attrs;
  const ridge_batch *batch = call->batch;
  const ridge_span *keys = &call->in[1], *values = &call->in[2];
  const int64_t dim = a->head_dim, shared = head * a->kv_heads / a->heads;
  const int64_t last = batch->position[row];
  const int64_t first = a->window > 0 && last >= a->window ? last - a->window + 1 : 0;
  const int32_t sequence = batch->sequence[row];
  const float *q = span_row(&call->in[0], row) + head * dim; /* (dim) */
  float *y = span_row(&call->out[0], row) + head * dim;      /* (dim) */
  float *one = call->scratch, *score = one + dim;            /* (dim), (positions) */

  for (int64_t p = first; p <= last; p++) {
    keys->codec->decode(cache_row(keys, batch, a->kv_heads, sequence, shared, p), one, dim);
    score[p - first] = portable_dot(q, one, dim) * (float)a->scale;
  }
  if (a->softcap > 0) soft_cap(score, last - first + 1, (float)a->softcap);
  softmax(score, last - first + 1);
  memset(y, 0, (size_t)dim * sizeof *y);
  for (int64_t p = first; p <= last; p++) {
    values->codec->decode(cache_row(values, batch, a->kv_heads, sequence, shared, p), one,
                          dim);
    for (int64_t i = 0; i < dim; i++) y[i] += score[p - first] * one[i];
  }
}

/* Dealt in turn: later rows of a prompt see more positions and cost more. */
static void run_attention(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const int64_t heads = call->site->node->attrs.heads;
  for (int64_t item = thread; item < call->rows * heads; item += threads)
    attend(call, item / heads, item % heads);
}

const ridge_kernel portable_cache_put = {
    .struct_size = sizeof(ridge_kernel),
    .run = run_cache_put,
};
const ridge_kernel portable_attention = {
    .struct_size = sizeof(ridge_kernel),
    .scratch_bytes = attention_scratch,
    .run = run_attention,
};
