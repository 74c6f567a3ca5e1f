/*
 * sweep.h - a sweep recipe, resolved into the compositions it stands for.
 *
 * The whole sweep is checked before its first run: every point is composed.  What is wrong
 * with the sweep, with its base, or with every point of it refuses the sweep.  Of values
 * that go together in some points and not in others those that do are worth running: the
 * others are told before the first run, each with its reason, and keep their place among
 * the points, where running them makes a row that is refused.
 *
 *   struct sweep sweep;
 *   status = sweep_open(self, path, registry, machine, overrides, n, &sweep, why);
 *   if (json_array_size(sweep.diagnostics) > 0) ...   refused
 *   sweep_size_text(&sweep)    "15 points, 5 and 3 for the two ablated arms, 3 seeds: 69
 * runs" for (i = 0; i < sweep.n_points; i++) { sweep_compose(&sweep, i, registry, machine,
 * &composed);  ... run it ...
 *   }
 *
 * A recipe is a sweep when compose_file leaves "sweep" in composed.recipe.root.
 *
 * Ownership: everything a sweep points to lives until sweep_free, which is to be called
 * in every case.
 */
#ifndef RIDGE_COMPOSE_SWEEP_H
#define RIDGE_COMPOSE_SWEEP_H

#include "compose/compose.h"
#include "recipe/recipe.h"

/* One run: a composition and a seed. */
struct sweep_point {
  const struct compose_override *overrides; /* with the seed, and those of the command */
  const char *const *without;
  size_t n_overrides, n_without;
  const char *label;   /* "decode.draft.lookahead=2 weights.rtn.group=32", "without ..." */
  const char *refused; /* why it cannot be run; NULL: it can */
};

struct sweep {
  struct arena arena;
  struct recipe recipe, base;
  json_t *diagnostics; /* as in compose.h; empty: none */
  json_t *refusals;    /* those of single points, while others can be run */
  size_t n_refused;    /* such points of one seed                         */
  const char *name;
  struct sweep_point *points; /* all of one seed before those of the next, so that what
                                 drifts meets every point alike */
  size_t n_points;
  size_t n_whole;      /* points of one seed with every strategy    */
  const size_t *n_arm; /* points of one seed for each ablated arm   */
  size_t n_arms, n_seeds;
  double budget_seconds; /* 0: none; whoever runs it looks at the clock */
  /* {"of","axes":[{"name","values"}],"without":[[id]],"seeds":[n],
   *  "keep":[{"metric","better":-1|1}],"budget":{"runs","seconds"},"runs":n} */
  json_t *definition;
};

RIDGE_MUST ridge_status sweep_open(const char *self, const char *path,
                                   const struct registry *, const struct machine *,
                                   const struct compose_override *overrides, size_t n,
                                   struct sweep *out, struct why *why);
void sweep_compose(const struct sweep *, size_t point, const struct registry *,
                   const struct machine *, struct composed *out);
char *sweep_size_text(const struct sweep *); /* the caller frees */
void sweep_free(struct sweep *);

#endif
