/*
 * ridge/wide_kernel.h - what kernels in lanes share: shares of work, rows of spans, what
 * has to hold of inputs.  Source for kernels, as ridge/wide.h is.
 */
#ifndef RIDGE_WIDE_KERNEL_H
#define RIDGE_WIDE_KERNEL_H

#include <ridge/kernel.h>
#include <ridge/wide_act.h>

#include <stdio.h>
#include <string.h>

struct wide_share {
  int64_t lo, hi;
};

static inline struct wide_share wide_share_of(int64_t n, int32_t thread, int32_t threads) {
  return (struct wide_share){n * thread / threads, n * (thread + 1) / threads};
}

static inline bool wide_has(const ridge_kernel_call *call, uint32_t slot) {
  const ridge_node *node = call->site->node;
  return slot < node->n_in && node->in[slot] >= 0;
}

static inline float *wide_row(const ridge_span *span, int64_t row) {
  return (float *)(void *)((char *)span->data + (uint64_t)row * span->stride);
}

/* Vectors from slot `from` on have to be f32: nobody stores them otherwise. */
static inline ridge_status wide_vectors(const ridge_kernel_site *site, uint32_t from,
                                        char *why, size_t room) {
  for (uint32_t slot = from; slot < site->node->n_in; slot++) {
    const ridge_codec *codec = site->in_codec[slot];
    if (site->node->in[slot] < 0 || !codec || strcmp(codec->name, "f32") == 0) continue;
    snprintf(why, room, "input %u is %s; here vectors are read as f32", (unsigned)slot,
             codec->name);
    return RIDGE_DECLINED;
  }
  return RIDGE_OK;
}

static inline ridge_status wide_accepts_act(const ridge_kernel_site *site, char *why,
                                            size_t room) {
  if (site->node->attrs.act < RIDGE_ACT_COUNT) return RIDGE_OK;
  snprintf(why, room, "activation function %u is not known here",
           (unsigned)site->node->attrs.act);
  return RIDGE_DECLINED;
}

#endif
