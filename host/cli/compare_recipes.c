/*
 * compare_recipes.c - two recipes, run in turn: A B A B ...
 *
 * So what drifts (heat, other load) meets both alike.  A pair is one run of each; each
 * run is a row of the catalog, and they belong to one sweep.  Both are planned first:
 * what is refused, or is no pair, is said before any time is spent.
 */
#include "cli/comparing.h"
#include "cli/metric_words.h"
#include "cli/print_json.h"
#include "cli/view.h"
#include "recipe/recipe_source.h"
#include "run/interrupts.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct interleaving {
  struct comparing *c;
  struct workplace place;
  struct outcome *outcomes[ARMS]; /* by pair */
  int64_t done;                   /* whole pairs */
  int64_t sweep_id;
  bool stopped;
  struct why why;
};

/* Refused before any time is spent: by a recipe, or because the two are no pair. */
static int plan_both(struct interleaving *t) {
  struct comparing *c = t->c;
  struct outcome plans[ARMS];
  int exit = EXIT_OK;
  memset(plans, 0, sizeof plans);
  for (int arm = A; arm < ARMS && exit == EXIT_OK; arm++) {
    const struct run_once_options options = {
        .plan_only = true, .place = &t->place, .outcome = &plans[arm]};
    exit = run_recipe_once(c->cli, c->words[arm], &options, NULL);
    if (exit != EXIT_OK && c->cli->json) print_json(outcome_json(&plans[arm]));
  }
  if (exit == EXIT_OK) exit = -1;
  if (exit < 0 && strcmp(plans[A].task, plans[B].task) != 0)
    exit = options_refuse(c->cli, "compare",
                          "%s and %s are different tasks: they have to agree in "
                          "everything but the strategies",
                          c->words[A], c->words[B]);
  if (exit < 0 && strcmp(plans[A].composition, plans[B].composition) == 0 && !c->noise)
    exit = options_refuse(c->cli, "compare",
                          "%s and %s are one composition (%.12s): there is nothing to "
                          "tell apart; --noise measures it against itself",
                          c->words[A], c->words[B], plans[A].composition);
  for (int arm = A; arm < ARMS; arm++) outcome_free(&plans[arm]);
  return exit;
}

/* -1, or the exit code of a run that cannot be part of a pair. */
static int run_one(struct interleaving *t, int arm, int64_t pair) {
  struct comparing *c = t->c;
  struct person_view view;
  struct outcome *outcome = &t->outcomes[arm][pair];
  quiet_view_init(&view, c->cli);
  const struct run_once_options options = {
      .sweep_id = t->sweep_id, .view = &view.view, .outcome = outcome, .place = &t->place};
  if (!c->cli->json)
    fprintf(stderr, "pair %" PRId64 " of %" PRId64 "  %c\n", pair + 1, c->pairs,
            arm == A ? 'A' : 'B');
  int exit = run_recipe_once(c->cli, c->words[arm], &options, NULL);
  if (outcome->run != 0) json_array_append_new(c->runs[arm], json_integer(outcome->run));
  t->stopped = outcome->interrupted || interrupts_seen(); /* also between two runs */
  if (exit == EXIT_OK && t->stopped)
    return options_fail(c->cli, "compare", EXIT_FAILED, "stopped by the user");
  if (exit == EXIT_OK) return -1;
  char sentence[160];
  snprintf(sentence, sizeof sentence,
           "run %" PRId64 " is %s; only runs that are done are compared", outcome->run,
           catalog_status_word(outcome->status));
  return options_fail(c->cli, "compare", exit, sentence);
}

static int run_pairs(struct interleaving *t) {
  for (int64_t pair = 0; pair < t->c->pairs; pair++) {
    for (int arm = A; arm < ARMS; arm++) {
      int exit = run_one(t, arm, pair);
      if (exit >= 0) return exit;
    }
    t->done = pair + 1;
  }
  return -1;
}

static void compare_outcomes(struct interleaving *t, const char *metric) {
  const struct catalog_metric *about = metric_find(metric);
  double *values = calloc(2 * (size_t)t->done + 2, sizeof *values);
  if (values == NULL) abort();
  double *a = values, *b = values + t->done;
  size_t n = 0;
  for (int64_t pair = 0; pair < t->done; pair++) {
    struct spread x, y;
    if (!outcome_spread(&t->outcomes[A][pair], metric, &x) ||
        !outcome_spread(&t->outcomes[B][pair], metric, &y))
      continue;
    if (!isfinite(x.median) || !isfinite(y.median)) continue;
    a[n] = x.median;
    b[n++] = y.median;
  }
  const struct comparison_row row =
      about != NULL ? comparison_row_of(metric, about->unit, about->better, about->steady)
                    : comparison_row_of(metric, "", 0, false);
  if (n > 0) comparison_add(&t->c->found, &row, a, b, n);
  free(values);
}

/* The host's own metrics in the order of their table, then those of strategies. */
static void compare_all(struct interleaving *t) {
  size_t n;
  const struct catalog_metric *list = metric_list(&n);
  const char *name;
  json_t *values;
  for (size_t i = 0; i < n; i++)
    if (comparing_wants(t->c, list[i].name)) compare_outcomes(t, list[i].name);
  json_object_foreach(t->outcomes[A][0].samples, name, values) {
    if (metric_find(name) == NULL && comparing_wants(t->c, name)) compare_outcomes(t, name);
  }
}

static ridge_status begin_sweep(struct interleaving *t) {
  struct recipe_source source;
  ridge_status status = recipe_source_read(t->c->words[A], &source, &t->why);
  if (status != RIDGE_OK) return status;
  json_t *points = json_pack("{s:[s, s], s:I}", "compare", t->c->words[A], t->c->words[B],
                             "pairs", (json_int_t)t->c->pairs);
  status = catalog_sweep_begin(t->place.catalog, "compare", source.text, points,
                               &t->sweep_id, &t->why);
  json_decref(points);
  recipe_source_free(&source);
  return status;
}

/* The pairs, and the end of the row that holds them together. */
static int run_all(struct interleaving *t) {
  interrupts_take();
  int exit = run_pairs(t);
  enum catalog_status how = t->stopped ? CATALOG_STOPPED
                            : exit < 0 ? CATALOG_DONE
                                       : CATALOG_FAILED;
  if (catalog_sweep_end(t->place.catalog, t->sweep_id, how, &t->why) != RIDGE_OK)
    exit = EXIT_FAILED;
  interrupts_give_back();
  return exit;
}

static int interleave(struct interleaving *t) {
  int exit = workplace_open(t->c->cli, CATALOG_WRITE, &t->place, &t->why);
  if (exit < 0)
    exit = metric_words_check(t->c->cli, "compare", &t->place.registry, t->c->metrics.items,
                              t->c->metrics.n);
  if (exit < 0) exit = plan_both(t);
  if (exit < 0 && begin_sweep(t) != RIDGE_OK) exit = EXIT_FAILED;
  if (exit < 0) exit = run_all(t);
  if (t->why.text[0] != 0) (void)options_fail(t->c->cli, "compare", exit, t->why.text);
  if (exit >= 0) return exit;
  compare_all(t);
  return comparing_tell(t->c);
}

int compare_recipes(struct comparing *c) {
  struct interleaving t = {.c = c};
  c->interleaved = true;
  for (int arm = A; arm < ARMS; arm++) {
    t.outcomes[arm] = calloc((size_t)c->pairs, sizeof *t.outcomes[arm]);
    if (t.outcomes[arm] == NULL) abort();
  }
  int exit = interleave(&t);
  for (int arm = A; arm < ARMS; arm++) {
    for (int64_t pair = 0; pair < c->pairs; pair++) outcome_free(&t.outcomes[arm][pair]);
    free(t.outcomes[arm]);
  }
  workplace_close(&t.place);
  return exit;
}
