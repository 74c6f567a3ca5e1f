/* crash_at_bound.c - crashes on a value that its own bounds allow. */
#include "../bad/bad.h"

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  (void)host;
  if (((const struct params *)params)->second == 0) *NOWHERE = 1;
  *self = NULL;
  return RIDGE_OK;
}

BAD_PLUGIN("faulty.crash_at_bound", p->create = create;)
