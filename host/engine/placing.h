/*
 * placing.h - ask the placement which weights stay in memory and which are streamed.
 */
#ifndef RIDGE_ENGINE_PLACING_H
#define RIDGE_ENGINE_PLACING_H

#include "engine/weights.h"

#include <ridge/seam/placement.h>

struct placing {
  struct instance *by; /* NULL: everything is resident */
  const ridge_placement *table;
  uint64_t ring_bytes, streamed_bytes, resident_bytes;
};

/* Marks the program's ops whose weight is streamed.  In order of use: every matrix
 * that a MATMUL reads (a stack counts as one), and what cannot be streamed, pinned. */
RIDGE_MUST ridge_status placing_choose(struct placing *, struct weights *, struct program *,
                                       struct why *why);

#endif
