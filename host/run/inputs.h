/*
 * inputs.h - which files took part in a run, and that they were the same all along.
 *
 * A file's size and time are taken before the worker can read it, so that they are in the
 * row whatever happens afterwards.  Its contents are named by their digest, which may take
 * long: a thread of its own reads while the worker still plans, and stops when there is
 * something to measure; what is left is read when the worker has gone, however it went.
 * A file that is another by then has no digest: nobody knows which of the two was used.
 *
 * Ownership: inputs_free releases all.  One thread calls, and waits for its own.
 */
#ifndef RIDGE_RUN_INPUTS_H
#define RIDGE_RUN_INPUTS_H

#include "base/digest.h"

#include <stdbool.h>
#include <sys/stat.h>

struct input {
  char *role, *path;
  struct stat before;
  struct digest digest;
  bool read; /* and so `digest` is there */
};

struct inputs;
struct inputs *inputs_new(void);
void inputs_free(struct inputs *);

/* A file that is not known under this role yet, looked at now; NULL when it is, or when it
 * is no plain file.  Valid until inputs_free. */
const struct input *inputs_add(struct inputs *, const char *role, const char *path);

/* Read in the background what was added so far; hold on. */
void inputs_start(struct inputs *);
void inputs_hold(struct inputs *);

/* Read what is left, in pieces: `go_on` is asked between two, with the bytes read of those
 * to read.  Then calls `each` once for each file, in the order they were added: with a
 * sentence when its digest is not known or not to be trusted. */
void inputs_finish(struct inputs *, bool (*go_on)(void *ctx, double done, double of),
                   void (*each)(void *ctx, const struct input *, const char *problem),
                   void *ctx);

#endif
