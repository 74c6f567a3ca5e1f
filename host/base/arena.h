/*
 * arena.h - memory that is freed all at once.
 *
 * An arena grows by chunks and never moves what it gave; allocation aborts the
 * process only when the system has no memory at all (it holds small things; what
 * is large is allocated where its size was planned).  Not for several threads.
 */
#ifndef RIDGE_BASE_ARENA_H
#define RIDGE_BASE_ARENA_H

#include <ridge/plugin.h>

struct arena {
  struct arena_chunk *head;
  size_t bytes; /* given out */
};

void *arena_alloc(struct arena *, size_t size); /* zeroed, 16-byte aligned */
void *arena_array(struct arena *, size_t count, size_t size);
char *arena_text(struct arena *, const char *text); /* a copy; NULL stays NULL */
char *arena_bytes(struct arena *, const void *data, size_t size); /* and a NUL */
char *arena_format(struct arena *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
void arena_free(struct arena *); /* empty again, ready for use */

#endif
