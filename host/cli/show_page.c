/*
 * show_page.c - everything of one run, for people.
 *
 * Sections that have nothing to say are left out; figures are medians with every repeat
 * beside them.
 */
#include "cli/show_page.h"

#include "base/text.h"
#include "cli/look_back.h"
#include "cli/prose.h"
#include "cli/render_plan.h"
#include "cli/table.h"
#include "run/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD = 13, REPEATS_SHOWN = 12 };

/* Pieces ------------------------------------------------------------------------------ */

static void head(const struct cli *cli, const char *title) {
  printf(cli->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", title);
}

static void field(const char *name, const char *text) {
  if (text == NULL || text[0] == 0) return;
  printf("  %-*s", FIELD, name);
  prose_line(text, FIELD + 2, FIELD + 2);
}

static const json_t *list_of(const json_t *run, const char *key) {
  const json_t *list = json_object_get(run, key);
  return json_array_size(list) > 0 ? list : NULL;
}

/* "ridge run a.lua", quoted where a shell would need it. */
static char *command_text(const json_t *words) {
  struct text text = text_new(1 << 16);
  const json_t *word;
  size_t i;
  json_array_foreach(words, i, word) {
    const char *plain = json_string_value(word);
    if (plain == NULL) continue;
    bool bare = plain[0] != 0 && plain[strspn(plain, "abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                     "0123456789_-./=:,+@%")] == 0;
    text_format(&text, bare ? "%s%s" : "%s'%s'", i > 0 ? " " : "", plain);
  }
  return text.data;
}

/* What was asked ---------------------------------------------------------------------- */

static void print_run(const json_t *run) {
  char text[512];
  char *command = command_text(json_object_get(run, "command"));
  const double seconds = json_number_value(json_object_get(run, "seconds"));
  printf("run %" PRId64 "  %s  %s  %s\n", row_int(run, "run"), row_text(run, "name"),
         row_text(run, "status"), row_text(run, "uid"));
  field("why", row_text(run, "why"));
  field("blamed", row_text(run, "blamed"));
  snprintf(text, sizeof text, "%s UTC%s%s", row_text(run, "started"),
           seconds > 0 ? ", took " : "", seconds > 0 ? human_seconds(seconds) : "");
  field("started", text);
  field("command", command);
  field("recipe", row_text(run, "file"));
  snprintf(text, sizeof text, "%" PRId64, row_int(run, "seed"));
  field("seed", text);
  field("sweep", row_text(run, "sweep"));
  field("composition", row_text(run, "composition"));
  field("task", row_text(run, "task"));
  field("output", row_text(run, "output"));
  free(command);
}

/* What the plan made of a setting that leaves it to the host, or NULL. */
static const json_t *settled_of(const json_t *run, const char *name) {
  const json_t *detail = json_object_get(json_object_get(run, "plan"), "detail");
  return json_object_get(json_object_get(detail, "settled"), name);
}

/* An empty text has to be seen. */
static const char *setting_text(const json_t *value, char room[32]) {
  const char *text = row_shown(value, room, 32);
  return text[0] != 0 ? text : "\"\"";
}

static void print_settings(const struct cli *cli, const json_t *run) {
  const json_t *list = list_of(run, "settings"), *row;
  char room[32], became[64];
  size_t i;
  if (list == NULL) return;
  head(cli, "What was asked");
  struct table *table = table_new("setting|value|from|>line");
  json_array_foreach(list, i, row) {
    const char *value = setting_text(json_object_get(row, "value"), room);
    const json_t *settled = settled_of(run, row_text(row, "name"));
    table_cell(table, row_text(row, "name"));
    if (settled != NULL) {
      render_settled(row_text(row, "name"), json_object_get(settled, "value"), became,
                     sizeof became);
      table_cellf(table, "%s -> %s", value, became);
      table_cellf(table, "%s -> %s", row_text(row, "origin"), row_text(settled, "from"));
    } else {
      table_cell(table, value);
      table_cell(table, row_text(row, "origin"));
    }
    if (strcmp(row_text(row, "origin"), "recipe") == 0 && row_has(row, "line"))
      table_cellf(table, "%" PRId64, row_int(row, "line"));
    else
      table_cell(table, NULL);
  }
  table_print(table, cli->terminal, cli->colour);
}

/* What engaged ------------------------------------------------------------------------ */

static const char *engaged_word(const json_t *row) {
  if (!row_has(row, "engaged")) return "not reported";
  if (json_is_true(json_object_get(row, "inert"))) return "INERT";
  if (json_is_true(json_object_get(row, "engaged"))) return "yes";
  return json_is_true(json_object_get(row, "may_idle")) ? "idle, as allowed" : "no";
}

static void evidence_cell(struct table *table, const json_t *row) {
  const json_t *list = json_object_get(row, "evidence"), *one;
  struct text text = text_new(4096);
  size_t i;
  json_array_foreach(list, i, one) {
    text_format(&text, "%s%s %" PRId64, i > 0 ? ", " : "", row_text(one, "name"),
                row_int(one, "count"));
    if (row_int(one, "count") < row_int(one, "least"))
      text_format(&text, " (promised %" PRId64 ")", row_int(one, "least"));
  }
  table_cell(table, text.size > 0 ? text.data : NULL);
  text_free(&text);
}

static void declined_cell(struct table *table, const json_t *row) {
  if (row_int(row, "declined") == 0)
    table_cell(table, NULL);
  else
    table_cellf(table, "%" PRId64 "%s%.60s", row_int(row, "declined"),
                row_has(row, "reason") ? ": " : "", row_text(row, "reason"));
}

static void cost_cells(struct table *table, const json_t *row) {
  table_cell(table,
             row_has(row, "calls") ? human_count((double)row_int(row, "calls")) : NULL);
  table_cell(table, row_int(row, "time_ns") > 0
                        ? human_seconds((double)row_int(row, "time_ns") * 1e-9)
                        : NULL);
}

static void print_strategies(const struct cli *cli, const json_t *run) {
  const json_t *list = list_of(run, "strategies"), *row;
  size_t i;
  if (list == NULL) return;
  head(cli, "What engaged");
  struct table *table =
      table_new("strategy|version|effect|engaged|evidence|>calls|>time|>memory|declined");
  json_array_foreach(list, i, row) {
    table_cell(table, row_text(row, "id"));
    table_cell(table, row_text(row, "version"));
    table_cell(table, row_has(row, "effect") ? row_text(row, "effect") : NULL);
    table_cell(table, engaged_word(row));
    evidence_cell(table, row);
    cost_cells(table, row);
    table_cell(table, row_int(row, "bytes_peak") > 0
                          ? human_bytes((double)row_int(row, "bytes_peak"))
                          : NULL);
    declined_cell(table, row);
  }
  table_print(table, cli->terminal, cli->colour);
}

static void print_parts(const struct cli *cli, const json_t *run) {
  const json_t *list = list_of(run, "parts"), *row;
  size_t i;
  if (list == NULL) return;
  head(cli, "Parts");
  struct table *table = table_new("part|version|>calls|>time");
  json_array_foreach(list, i, row) {
    if (row_has(row, "calls") && row_int(row, "calls") == 0) continue; /* took no part */
    table_cell(table, row_text(row, "id"));
    table_cell(table, row_text(row, "version"));
    cost_cells(table, row);
  }
  table_print(table, cli->terminal, cli->colour);
}

/* What it was worth ------------------------------------------------------------------- */

static const char *repeat_figure(const json_t *row, const char *metric) {
  if (row_has(row, "odd")) return row_text(row, "odd");
  return metric_figure(metric, json_number_value(json_object_get(row, "value")));
}

/* The unit that all repeats share, with its blank, or "". */
static const char *shared_unit(const json_t *list, const char *metric) {
  const char *unit = NULL;
  const json_t *row;
  size_t i;
  json_array_foreach(list, i, row) {
    const char *own = strchr(repeat_figure(row, metric), ' ');
    if (own == NULL || (unit != NULL && strcmp(own, unit) != 0)) return "";
    unit = own;
  }
  return unit != NULL ? unit : "";
}

/* "40.1, 41.2, 40.7 token/s"; warm-up in brackets, before the rest. */
static void repeats_cell(struct table *table, const json_t *metric) {
  const json_t *list = json_object_get(metric, "repeats"), *row;
  struct text text = text_new(1 << 16);
  size_t i, n = json_array_size(list);
  const char *name = row_text(metric, "name");
  char unit[64];
  snprintf(unit, sizeof unit, "%s", shared_unit(list, name)); /* figures do not last */
  json_array_foreach(list, i, row) {
    if (i == REPEATS_SHOWN && n > REPEATS_SHOWN + 1) {
      text_format(&text, ", and %zu more (--json has all)", n - REPEATS_SHOWN);
      break;
    }
    bool warm_up = row_int(row, "repeat") < 0;
    const char *figure = repeat_figure(row, name);
    int size = (int)(strlen(figure) - strlen(unit));
    text_format(&text, warm_up ? "%s(%.*s)" : "%s%.*s", i > 0 ? ", " : "", size, figure);
  }
  text_add(&text, unit);
  table_cell(table, text.data);
  text_free(&text);
}

static void print_metrics(const struct cli *cli, const json_t *run) {
  const json_t *list = list_of(run, "metrics"), *row;
  size_t i;
  if (list == NULL) return;
  head(cli, "What it was worth");
  struct table *table = table_new("metric|>median|every repeat (warm-up)");
  json_array_foreach(list, i, row) {
    const json_t *median = json_object_get(row, "median");
    table_cell(table, row_text(row, "name"));
    table_cell(table, json_is_number(median)
                          ? metric_figure(row_text(row, "name"), json_number_value(median))
                          : NULL);
    repeats_cell(table, row);
  }
  table_print(table, cli->terminal, cli->colour);
}

/* What produced it -------------------------------------------------------------------- */

static void print_machine(const struct cli *cli, const json_t *run) {
  const json_t *machine = json_object_get(run, "machine"),
               *program = json_object_get(run, "program");
  char text[1024];
  head(cli, "What produced it");
  snprintf(text, sizeof text,
           "%s, %" PRId64 " cores, %" PRId64 " threads, %s (number %" PRId64 ")",
           row_text(machine, "cpu"), row_int(machine, "cores"), row_int(machine, "threads"),
           human_bytes((double)row_int(machine, "memory_bytes")), row_int(machine, "id"));
  field("machine", text);
  field("kernel", row_text(machine, "kernel"));
  field("libc", row_text(machine, "libc"));
  field("governor", row_text(machine, "governor"));
  field("features", row_text(machine, "features"));
  const char *commit = row_text(program, "commit"), *patch = row_text(program, "patch");
  snprintf(text, sizeof text, "ridge %s, %s%s", row_text(program, "version"),
           commit[0] != 0 ? "commit " : "no commit", commit);
  field("program", text);
  snprintf(text, sizeof text,
           "%zu bytes; `ridge query again --param run=%" PRId64 "` prints them",
           strlen(patch), row_int(run, "run"));
  field("changes", patch[0] != 0 ? text : "");
  snprintf(text, sizeof text, "%s, %s", row_text(program, "compiler"),
           row_text(program, "flags"));
  field("compiled by", text);
}

static void print_inputs(const struct cli *cli, const json_t *run) {
  const json_t *list = list_of(run, "inputs"), *row;
  size_t i;
  if (list == NULL) return;
  head(cli, "Inputs");
  struct table *table = table_new("role|name|>size|SHA-256|path");
  json_array_foreach(list, i, row) {
    table_cell(table, row_text(row, "role"));
    table_cell(table, row_text(row, "name"));
    table_cell(table, human_bytes((double)row_int(row, "bytes")));
    table_cellf(table, "%.16s",
                row_text(row, "digest")[0] != 0 ? row_text(row, "digest") : "not read");
    table_cell(table, row_text(row, "path"));
  }
  table_print(table, cli->terminal, cli->colour);
}

/* What was said ----------------------------------------------------------------------- */

static void print_diagnostics(const struct cli *cli, const json_t *run) {
  const json_t *list = list_of(run, "diagnostics"), *row, *note;
  size_t i, k;
  if (list == NULL) return;
  head(cli, "Diagnostics");
  json_array_foreach(list, i, row) {
    printf("  %s", row_text(row, "file"));
    if (row_has(row, "line"))
      printf(":%" PRId64 ":%" PRId64, row_int(row, "line"), row_int(row, "column"));
    printf("%s%s: %s\n", row_has(row, "file") ? ": " : "", row_text(row, "code"),
           row_text(row, "text"));
    json_array_foreach(json_object_get(row, "notes"), k, note) {
      printf("      = %s\n",
             json_is_string(note) ? json_string_value(note) : row_text(note, "text"));
    }
    if (row_has(row, "help")) printf("      = help: %s\n", row_text(row, "help"));
  }
}

static void print_events(const struct cli *cli, const json_t *run, const char *key,
                         const char *title) {
  const json_t *list = list_of(run, key), *row;
  size_t i;
  if (list == NULL) return;
  head(cli, title);
  json_array_foreach(list, i, row) {
    printf("  %s  %s%s%s", row_text(row, "at"), row_text(row, "level"),
           row_has(row, "level") ? ": " : "", row_text(row, "text"));
    if (row_has(row, "place")) printf(" (%s)", row_text(row, "place"));
    putchar('\n');
  }
}

/* On request -------------------------------------------------------------------------- */

static void print_texts(const struct cli *cli, const json_t *run) {
  const json_t *list = json_object_get(run, "texts"), *row;
  size_t i;
  if (list == NULL) return;
  head(cli, json_array_size(list) > 0 ? "Texts" : "No texts");
  json_array_foreach(list, i, row) {
    printf("\n  repeat %" PRId64 ", sequence %" PRId64 ": %" PRId64
           " tokens, ended by %s\n%s%s%s%s\n",
           row_int(row, "repeat"), row_int(row, "sequence"), row_int(row, "tokens"),
           row_text(row, "stop"), cli->colour ? "\033[2m" : "", row_text(row, "prompt"),
           cli->colour ? "\033[0m" : "", row_text(row, "text"));
  }
}

static double rate(const json_t *row, const char *key) {
  double ns = (double)row_int(row, "ns");
  return ns > 0 ? (double)row_int(row, key) / ns * 1e9 : 0;
}

static double time_of_phase(const json_t *list, const char *phase) {
  const json_t *row;
  double all = 0;
  size_t i;
  json_array_foreach(list, i, row) {
    if (strcmp(row_text(row, "phase"), phase) == 0) all += (double)row_int(row, "ns");
  }
  return all;
}

static void print_operators(const struct cli *cli, const json_t *run) {
  const json_t *list = json_object_get(run, "operators"), *row;
  const char *phase = "";
  double all = 0;
  size_t i;
  if (list == NULL) return;
  head(cli, json_array_size(list) > 0 ? "Operators" : "No operators were recorded");
  if (json_array_size(list) == 0) return;
  struct table *table =
      table_new("phase|operator|kind|kernel|>calls|>time|>share|>byte/s|>FLOP/s");
  json_array_foreach(list, i, row) {
    if (strcmp(phase, row_text(row, "phase")) != 0) {
      phase = row_text(row, "phase");
      all = time_of_phase(list, phase);
    }
    table_cell(table, phase);
    table_cell(table, row_text(row, "name"));
    table_cell(table, row_text(row, "kind"));
    table_cell(table, row_text(row, "kernel"));
    table_cell(table, human_count((double)row_int(row, "calls")));
    table_cell(table, human_seconds((double)row_int(row, "ns") * 1e-9));
    table_cellf(table, "%.1f %%", all > 0 ? 100 * (double)row_int(row, "ns") / all : 0);
    table_cell(table, row_has(row, "bytes") ? human_bytes(rate(row, "bytes")) : NULL);
    table_cell(table, row_has(row, "flops") ? human_count(rate(row, "flops")) : NULL);
  }
  table_print(table, cli->terminal, cli->colour);
}

static void print_plan(const struct cli *cli, const json_t *run) {
  const json_t *plan = json_object_get(run, "plan");
  if (plan == NULL) return;
  head(cli, json_is_null(plan) ? "No plan was recorded" : "What was to execute");
  if (json_is_null(plan)) return;
  render_plan(cli, json_object_get(plan, "detail"));
}

static void print_points(const struct cli *cli, const json_t *run) {
  const json_t *list = json_object_get(run, "points"), *row;
  char room[32];
  size_t i;
  if (list == NULL) return;
  head(cli, json_array_size(list) > 0 ? "Series" : "No series");
  if (json_array_size(list) == 0) return;
  struct table *table = table_new("series|>step|>value");
  json_array_foreach(list, i, row) {
    table_cell(table, row_text(row, "series"));
    table_cellf(table, "%" PRId64, row_int(row, "step"));
    table_cell(table, row_has(row, "odd")
                          ? row_text(row, "odd")
                          : row_shown(json_object_get(row, "value"), room, sizeof room));
  }
  table_print(table, cli->terminal, cli->colour);
}

void show_page_print(const struct cli *cli, const json_t *run, unsigned parts) {
  print_run(run);
  print_diagnostics(cli, run);
  print_settings(cli, run);
  print_strategies(cli, run);
  print_parts(cli, run);
  print_metrics(cli, run);
  print_machine(cli, run);
  print_inputs(cli, run);
  print_events(cli, run, "events", "Log");
  print_events(cli, run, "notes", "Notes");
  print_texts(cli, run);
  if ((parts & CATALOG_OPERATORS) != 0) print_operators(cli, run);
  if ((parts & CATALOG_PLAN) != 0) print_plan(cli, run);
  print_points(cli, run);
}
