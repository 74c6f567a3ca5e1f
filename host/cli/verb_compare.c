/*
 * verb_compare.c - `ridge compare A B`: do two runs, or two recipes, differ?
 *
 * Two runs are compared repeat by repeat; what drifted between them counts as their
 * difference, and the answer says so.  Two recipes are run now, in turn (A B A B ...),
 * so that what drifts meets both alike; a pair is one run of each.
 */
#include "cli/comparison.h"
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/view.h"
#include "recipe/recipe_source.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { A, B, ARMS, DEFAULT_PAIRS = 9 };

struct comparing {
  struct cli *cli;
  const char *words[ARMS]; /* as typed */
  struct option_texts metrics;
  bool baseline, noise;
  int64_t pairs;
  struct comparison found;
  json_t *runs[ARMS]; /* numbers */
  json_t *notes;      /* sentences a reader of the figures has to know */
  bool interleaved;
};

static void note(struct comparing *c, const char *sentence) {
  json_array_append_new(c->notes, json_string(sentence));
}

/* Is this metric wanted?  All are when none is named. */
static bool wanted(const struct comparing *c, const char *metric) {
  for (size_t i = 0; i < c->metrics.n; i++)
    if (strcmp(c->metrics.items[i], metric) == 0) return true;
  return c->metrics.n == 0;
}

static struct comparison_row row_of(const char *name, const char *unit, int better, bool steady) {
  struct comparison_row row = {.better = better, .steady = steady};
  snprintf(row.name, sizeof row.name, "%s", name);
  snprintf(row.unit, sizeof row.unit, "%s", unit);
  return row;
}

/* Telling ----------------------------------------------------------------------------- */

static json_t *worse_metrics(const struct comparing *c) {
  json_t *names = json_array();
  for (size_t i = 0; i < c->found.n; i++)
    if (c->found.rows[i].decides && comparison_worse(&c->found.rows[i]))
      json_array_append_new(names, json_string(c->found.rows[i].name));
  return names;
}

static void print_arm(const struct comparing *c, int arm) {
  const json_t *run;
  size_t i;
  printf("%c: %s, run%s", arm == A ? 'A' : 'B', c->words[arm],
         json_array_size(c->runs[arm]) == 1 ? "" : "s");
  json_array_foreach(c->runs[arm], i, run)
    printf(" %" PRId64, (int64_t)json_integer_value(run));
  putchar('\n');
}

static void print_verdict(const struct comparing *c, const json_t *worse) {
  const json_t *sentence, *name;
  size_t i;
  json_array_foreach(c->notes, i, sentence) printf("note: %s\n", json_string_value(sentence));
  if (!c->baseline) return;
  if (json_array_size(worse) == 0) {
    printf("No regression: of the metrics with a *, none is worse beyond its interval.\n");
    return;
  }
  printf("Regression: worse than the baseline in");
  json_array_foreach(worse, i, name) printf("%s %s", i > 0 ? "," : "", json_string_value(name));
  putchar('\n');
}

static int tell(struct comparing *c) {
  comparison_decide(&c->found, c->metrics.items, c->metrics.n);
  json_t *worse = worse_metrics(c);
  int exit = c->baseline && json_array_size(worse) > 0 ? EXIT_REGRESSION : EXIT_OK;
  if (c->cli->json) {
    print_json(json_pack("{s:{s:s, s:O}, s:{s:s, s:O}, s:b, s:o, s:O, s:O, s:i}", "a", "name",
                         c->words[A], "runs", c->runs[A], "b", "name", c->words[B], "runs", c->runs[B],
                         "interleaved", (int)c->interleaved, "metrics", comparison_json(&c->found),
                         "worse", worse, "notes", c->notes, "exit", exit));
  } else {
    print_arm(c, A);
    print_arm(c, B);
    comparison_print(c->cli, &c->found);
    print_verdict(c, worse);
  }
  json_decref(worse);
  return exit;
}

static int refuse_metrics(const struct comparing *c) {
  if (c->found.n > 0) return -1;
  if (c->metrics.n > 0)
    return options_refuse("compare", "`%s` was not measured in both; `ridge show` lists what was",
                          c->metrics.items[0]);
  return options_refuse("compare", "nothing was measured in both");
}

/* Two runs ---------------------------------------------------------------------------- */

/* The value of a repeat, if it is there and finite. */
static bool value_at(const json_t *repeats, int64_t repeat, double *out) {
  const json_t *row;
  size_t i;
  json_array_foreach(repeats, i, row) {
    if (row_int(row, "repeat") != repeat || !row_has(row, "value")) continue;
    *out = json_number_value(json_object_get(row, "value"));
    return true;
  }
  return false;
}

static const json_t *metric_of(const json_t *run, const char *name) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(run, "metrics"), i, row)
    if (strcmp(row_text(row, "name"), name) == 0) return row;
  return NULL;
}

static void compare_metric(struct comparing *c, const json_t *of_a, const json_t *of_b) {
  const json_t *repeats = json_object_get(of_a, "repeats"), *row;
  size_t room = json_array_size(repeats), n = 0, i;
  double *a = calloc(room + 1, sizeof *a), *b = calloc(room + 1, sizeof *b);
  if (a == NULL || b == NULL) abort();
  json_array_foreach(repeats, i, row)
    if (value_at(repeats, row_int(row, "repeat"), &a[n]) &&
        value_at(json_object_get(of_b, "repeats"), row_int(row, "repeat"), &b[n]))
      n++;
  const struct comparison_row about =
      row_of(row_text(of_a, "name"), row_text(of_a, "unit"), (int)row_int(of_a, "better"),
             json_is_true(json_object_get(of_a, "steady")));
  if (n > 0) comparison_add(&c->found, &about, a, b, n);
  free(a);
  free(b);
}

static bool same(const json_t *a, const json_t *b, const char *key) {
  return json_equal(json_object_get(a, key), json_object_get(b, key)) != 0;
}

/* What cannot be compared, and what has to be said about the rest. */
static int check_runs(struct comparing *c, const json_t *a, const json_t *b) {
  for (int arm = A; arm < ARMS; arm++) {
    const json_t *run = arm == A ? a : b;
    if (strcmp(row_text(run, "status"), "done") != 0)
      return options_refuse("compare", "run %" PRId64 " is %s; only runs that are done are compared",
                            row_int(run, "run"), row_text(run, "status"));
  }
  if (!same(a, b, "task"))
    return options_refuse("compare", "runs %" PRId64 " and %" PRId64 " did different tasks, so their "
                          "figures say nothing about each other; `ridge diff %" PRId64 " %" PRId64
                          "` shows how the tasks differ",
                          row_int(a, "run"), row_int(b, "run"), row_int(a, "run"), row_int(b, "run"));
  bool alike = same(a, b, "composition") && same(a, b, "program") && same(a, b, "machine");
  if (alike && !c->noise)
    return options_refuse("compare", "runs %" PRId64 " and %" PRId64 " are of one composition, program "
                          "and machine: there is nothing to tell apart; --noise compares them all the same",
                          row_int(a, "run"), row_int(b, "run"));
  note(c, "the two runs were not interleaved: what drifted between them counts as their difference");
  if (!same(a, b, "machine")) note(c, "the runs were made on different machines");
  if (!same(a, b, "program")) note(c, "the runs were made by different programs");
  if (!same(a, b, "seed")) note(c, "the runs had different seeds");
  return -1;
}

static int compare_samples(struct comparing *c, const json_t *a, const json_t *b) {
  const json_t *metric;
  size_t i;
  int exit = check_runs(c, a, b);
  if (exit >= 0) return exit;
  json_array_append(c->runs[A], json_object_get(a, "run"));
  json_array_append(c->runs[B], json_object_get(b, "run"));
  json_array_foreach(json_object_get(a, "metrics"), i, metric) {
    const json_t *other = metric_of(b, row_text(metric, "name"));
    if (other != NULL && wanted(c, row_text(metric, "name"))) compare_metric(c, metric, other);
  }
  exit = refuse_metrics(c);
  return exit >= 0 ? exit : tell(c);
}

static int compare_runs(struct comparing *c) {
  struct catalog *catalog;
  json_t *runs[ARMS] = {NULL, NULL};
  struct why why;
  int exit = look_back_open(c->cli, "compare", &catalog);
  for (int arm = A; exit < 0 && arm < ARMS; arm++) {
    int64_t id = 0;
    exit = look_back_run("compare", catalog, c->words[arm], &id);
    if (exit >= 0) break;
    ridge_status status = catalog_samples(catalog, id, &runs[arm], &why);
    if (status != RIDGE_OK) exit = look_back_fail("compare", status, &why);
  }
  catalog_close(catalog);
  if (exit < 0) exit = compare_samples(c, runs[A], runs[B]);
  json_decref(runs[A]);
  json_decref(runs[B]);
  return exit;
}

/* Two recipes ------------------------------------------------------------------------- */

struct interleaving {
  struct comparing *c;
  struct workplace place;
  struct outcome *outcomes[ARMS]; /* by pair */
  int64_t done;                   /* whole pairs */
  int64_t sweep_id;
  struct why why;
};

/* Refused before any time is spent: by a recipe, or because the two are no pair. */
static int plan_both(struct interleaving *t) {
  struct comparing *c = t->c;
  struct outcome plans[ARMS];
  int exit = EXIT_OK;
  memset(plans, 0, sizeof plans);
  for (int arm = A; arm < ARMS && exit == EXIT_OK; arm++) {
    const struct run_once_options options = {.plan_only = true, .place = &t->place, .outcome = &plans[arm]};
    exit = run_recipe_once(c->cli, c->words[arm], &options, NULL);
  }
  if (exit == EXIT_OK) exit = -1;
  if (exit < 0 && strcmp(plans[A].task, plans[B].task) != 0)
    exit = options_refuse("compare", "%s and %s are different tasks: they have to agree in everything "
                          "but the strategies", c->words[A], c->words[B]);
  if (exit < 0 && strcmp(plans[A].composition, plans[B].composition) == 0 && !c->noise)
    exit = options_refuse("compare", "%s and %s are one composition (%.12s): there is nothing to tell "
                          "apart; --noise measures it against itself",
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
    fprintf(stderr, "pair %" PRId64 " of %" PRId64 "  %c\n", pair + 1, c->pairs, arm == A ? 'A' : 'B');
  int exit = run_recipe_once(c->cli, c->words[arm], &options, NULL);
  if (outcome->run != 0) json_array_append_new(c->runs[arm], json_integer(outcome->run));
  if (exit == EXIT_OK) return -1;
  fprintf(stderr, "ridge compare: run %" PRId64 " is %s; only runs that are done are compared\n",
          outcome->run, catalog_status_word(outcome->status));
  return exit;
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
    a[n] = x.median;
    b[n++] = y.median;
  }
  const struct comparison_row row =
      about != NULL ? row_of(metric, about->unit, about->better, about->steady)
                    : row_of(metric, "", 0, false);
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
    if (wanted(t->c, list[i].name)) compare_outcomes(t, list[i].name);
  json_object_foreach(t->outcomes[A][0].samples, name, values)
    if (metric_find(name) == NULL && wanted(t->c, name)) compare_outcomes(t, name);
}

static ridge_status begin_sweep(struct interleaving *t) {
  struct recipe_source source;
  ridge_status status = recipe_source_read(t->c->words[A], &source, &t->why);
  if (status != RIDGE_OK) return status;
  json_t *points = json_pack("{s:[s, s], s:I}", "compare", t->c->words[A], t->c->words[B], "pairs",
                             (json_int_t)t->c->pairs);
  status = catalog_sweep_begin(t->place.catalog, "compare", source.text, points, &t->sweep_id, &t->why);
  json_decref(points);
  recipe_source_free(&source);
  return status;
}

static int interleave(struct interleaving *t) {
  int exit = workplace_open(t->c->cli, CATALOG_WRITE, &t->place, &t->why);
  if (exit < 0) exit = plan_both(t);
  if (exit < 0 && begin_sweep(t) != RIDGE_OK) exit = EXIT_FAILED;
  if (exit < 0) exit = run_pairs(t);
  if (t->sweep_id != 0 && catalog_sweep_end(t->place.catalog, t->sweep_id, &t->why) != RIDGE_OK)
    exit = EXIT_FAILED;
  if (t->why.text[0] != 0) fprintf(stderr, "ridge compare: %s\n", t->why.text);
  if (exit >= 0) return exit;
  compare_all(t);
  exit = refuse_metrics(t->c);
  return exit >= 0 ? exit : tell(t->c);
}

static int compare_recipes(struct comparing *c) {
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

/* ------------------------------------------------------------------------------------- */

static bool is_recipe(const char *word) {
  size_t n = strlen(word);
  return n > 4 && strcmp(word + n - 4, ".lua") == 0;
}

static int compare(struct comparing *c) {
  if (is_recipe(c->words[A]) != is_recipe(c->words[B]))
    return options_refuse("compare", "%s and %s are a recipe and a run; give two of one kind",
                          c->words[A], c->words[B]);
  return is_recipe(c->words[A]) ? compare_recipes(c) : compare_runs(c);
}

int verb_compare(struct cli *cli, int argc, char **argv) {
  struct comparing c = {.cli = cli, .pairs = DEFAULT_PAIRS};
  const struct cli_option rows[] = {
      {.name = "A", .doc = "a run (number, uid, name, `last`) or a recipe file", .kind = OPTION_TEXT,
       .to = &c.words[A]},
      {.name = "B", .doc = "another of the same kind", .kind = OPTION_TEXT, .to = &c.words[B]},
      {.name = "--metric", .value = "NAME", .doc = "only this one; may be repeated", .kind = OPTION_TEXTS,
       .to = &c.metrics},
      {.name = "--repeat", .value = "N", .doc = "pairs of runs of two recipes; 9 if not given",
       .kind = OPTION_INT, .to = &c.pairs, .lo = 1, .hi = 10000},
      {.name = "--baseline", .doc = "A is the baseline: exit 5 when B is worse beyond the interval",
       .kind = OPTION_FLAG, .to = &c.baseline},
      {.name = "--noise", .doc = "compare even what has to be alike", .kind = OPTION_FLAG, .to = &c.noise},
  };
  int exit = options_parse(cli, "compare", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  c.runs[A] = json_array();
  c.runs[B] = json_array();
  c.notes = json_array();
  exit = compare(&c);
  comparison_free(&c.found);
  json_decref(c.runs[A]);
  json_decref(c.runs[B]);
  json_decref(c.notes);
  return exit;
}
