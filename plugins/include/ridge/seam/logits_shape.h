/*
 * ridge/seam/logits_shape.h - seam "logits.shape/1", a CHAIN: edit the logits
 * before a token is picked.  A token is ruled out by -INFINITY.
 */
#ifndef RIDGE_SEAM_LOGITS_SHAPE_H
#define RIDGE_SEAM_LOGITS_SHAPE_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_LOGITS_SHAPE "logits.shape/1"

typedef struct ridge_shape_view {
  uint64_t struct_size;
  int64_t sequence;      /* id                                                 */
  const int32_t *tokens; /* (n) prompt and output before the token to be picked */
  int64_t n, prompt;     /* the first `prompt` are the prompt                  */
} ridge_shape_view;
RIDGE_SEALED(ridge_shape_view, prompt);

typedef struct ridge_logits_shape {
  uint64_t struct_size;
  /* logits: (vocab), edited in place.  A function of the view and of the logits
   * alone: a drafted position is shaped again, and must come out the same. [step] */
  ridge_status (*shape)(void *self, const ridge_shape_view *, float *logits, int64_t vocab);
} ridge_logits_shape;
RIDGE_SEALED(ridge_logits_shape, shape);

#endif
