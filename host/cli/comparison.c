/* comparison.c - two arms, metric by metric. */
#include "cli/comparison.h"

#include "cli/figures.h"
#include "cli/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct comparison_row comparison_row_of(const char *name, const char *unit, int better,
                                        bool steady) {
  struct comparison_row row = {.better = better, .steady = steady};
  snprintf(row.name, sizeof row.name, "%s", name);
  snprintf(row.unit, sizeof row.unit, "%s", unit);
  return row;
}

static bool all_equal(const double *values, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (values[i] != values[0]) return false;
  return true;
}

static enum finding by_interval(const struct stats_interval *ratio) {
  static const enum finding findings[] = {
      [STATS_TOO_FEW] = FOUND_TOO_FEW,
      [STATS_NO_DIFFERENCE] = FOUND_NO_DIFFERENCE,
      [STATS_LOWER] = FOUND_LOWER,
      [STATS_HIGHER] = FOUND_HIGHER,
  };
  return findings[stats_verdict(ratio)];
}

static void find(struct comparison_row *row, const double *a, const double *b, size_t n) {
  struct why why;
  row->a = stats_median(a, n);
  row->b = stats_median(b, n);
  bool ratio = stats_ratio(a, b, n, &row->ratio, &why) == RIDGE_OK;
  if (!ratio) row->ratio = (struct stats_interval){NAN, NAN, NAN, 0, n};
  row->exact = row->steady && all_equal(a, n) && all_equal(b, n);
  if (row->exact)
    row->finding = row->a == row->b  ? FOUND_EQUAL
                   : row->b < row->a ? FOUND_LOWER
                                     : FOUND_HIGHER;
  else
    row->finding = ratio ? by_interval(&row->ratio) : FOUND_NO_RATIO;
}

void comparison_add(struct comparison *c, const struct comparison_row *row, const double *a,
                    const double *b, size_t n) {
  c->rows = reallocarray(c->rows, c->n + 1, sizeof *c->rows);
  if (c->rows == NULL) abort();
  c->rows[c->n] = *row;
  find(&c->rows[c->n++], a, b, n);
}

void comparison_free(struct comparison *c) {
  free(c->rows);
  *c = (struct comparison){0};
}

/* Deciding ---------------------------------------------------------------------------- */

static struct comparison_row *row_named(struct comparison *c, const char *name) {
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->rows[i].name, name) == 0) return &c->rows[i];
  return NULL;
}

void comparison_decide(struct comparison *c, const char *const *names, size_t n) {
  static const char *const speeds[] = {"output_tps", "decode_tps", "prefill_tps",
                                       "perplexity_tps"};
  for (size_t i = 0; i < n; i++) {
    struct comparison_row *row = row_named(c, names[i]);
    if (row != NULL) row->decides = true;
  }
  if (n > 0) return;
  for (size_t i = 0; i < c->n; i++)
    c->rows[i].decides = c->rows[i].steady && c->rows[i].better != 0;
  for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
    struct comparison_row *row = row_named(c, speeds[i]);
    if (row == NULL) continue;
    row->decides = true;
    return;
  }
}

bool comparison_worse(const struct comparison_row *row) {
  return (row->better > 0 && row->finding == FOUND_LOWER) ||
         (row->better < 0 && row->finding == FOUND_HIGHER);
}

/* Telling ----------------------------------------------------------------------------- */

static const char *finding_words(const struct comparison_row *row, char room[64]) {
  switch (row->finding) {
  case FOUND_EQUAL: return "the same";
  case FOUND_NO_DIFFERENCE: return "no difference";
  case FOUND_NO_RATIO: return "no ratio: a value is not above 0";
  case FOUND_TOO_FEW:
    snprintf(room, 64, "too few pairs (%zu; %d needed)", row->ratio.n, STATS_LEAST_PAIRS);
    return room;
  case FOUND_LOWER:
  case FOUND_HIGHER: break;
  }
  if (row->better == 0) return row->finding == FOUND_LOWER ? "B is lower" : "B is higher";
  return comparison_worse(row) ? "B is worse" : "B is better";
}

static void ratio_cells(struct table *table, const struct comparison_row *row) {
  const struct stats_interval *ratio = &row->ratio;
  int lo = figures_ratio_decimals(ratio->lo), hi = figures_ratio_decimals(ratio->hi);
  if (isfinite(ratio->estimate))
    table_cellf(table, "%.*f", figures_ratio_decimals(ratio->estimate), ratio->estimate);
  else
    table_cell(table, NULL);
  if (row->exact)
    table_cell(table, "exact");
  else if (ratio->confidence > 0)
    table_cellf(table, "%.*f .. %.*f", lo > hi ? lo : hi, ratio->lo, lo > hi ? lo : hi,
                ratio->hi);
  else
    table_cell(table, NULL);
}

void comparison_print(const struct cli *cli, const struct comparison *c) {
  struct table *table =
      table_new("metric|>A|>B|>B / A in pairs|95 % interval|>pairs|verdict");
  char room[64];
  for (size_t i = 0; i < c->n; i++) {
    const struct comparison_row *row = &c->rows[i];
    table_cellf(table, "%s%s", row->name, row->decides ? " *" : "");
    struct figure_pair pair = figures_of(row->name, row->unit, row->a, row->b);
    table_cell(table, pair.a);
    table_cell(table, pair.b);
    ratio_cells(table, row);
    table_cellf(table, "%zu", row->ratio.n);
    table_cell(table, finding_words(row, room));
  }
  table_print(table, cli->terminal, cli->colour);
}

static json_t *real_or_null(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *row_json(const struct comparison_row *row) {
  static const char *const words[] = {"equal",  "no difference", "lower",
                                      "higher", "too few",       "no ratio"};
  const char *better = row->better > 0 ? "higher" : row->better < 0 ? "lower" : "neither";
  return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:b}",
                   "metric", row->name, "unit", row->unit, "better", better, "pairs",
                   (json_int_t)row->ratio.n, "a", real_or_null(row->a), "b",
                   real_or_null(row->b), "ratio", real_or_null(row->ratio.estimate), "lo",
                   real_or_null(row->ratio.lo), "hi", real_or_null(row->ratio.hi),
                   "confidence", json_real(row->ratio.confidence), "verdict",
                   words[row->finding], "exact", (int)row->exact, "worse",
                   (int)comparison_worse(row), "decides", (int)row->decides);
}

json_t *comparison_json(const struct comparison *c) {
  json_t *rows = json_array();
  for (size_t i = 0; i < c->n; i++) json_array_append_new(rows, row_json(&c->rows[i]));
  return rows;
}
