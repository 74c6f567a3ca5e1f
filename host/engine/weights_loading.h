/*
 * weights_loading.h - what weights_load.c and weights_pack.c know of each other: the
 * state of one loading.
 */
#ifndef RIDGE_ENGINE_WEIGHTS_LOADING_H
#define RIDGE_ENGINE_WEIGHTS_LOADING_H

#include "engine/weights.h"

struct loading {
  struct weights *weights;
  struct program *program;
  struct pool *pool;
  void (*progress)(void *, uint64_t, uint64_t);
  void *ctx;
  uint64_t done, all, streamed;
};

/* All rows of a weight in its final codec: the file's own bytes, or made ones that the
 * caller frees through *made. */
RIDGE_MUST ridge_status loading_rows(struct loading *, const struct weight *,
                                     const uint8_t **rows, uint8_t **made, struct why *why);
/* The same of a weight or a stack of weights. */
RIDGE_MUST ridge_status loading_whole(struct loading *, int32_t tensor,
                                      const uint8_t **rows, uint8_t **made,
                                      struct why *why);
/* The weight of `op` in the form that its kernel reads; `packed` has the room. */
RIDGE_MUST ridge_status loading_pack(struct loading *, const struct program_op *op,
                                     void *packed, struct why *why);
RIDGE_MUST ridge_status loading_no_room(const ridge_tensor *, uint64_t bytes,
                                        struct why *why);

/* One op's weight: packed, or handed to the stream. */
RIDGE_MUST ridge_status loading_pack_op(struct loading *, struct program_op *op,
                                        struct why *why);
/* May its weight be packed after the first token?  Then `waits`. */
bool loading_may_wait(const struct loading *, const struct program_op *op);
void loading_start_late(struct weights *, struct program *);

/* Pages that were only read to make something else of them. */
void loading_forget(const struct loading *, int32_t tensor);
/* Has the disk read the weight of an op that waits; `enough`: no more. */
void loading_want(const struct weights *, const struct program_op *,
                  const _Atomic bool *enough);
/* Has the disk read what is packed after op `i` while that is packed. */
void loading_want_next(const struct loading *, int32_t i);
/* Of what is read in place, only the pages that are read shall be in memory. */
void loading_keep_apart(const struct weights *);

#endif
