/* run_sweep.h - a sweep recipe: every point run and written down, then compared. */
#ifndef RIDGE_CLI_RUN_SWEEP_H
#define RIDGE_CLI_RUN_SWEEP_H

#include "cli/run_words.h"

/* Does the recipe's root say `sweep`?  False also when it cannot be read. */
bool recipe_is_sweep(const struct cli *, const char *recipe);
/* Exit code; `plan_only` prints the points and runs nothing. */
int run_sweep(struct cli *, const char *recipe, const struct run_once_options *,
              bool quiet);

#endif
