/*
 * stream.h - weights that live on disk and come by a ring of buffers, ahead of use.
 *
 * One I/O thread reads the streamed weights in the order of their use, round and
 * round, as far ahead as the ring has room.  The forms that kernels want are made
 * once, at load, and written to an unlinked file; weights read as they are come from
 * the model file itself.
 *
 * Threads: stream_take from every compute thread, stream_give from thread 0 after the
 *          barrier that ends the use.
 */
#ifndef RIDGE_ENGINE_STREAM_H
#define RIDGE_ENGINE_STREAM_H

#include "base/why.h"

struct stream;

struct stream_totals {
  uint64_t bytes, reads, wait_ns;
};

RIDGE_MUST ridge_status stream_new(uint64_t ring_bytes, struct stream **out,
                                   struct why *why);
/* The next weight in order of use: `bytes` of the file at `fd`, or, with fd -1, these
 * bytes, which are written to the stream's own file. */
RIDGE_MUST ridge_status stream_add(struct stream *, int fd, uint64_t offset,
                                   const void *bytes, uint64_t size, struct why *why);
RIDGE_MUST ridge_status stream_start(struct stream *, struct why *why);
/* Where item `index` is in round `round` (0, 1, ...); waits until it has come.  NULL:
 * reading failed, stream_failure says why. */
const void *stream_take(struct stream *, uint64_t round, uint64_t index, bool count_wait);
void stream_give(struct stream *, uint64_t round, uint64_t index);
struct stream_totals stream_totals(struct stream *); /* since the last call */
bool stream_failed(const struct stream *, struct why *why);
void stream_free(struct stream *);

#endif
