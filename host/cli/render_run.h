/* render_run.h - what a run gave, for people, from its outcome. */
#ifndef RIDGE_CLI_RENDER_RUN_H
#define RIDGE_CLI_RENDER_RUN_H

#include "cli/cli.h"
#include "run/outcome.h"

/* One generated text, prompt first. */
void render_text(const struct cli *, const json_t *message);
/* Tables of metrics and strategies, the verdict, and where to look further. */
void render_outcome(const struct cli *, const struct outcome *);
/* "run 12 crashed: ..., while `kv.paged 1.0.0` was executing" */
void render_verdict(const struct outcome *, char *out, size_t room);
/* "tokens accepted 120, blocks reused 4"; the caller frees. */
char *render_evidence(const json_t *strategy);

#endif
