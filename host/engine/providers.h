/*
 * providers.h - which plugin serves which node: the choice from the SETs.
 *
 * Of the fills whose key fits, whose machine facts are there and that accept the
 * site, the highest score serves.  Those passed over are kept with the reason.
 */
#ifndef RIDGE_ENGINE_PROVIDERS_H
#define RIDGE_ENGINE_PROVIDERS_H

#include "machine/machine.h"
#include "registry/instance.h"

#include <ridge/kernel.h>

struct kernel_choice {
  const ridge_kernel *kernel;
  struct instance *by;
  const ridge_fill *fill;
};

struct passed_over {
  const char *provider; /* plugin id */
  char reason[160];
};

struct kernel_verdict {
  struct kernel_choice choice;
  struct passed_over passed[8];
  int n_passed;
};

struct provider_rules {
  struct instances *plugins;
  const struct machine *machine;
  bool parts_only;     /* the reference: no strategy's kernels          */
  bool reference_only; /* and of the parts the lowest score             */
};

/* NULL when nobody provides it. */
const ridge_codec *provider_codec(const struct provider_rules *, const char *name);
/* codec: of the weight or cache the key speaks of; NULL: the operator has none. */
RIDGE_MUST ridge_status provider_kernel(const struct provider_rules *, const char *codec,
                                        const ridge_kernel_site *,
                                        struct kernel_verdict *out, struct why *why);
/* The input whose codec is part of the kernel's key; -1: the operator has none. */
int provider_keyed_input(uint32_t op);
/* "matmul q4_0"; `room` of at least 96 bytes. */
const char *provider_key(const ridge_node *, const char *codec, char *room);

#endif
