/* hungry.c - takes a megabyte more than it declares. */
#include "../bad/bad.h"

static ridge_status need(const ridge_host *host, const ridge_plan *plan, const void *params,
                         ridge_need *out) {
  (void)host, (void)plan, (void)params;
  *out = (ridge_need){.struct_size = sizeof *out, .state = 1000};
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  (void)params;
  *self = host->alloc(host, 1 << 20, 64);
  return RIDGE_OK;
}

BAD_PLUGIN("faulty.hungry", p->need = need; p->create = create;)
