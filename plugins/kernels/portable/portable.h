/*
 * portable.h - what the files of the part kernels.portable share.
 *
 * Everything here is private to the plugin; the contract is ridge/kernel.h and
 * ridge/codec.h.  Letters: T rows of a call, K inner width, N outputs, D width of
 * a head.
 */
#ifndef PORTABLE_H
#define PORTABLE_H

#include <ridge/codec.h>
#include <ridge/kernel.h>

#include <string.h>

/* ---- kernels and codecs, one table each; portable.c lists them as fills ---- */
extern const ridge_kernel portable_embed, portable_rmsnorm, portable_layernorm,
    portable_matmul, portable_add, portable_mul, portable_scale, portable_act, portable_glu,
    portable_rope_table, portable_rope, portable_cache_put, portable_attention,
    portable_rows, portable_slice, portable_softcap, portable_add_rmsnorm,
    portable_add_layernorm, portable_route, portable_expert_matmul, portable_weighted_sum;
extern const ridge_codec portable_f32, portable_f16, portable_bf16, portable_q8_0,
    portable_q4_0, portable_q4_1, portable_q5_0, portable_q5_1;
extern const ridge_codec portable_q2_k, portable_q3_k, portable_q4_k, portable_q5_k,
    portable_q6_k, portable_iq4_nl, portable_iq4_xs, portable_mxfp4;
extern const ridge_codec portable_i8g32, portable_i8g64, portable_i8g128, portable_i8g256,
    portable_i4g32, portable_i4g64, portable_i4g128, portable_i4g256;

/* ---- arithmetic (portable_math.c) ---- */

/* Sum of a[i] b[i] in sixteen interleaved partial sums and a fixed tree: the order
 * hangs on n alone, and a compiler can keep four or eight lanes busy. */
float portable_dot(const float *a, const float *b, int64_t n);
float portable_sum(const float *a, int64_t n);
/* Sum of (a[i] - mean)^2. */
float portable_spread(const float *a, float mean, int64_t n);
/* x[i] = act(x[i]) */
void portable_activate(uint32_t act, float *x, int64_t n);

/* ---- spans and shares ---- */
struct share {
  int64_t lo, hi;
};

/* The part of 0..n that falls to one thread.  Only which thread computes an output
 * hangs on it, never how the output is summed. */
static inline struct share share_of(int64_t n, int32_t thread, int32_t threads) {
  return (struct share){n * thread / threads, n * (thread + 1) / threads};
}

static inline bool has_input(const ridge_kernel_call *call, uint32_t slot) {
  const ridge_node *node = call->site->node;
  return slot < node->n_in && node->in[slot] >= 0;
}

static inline float *span_row(const ridge_span *span, int64_t row) {
  return (float *)(void *)((char *)span->data + (uint64_t)row * span->stride);
}

static inline const char *span_bytes(const ridge_span *span, int64_t row) {
  return (const char *)span->data + (uint64_t)row * span->stride;
}

/* Row `row` of a weight as f32 at `to` (cols floats). */
static inline void span_decode(const ridge_span *span, int64_t row, float *to) {
  span->codec->decode(span_bytes(span, row), to, span->cols);
}

#endif
