/* sweep_state.h - what the files of a sweep share; nobody else includes it. */
#ifndef RIDGE_COMPOSE_SWEEP_STATE_H
#define RIDGE_COMPOSE_SWEEP_STATE_H

#include "compose/compose_state.h"
#include "compose/sweep.h"

struct axis {
  const char *owner, *name; /* "weights.rtn.bits" belongs to "weights.rtn" */
  struct place at;
  const char *const *values; /* as --set takes them */
  json_t *plain;             /* the same as data    */
  size_t n;
};

struct arm {
  const char *const *ids;
  size_t n;
};

struct sweeping {
  struct sweep *out;
  const struct registry *registry;
  const struct machine *machine;
  const struct compose_override *overrides;
  size_t n_overrides;
  struct diagnostics diagnostics;
  const struct recipe_word *of, *budget, *keep, *seed_word;
  struct axis *axes;
  struct arm *arms; /* the first leaves nothing out */
  size_t n_axes, n_arms;
  const char **seeds; /* one NULL: the base's own */
  json_t *seeds_plain, *keep_plain;
  size_t n_seeds;
  int64_t budget_runs; /* 0: none */
};

/* sweep_words.c: what the sweep says, checked against its base. */
void sweep_read_of(struct sweeping *);
void sweep_read_words(struct sweeping *);
/* sweep_points.c */
void sweep_make_points(struct sweeping *);
void sweep_check_points(struct sweeping *);

#endif
