/* against.c - the run that a recipe asks to be compared with. */
#include "cli/against.h"

#include "base/stats.h"
#include "catalog_read.h"
#include "cli/figures.h"
#include "cli/table.h"
#include "cli/view.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

/* Finding ------------------------------------------------------------------------- */

static bool same(const json_t *a, const json_t *b, const char *key) {
  return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* {metric: [values]} of catalog_samples's metrics. */
static json_t *values_of(const json_t *samples) {
  json_t *out = json_object();
  size_t i, k;
  const json_t *metric, *repeat;
  json_array_foreach(json_object_get(samples, "metrics"), i, metric) {
    json_t *values = json_array();
    json_array_foreach(json_object_get(metric, "repeats"), k, repeat)
      if (json_is_number(json_object_get(repeat, "value")))
        json_array_append(values, json_object_get(repeat, "value"));
    json_object_set_new(out, text_of(metric, "name"), values);
  }
  return out;
}

/* Is run `id` of that composition, and otherwise like ours? */
static bool take_if_alike(struct catalog *catalog, int64_t id, const json_t *ours,
                          const char *composition, struct against *out) {
  json_t *theirs = NULL;
  struct why why;
  if (catalog_samples(catalog, id, &theirs, &why) != RIDGE_OK) return false;
  bool alike = strcmp(text_of(theirs, "composition"), composition) == 0 &&
               same(theirs, ours, "machine") && same(theirs, ours, "program") &&
               same(theirs, ours, "seed");
  if (alike) {
    out->run = id;
    out->samples = values_of(theirs);
  }
  json_decref(theirs);
  return alike;
}

static bool find_past(struct catalog *catalog, const struct outcome *own,
                      const char *composition, struct against *out) {
  enum { MOST = 200 };
  const struct catalog_filter filter = {.name = out->name, .status = "done", .limit = MOST};
  json_t *ours = NULL, *runs = NULL;
  struct why why;
  size_t i;
  const json_t *row;
  if (catalog_samples(catalog, own->run, &ours, &why) == RIDGE_OK &&
      catalog_runs(catalog, &filter, &runs, &why) == RIDGE_OK)
    json_array_foreach(runs, i, row) {
      int64_t id = json_integer_value(json_object_get(row, "run"));
      if (id != own->run && take_if_alike(catalog, id, ours, composition, out)) break;
    }
  json_decref(ours);
  json_decref(runs);
  return out->run != 0;
}

/* Making -------------------------------------------------------------------------- */

static json_t *values_of_outcome(const struct outcome *o) {
  json_t *whole = outcome_json(o),
         *samples = json_incref(json_object_get(whole, "samples"));
  json_decref(whole);
  return samples;
}

static void make(struct cli *cli, const char *path, const struct workplace *place,
                 const struct outcome *own, bool quiet, struct against *out) {
  struct outcome outcome;
  struct person_view view;
  quiet_view_init(&view, cli);
  const struct run_once_options options = {.place = place,
                                           .view = &view.view,
                                           .outcome = &outcome,
                                           .has_seed = true,
                                           .seed = own->seed};
  if (!quiet)
    fprintf(stderr, "against `%s`: no such run here yet, running it\n", out->name);
  if (run_recipe_once(cli, path, &options, &out->run) == EXIT_OK) {
    out->made = true;
    out->samples = values_of_outcome(&outcome);
  } else {
    out->run = 0;
  }
  outcome_free(&outcome);
}

/* Its composition and name, from its plan; false when it is refused. */
static bool plan_it(struct cli *cli, const char *path, const struct workplace *place,
                    const struct outcome *own, struct against *out, char composition[65]) {
  struct outcome outcome;
  const struct run_once_options options = {.place = place,
                                           .plan_only = true,
                                           .outcome = &outcome,
                                           .has_seed = true,
                                           .seed = own->seed};
  int exit = run_recipe_once(cli, path, &options, NULL);
  snprintf(out->name, sizeof out->name, "%s", outcome.name);
  memcpy(composition, outcome.composition, 65);
  out->other_task = exit == EXIT_OK && strcmp(outcome.task, own->task) != 0;
  outcome_free(&outcome);
  return exit == EXIT_OK && !out->other_task;
}

void against_take(struct cli *cli, const struct outcome *own, bool quiet,
                  struct against *out) {
  const char *path = json_string_value(json_object_get(own->recipe, "against_path"));
  char composition[65];
  struct workplace place;
  struct why why;
  *out = (struct against){0};
  if (path == NULL || own->status != CATALOG_DONE) return;
  if (workplace_open(cli, CATALOG_WRITE, &place, &why) >= 0) {
    fprintf(stderr, "ridge: %s\n", why.text);
  } else if (plan_it(cli, path, &place, own, out, composition) &&
             !find_past(place.catalog, own, composition, out)) {
    make(cli, path, &place, own, quiet || cli->json, out);
  }
  workplace_close(&place);
}

void against_free(struct against *against) {
  json_decref(against->samples);
  *against = (struct against){0};
}

/* Telling ------------------------------------------------------------------------- */

static bool median_of(const json_t *values, double *out) {
  size_t n = json_array_size(values), i;
  double *list = calloc(n + 1, sizeof *list);
  if (list == NULL) abort();
  for (i = 0; i < n; i++) list[i] = json_number_value(json_array_get(values, i));
  if (n > 0) *out = stats_median(list, n);
  free(list);
  return n > 0;
}

/* Both medians, if both are there and a ratio says something. */
static bool pair_of(const struct against *against, const struct outcome *own,
                    const struct catalog_metric *metric, double *theirs, double *ours) {
  struct spread spread;
  if (metric->better == 0 || !outcome_spread(own, metric->name, &spread)) return false;
  if (!median_of(json_object_get(against->samples, metric->name), theirs)) return false;
  *ours = spread.median;
  return *theirs > 0;
}

void against_print(const struct cli *cli, const struct against *against,
                   const struct outcome *own) {
  size_t n;
  const struct catalog_metric *metrics = metric_list(&n);
  if (against->other_task) {
    printf("\nagainst `%s`: not compared, for its inputs or settings are others, so the "
           "figures would say nothing about each other (ridge plan prints both)\n",
           against->name);
    return;
  }
  if (against->run == 0) return;
  printf("\nagainst `%s`, run %" PRId64 "%s\n", against->name, against->run,
         against->made ? ", made now" : "");
  struct table *table = table_new("metric|>there|>here|>ratio|better is");
  for (size_t i = 0; i < n; i++) {
    double theirs, ours;
    if (!pair_of(against, own, &metrics[i], &theirs, &ours)) continue;
    table_cell(table, metrics[i].name);
    struct figure_pair pair = figures_of(metrics[i].name, metrics[i].unit, theirs, ours);
    double ratio = ours / theirs;
    table_cell(table, pair.a);
    table_cell(table, pair.b);
    table_cellf(table, "%.*f", figures_ratio_decimals(ratio), ratio);
    table_cell(table, metrics[i].better > 0 ? "higher" : "lower");
  }
  table_print(table, cli->terminal, cli->colour);
  printf("one run each is no proof: ridge compare %" PRId64 " %" PRId64
         " measures in pairs\n",
         against->run, own->run);
}

json_t *against_json(const struct against *against, const struct outcome *own) {
  size_t n;
  const struct catalog_metric *metrics = metric_list(&n);
  if (against->other_task)
    return json_pack("{s:n, s:s, s:b, s:{}}", "run", "name", against->name, "other_task", 1,
                     "ratios");
  if (against->run == 0) return json_null();
  json_t *ratios = json_object();
  for (size_t i = 0; i < n; i++) {
    double theirs, ours;
    if (pair_of(against, own, &metrics[i], &theirs, &ours))
      json_object_set_new(ratios, metrics[i].name, json_real(ours / theirs));
  }
  return json_pack("{s:I, s:s, s:b, s:o}", "run", (json_int_t)against->run, "name",
                   against->name, "made", (int)against->made, "ratios", ratios);
}
