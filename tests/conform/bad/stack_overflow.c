/* stack_overflow.c - calls itself without end. */
#include "bad.h"

static int (*volatile next)(volatile char *); /* so that no compiler sees the end coming */

static int deeper(volatile char *above) {
  volatile char room[4096];
  room[0] = above[0];
  return next(room) + room[0];
}

BAD_PLUGIN("bad.stack_overflow", char first = 0; next = deeper;
           p->abi_minor = (uint32_t)deeper(&first);)
