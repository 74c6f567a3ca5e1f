/*
 * roofline.h - operations, bytes and time of a Llama-like layer from its shape alone.
 *
 * For machines that are not here and models that are not at hand: no file is read, no
 * graph is built.  The plan of a real model (engine/prediction.c) uses the operators'
 * own costs instead.
 *
 * The table is that of LLM Inference Unveiled (arXiv 2402.16363).  `compat` computes it
 * as that paper's program does, so that the two can be compared; without it the known
 * mistakes are put right: the head counts two operations a weight and reads its batch,
 * fused attention writes its output and not its scores, queries are read with all heads
 * and the cache with the key/value heads, the activation is as wide as the feed-forward,
 * a residual reads both inputs, an RMS norm takes four operations and not seven, and
 * embedding and head are part of the footprint.
 *
 * Operators run one after the other, each at the longer of operations at the peak and
 * bytes at the bandwidth: no launch cost, no cache, no overlap, and prompts attend to the
 * full square.
 */
#ifndef RIDGE_GRAPH_ROOFLINE_H
#define RIDGE_GRAPH_ROOFLINE_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct roofline_shape {
  const char *name;
  int64_t dim, layers, heads, kv_heads, ffn, vocab;
  bool tied; /* one table for embedding and head */
};

struct roofline_device {
  const char *name;
  double bandwidth;   /* bytes/s                                      */
  double flops, int8; /* operations/s; int8 0: no figure of its own   */
  double on_chip;     /* bytes                                        */
};

const struct roofline_shape *roofline_shapes(size_t *n);
const struct roofline_device *roofline_devices(size_t *n);
const struct roofline_shape *roofline_shape_find(const char *name);   /* or NULL */
const struct roofline_device *roofline_device_find(const char *name); /* or NULL */

/* One step: `tokens` of each of `batch` sequences, attending to `context` positions
 * (their own included).  Bits are of one stored element, with scales. */
struct roofline_query {
  struct roofline_shape shape;
  struct roofline_device device;
  int64_t batch, tokens, context;
  double weight_bits, activation_bits, cache_bits;
  bool fused, compat;
};

struct roofline_op {
  const char *name;
  int64_t count; /* in the whole model */
  double ops, weights, in, out, cache_in, cache_out;
  double bytes, seconds; /* of one */
  bool compute;          /* bound by the peak, not by memory */
};

enum { ROOFLINE_MOST_OPS = 20 };
struct roofline_stage {
  struct roofline_op op[ROOFLINE_MOST_OPS];
  int n;
  double peak;                /* that counts here: int8 only if all widths are <= 8 bits */
  double ops, bytes, seconds; /* of the step */
  /* Footprint: all weights, the cache of `context`, what one layer writes. */
  double weights, cache, activations;
};

/* RIDGE_INVALID for a shape that cannot be, a device without speed, or widths that the
 * device has no peak for (compat only). */
RIDGE_MUST ridge_status roofline_step(const struct roofline_query *,
                                      struct roofline_stage *out, struct why *why);

#endif
