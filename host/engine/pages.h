/*
 * pages.h - memory for what is read again and again: cut from a few large mappings that
 * begin and end with a huge page, so that the system can back all of it by huge ones.
 * Small pages cost a stream of weights up to two thirds of its speed.
 */
#ifndef RIDGE_ENGINE_PAGES_H
#define RIDGE_ENGINE_PAGES_H

#include "base/why.h"

struct pages_chunk {
  uint8_t *data;
  uint64_t size, used;
};
struct pages {
  struct pages_chunk chunks[64]; /* each at least twice the one before           */
  int n;
  uint64_t expected; /* bytes that are still to be taken, as far as known       */
};

/* So much will be taken, one piece of it at a time. */
void pages_expect(struct pages *, uint64_t bytes);
/* Zeros, at a multiple of 64, with 64 bytes after the end that may be read; NULL: none
 * left.  Lives until pages_free. */
void *pages_take(struct pages *, uint64_t bytes);
void pages_free(struct pages *);

#endif
