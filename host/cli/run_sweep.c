/*
 * run_sweep.c - a sweep recipe: every point run and written down, then compared.
 *
 * Points come seed by seed, so that what drifts meets all of them alike.  A point that
 * fails, or is refused, does not end the sweep; an interrupt does.  Points that cannot be
 * composed are told before the first run.
 */
#include "cli/run_sweep.h"

#include "base/clock.h"
#include "base/stats.h"
#include "base/text.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/view.h"
#include "compose/sweep.h"
#include "run/interrupts.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sweeping {
  struct cli *cli;
  const struct run_once_options *options;
  struct workplace place;
  struct sweep sweep;
  struct outcome *outcomes; /* by point */
  size_t n_done;
  int64_t sweep_id;
  bool stopped, out_of_time;
  bool quiet; /* no text but problems */
  struct why why;
};

bool recipe_is_sweep(const struct cli *cli, const char *path) {
  struct recipe recipe;
  struct why why;
  bool is_sweep = recipe_load(cli->self, path, &recipe, &why) == RIDGE_OK &&
                  recipe.root != NULL && strcmp(recipe.root->keyword->name, "sweep") == 0;
  recipe_free(&recipe);
  return is_sweep;
}

/* Running ------------------------------------------------------------------------- */

static void say_size(const struct sweeping *s) {
  char *size = sweep_size_text(&s->sweep);
  fprintf(stderr, "%s: %s\n", s->sweep.name, size);
  free(size);
}

static void run_point(struct sweeping *s, size_t i) {
  const struct sweep_point *point = &s->sweep.points[i];
  struct person_view view;
  struct run_once_options options = *s->options;
  quiet_view_init(&view, s->cli);
  if (point->refused != NULL) view.view.refused = NULL; /* it was told before the first */
  options.overrides = point->overrides;
  options.n_overrides = point->n_overrides;
  options.without = point->without;
  options.n_without = point->n_without;
  options.sweep_id = s->sweep_id;
  options.view = &view.view;
  options.outcome = &s->outcomes[i];
  options.place = &s->place;
  if (!s->quiet)
    fprintf(stderr, "%zu/%zu  %s%s\n", i + 1, s->sweep.n_points, point->label,
            point->refused != NULL ? "  refused" : "");
  (void)run_recipe_once(s->cli, s->sweep.base.path, &options, NULL);
  s->n_done++;
  s->stopped = s->outcomes[i].interrupted;
}

static void run_points(struct sweeping *s) {
  uint64_t start = clock_ns();
  for (size_t i = 0; i < s->sweep.n_points && !s->stopped && !s->out_of_time; i++) {
    run_point(s, i);
    double seconds = (double)(clock_ns() - start) * 1e-9;
    s->out_of_time = s->sweep.budget_seconds > 0 && seconds > s->sweep.budget_seconds;
    s->stopped = s->stopped || interrupts_seen(); /* also between two runs */
  }
  s->out_of_time = s->out_of_time && s->n_done < s->sweep.n_points;
}

/* Telling ------------------------------------------------------------------------- */

/* What `keep` names, or else speed and quality. */
static json_t *kept_metrics(const struct sweep *sweep) {
  json_t *keep = json_object_get(sweep->definition, "keep");
  if (json_array_size(keep) > 0) return json_incref(keep);
  return json_pack("[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}]", "metric", "decode_tps", "better",
                   1, "metric", "perplexity", "better", -1, "metric", "peak_rss_bytes",
                   "better", -1);
}

/* One point of the sweep over all its seeds.  Points of one seed come before those of the
 * next, so that its runs are `group_count` apart. */
struct group {
  size_t first;
  const char *label;
};

static size_t group_count(const struct sweeping *s) {
  return s->sweep.n_points / s->sweep.n_seeds;
}

static struct group group_at(const struct sweeping *s, size_t i) {
  return (struct group){i, s->sweep.points[i].label};
}

/* The median of a metric over the seeds; false when no run has it. */
static bool group_value(const struct sweeping *s, struct group group, const char *metric,
                        double *out) {
  double *values = calloc(s->sweep.n_seeds, sizeof *values);
  size_t n = 0;
  struct spread spread;
  if (values == NULL) abort();
  for (size_t i = group.first; i < s->n_done; i += group_count(s))
    if (s->outcomes[i].status == CATALOG_DONE &&
        outcome_spread(&s->outcomes[i], metric, &spread))
      values[n++] = spread.median;
  if (n > 0) *out = stats_median(values, n);
  free(values);
  return n > 0;
}

/* Is `b` as good as `a` in every kept metric, and better in one? */
static bool beats(const struct sweeping *s, struct group b, struct group a,
                  const json_t *keep) {
  size_t i;
  const json_t *row;
  bool better = false;
  json_array_foreach(keep, i, row) {
    const char *metric = json_string_value(json_object_get(row, "metric"));
    double sign = (double)json_integer_value(json_object_get(row, "better")), of_a, of_b;
    if (!group_value(s, a, metric, &of_a) || !group_value(s, b, metric, &of_b)) continue;
    if (sign * of_b < sign * of_a) return false;
    better = better || of_b != of_a;
  }
  return better;
}

static bool is_done(const struct sweeping *s, struct group group) {
  for (size_t i = group.first; i < s->n_done; i += group_count(s))
    if (s->outcomes[i].status != CATALOG_DONE) return false;
  return group.first < s->n_done;
}

static bool is_kept(const struct sweeping *s, struct group group, const json_t *keep) {
  if (!is_done(s, group)) return false;
  for (size_t k = 0; k < group_count(s); k++)
    if (k != group.first && is_done(s, group_at(s, k)) &&
        beats(s, group_at(s, k), group, keep))
      return false;
  return true;
}

static struct table *sweep_table(const json_t *keep) {
  struct text titles = text_new(4096);
  size_t i;
  const json_t *row;
  text_add(&titles, "point|kept");
  json_array_foreach(keep, i, row)
    text_format(&titles, "|>%s", json_string_value(json_object_get(row, "metric")));
  text_add(&titles, "|runs");
  struct table *table = table_new(titles.data);
  text_free(&titles);
  return table;
}

/* "12 16 crashed": the runs, and how they ended if not well. */
static void runs_cell(const struct sweeping *s, struct group group, struct table *table) {
  struct text runs = text_new(4096);
  for (size_t i = group.first; i < s->n_done; i += group_count(s)) {
    const struct outcome *o = &s->outcomes[i];
    text_format(&runs, "%s%" PRId64, runs.size > 0 ? " " : "", o->run);
    if (o->status != CATALOG_DONE)
      text_format(&runs, " %s", catalog_status_word(o->status));
    if (o->status == CATALOG_REFUSED && i == group.first)
      text_format(&runs, ": %s", o->why);
  }
  table_cell(table, runs.size > 0 ? runs.data : NULL);
  text_free(&runs);
}

static void group_cells(const struct sweeping *s, struct group group, struct table *table,
                        const json_t *keep) {
  size_t k;
  const json_t *row;
  table_cell(table, group.label);
  table_cell(table, is_kept(s, group, keep) ? "*" : "");
  json_array_foreach(keep, k, row) {
    const char *metric = json_string_value(json_object_get(row, "metric"));
    double value;
    table_cell(table,
               group_value(s, group, metric, &value) ? metric_figure(metric, value) : NULL);
  }
  runs_cell(s, group, table);
}

static void print_points(const struct sweeping *s) {
  json_t *keep = kept_metrics(&s->sweep);
  struct table *table = sweep_table(keep);
  for (size_t i = 0; i < group_count(s); i++) group_cells(s, group_at(s, i), table, keep);
  printf("\n");
  table_print(table, s->cli->terminal, s->cli->colour);
  printf("\n* no other point is as good in everything shown and better in something");
  printf(s->sweep.n_seeds > 1 ? "; medians over %zu seeds\n" : "\n", s->sweep.n_seeds);
  if (s->stopped) printf("stopped after %zu of %zu runs\n", s->n_done, s->sweep.n_points);
  if (s->out_of_time)
    printf("the budget of %.0f s is used up after %zu of %zu runs\n",
           s->sweep.budget_seconds, s->n_done, s->sweep.n_points);
  json_decref(keep);
}

static json_t *points_json(const struct sweeping *s) {
  json_t *runs = json_array(), *keep = kept_metrics(&s->sweep);
  for (size_t i = 0; i < s->n_done; i++) {
    json_t *run = outcome_json(&s->outcomes[i]);
    json_object_set_new(run, "label", json_string(s->sweep.points[i].label));
    json_object_set_new(run, "kept",
                        json_boolean(is_kept(s, group_at(s, i % group_count(s)), keep)));
    json_array_append_new(runs, run);
  }
  json_decref(keep);
  return runs;
}

/* Of the first that was not well; one that was refused counts when all others were. */
static int worst_exit(const struct sweeping *s) {
  int worst = s->stopped ? EXIT_FAILED : EXIT_OK, refused = EXIT_OK;
  for (size_t i = 0; i < s->n_done; i++) {
    int exit = s->outcomes[i].exit;
    bool is_refused = s->outcomes[i].status == CATALOG_REFUSED;
    if (is_refused && refused == EXIT_OK) refused = exit;
    if (!is_refused && worst == EXIT_OK) worst = exit;
  }
  return worst != EXIT_OK ? worst : refused;
}

static void tell(const struct sweeping *s, int exit) {
  if (s->cli->json)
    print_json(json_pack("{s:I, s:s, s:i, s:O, s:O, s:o}", "sweep", (json_int_t)s->sweep_id,
                         "name", s->sweep.name, "exit", exit, "definition",
                         s->sweep.definition, "refusals", s->sweep.refusals, "runs",
                         points_json(s)));
  else if (!s->quiet)
    print_points(s);
}

/* From beginning to end ----------------------------------------------------------- */

static int refuse(const struct sweeping *s) {
  char *text = compose_diagnostics_text(s->sweep.diagnostics, false);
  int exit = compose_exit(s->sweep.diagnostics);
  fputs(text, stderr);
  free(text);
  if (s->cli->json)
    print_json(json_pack("{s:s, s:i, s:O}", "status", "refused", "exit", exit,
                         "diagnostics", s->sweep.diagnostics));
  return exit;
}

/* Before any work, since some of them may be mistakes. */
static void tell_refusals(const struct sweeping *s) {
  if (s->sweep.n_refused == 0) return;
  char *text =
      compose_refusals_text(s->sweep.refusals, s->sweep.n_refused, group_count(s),
                            isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == NULL);
  fputs(text, stderr);
  free(text);
}

static int print_plan(const struct sweeping *s) {
  int exit = s->sweep.n_refused > 0 ? compose_exit(s->sweep.refusals) : EXIT_OK;
  tell_refusals(s);
  if (s->cli->json) {
    print_json(json_pack("{s:s, s:i, s:O, s:O}", "name", s->sweep.name, "exit", exit,
                         "definition", s->sweep.definition, "refusals", s->sweep.refusals));
    return exit;
  }
  for (size_t i = 0; i < s->sweep.n_points; i++) {
    const struct sweep_point *point = &s->sweep.points[i];
    printf("%s%s%s\n", point->label, point->refused != NULL ? "  refused: " : "",
           point->refused != NULL ? point->refused : "");
  }
  say_size(s);
  return exit;
}

static int run_all(struct sweeping *s) {
  s->outcomes = calloc(s->sweep.n_points + 1, sizeof *s->outcomes);
  if (s->outcomes == NULL) abort();
  tell_refusals(s);
  if (!s->quiet) say_size(s);
  if (catalog_sweep_begin(s->place.catalog, s->sweep.name, s->sweep.recipe.source.text,
                          s->sweep.definition, &s->sweep_id, &s->why) != RIDGE_OK)
    return EXIT_FAILED;
  interrupts_take();
  run_points(s);
  ridge_status status = catalog_sweep_end(
      s->place.catalog, s->sweep_id, s->stopped ? CATALOG_STOPPED : CATALOG_DONE, &s->why);
  interrupts_give_back();
  int exit = status == RIDGE_OK ? worst_exit(s) : EXIT_FAILED;
  tell(s, exit);
  for (size_t i = 0; i < s->n_done; i++) outcome_free(&s->outcomes[i]);
  free(s->outcomes);
  return exit;
}

static int open_and_run(struct sweeping *s, const char *recipe) {
  enum catalog_mode mode = s->options->plan_only ? CATALOG_READ : CATALOG_WRITE;
  int exit = workplace_open(s->cli, mode, &s->place, &s->why);
  if (exit >= 0) return exit;
  ridge_status status =
      sweep_open(s->cli->self, recipe, &s->place.registry, &s->place.machine,
                 s->options->overrides, s->options->n_overrides, &s->sweep, &s->why);
  if (status != RIDGE_OK) return EXIT_REFUSED;
  if (json_array_size(s->sweep.diagnostics) > 0) return refuse(s);
  return s->options->plan_only ? print_plan(s) : run_all(s);
}

int run_sweep(struct cli *cli, const char *recipe, const struct run_once_options *options,
              bool quiet) {
  const char *verb = options->plan_only ? "plan" : "run";
  static const struct sweeping nothing;
  if (options->has_seed)
    return options_refuse(cli, verb,
                          "a sweep has its own seeds { ... }; --seed has no place here");
  struct sweeping *s = malloc(sizeof *s);
  if (s == NULL) abort();
  *s = nothing;
  s->cli = cli;
  s->options = options;
  s->quiet = quiet || cli->json;
  int exit = open_and_run(s, recipe);
  if (s->why.text[0] != 0) (void)options_fail(cli, verb, exit, s->why.text);
  sweep_free(&s->sweep);
  workplace_close(&s->place);
  free(s);
  return exit;
}
