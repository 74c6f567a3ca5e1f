/*
 * weights.h - the numbers of a model, as the plan wants them.
 *
 * A tensor that nobody changed stays where the file is mapped; one that the weights
 * chain changed is decoded, edited and stored anew in its last codec; a kernel that
 * wants a form of its own gets it packed, once.  With a placement, large packed or
 * stored weights live on disk and come by a ring (engine/stream.c).
 */
#ifndef RIDGE_ENGINE_WEIGHTS_H
#define RIDGE_ENGINE_WEIGHTS_H

#include "engine/pages.h"
#include "engine/program.h"
#include "model/source.h"

#include <ridge/seam/weights.h>

#include <pthread.h>

struct weight_link { /* one member of the weights chain */
  struct instance *by;
  const ridge_weights *table;
};

/* A plain (not stacked) weight of the graph. */
struct weight {
  int32_t tensor;
  const ridge_file_tensor *file;
  const ridge_codec *file_codec, *codec; /* as stored, as wanted */
  bool edited;                           /* some member edits values      */
  bool changed;                          /* codec or values differ        */
  bool read_in_place;                    /* some node reads the rows      */
  bool read_whole; /* and one that reads them all, not as they are looked up */
  void *owned;     /* when changed and read in place */
  uint64_t owned_bytes;
};

/* Weights whose kernels read rows of the file until they are packed. */
struct weights_late {
  struct weights *weights;
  struct program *program;
  int32_t waiting; /* ops */
  pthread_t reader;
  bool reading;
  _Atomic bool enough;
};

struct weights {
  const struct source *source;
  struct weight *items;
  int32_t n;
  struct weight_link *chain;
  int32_t n_chain;
  struct pages pages;      /* kernels' own forms, stacks           */
  uint64_t file_bytes;     /* of all tensors as in the file     */
  uint64_t resident_bytes; /* as the plan keeps them            */
  const char *blamed;      /* the member of the chain that refused, or NULL */
  struct stream *stream;   /* the program's, for streamed weights */
  struct weights_late late;
  struct arena memory;
};

/* Ask the chain what becomes of each weight; sets the graph tensors' codecs.  Before
 * the graph passes, so that they see the final codecs. */
RIDGE_MUST ridge_status weights_choose(struct weights *, const struct source *,
                                       struct ridge_graph *, const struct provider_rules *,
                                       struct weight_link *chain, int32_t n_chain,
                                       struct why *why);
/* What loading will take, by the planned program; allocates nothing. */
uint64_t weights_plan_bytes(struct weights *, const struct program *);
/* Decode, edit, encode, pack; binds the program's weights. `done` is told bytes. */
RIDGE_MUST ridge_status weights_load(struct weights *, struct program *, struct pool *,
                                     void (*progress)(void *ctx, uint64_t done,
                                                      uint64_t of),
                                     void *ctx, struct why *why);
/* Packs what waits, and has kernels take it; between steps.  Weights of a model that has
 * made its first token should not wait any more. */
static inline bool weights_wait(const struct weights *weights) {
  return weights->late.waiting > 0;
}
RIDGE_MUST ridge_status weights_pack_late(struct weights *, struct program *, struct pool *,
                                          struct why *why);
void weights_stop_late(struct weights *); /* before what they are read from is closed */
void weights_free(struct weights *);

/* Rows, columns and bytes of a weight; a vector is one row. */
int64_t weights_rows(const ridge_tensor *);
int64_t weights_cols(const ridge_tensor *);
uint64_t weights_row_bytes(const ridge_codec *, int64_t cols);
struct weight *weights_find(const struct weights *, int32_t tensor);
/* The input that a kernel packs: where the codec of its key is. */
int32_t weights_packed_tensor(const struct program_op *);
uint64_t weights_tensor_bytes(const ridge_codec *, const ridge_tensor *);
/* Bytes of the form of its own that the op's kernel wants; 0: none. */
uint64_t weights_pack_bytes(const struct program_op *);
/* Does a node that is no product read the rows (a tied embedding, a norm)? */
bool weights_read_outside_products(const struct program *, int32_t tensor);

#endif
