/*
 * verb_compare.c - `ridge compare A B`: do two runs, or two recipes, differ?
 *
 * Two runs are compared repeat by repeat; what drifted between them counts as their
 * difference, and the answer says so.  Two recipes are run now, in turn (A B A B ...),
 * so that what drifts meets both alike: compare_recipes.c.
 */
#include "cli/comparing.h"
#include "cli/look_back.h"
#include "cli/print_json.h"
#include "cli/prose.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note(struct comparing *c, const char *sentence) {
  json_array_append_new(c->notes, json_string(sentence));
}

bool comparing_wants(const struct comparing *c, const char *metric) {
  for (size_t i = 0; i < c->metrics.n; i++)
    if (strcmp(c->metrics.items[i], metric) == 0) return true;
  return c->metrics.n == 0;
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
  json_array_foreach(c->runs[arm], i, run) {
    printf(" %" PRId64, (int64_t)json_integer_value(run));
  }
  putchar('\n');
}

static void print_verdict(const struct comparing *c, const json_t *worse) {
  const json_t *sentence, *name;
  size_t i;
  json_array_foreach(c->notes, i, sentence) {
    prose_format(0, 0, "note: %s", json_string_value(sentence));
  }
  if (!c->baseline) return;
  if (json_array_size(worse) == 0) {
    printf("No regression: of the metrics with a *, none is worse beyond its interval.\n");
    return;
  }
  printf("Regression: worse than the baseline in");
  json_array_foreach(worse, i, name) {
    printf("%s %s", i > 0 ? "," : "", json_string_value(name));
  }
  putchar('\n');
}

/* Each metric that was named has to be there. */
static int check_metrics(const struct comparing *c) {
  for (size_t i = 0; i < c->metrics.n; i++) {
    bool there = false;
    for (size_t k = 0; k < c->found.n; k++)
      there = there || strcmp(c->found.rows[k].name, c->metrics.items[i]) == 0;
    if (!there)
      return options_refuse(c->cli, "compare",
                            "`%s` was not measured in both; `ridge show` lists what was",
                            c->metrics.items[i]);
  }
  if (c->found.n == 0)
    return options_refuse(c->cli, "compare", "nothing was measured in both");
  return -1;
}

int comparing_tell(struct comparing *c) {
  int refused = check_metrics(c);
  if (refused >= 0) return refused;
  comparison_decide(&c->found, c->metrics.items, c->metrics.n);
  json_t *worse = worse_metrics(c);
  int exit = c->baseline && json_array_size(worse) > 0 ? EXIT_REGRESSION : EXIT_OK;
  if (c->cli->json) {
    print_json(json_pack("{s:{s:s, s:O}, s:{s:s, s:O}, s:b, s:o, s:O, s:O, s:i}", "a",
                         "name", c->words[A], "runs", c->runs[A], "b", "name", c->words[B],
                         "runs", c->runs[B], "interleaved", (int)c->interleaved, "metrics",
                         comparison_json(&c->found), "worse", worse, "notes", c->notes,
                         "exit", exit));
  } else {
    print_arm(c, A);
    print_arm(c, B);
    comparison_print(c->cli, &c->found);
    print_verdict(c, worse);
  }
  json_decref(worse);
  return exit;
}

/* Two runs ---------------------------------------------------------------------------- */

static const json_t *metric_of(const json_t *run, const char *name) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(run, "metrics"), i, row) {
    if (strcmp(row_text(row, "name"), name) == 0) return row;
  }
  return NULL;
}

/* Values of the repeats that both have; both lists come sorted by repeat. */
static size_t pair_up(const json_t *of_a, const json_t *of_b, double *a, double *b) {
  size_t n = 0, i = 0, k = 0;
  while (i < json_array_size(of_a) && k < json_array_size(of_b)) {
    const json_t *x = json_array_get(of_a, i), *y = json_array_get(of_b, k);
    int64_t at_x = row_int(x, "repeat"), at_y = row_int(y, "repeat");
    bool both = at_x == at_y && row_has(x, "value") && row_has(y, "value");
    if (both) {
      a[n] = json_number_value(json_object_get(x, "value"));
      b[n++] = json_number_value(json_object_get(y, "value"));
    }
    i += at_x <= at_y;
    k += at_y <= at_x;
  }
  return n;
}

static void compare_metric(struct comparing *c, const json_t *of_a, const json_t *of_b) {
  const json_t *repeats_a = json_object_get(of_a, "repeats");
  const json_t *repeats_b = json_object_get(of_b, "repeats");
  size_t room = json_array_size(repeats_a);
  double *a = calloc(room + 1, sizeof *a), *b = calloc(room + 1, sizeof *b);
  if (a == NULL || b == NULL) abort();
  size_t n = pair_up(repeats_a, repeats_b, a, b);
  const struct comparison_row about = comparison_row_of(
      row_text(of_a, "name"), row_text(of_a, "unit"), (int)row_int(of_a, "better"),
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
      return options_refuse(c->cli, "compare",
                            "run %" PRId64 " is %s; only runs that are done are compared",
                            row_int(run, "run"), row_text(run, "status"));
  }
  if (!same(a, b, "task"))
    return options_refuse(c->cli, "compare",
                          "runs %" PRId64 " and %" PRId64 " did different tasks, so their "
                          "figures say nothing about each other; `ridge diff %" PRId64
                          " %" PRId64 "` shows how the tasks differ",
                          row_int(a, "run"), row_int(b, "run"), row_int(a, "run"),
                          row_int(b, "run"));
  bool alike = same(a, b, "composition") && same(a, b, "program") && same(a, b, "machine");
  if (alike && !c->noise)
    return options_refuse(
        c->cli, "compare",
        "runs %" PRId64 " and %" PRId64 " are of one composition, program "
        "and machine: there is nothing to tell apart; --noise compares them all the same",
        row_int(a, "run"), row_int(b, "run"));
  note(c, "the two runs were not interleaved: what drifted between them counts as their "
          "difference");
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
    if (other != NULL && comparing_wants(c, row_text(metric, "name")))
      compare_metric(c, metric, other);
  }
  return comparing_tell(c);
}

static int compare_runs(struct comparing *c) {
  struct catalog *catalog;
  json_t *runs[ARMS] = {NULL, NULL};
  struct why why;
  int exit = look_back_open(c->cli, "compare", &catalog);
  for (int arm = A; exit < 0 && arm < ARMS; arm++) {
    int64_t id = 0;
    exit = look_back_run(c->cli, "compare", catalog, c->words[arm], &id);
    if (exit >= 0) break;
    ridge_status status = catalog_samples(catalog, id, &runs[arm], &why);
    if (status != RIDGE_OK) exit = look_back_fail(c->cli, "compare", status, &why);
  }
  catalog_close(catalog);
  if (exit < 0) exit = compare_samples(c, runs[A], runs[B]);
  json_decref(runs[A]);
  json_decref(runs[B]);
  return exit;
}

/* ------------------------------------------------------------------------------------- */

static bool is_recipe(const char *word) {
  size_t n = strlen(word);
  return n > 4 && strcmp(word + n - 4, ".lua") == 0;
}

/* What only recipes take: with runs it would do nothing. */
static int check_words(const struct comparing *c) {
  if (c->pairs != 0)
    return options_refuse(c->cli, "compare",
                          "--repeat is for two recipes, which are run now; %s and %s are "
                          "runs, with the repeats they have: leave it out, or give their "
                          "recipes",
                          c->words[A], c->words[B]);
  if (c->cli->n_plugins > 0)
    return options_refuse(c->cli, "compare",
                          "--plugins is for two recipes, which are run now; %s and %s are "
                          "runs: leave it out",
                          c->words[A], c->words[B]);
  return -1;
}

static int compare(struct comparing *c) {
  enum { DEFAULT_PAIRS = 9 };
  if (is_recipe(c->words[A]) != is_recipe(c->words[B]))
    return options_refuse(c->cli, "compare",
                          "%s and %s are a recipe and a run; give two of one kind",
                          c->words[A], c->words[B]);
  int exit = is_recipe(c->words[A]) ? -1 : check_words(c);
  if (exit >= 0) return exit;
  if (c->pairs == 0) c->pairs = DEFAULT_PAIRS;
  return is_recipe(c->words[A]) ? compare_recipes(c) : compare_runs(c);
}

int verb_compare(struct cli *cli, int argc, char **argv) {
  struct comparing c = {.cli = cli};
  const struct cli_option rows[] = {
      {.name = "A",
       .doc = "a run (number, uid, name, `last`) or a recipe file",
       .kind = OPTION_TEXT,
       .to = &c.words[A]},
      {.name = "B",
       .doc = "another of the same kind",
       .kind = OPTION_TEXT,
       .to = &c.words[B]},
      {.name = "--metric",
       .value = "NAME",
       .doc = "only this one; may be repeated",
       .kind = OPTION_TEXTS,
       .to = &c.metrics},
      {.name = "--repeat",
       .value = "N",
       .doc = "pairs of runs of two recipes; 9 if not given",
       .kind = OPTION_INT,
       .to = &c.pairs,
       .lo = 1,
       .hi = 10000},
      {.name = "--baseline",
       .doc = "A is the baseline: exit 5 when B is worse beyond the interval",
       .kind = OPTION_FLAG,
       .to = &c.baseline},
      {.name = "--noise",
       .doc = "compare even what has to be alike",
       .kind = OPTION_FLAG,
       .to = &c.noise},
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
