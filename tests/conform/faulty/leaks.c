/* leaks.c - takes memory from malloc and never gives it back. */
#include "../bad/bad.h"

#include <stdlib.h>

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  (void)host, (void)params;
  *self = malloc(100);
  return RIDGE_OK;
}

static void destroy(void *self) { (void)self; }

BAD_PLUGIN("faulty.leaks", p->create = create; p->destroy = destroy;)
