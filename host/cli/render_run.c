/* render_run.c - what a run gave, for people. */
#include "cli/render_run.h"

#include "base/text.h"
#include "cli/table.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key, const char *fallback) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : fallback;
}

static void print_plainly(const char *text) {
  char *plain = text_plain_copy(text, "\n\t");
  fputs(plain, stdout);
  free(plain);
}

/* Generated text may hold anything. */
void render_text(const struct cli *cli, const json_t *message) {
  printf("\n%s", cli->colour ? "\033[2m" : "");
  print_plainly(text_of(message, "prompt", ""));
  printf("%s", cli->colour ? "\033[0m" : "");
  print_plainly(text_of(message, "text", ""));
  printf("\n");
}

/* Metrics ------------------------------------------------------------------------- */

static void metric_cells(struct table *table, const char *name,
                         const struct spread *spread) {
  table_cell(table, name);
  table_cell(table, metric_figure(name, spread->median));
  if (spread->n > 1 && spread->lo == spread->hi)
    table_cell(table, "always the same");
  else if (spread->n > 1)
    table_cell(table, human_span(metric_figure(name, spread->lo),
                                 metric_figure(name, spread->hi)));
  else
    table_cell(table, NULL);
  table_cellf(table, "%" PRId64, spread->n);
}

/* The host's own metrics in the order of their table, then those of strategies. */
static void render_metrics(const struct cli *cli, const struct outcome *o) {
  struct table *table = table_new("metric|>median|>range|>repeats");
  struct spread spread;
  size_t n;
  const struct catalog_metric *rows = metric_list(&n);
  const char *name;
  json_t *values;
  for (size_t i = 0; i < n; i++)
    if (outcome_spread(o, rows[i].name, &spread))
      metric_cells(table, rows[i].name, &spread);
  json_object_foreach(o->samples, name, values)
    if (metric_find(name) == NULL && outcome_spread(o, name, &spread))
      metric_cells(table, name, &spread);
  printf("\n");
  table_print(table, cli->terminal, cli->colour);
}

/* Strategies ---------------------------------------------------------------------- */

char *render_evidence(const json_t *strategy) {
  struct text out = text_new(4096);
  size_t i;
  const json_t *row;
  json_array_foreach(json_object_get(strategy, "evidence"), i, row)
    text_format(&out, "%s%s %lld", i > 0 ? ", " : "", text_of(row, "name", "?"),
                (long long)json_integer_value(json_object_get(row, "count")));
  if (out.size == 0) text_add(&out, "-");
  return out.data;
}

static const char *engaged_word(const json_t *row) {
  if (json_is_true(json_object_get(row, "inert"))) return "INERT";
  if (json_is_true(json_object_get(row, "idle"))) return "idle, as allowed";
  return json_is_true(json_object_get(row, "engaged")) ? "yes" : "no";
}

static void render_strategies(const struct cli *cli, const struct outcome *o) {
  struct table *table = table_new("strategy|effect|engaged|evidence|>time");
  size_t i, n = 0;
  const json_t *row;
  json_array_foreach(o->strategies, i, row) {
    if (!outcome_is_strategy(row)) continue;
    char *evidence = render_evidence(row);
    table_cell(table, text_of(row, "id", "?"));
    table_cell(table, text_of(row, "effect", "-"));
    table_cell(table, engaged_word(row));
    table_cell(table, evidence);
    double ns =
        json_number_value(json_object_get(row, "time_ns")); /* kernels are not timed */
    table_cell(table, ns > 0 ? human_seconds(ns * 1e-9) : NULL);
    free(evidence);
    n++;
  }
  if (n > 0) printf("\n");
  if (n > 0)
    table_print(table, cli->terminal, cli->colour);
  else
    table_discard(table);
}

/* Verdict ------------------------------------------------------------------------- */

void render_verdict(const struct outcome *o, char *out, size_t room) {
  int n = o->run != 0 ? snprintf(out, room, "run %" PRId64 " ", o->run)
                      : snprintf(out, room, "%s ", o->name);
  if (n < 0 || (size_t)n >= room) return;
  size_t used = (size_t)n;
  n = snprintf(out + used, room - used, "%s%s%s", catalog_status_word(o->status),
               o->why[0] != 0 ? ": " : "", o->why);
  if (n < 0 || (size_t)n >= room - used) return;
  used += (size_t)n;
  if (o->blamed[0] != 0 && strstr(o->why, o->blamed) != NULL) return; /* is said already */
  if (o->status == CATALOG_CRASHED && o->blamed[0] != 0)
    snprintf(out + used, room - used, ", while `%s` was executing", o->blamed);
  else if (o->status == CATALOG_CRASHED)
    snprintf(out + used, room - used, ", in the host's own code");
}

static void render_events(const struct outcome *o) {
  size_t i;
  const json_t *row;
  json_array_foreach(o->events, i, row) {
    const char *level = text_of(row, "level", "");
    if (strcmp(level, "debug") == 0 || strcmp(level, "info") == 0) continue;
    fprintf(stderr, "%s: %s\n", level, text_of(row, "text", ""));
  }
}

void render_outcome(const struct cli *cli, const struct outcome *o) {
  char verdict[2048];
  if (json_object_size(o->samples) > 0) render_metrics(cli, o);
  render_strategies(cli, o);
  fflush(stdout);
  render_events(o);
  render_verdict(o, verdict, sizeof verdict);
  if (o->status == CATALOG_REFUSED) verdict[strcspn(verdict, ":")] = 0; /* told above */
  printf("\n%s\n", verdict);
  if (o->run == 0) return;
  printf("look further: ridge show %" PRId64 "   ridge runs   ridge query\n", o->run);
}
