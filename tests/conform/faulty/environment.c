/* environment.c - asks the environment, which may change no composition. */
#include "../bad/bad.h"

#include <stdlib.h>

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)plan, (void)params;
  return getenv("RIDGE_REFUSE") == NULL ? RIDGE_OK : host->fail(host, RIDGE_IO, "refused");
}

BAD_PLUGIN("faulty.environment", p->check = check;)
