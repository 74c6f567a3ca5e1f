/*
 * runtime.h - one model made ready: file, facts, tokenizer, graph, program, weights,
 * cache.  A run may have several (the candidate, the unmodified model beside it, a
 * draft model); they share the pool.
 *
 * Life: runtime_open (reads the header) -> runtime_plan (nothing large yet) ->
 *       runtime_load -> runtime_step ... -> runtime_close.
 */
#ifndef RIDGE_ENGINE_RUNTIME_H
#define RIDGE_ENGINE_RUNTIME_H

#include "engine/cache.h"
#include "engine/placing.h"
#include "engine/weights.h"
#include "model/arch.h"
#include "model/builder.h"
#include "model/tokenizer.h"

#include <ridge/seam/graph_pass.h>

struct pass_count {
  const char *id;
  uint64_t changes;
  int32_t nodes_before, nodes_after;
};

struct runtime_spec {
  const char *path;
  struct instances *plugins;
  const struct machine *machine;
  bool reference;     /* leave all strategies out                                 */
  bool plain_kernels; /* engine.kernels = "reference"                             */
  const char *cache_codec;
  int64_t context; /* positions per sequence; 0: the model's                   */
  int64_t slots, rows, wanted;
  int threads;
};

struct runtime {
  struct runtime_spec spec;
  struct provider_rules rules;
  struct source source;
  struct arch arch;
  struct tokenizer *tokenizer;
  struct ridge_graph graph;
  struct program program;
  struct weights weights;
  struct cache cache;
  struct weight_link links[32];
  int32_t n_links;
  struct pass_count passes[32];
  int32_t n_passes;
  int32_t census_before[RIDGE_OP_COUNT];
  int32_t nodes_before;
  struct pool *pool;
  struct placing placing;
  struct stream *stream; /* weights on disk, or NULL */
  const char *owner;     /* what a failed plan is about: a plugin's id or "model.path" */
  bool planned, loaded;
  uint64_t late_ns; /* that packing took inside of steps: loading, not theirs */
};

/* Which instance fills a seam that takes one; NULL: the reference does. */
struct instance *runtime_filler(struct instances *, const char *seam, const void **table);

RIDGE_MUST ridge_status runtime_open(const struct runtime_spec *, struct runtime *out,
                                     struct why *why);
RIDGE_MUST ridge_status runtime_plan(struct runtime *, struct why *why);
RIDGE_MUST ridge_status runtime_load(struct runtime *, struct pool *,
                                     void (*progress)(void *, uint64_t, uint64_t),
                                     void *ctx, struct why *why);
/* Logits (batch->wanted_rows, vocab), valid until the next step; NULL when streamed
 * weights could not be read. */
float *runtime_step(struct runtime *, const ridge_batch *, struct why *why);
void runtime_close(struct runtime *);

struct runtime_memory {
  uint64_t weights, cache, activations, scratch, total;
};
struct runtime_memory runtime_memory(const struct runtime *);

#endif
