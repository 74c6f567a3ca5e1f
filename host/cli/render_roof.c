/*
 * render_roof.c - what a plan says of time, for people.
 *
 * "At least" is a bound of the machine at the best rates that were measured: what a run
 * reaches lies below it.  "Expected" is the same at typical rates, for kernels that were
 * as fast as the machine.
 */
#include "cli/render_roof.h"
#include "cli/prose.h"

#include "base/human.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "?";
}

static double number_of(const json_t *object, const char *key) {
  return json_number_value(json_object_get(object, key));
}

void render_roof_line(const json_t *plan) {
  const json_t *roof = json_object_get(plan, "predicted");
  const json_t *threads = json_object_get(plan, "threads");
  if (roof == NULL) return;
  if (!json_is_object(roof)) {
    printf("roof     ");
    prose_format(9, 9,
                 "unknown: this machine was not measured yet with %.0f threads "
                 "(ridge probe)",
                 number_of(threads, "n"));
    return;
  }
  double sequences = number_of(roof, "decode_sequences");
  char reading[128] = "";
  if (number_of(roof, "prefill_tps") > 0)
    snprintf(reading, sizeof reading, ", %s tokens/s reading prompts of %s",
             human_number(number_of(roof, "prefill_tps")),
             human_number(number_of(roof, "prefill_tokens")));
  printf("roof     ");
  prose_format(
      9, 9,
      "at most %s tokens/s decoding %s sequence%s at %s tokens of cache%s: a bound from "
      "the machine as measured %s (calibration %.0f), no forecast",
      human_number(number_of(roof, "decode_tps")),
      sequences > 1 ? human_number(sequences) : "one", sequences > 1 ? "s" : "",
      human_number(number_of(roof, "decode_depth")), reading,
      human_date((int64_t)number_of(roof, "measured")), number_of(roof, "calibration"));
}

static void kind_cells(struct table *table, const json_t *row, const char *name,
                       double limit, double expected) {
  table_cell(table, name);
  table_cell(table, human_seconds(limit));
  table_cell(table, human_seconds(expected));
  table_cell(table, human_bytes(number_of(row, "bytes")));
  table_cell(table, human_count(number_of(row, "flops")));
  table_cell(table, text_of(row, "bound"));
}

static int by_limit(const void *a, const void *b) {
  double x = number_of(*(json_t *const *)a, "limit_us"),
         y = number_of(*(json_t *const *)b, "limit_us");
  return (x < y) - (x > y);
}

static void kind_rows(struct table *table, const json_t *kinds) {
  size_t n = json_array_size(kinds);
  json_t **sorted = calloc(n + 1, sizeof *sorted);
  if (sorted == NULL) abort();
  for (size_t i = 0; i < n; i++) sorted[i] = json_array_get(kinds, i);
  qsort(sorted, n, sizeof *sorted, by_limit);
  for (size_t i = 0; i < n; i++) {
    char name[128];
    snprintf(name, sizeof name, "%.0f %s", number_of(sorted[i], "calls"),
             text_of(sorted[i], "kind"));
    kind_cells(table, sorted[i], name, number_of(sorted[i], "limit_us") * 1e-6,
               number_of(sorted[i], "us") * 1e-6);
  }
  free(sorted);
}

static void render_stage(const struct cli *cli, const json_t *stage) {
  double sequences = number_of(stage, "sequences"), depth = number_of(stage, "depth");
  printf("\n%sroof: %s, %s token%s", cli->colour ? "\033[1m" : "", text_of(stage, "stage"),
         human_number(number_of(stage, "tokens")),
         number_of(stage, "tokens") > 1 ? "s" : "");
  if (sequences > 1) printf(" of each of %s sequences", human_number(sequences));
  if (depth > 0) printf(" after %s", human_number(depth));
  printf("%s\n", cli->colour ? "\033[0m" : "");
  struct table *table = table_new("calls|>at least|>expected|>bytes|>operations|bound by");
  kind_rows(table, json_object_get(stage, "kinds"));
  kind_cells(table, stage, "all", number_of(stage, "limit_seconds"),
             number_of(stage, "seconds"));
  table_print(table, cli->terminal, cli->colour);
  prose_format(0, 2, "a step streams %s, expected at %s/s; arithmetic in floats at %sop/s",
               human_bytes(number_of(stage, "working_set")),
               human_bytes(number_of(stage, "bandwidth")),
               human_count(number_of(stage, "peak")));
}

void render_roof(const struct cli *cli, const json_t *plan) {
  const json_t *stage;
  size_t i;
  json_array_foreach(json_object_get(json_object_get(plan, "predicted"), "stages"), i,
                     stage)
    render_stage(cli, stage);
}
