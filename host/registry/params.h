/* params.h - a plugin's own struct of parameters, filled from named values. */
#ifndef RIDGE_REGISTRY_PARAMS_H
#define RIDGE_REGISTRY_PARAMS_H

#include "registry/registry.h"

/* Check {"name": value}, every parameter and no other, against types and bounds, and
 * store it; `out` gets params_size zeroed bytes from the arena, or NULL when there are
 * none.  A whole number does for a real; nothing else is converted. */
RIDGE_MUST ridge_status params_fill(const struct plugin_info *, const json_t *values,
                                    struct arena *, void **out, struct why *why);
/* One value against its row. */
RIDGE_MUST ridge_status params_check(const ridge_param *, const json_t *value,
                                     struct why *why);
/* Every default; those that a recipe has to give are left out.  A new reference. */
json_t *params_defaults(const struct plugin_info *);

#endif
