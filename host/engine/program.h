/*
 * program.h - a graph made ready to run: kernels chosen, buffers placed, calls laid
 * out.  Built once; running it allocates nothing.
 *
 * Sizes are for `max_rows` tokens (T) and `max_wanted` logits rows (R); a step runs
 * any number up to that.  Buffers are placed by liveness: two tensors share bytes
 * when no node needs both.
 */
#ifndef RIDGE_ENGINE_PROGRAM_H
#define RIDGE_ENGINE_PROGRAM_H

#include "engine/pool.h"
#include "engine/providers.h"
#include "engine/stream.h"
#include "graph/graph.h"

struct program_bounds {
  int64_t max_rows, max_wanted, max_context, block_tokens, blocks;
  int threads;
};

/* Where a weight or cache is; filled before the first run (engine/weights.c,
 * engine/cache.c). */
struct binding {
  void *data;
  uint64_t stride;
};

enum program_kind { PROGRAM_RUN, PROGRAM_PREPARE };
struct program_op {
  enum program_kind kind;
  const ridge_node *node;
  struct kernel_verdict verdict;
  ridge_kernel_site site;
  int32_t prepared;   /* buffer that `prepare` fills or `run` reads; -1: none */
  int64_t rows_kind;  /* RIDGE_DIM_TOKENS or RIDGE_DIM_WANTED                 */
  uint64_t scratch;   /* bytes for one thread                                 */
  const void *packed; /* of the weight, for this kernel                      */
  bool packs;         /* the kernel wants a form of its own                  */
  bool streamed;      /* the weight comes by the ring, as `stream_item`      */
  uint64_t stream_item;
  uint64_t calls, timed, ns;
  /* Bytes moved and operations done for one row, and for each position that one sees. */
  double row_work, position_work;
};

struct program_buffer {
  uint64_t bytes, offset;
  int32_t first, last; /* ops that need it */
};

struct program {
  struct ridge_graph *graph;
  struct program_bounds bounds;
  struct program_op *ops;
  int32_t n_ops;
  struct program_buffer *buffers;
  int32_t n_buffers;
  int32_t *buffer_of;           /* by tensor; -1: not an activation               */
  int64_t *column_of;           /* by tensor: first column inside the buffer's row */
  int64_t *row_floats_of;       /* by tensor: floats from row to row              */
  const ridge_codec **codec_of; /* by tensor */
  struct binding *bindings;     /* by tensor */
  ridge_kernel_call *calls;     /* (threads, ops) */
  uint8_t *arena, *scratch;
  uint64_t arena_bytes, scratch_bytes; /* scratch of one thread */
  struct stream *stream;               /* or NULL */
  uint64_t steps;
  uint64_t rows_run, wanted_run, depth_run; /* sums over steps; depth over rows */
  struct arena memory;
};

/* Chooses kernels and places buffers; nothing large is allocated yet. */
RIDGE_MUST ridge_status program_plan(struct ridge_graph *, const struct provider_rules *,
                                     const struct program_bounds *, struct program *out,
                                     struct why *why);
/* Allocates activations and scratch and lays out the calls, after the bindings and
 * packed weights are set. */
RIDGE_MUST ridge_status program_ready(struct program *, struct why *why);
void program_free(struct program *);
/* One step; returns the logits (wanted_rows, vocab), valid until the next. */
float *program_run(struct program *, struct pool *, const ridge_batch *);
/* What an op costs for T rows, R wanted, attending to `depth` positions. */
struct operator_cost program_cost(const struct program *, const struct program_op *,
                                  double tokens, double wanted, double depth);
uint64_t program_bytes(const struct program *, int threads); /* activations and scratch */

#endif
