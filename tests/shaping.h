/*
 * shaping.h - logits to drive what fills logits.shape, and the order they stand in.
 */
#ifndef SHAPING_H
#define SHAPING_H

#include "fakehost.h"

#include <ridge/seam/logits_shape.h>

static inline ridge_status shaping_run(struct fake *fake, const int32_t *tokens, int64_t n,
                                       float *logits, int64_t vocab) {
  const ridge_logits_shape *seam = fake_table(fake, RIDGE_SEAM_LOGITS_SHAPE);
  ridge_shape_view view = {
      .struct_size = sizeof view, .tokens = tokens, .n = n, .prompt = n};
  return seam->shape(fake->self, &view, logits, vocab);
}

/* Kinds of distributions that selection has to get right. */
enum { SHAPING_KINDS = 6 };
static inline void shaping_fill(float *logits, int64_t vocab, int kind, uint64_t *dice) {
  for (int64_t i = 0; i < vocab; i++) {
    float x = fake_unit(dice);
    switch (kind) {
    case 0: logits[i] = 12 * x; break;                         /* of both signs */
    case 1: logits[i] = -30 + x; break;                        /* all negative */
    case 2: logits[i] = (float)fake_below(dice, 5); break;     /* many ties */
    case 3: logits[i] = 3.5f; break;                           /* nothing but ties */
    case 4: logits[i] = i % 3 == 0 ? -INFINITY : 5 * x; break; /* some ruled out before */
    default: logits[i] = 8 + x * 1e-6f; break;                 /* differ in the last bits */
    }
  }
}

static inline int shaping_compare(const void *a, const void *b, void *ctx) {
  const float *logits = ctx;
  int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
  if (logits[i] != logits[j]) return logits[i] > logits[j] ? -1 : 1;
  return i < j ? -1 : 1;
}

/* Token ids from the most to the least likely, the lower of equal ones first. */
static inline int32_t *shaping_sorted(const float *logits, int64_t vocab) {
  int32_t *order = calloc((size_t)vocab, sizeof *order);
  for (int64_t i = 0; i < vocab; i++) order[i] = (int32_t)i;
  qsort_r(order, (size_t)vocab, sizeof *order, shaping_compare, (void *)(uintptr_t)logits);
  return order;
}

/* The first `kept` of the order are as they were, the others are ruled out. */
static inline void shaping_expect(const float *before, const float *after,
                                  const int32_t *order, int64_t vocab, int64_t kept) {
  for (int64_t i = 0; i < vocab; i++) {
    int32_t token = order[i];
    float want = i < kept ? before[token] : -INFINITY;
    if (after[token] != want) {
      fail_msg("place %d (token %d): %g, wanted %g", (int)i, (int)token,
               (double)after[token], (double)want);
    }
  }
}

#endif
