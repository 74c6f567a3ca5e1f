/*
 * render_plan.h - a plan for people, from the worker's plan message alone, so that what
 * is printed is what will run.  Parts of the plan that are not there are left out.
 */
#ifndef RIDGE_CLI_RENDER_PLAN_H
#define RIDGE_CLI_RENDER_PLAN_H

#include "cli/cli.h"
#include "run/outcome.h"

#include <jansson.h>

/* A few lines, for the start of a run; to standard output. */
void render_plan_summary(const struct outcome *);
/* All of it: graph, passes, kernels, memory, threads, predicted time. */
void render_plan(const struct cli *, const json_t *plan);
/* Each value of the composition with its origin and line. */
void render_composition(const struct cli *, const json_t *composition,
                        const json_t *origins, const json_t *plan);
/* What the host made of the setting `name`: bytes as people read them. */
void render_settled(const char *name, const json_t *value, char *to, size_t room);

#endif
