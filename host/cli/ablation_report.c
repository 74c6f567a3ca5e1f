/*
 * ablation_report.c - what the arms of an ablation say together.
 *
 * The figures of a strategy are whole / without it, pair by pair, with the interval of
 * base/stats.h; below six rounds there is none, and the extremes are shown instead.
 */
#include "cli/ablation.h"

#include "base/human.h"
#include "base/stats.h"
#include "base/text.h"
#include "cli/prose.h"
#include "cli/render_run.h"
#include "cli/table.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *arm_name(const struct ablation *a, size_t arm) {
  return arm == WHOLE ? "whole" : arm == PLAIN ? "plain" : a->arms[arm].without;
}

/* Comparing ----------------------------------------------------------------------- */

struct effect {
  double with, without; /* medians over the rounds */
  double ratio, lo, hi; /* with / without; lo and hi: see `interval` */
  bool there, interval;
};

/* The pairs of one metric in which both arms have a value. */
static size_t pairs_of(const struct ablation *a, size_t arm, const char *metric,
                       double *without, double *with) {
  size_t n = 0;
  for (int64_t round = 0; round < a->done; round++) {
    struct spread x, y;
    if (!outcome_spread(&a->arms[arm].rounds[round], metric, &x)) continue;
    if (!outcome_spread(&a->arms[WHOLE].rounds[round], metric, &y)) continue;
    if (x.median <= 0 || y.median <= 0) continue; /* no ratio */
    without[n] = x.median;
    with[n++] = y.median;
  }
  return n;
}

static void extremes(const double *without, const double *with, size_t n,
                     struct effect *e) {
  e->lo = INFINITY;
  e->hi = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    e->lo = fmin(e->lo, with[i] / without[i]);
    e->hi = fmax(e->hi, with[i] / without[i]);
  }
}

static struct effect effect_of(const struct ablation *a, size_t arm, const char *metric) {
  struct effect e = {0};
  struct stats_interval interval;
  struct why why;
  double *values = calloc(2 * (size_t)a->rounds + 2, sizeof *values);
  if (values == NULL) abort();
  double *without = values, *with = values + a->rounds;
  size_t n = metric != NULL ? pairs_of(a, arm, metric, without, with) : 0;
  if (n > 0 && stats_ratio(without, with, n, &interval, &why) == RIDGE_OK) {
    e = (struct effect){stats_median(with, n), stats_median(without, n),
                        interval.estimate,     interval.lo,
                        interval.hi,           true,
                        n >= STATS_LEAST_PAIRS};
    if (!e.interval) extremes(without, with, n, &e);
  }
  free(values);
  return e;
}

/* Overall speed where text is generated, else of decoding, reading, scoring. */
static const char *speed_metric(const struct ablation *a) {
  static const char *const candidates[] = {"output_tps", "decode_tps", "prefill_tps",
                                           "perplexity_tps"};
  struct spread spread;
  if (a->metric != NULL) return a->metric;
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
    if (a->done > 0 && outcome_spread(&a->arms[WHOLE].rounds[0], candidates[i], &spread))
      return candidates[i];
  return NULL;
}

/* The report's row of a strategy in the first whole run. */
static const json_t *report_row(const struct ablation *a, const char *id) {
  size_t i;
  const json_t *row;
  if (a->done == 0) return NULL;
  json_array_foreach(a->arms[WHOLE].rounds[0].strategies, i, row) {
    const char *name = json_string_value(json_object_get(row, "id"));
    if (name != NULL && strcmp(name, id) == 0) return row;
  }
  return NULL;
}

/* Telling: people ----------------------------------------------------------------- */

static void ratio_cell(struct table *table, const struct effect *e) {
  if (!e->there)
    table_cell(table, NULL);
  else
    table_cellf(table, "%.2fx (%.2f .. %.2f)", e->ratio, e->lo, e->hi);
}

static void bytes_cell(struct table *table, const struct effect *e) {
  if (!e->there) {
    table_cell(table, NULL);
    return;
  }
  double more = e->with - e->without;
  table_cellf(table, "%s%s", more >= 0 ? "+" : "-", human_bytes(fabs(more)));
}

static void quality_cell(struct table *table, const struct effect *e) {
  if (!e->there)
    table_cell(table, NULL);
  else if (e->with == e->without)
    table_cellf(table, "%.6g, the same", e->with);
  else {
    char without[32], with[32];
    int digits = 6;
    do { /* as many as it takes to see that they differ */
      snprintf(without, sizeof without, "%.*g", digits, e->without);
      snprintf(with, sizeof with, "%.*g", digits, e->with);
    } while (strcmp(without, with) == 0 && digits++ < 17);
    table_cellf(table, "%s -> %s (%s)", without, with,
                human_percent(e->with / e->without - 1));
  }
}

static void runs_cell(const struct ablation *a, struct table *table, size_t arm) {
  struct text runs = text_new(1024);
  for (int64_t i = 0; i < a->rounds; i++)
    if (a->arms[arm].rounds[i].run != 0)
      text_format(&runs, "%s%" PRId64, runs.size > 0 ? " " : "",
                  a->arms[arm].rounds[i].run);
  table_cell(table, runs.size > 0 ? runs.data : NULL);
  text_free(&runs);
}

static void strategy_cells(const struct ablation *a, struct table *table, const char *id) {
  static const char *const words[] = {"no", "yes"};
  const json_t *row = report_row(a, id);
  const char *effect = json_string_value(json_object_get(row, "effect"));
  char *evidence = render_evidence(row);
  bool inert = json_is_true(json_object_get(row, "inert"));
  table_cell(table, id);
  table_cell(table, effect);
  table_cell(table, inert ? "INERT" : words[json_is_true(json_object_get(row, "engaged"))]);
  table_cell(table, evidence);
  free(evidence);
}

static void effect_cells(const struct ablation *a, struct table *table, size_t arm) {
  struct effect speed = effect_of(a, arm, speed_metric(a));
  struct effect memory = effect_of(a, arm, "peak_rss_bytes");
  struct effect weights = effect_of(a, arm, "weight_bytes");
  struct effect cache = effect_of(a, arm, "cache_peak_bytes");
  struct effect quality = effect_of(a, arm, "perplexity");
  ratio_cell(table, &speed);
  bytes_cell(table, &memory);
  bytes_cell(table, &weights);
  bytes_cell(table, &cache);
  quality_cell(table, &quality);
  runs_cell(a, table, arm);
}

static void print_arms(const struct ablation *a) {
  struct table *table =
      table_new("strategy|effect|engaged|evidence|>speed|>resident|>weights|"
                ">cache|perplexity|runs without it");
  for (size_t i = 0; i < a->n; i++) {
    strategy_cells(a, table, a->ids[i]);
    effect_cells(a, table, FIRST + i);
  }
  table_cell(table, "all together");
  for (int i = 0; i < 3; i++) table_cell(table, "");
  effect_cells(a, table, PLAIN);
  printf("\n");
  table_print(table, a->cli->terminal, a->cli->colour);
}

static void print_speeds(const struct ablation *a) {
  static const char *const metrics[] = {"prefill_tps", "decode_tps", "output_tps",
                                        "peak_rss_bytes", "perplexity"};
  struct table *table = table_new("|prefill|decode|output|resident|perplexity|runs");
  for (size_t arm = 0; arm < FIRST; arm++) {
    table_cell(table, arm == PLAIN ? "plain" : "composed");
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
      struct effect e = effect_of(a, arm, metrics[i]);
      table_cell(table, e.there ? metric_figure(metrics[i], e.without) : NULL);
    }
    runs_cell(a, table, arm);
  }
  printf("\n");
  table_print(table, a->cli->terminal, a->cli->colour);
}

static void print_refused(const struct ablation *a) {
  for (size_t arm = FIRST; arm < arm_count(a); arm++)
    if (a->arms[arm].out && a->arms[arm].rounds[0].status == CATALOG_REFUSED)
      printf("without %s the recipe is refused: %s\n", arm_name(a, arm),
             a->arms[arm].rounds[0].why);
}

void ablation_print(const struct ablation *a) {
  const char *metric = speed_metric(a);
  if (a->done == 0) return;
  print_speeds(a);
  print_arms(a);
  printf("\n");
  prose_format(0, 0,
               "speed: %s of the whole recipe over that without the strategy, %" PRId64
               " round%s, %s",
               metric != NULL ? metric : "none", a->done, a->done == 1 ? "" : "s",
               a->done >= STATS_LEAST_PAIRS ? "95 % interval"
                                            : "extremes in brackets (an interval takes 6)");
  print_refused(a);
  printf("look further: ridge show %" PRId64 "   ridge diff %" PRId64 " %" PRId64
         "   ridge runs\n",
         a->arms[WHOLE].rounds[0].run, a->arms[PLAIN].rounds[0].run,
         a->arms[WHOLE].rounds[0].run);
}

/* Telling: programs --------------------------------------------------------------- */

static json_t *effect_json(const struct effect *e) {
  if (!e->there) return json_null();
  return json_pack("{s:f, s:f, s:f, s:f, s:f, s:b}", "with", e->with, "without", e->without,
                   "ratio", e->ratio, "lo", e->lo, "hi", e->hi, "interval",
                   (int)e->interval);
}

static json_t *effects_json(const struct ablation *a, size_t arm) {
  static const char *const metrics[] = {
      "output_tps",   "decode_tps",  "prefill_tps",      "first_token_ms", "peak_rss_bytes",
      "weight_bytes", "cache_bytes", "cache_peak_bytes", "perplexity",     "kld_mean"};
  json_t *out = json_object();
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    struct effect e = effect_of(a, arm, metrics[i]);
    if (e.there) json_object_set_new(out, metrics[i], effect_json(&e));
  }
  return out;
}

static json_t *runs_json(const struct ablation *a, size_t arm) {
  json_t *runs = json_array();
  for (int64_t i = 0; i < a->rounds; i++)
    if (a->arms[arm].rounds[i].run != 0)
      json_array_append_new(runs, json_integer(a->arms[arm].rounds[i].run));
  return runs;
}

static json_t *arm_json(const struct ablation *a, size_t arm) {
  const struct outcome *first = &a->arms[arm].rounds[0];
  json_t *out = json_pack("{s:s, s:s, s:o, s:o}", "arm", arm_name(a, arm), "status",
                          catalog_status_word(first->status), "runs", runs_json(a, arm),
                          "effects", arm == WHOLE ? json_object() : effects_json(a, arm));
  if (arm >= FIRST && report_row(a, arm_name(a, arm)) != NULL)
    json_object_set(out, "strategy", (json_t *)(uintptr_t)report_row(a, arm_name(a, arm)));
  return out;
}

json_t *ablation_json(const struct ablation *a, int exit) {
  json_t *arms = json_array();
  const char *metric = speed_metric(a);
  for (size_t arm = 0; arm < arm_count(a); arm++)
    json_array_append_new(arms, arm_json(a, arm));
  return json_pack("{s:I, s:i, s:I, s:s?, s:o}", "sweep", (json_int_t)a->sweep_id, "exit",
                   exit, "rounds", (json_int_t)a->done, "speed", metric, "arms", arms);
}
