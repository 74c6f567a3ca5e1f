/*
 * ridge/seam/weights.h - seam "weights/1", a CHAIN: rewrite weights at load.
 *
 * First `choose` is asked for each weight of the graph, while the plan is made and
 * before a byte is read; each member sees the codec that the one before chose.
 * Then, as the model loads, a tensor that some member changed passes through the
 * `edit` of every member as f32 rows and is stored in the last codec chosen.
 * Tensors nobody changed stay mapped from their file.
 */
#ifndef RIDGE_SEAM_WEIGHTS_H
#define RIDGE_SEAM_WEIGHTS_H

#include <ridge/graph.h>

#define RIDGE_SEAM_WEIGHTS "weights/1"

typedef struct ridge_weights {
  uint64_t struct_size;
  /* Put the codec wanted into *codec (a name that lives as long as the plugin)
   * or leave it; set *edits if `edit` will change values of this tensor. [main] */
  ridge_status (*choose)(void *self, const ridge_tensor *weight, const char **codec,
                         bool *edits);
  /* values: rows [lo, hi) of the tensor, (hi - lo, dims[1]).  NULL: no edits. [pool] */
  ridge_status (*edit)(void *self, const ridge_tensor *weight, float *values, int64_t lo,
                       int64_t hi);
  /* Told after a tensor has been stored: bytes in the file, bytes now.  May be
   * NULL. [main] */
  void (*stored)(void *self, const ridge_tensor *weight, uint64_t before, uint64_t after);
  /* After the last `choose`: refuse what can only be known then, such as a pattern
   * that fitted no tensor.  May be NULL. [main] */
  ridge_status (*chosen)(void *self);
} ridge_weights;
RIDGE_SEALED(ridge_weights, chosen);

#endif
