/*
 * builder.h - the one builder: a model's facts and tensors -> its graph.
 *
 * The graph's inputs are "tokens" and "positions" (i32, T), its output "logits"
 * (R, vocab).  Weights are tensors named as in the file, with the file's codec.
 */
#ifndef RIDGE_MODEL_BUILDER_H
#define RIDGE_MODEL_BUILDER_H

#include "graph/graph.h"
#include "model/arch.h"

/* context: positions that the graph is for, which chooses between a model's short and
 * long rope factors.  cache_codec: of keys and values, "f16" or "f32".  Shapes of the
 * file's tensors are checked against the model's own numbers before anything is built
 * on them; a tensor that no node reads is refused. */
RIDGE_MUST ridge_status builder_decoder(const struct source *, const struct arch *,
                                        int64_t context, const char *cache_codec,
                                        struct ridge_graph *out, struct why *why);

#endif
