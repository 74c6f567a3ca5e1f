/*
 * verb_ablate.c - `ridge ablate RECIPE`: what each strategy is worth.
 *
 * Runs the recipe whole, plain (no strategy at all), and without each strategy in turn;
 * in rounds, so that what drifts meets every arm alike.
 */
#include "cli/ablation.h"
#include "cli/metric_words.h"
#include "cli/print_json.h"
#include "cli/run_sweep.h"
#include "cli/view.h"
#include "recipe/recipe_source.h"
#include "run/interrupts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Running ------------------------------------------------------------------------- */

static void run_arm(struct ablation *a, size_t arm, int64_t round) {
  struct person_view view;
  struct run_once_options options = a->options;
  struct outcome *outcome = &a->arms[arm].rounds[round];
  quiet_view_init(&view, a->cli);
  options.view = &view.view;
  options.outcome = outcome;
  options.sweep_id = a->sweep_id;
  options.place = &a->place;
  /* An arm must not be taken for the recipe when the recipe's name is asked for. */
  char name[256];
  if (arm != WHOLE) {
    snprintf(name, sizeof name, "%s: %s%s", a->name, arm >= FIRST ? "without " : "",
             arm_name(a, arm));
    options.name = name;
  }
  if (arm == PLAIN) {
    options.without = a->ids;
    options.n_without = a->n;
  } else if (arm != WHOLE) {
    options.without = &a->arms[arm].without;
    options.n_without = 1;
  }
  if (!a->cli->json)
    fprintf(stderr, "round %" PRId64 " of %" PRId64 "  %s%s\n", round + 1, a->rounds,
            arm >= FIRST ? "without " : "", arm_name(a, arm));
  (void)run_recipe_once(a->cli, a->words.recipe, &options, NULL);
  a->stopped = outcome->interrupted || interrupts_seen(); /* also between two runs */
  a->arms[arm].out = outcome->status != CATALOG_DONE && outcome->status != CATALOG_INERT;
}

static void run_rounds(struct ablation *a) {
  for (int64_t round = 0; round < a->rounds && !a->stopped; round++) {
    for (size_t arm = 0; arm < arm_count(a) && !a->stopped; arm++)
      if (!a->arms[arm].out) run_arm(a, arm, round);
    if (a->arms[WHOLE].out) return; /* nothing to compare with */
    if (!a->stopped) a->done = round + 1;
  }
}

/* From beginning to end ----------------------------------------------------------- */

/* The plan tells which strategies there are, and refuses before any time is spent. */
static int read_strategies(struct ablation *a) {
  struct outcome outcome;
  struct run_once_options options = a->options;
  options.plan_only = true;
  options.place = &a->place;
  options.outcome = &outcome;
  int exit = run_recipe_once(a->cli, a->words.recipe, &options, NULL);
  a->strategies = json_incref(outcome.asked);
  snprintf(a->name, sizeof a->name, "%s", outcome.name);
  if (exit != EXIT_OK && a->cli->json) print_json(outcome_json(&outcome));
  outcome_free(&outcome);
  if (exit != EXIT_OK) return exit;
  a->n = json_array_size(a->strategies);
  if (a->n == 0)
    return options_refuse(a->cli, "ablate",
                          "%s uses no strategy: there is nothing to leave out",
                          a->words.recipe);
  if (a->n > MOST_STRATEGIES)
    return options_refuse(a->cli, "ablate",
                          "%s uses %zu strategies; 1 to %d can be left out in turn",
                          a->words.recipe, a->n, MOST_STRATEGIES);
  for (size_t i = 0; i < a->n; i++) {
    a->ids[i] = json_string_value(json_object_get(json_array_get(a->strategies, i), "id"));
    a->arms[FIRST + i].without = a->ids[i];
  }
  return -1;
}

static ridge_status begin_sweep(struct ablation *a) {
  struct recipe_source source;
  ridge_status status = recipe_source_read(a->words.recipe, &source, &a->why);
  if (status != RIDGE_OK) return status;
  json_t *points = json_pack("{s:s, s:O, s:I}", "ablation", a->words.recipe, "strategies",
                             a->strategies, "rounds", (json_int_t)a->rounds);
  status = catalog_sweep_begin(a->place.catalog, "ablation", source.text, points,
                               &a->sweep_id, &a->why);
  json_decref(points);
  recipe_source_free(&source);
  return status;
}

static int run_all(struct ablation *a) {
  for (size_t arm = 0; arm < arm_count(a); arm++) {
    a->arms[arm].rounds = calloc((size_t)a->rounds, sizeof *a->arms[arm].rounds);
    if (a->arms[arm].rounds == NULL) abort();
  }
  if (begin_sweep(a) != RIDGE_OK) return EXIT_FAILED;
  interrupts_take();
  run_rounds(a);
  ridge_status status = catalog_sweep_end(
      a->place.catalog, a->sweep_id, a->stopped ? CATALOG_STOPPED : CATALOG_DONE, &a->why);
  interrupts_give_back();
  if (status != RIDGE_OK) return EXIT_FAILED;
  const struct outcome *whole = &a->arms[WHOLE].rounds[0];
  int exit = a->stopped ? EXIT_FAILED : whole->exit;
  if (a->cli->json)
    print_json(ablation_json(a, exit));
  else
    ablation_print(a);
  return exit;
}

static int ablate(struct ablation *a) {
  int exit = workplace_open(a->cli, CATALOG_WRITE, &a->place, &a->why);
  if (exit < 0 && a->metric != NULL)
    exit = metric_words_check(a->cli, "ablate", &a->place.registry, &a->metric, 1);
  if (exit < 0) exit = read_strategies(a);
  if (exit < 0) exit = run_all(a);
  if (a->why.text[0] != 0) (void)options_fail(a->cli, "ablate", exit, a->why.text);
  return exit;
}

static void ablation_free(struct ablation *a) {
  for (size_t arm = 0; arm < arm_count(a); arm++) {
    for (int64_t i = 0; a->arms[arm].rounds != NULL && i < a->rounds; i++)
      outcome_free(&a->arms[arm].rounds[i]);
    free(a->arms[arm].rounds);
  }
  json_decref(a->strategies);
  workplace_close(&a->place);
  free(a);
}

int verb_ablate(struct cli *cli, int argc, char **argv) {
  struct ablation *a = calloc(1, sizeof *a);
  if (a == NULL) abort();
  a->cli = cli;
  a->rounds = DEFAULT_ROUNDS;
  const struct cli_option rows[] = {
      RUN_WORD_ROWS(&a->words),
      {.name = "--repeat",
       .value = "N",
       .kind = OPTION_INT,
       .to = &a->rounds,
       .lo = 1,
       .hi = 1000,
       .doc = "rounds; 3 if not given, from 6 on there is an interval"},
      {.name = "--metric",
       .value = "NAME",
       .kind = OPTION_TEXT,
       .to = &a->metric,
       .doc = "the speed to compare; output_tps or what there is"},
  };
  int exit = options_parse(cli, "ablate", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit < 0) exit = run_words_read(cli, "ablate", &a->words, &a->options);
  if (exit < 0 && recipe_is_sweep(cli, a->words.recipe))
    exit = options_refuse(cli, "ablate", "%s is a sweep; ablate takes an `infer` recipe",
                          a->words.recipe);
  if (exit < 0) exit = ablate(a);
  ablation_free(a);
  return exit;
}
