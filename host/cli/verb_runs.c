/* verb_runs.c - `ridge runs`: the past, newest first. */
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_LIMIT = 20 };

static void figure_cell(struct table *table, const json_t *row, const char *metric) {
  const json_t *value = json_object_get(row, metric);
  table_cell(table, json_is_number(value) ? metric_figure(metric, json_number_value(value))
                                          : NULL);
}

/* A recipe that was refused took less than the catalog's milliseconds. */
static void time_cell(struct table *table, const json_t *row) {
  const double seconds = json_number_value(json_object_get(row, "seconds"));
  table_cell(table, seconds > 0 ? human_seconds(seconds) : NULL);
}

/* A speed without its unit, which the title has. */
static void speed_cell(struct table *table, const json_t *row, const char *metric) {
  const json_t *value = json_object_get(row, metric);
  table_cell(table, json_is_number(value) ? human_number(json_number_value(value)) : NULL);
}

/* So much of the last words as a list has room for; `ridge show` has them all. */
static void why_cell(struct table *table, const char *why) {
  enum { SHOWN = 60 };
  size_t size = strlen(why);
  if (size > SHOWN)
    for (size = SHOWN - 4; size > 0 && why[size] != ' ';) size--;
  table_cellf(table, "%.*s%s", (int)size, why, why[size] != 0 ? " ..." : "");
}

/* On a terminal: as much as fits into a line.  What went wrong stands where the
 * strategies of a run that went well do. */
static void print_runs_short(const struct cli *cli, const json_t *rows) {
  enum { WIDE = 110, YEAR = 5 };
  bool wide = table_terminal_width() >= WIDE;
  struct table *table = table_new(
      wide ? ">run|name|status|started (UTC)|>time|>prefill/s|>decode/s|>perplexity|"
             ">memory|strategies, or last words"
           : ">run|name|status|>decode/s|>perplexity|strategies, or last words");
  const json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    const char *started = row_text(row, "started"), *why = row_text(row, "why");
    table_cellf(table, "%" PRId64, row_int(row, "run"));
    table_cell(table, row_text(row, "name"));
    table_cell(table, row_text(row, "status"));
    if (wide) {
      table_cell(table, strlen(started) > YEAR ? started + YEAR : started);
      time_cell(table, row);
      speed_cell(table, row, "prefill_tps");
    }
    speed_cell(table, row, "decode_tps");
    figure_cell(table, row, "perplexity");
    if (wide) figure_cell(table, row, "peak_rss_bytes");
    if (why[0] != 0)
      why_cell(table, why);
    else
      table_cell(table, row_has(row, "strategies") ? row_text(row, "strategies") : NULL);
  }
  table_print(table, cli->terminal, cli->colour);
}

static void print_runs(const struct cli *cli, const json_t *rows) {
  struct table *table =
      table_new(">run|name|status|started (UTC)|>time|strategies|>prefill|>decode|"
                ">perplexity|>memory|last words");
  const json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    table_cellf(table, "%" PRId64, row_int(row, "run"));
    table_cell(table, row_text(row, "name"));
    table_cell(table, row_text(row, "status"));
    table_cell(table, row_text(row, "started"));
    time_cell(table, row);
    table_cell(table, row_has(row, "strategies") ? row_text(row, "strategies") : NULL);
    figure_cell(table, row, "prefill_tps");
    figure_cell(table, row, "decode_tps");
    figure_cell(table, row, "perplexity");
    figure_cell(table, row, "peak_rss_bytes");
    table_cell(table, row_text(row, "why"));
  }
  table_print(table, cli->terminal, cli->colour);
}

static int list(const struct cli *cli, struct catalog *catalog,
                const struct catalog_filter *filter) {
  json_t *rows = NULL;
  struct why why;
  ridge_status status = catalog_runs(catalog, filter, &rows, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "runs", status, &why);
  if (cli->json)
    print_json(json_incref(rows));
  else if (json_array_size(rows) > 0)
    (cli->terminal ? print_runs_short : print_runs)(cli, rows);
  else
    printf("No such run in %s.\n", catalog_file(catalog));
  json_decref(rows);
  return EXIT_OK;
}

static bool is_status(const char *word) {
  for (int i = CATALOG_REFUSED; i <= CATALOG_STOPPED; i++)
    if (strcmp(word, catalog_status_word((enum catalog_status)i)) == 0) return true;
  return false;
}

int verb_runs(struct cli *cli, int argc, char **argv) {
  struct catalog_filter filter = {.limit = DEFAULT_LIMIT};
  struct catalog *catalog;
  const struct cli_option rows[] = {
      {.name = "--name",
       .value = "NAME",
       .doc = "runs of this name",
       .kind = OPTION_TEXT,
       .to = &filter.name},
      {.name = "--status",
       .value = "S",
       .kind = OPTION_TEXT,
       .to = &filter.status,
       .doc = "done, refused, running, inert, failed, crashed or stopped"},
      {.name = "--recipe",
       .value = "R",
       .kind = OPTION_TEXT,
       .to = &filter.recipe,
       .doc = "a recipe's name, or at least 8 letters of its digest"},
      {.name = "--limit",
       .value = "N",
       .doc = "so many, newest first; 20 if not given, 0: all",
       .kind = OPTION_INT,
       .to = &filter.limit,
       .lo = 0,
       .hi = 1e9},
  };
  int exit = options_parse(cli, "runs", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (filter.status != NULL && !is_status(filter.status))
    return options_refuse(cli, "runs",
                          "no status `%s`; it is one of done, refused, running, inert, "
                          "failed, crashed, stopped",
                          filter.status);
  exit = look_back_open(cli, "runs", &catalog);
  if (exit < 0) exit = list(cli, catalog, &filter);
  catalog_close(catalog);
  return exit;
}
