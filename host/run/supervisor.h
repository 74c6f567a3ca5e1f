/*
 * supervisor.h - a recipe, run once: planned, written down, executed, judged.
 *
 * The one path for `run`, `plan`, `bench`, `ablate`, `compare` and sweeps.  Prints
 * nothing: whoever wants to see something brings a view (cli/view.h has those for
 * people and for --json).
 */
#ifndef RIDGE_RUN_SUPERVISOR_H
#define RIDGE_RUN_SUPERVISOR_H

#include "compose/compose.h"
#include "run/caller.h"
#include "run/outcome.h"
#include "run/workplace.h"

/* What to tell while it happens; each may be NULL. */
struct run_view {
  void *ctx;
  void (*problem)(void *ctx, const char *sentence); /* it could not even begin */
  void (*refused)(void *ctx, const struct outcome *);
  void (*planned)(void *ctx, const struct outcome *); /* outcome.plan is there */
  void (*progress)(void *ctx, const char *phase, double done, double of, const char *note);
  void (*text)(void *ctx, const json_t *message);
  void (*tick)(void *ctx); /* ten times a second */
  void (*interrupted)(void *ctx, int times);
  void (*stalled)(void *ctx, const char *who, double seconds); /* see child.h */
  void (*ended)(void *ctx, const struct outcome *); /* always the last, but for problem */
};

/* Problems, refusals and failed runs to standard error, nothing else (cli/view.c). */
const struct run_view *run_view_errors(void);

struct run_once_options {
  const struct compose_override *overrides;
  size_t n_overrides;
  const char *const *without; /* strategies of the recipe to leave out, by id */
  size_t n_without;
  int64_t repeats; /* 0: as the recipe says                              */
  bool has_seed;
  int64_t seed;
  bool plan_only;                   /* nothing is executed, and nothing written down      */
  int64_t sweep_id;                 /* 0: none                                            */
  const char *name;                 /* of the run; NULL: the recipe's                     */
  const struct compose_word *words; /* the recipe was made from these                  */
  size_t n_words;
  const struct run_view *view;   /* NULL: run_view_errors()                     */
  struct outcome *outcome;       /* filled for the caller to free; or NULL          */
  const struct workplace *place; /* for many runs; NULL: opened for this one  */
  /* For tests: another worker than `ridge worker`, and another patience. */
  const char *const *worker;
  uint64_t silence_ms, exit_ms;
};

/* Seconds after which a call into a plugin that has not come back is told of; 30. */
#define RUN_STALL_VARIABLE "RIDGE_STALL_SECONDS"

/* Exit code as in cli.h.  *run_id is the row, 0 when there is none; may be NULL. */
int run_recipe_once(struct cli *, const char *recipe, const struct run_once_options *,
                    int64_t *run_id);

#endif
