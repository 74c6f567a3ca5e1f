/*
 * ridge/seam/sample_pick.h - seam "sample.pick/1", ONE: choose the token.
 *
 * The reference takes the largest logit at temperature 0 (the lowest id among
 * equals), else the largest of logit / temperature + Gumbel noise, which draws
 * from the softmax; the noise hangs on (seed, sequence, position, token id) only.
 */
#ifndef RIDGE_SEAM_SAMPLE_PICK_H
#define RIDGE_SEAM_SAMPLE_PICK_H

#include <ridge/seam/logits_shape.h>

#define RIDGE_SEAM_SAMPLE_PICK "sample.pick/1"

typedef struct ridge_sample_pick {
  uint64_t struct_size;
  /* A function of its arguments and the run's seed alone, see decode_draft.h. [step] */
  ridge_status (*pick)(void *self, const ridge_shape_view *, const float *logits,
                       int64_t vocab, int32_t *token);
} ridge_sample_pick;
RIDGE_SEALED(ridge_sample_pick, pick);

#endif
