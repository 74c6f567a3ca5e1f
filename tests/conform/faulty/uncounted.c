/* uncounted.c - takes its memory where the host cannot count it. */
#include "../bad/bad.h"

#include <stdlib.h>
#include <string.h>

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  (void)host, (void)params;
  *self = malloc(4 << 20);
  if (*self != NULL) memset(*self, 1, 4 << 20);
  return RIDGE_OK;
}

static void destroy(void *self) { free(self); }

BAD_PLUGIN("faulty.uncounted", p->create = create; p->destroy = destroy;)
