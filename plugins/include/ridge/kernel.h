/*
 * ridge/kernel.h - the code that computes a node.  Seam "kernel/1", a SET keyed by
 * operator, and for EMBED, MATMUL, EXPERT_MATMUL and CACHE_PUT also by the codec of
 * the weight or cache: "rmsnorm", "matmul q4_0", "matmul *" (any codec, by decoding it).
 *
 * Threads:  `run` is called by every thread of the pool with (thread, of threads)
 *           and divides outputs among them, never one sum; it starts no thread and
 *           allocates nothing.  The host puts a barrier after each call.
 * Numerics: a row's result hangs on its role (prompt or generated), never on how
 *           many rows or threads there are: the order in which one element is
 *           summed is fixed.  This is what lets `exact` mean bit for bit.
 */
#ifndef RIDGE_KERNEL_H
#define RIDGE_KERNEL_H

#include <ridge/codec.h>
#include <ridge/graph.h>

#define RIDGE_SEAM_KERNEL "kernel/1"

/* One step's tokens.  Rows [0, prompt_rows) are prompt tokens, the rest generated
 * ones; the rows of one sequence are adjacent and in order of position. */
typedef struct ridge_batch {
  uint64_t struct_size;
  int64_t rows, prompt_rows;
  const int32_t *token;    /* (rows)                                           */
  const int32_t *position; /* (rows) place in the sequence, from 0             */
  const int32_t *sequence; /* (rows) index into `blocks`                       */
  /* (sequences) block table of each: the cache block of positions
   * [i * block_tokens, (i + 1) * block_tokens) is blocks[s][i]. */
  const int32_t *const *blocks;
  int64_t sequences, block_tokens;
  const int32_t *wanted; /* (wanted_rows) row indices, ascending               */
  int64_t wanted_rows, wanted_prompt; /* the first wanted_prompt are prompt rows */
} ridge_batch;
RIDGE_SEALED(ridge_batch, wanted_prompt);

/* Where a tensor is in memory.
 * Activation: `rows` rows of `cols` f32, `stride` bytes apart (a slice shares its
 *   parent's buffer).  Weight: (rows = out, cols = in) in `codec`, of experts (rows =
 *   experts * out), one expert after another; `packed` holds
 *   the kernel's own form instead when it asked for one, and `data` is then NULL.
 * Cache: (blocks, kv_heads, block_tokens) rows of head_dim elements in `codec`:
 *   the row of (block b, head h, token t) is at
 *   data + ((b * kv_heads + h) * block_tokens + t) * stride. */
typedef struct ridge_span {
  void *data;
  const void *packed;
  int64_t rows, cols;
  uint64_t stride;
  const ridge_codec *codec;
} ridge_span;

/* Bytes between rows of `cols` f32, as the engine lays out activations (logits, which
 * leave the graph, lie dense): an odd number of cache lines.  A power of two apart, rows
 * would meet in a few sets of a cache and push each other out, however little is in use. */
static inline uint64_t ridge_row_stride(int64_t cols) {
  const uint64_t line = 64;
  return (((uint64_t)cols * sizeof(float) + line - 1) / line | 1) * line;
}

/* What is fixed when the plan is made; `accepts`, sizes and `pack` see it. */
typedef struct ridge_kernel_site {
  uint64_t struct_size;
  const ridge_node *node;
  const ridge_codec *in_codec[RIDGE_MAX_IN]; /* NULL: input missing, or i32     */
  int64_t in_dims[RIDGE_MAX_IN][2];          /* rows (or symbolic), columns     */
  int64_t out_dims[RIDGE_MAX_OUT][2];
  int64_t max_rows, max_context, block_tokens;
  int32_t threads;
  uint32_t reserved;
} ridge_kernel_site;
RIDGE_SEALED(ridge_kernel_site, reserved);

typedef struct ridge_kernel_call {
  uint64_t struct_size;
  const ridge_kernel_site *site;
  const ridge_batch *batch;
  ridge_span in[RIDGE_MAX_IN], out[RIDGE_MAX_OUT];
  int64_t rows, prompt_rows; /* of this node: T or R of the step                */
  const void *prepared;      /* what `prepare` made of input 0                  */
  void *scratch;             /* scratch_bytes for each thread, this one's part  */
  void *self;                /* the plugin's instance                           */
  /* A counter that all threads of this call share, 0 when it begins: for threads that hand
   * out work among themselves, by atomic operations, instead of dealing even shares of it.
   * NULL: there is none. */
  uint64_t *taken;
} ridge_kernel_call;
RIDGE_SEALED(ridge_kernel_call, taken);

enum {
  /* Of a kernel that packs: `run` also takes weights that are not packed yet (`packed`
   * NULL, `data` the codec's rows) and makes the same numbers of them, bit for bit; slower.
   * Weights may then be packed after the first token. */
  RIDGE_KERNEL_READS_ROWS = 1,
};

typedef struct ridge_kernel {
  uint64_t struct_size;
  /* Fit for this site?  OK, or DECLINED with the reason in `why` (room bytes).
   * NULL: always. [pure] */
  ridge_status (*accepts)(const ridge_kernel_site *, char *why, size_t room);
  /* Bytes of scratch for one thread; NULL: none. [pure] */
  uint64_t (*scratch_bytes)(const ridge_kernel_site *);

  /* MATMUL, EXPERT_MATMUL and EMBED weights in a form of the kernel's own, made once at
   * load. pack_bytes 0 or NULL: the codec's rows are read as they are.  `pack` is called
   * for ranges of output rows cut at multiples of pack_grain; `rows` points at row
   * lo, `packed` at the start of the whole form. [pure, pool] */
  uint64_t (*pack_bytes)(const ridge_kernel_site *);
  void (*pack)(const ridge_kernel_site *, const void *rows, uint64_t stride, int64_t lo,
               int64_t hi, void *packed);
  int64_t pack_grain;

  /* Input 0 in a form that several nodes can share: nodes that read one tensor
   * and name the same form are served by one `prepare`.  NULL: none. [pool] */
  const char *prepared_form; /* "q8 rows of 32"                                 */
  uint64_t (*prepared_bytes)(const ridge_kernel_site *);
  void (*prepare)(const ridge_kernel_call *, void *prepared, int32_t thread,
                  int32_t threads);

  void (*run)(const ridge_kernel_call *, int32_t thread, int32_t threads); /* [pool] */
  uint64_t flags; /* RIDGE_KERNEL_...                                            */
} ridge_kernel;
RIDGE_SEALED(ridge_kernel, flags);

#endif
