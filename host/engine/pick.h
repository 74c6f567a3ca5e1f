/*
 * pick.h - from logits to a token: the shape chain, then the pick.
 *
 * What is picked for a position hangs on the seed, the sequence, the position and
 * the logits, on nothing else: so a drafted position verified in one step and the
 * same position decoded alone give the same token, greedy or sampled.
 */
#ifndef RIDGE_ENGINE_PICK_H
#define RIDGE_ENGINE_PICK_H

#include "registry/instance.h"

#include <ridge/seam/sample_pick.h>

struct picker {
  struct instances *plugins;
  struct {
    struct instance *by;
    const ridge_logits_shape *table;
  } shapes[32];
  int n_shapes;
  struct instance *pick_by; /* NULL: the reference */
  const ridge_sample_pick *pick;
  double temperature;
  uint64_t seed;
};

void picker_init(struct picker *, struct instances *, double temperature, uint64_t seed);
/* Shapes the logits in place, then picks. */
RIDGE_MUST ridge_status picker_token(const struct picker *, const ridge_shape_view *,
                                     float *logits, int64_t vocab, int32_t *token,
                                     struct why *why);
/* Largest logit, the lowest id among equals. */
int32_t pick_greedy(const float *logits, int64_t vocab);
/* Largest of logit / temperature + Gumbel noise: a draw from the softmax.
 * Gumbel 1954; as a way to sample: arXiv 1411.0030 sec. 2. */
int32_t pick_gumbel(const float *logits, int64_t vocab, double temperature, uint64_t seed,
                    int64_t sequence, int64_t position);

#endif
