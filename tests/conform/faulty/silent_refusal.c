/* silent_refusal.c - does not take its own upper bound, and does not say why. */
#include "../bad/bad.h"

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)host, (void)plan;
  return ((const struct params *)params)->first == 10 ? RIDGE_INVALID : RIDGE_OK;
}

BAD_PLUGIN("faulty.silent_refusal", p->check = check;)
