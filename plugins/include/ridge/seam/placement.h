/*
 * ridge/seam/placement.h - seam "placement/1", ONE: where weights live.
 *
 * The reference keeps every weight resident.  A filler is shown all weights in the
 * order in which a step first uses them and marks those that are to be streamed:
 * the host keeps these on disk, reads them into a ring of `ring` buffers ahead of
 * their use (its own I/O thread, `pread`) and drops them after it.
 */
#ifndef RIDGE_SEAM_PLACEMENT_H
#define RIDGE_SEAM_PLACEMENT_H

#include <ridge/graph.h>

#define RIDGE_SEAM_PLACEMENT "placement/1"

typedef struct ridge_placed {
  uint64_t struct_size;
  const char *name;
  uint64_t bytes;  /* as the plan stores it                                    */
  int64_t layer;   /* -1: outside the layers (embedding, head)                 */
  uint32_t pinned; /* 1: the host cannot stream it (embedding table, vectors)  */
  uint32_t stream; /* out: 1 streamed, 0 resident                              */
} ridge_placed;
RIDGE_SEALED(ridge_placed, stream);

typedef struct ridge_placement {
  uint64_t struct_size;
  /* Mark; *ring_bytes: room for weights in flight, at least the two largest
   * neighbours. `w` are `n` rows of ridge_placed, `stride` bytes apart. [main] */
  ridge_status (*place)(void *self, ridge_placed *w, int64_t n, uint64_t stride,
                        uint64_t *ring_bytes);
  /* After each step: what it took.  `wait_ns`: compute stood still for a read. [step] */
  void (*moved)(void *self, uint64_t bytes, uint64_t reads, uint64_t wait_ns);
} ridge_placement;
RIDGE_SEALED(ridge_placement, moved);

#endif
