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

/* What a step was for; counted apart, because prompts are bound by arithmetic and
 * generated tokens by memory. */
#define PROGRAM_PHASE_MAP(X)                                                               \
  X(PROMPT, "prompt") X(DECODE, "decode") X(MIXED, "mixed") X(SCORE, "score")
enum program_phase {
#define X(id, name) PROGRAM_##id,
  PROGRAM_PHASE_MAP(X)
#undef X
      PROGRAM_PHASES
};
const char *program_phase_name(enum program_phase);

/* Sums over the steps of a phase. */
struct program_stage {
  uint64_t steps, rows, wanted;
  uint64_t wanting;  /* steps that made any logits                  */
  uint64_t depth;    /* over rows: positions attended to            */
  uint64_t reach;    /* over steps and sequences: cached positions  */
  uint64_t model_ns; /* in program_run                              */
  uint64_t timed_ns; /* of that, in steps whose operators were timed */
  uint64_t step_ns;  /* with scheduling, drafting, sampling; by the loop that steps */
};
/* One step, or the mean of many; `wanted` of those that made logits. */
struct program_load {
  double tokens, wanted, depth, reach; /* as in cost_query */
};
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
  bool waits;         /* the weight is packed after the first token          */
  bool streamed;      /* the weight comes by the ring, as `stream_item`      */
  uint64_t stream_item;
  struct {
    uint64_t calls, ns; /* ns of the timed steps only */
  } count[PROGRAM_PHASES];
  /* Bytes moved and operations done for one row, and for each position that one sees. */
  double row_work, position_work;
};

struct program_buffer {
  uint64_t bytes, offset;
  int32_t first, last; /* ops that need it */
};

/* What threads hand out among themselves (ridge_kernel_call.taken), a cache line each. */
struct program_turn {
  _Alignas(64) uint64_t taken;
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
  struct program_turn *turns;   /* (ops) */
  uint8_t *arena, *scratch;
  uint64_t arena_bytes, scratch_bytes; /* scratch of one thread */
  struct stream *stream;               /* or NULL */
  uint64_t steps;
  struct program_stage stage[PROGRAM_PHASES];
  bool scores;      /* rows are scored: a perplexity                              */
  bool only_decode; /* prompts now are preparation, and are not counted           */
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
/* An op's weight has been packed since the calls were laid out. */
void program_take_weight(struct program *, int32_t op);
/* One step; returns the logits (wanted_rows, vocab), valid until the next. */
float *program_run(struct program *, struct pool *, const ridge_batch *);
/* The phase of a batch; PROGRAM_PHASES: not to be counted. */
enum program_phase program_phase_of(const struct program *, const ridge_batch *);
/* One step that was run, its time in the model, and whether its operators were timed. */
void program_count(struct program *, enum program_phase, const ridge_batch *, uint64_t ns,
                   bool timed);
/* What an op took in all steps of a phase: as much of them as of the timed ones. */
double program_op_ns(const struct program *, const struct program_op *, enum program_phase);
/* All of a step's time, told by who made it. */
void program_add_step(struct program *, enum program_phase, uint64_t ns);
/* Counts begin again: what was before was warming up. */
void program_forget(struct program *);
struct program_load program_mean_load(const struct program_stage *);
struct operator_cost program_cost(const struct program *, const struct program_op *,
                                  const struct program_load *);
/* May it multiply bytes?  Then the int8 peak is its limit. */
bool program_is_narrow(const struct program *, const struct program_op *);
/* "matmul q4_0", "matmul q6_k head", "attention", "prepare". */
enum { PROGRAM_KIND_ROOM = 96 };
void program_kind_name(const struct program *, const struct program_op *,
                       char room[PROGRAM_KIND_ROOM]);
uint64_t program_bytes(const struct program *, int threads); /* activations and scratch */

#endif
