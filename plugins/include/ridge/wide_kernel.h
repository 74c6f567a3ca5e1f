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

/* Parts [0, n) of a call's work, handed out: to every thread an even share of the first
 * half, its own in every step so that what it reads stays near, and the rest to whoever is
 * free, in ranges that shrink towards the end.  A thread whose core is wanted elsewhere
 * keeps the others waiting for a part, not for its share. */
struct wide_turns {
  uint64_t *taken; /* of the call; NULL: all of it is dealt */
  int64_t n;
  int32_t thread, threads;
  bool dealt; /* this thread has its share */
};

/* The next range for this thread; false: none is left. */
static inline bool wide_next(struct wide_turns *t, struct wide_share *range) {
  uint64_t *taken = t->threads > 1 ? t->taken : NULL;
  const int64_t fixed = taken ? t->n / 2 : t->n;
  if (!t->dealt) {
    t->dealt = true;
    *range = wide_share_of(fixed, t->thread, t->threads);
    if (range->lo < range->hi) return true;
  }
  if (!taken) return false;
  const uint64_t rest = (uint64_t)(t->n - fixed), each = 2 * (uint64_t)t->threads;
  uint64_t at = __atomic_load_n(taken, __ATOMIC_RELAXED), some;
  do {
    if (at >= rest) return false;
    some = (rest - at + each - 1) / each;
  } while (!__atomic_compare_exchange_n(taken, &at, at + some, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  range->lo = fixed + (int64_t)at;
  range->hi = range->lo + (int64_t)some;
  return true;
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
