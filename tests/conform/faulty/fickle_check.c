/* fickle_check.c - agrees every other time. */
#include "../bad/bad.h"

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  static int calls;
  (void)plan, (void)params;
  return calls++ % 2 == 0 ? RIDGE_OK : host->fail(host, RIDGE_IO, "not this time");
}

BAD_PLUGIN("faulty.fickle_check", p->check = check;)
