/* render_plan.c - a plan for people. */
#include "cli/render_plan.h"

#include "base/canon.h"
#include "base/human.h"
#include "base/settings.h"
#include "cli/render_roof.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "?";
}

static double number_of(const json_t *object, const char *key) {
  return json_number_value(json_object_get(object, key));
}

static void heading(const struct cli *cli, const char *text) {
  printf("\n%s%s%s\n", cli->colour ? "\033[1m" : "", text, cli->colour ? "\033[0m" : "");
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* Lines of facts ------------------------------------------------------------------ */

static void print_model(const json_t *plan) {
  const json_t *model = json_object_get(plan, "model");
  if (model == NULL) return;
  printf("model    %s: %s, %s layers of width %s, %s on disk\n",
         base_name(text_of(model, "path")), text_of(model, "architecture"),
         human_count(number_of(model, "layers")), human_count(number_of(model, "dim")),
         human_bytes(number_of(model, "file_bytes")));
  const json_t *files = json_object_get(model, "files"), *file;
  size_t i;
  if (json_array_size(files) < 2) return;
  printf("files   ");
  json_array_foreach(files, i, file)
    printf("%s %s (%s)", i > 0 ? "," : "", text_of(file, "name"),
           human_bytes(number_of(file, "bytes")));
  printf("\n");
}

static void print_memory_line(const json_t *plan) {
  static const struct {
    const char *kind, *name;
  } kinds[] = {{"weights", "weights"},         {"cache", "cache"},
               {"activations", "activations"}, {"scratch", "scratch"},
               {"draft_model", "draft model"}, {"unmodified_model", "unmodified model"},
               {"strategies", "strategies"}};
  const json_t *memory = json_object_get(plan, "memory");
  if (memory == NULL) return;
  printf("memory   %s of %s:", human_bytes(number_of(memory, "total")),
         human_bytes(number_of(memory, "limit")));
  const char *between = " ";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (number_of(memory, kinds[i].kind) <= 0) continue;
    printf("%s%s %s", between, kinds[i].name,
           human_bytes(number_of(memory, kinds[i].kind)));
    between = ", ";
  }
  printf("\n");
}

static void print_threads(const json_t *plan) {
  const json_t *threads = json_object_get(plan, "threads"), *cpu;
  size_t i;
  if (threads == NULL) return;
  printf("threads  %.0f", number_of(threads, "n"));
  if (json_array_size(json_object_get(threads, "cpus")) > 0) printf(" on CPUs");
  json_array_foreach(json_object_get(threads, "cpus"), i, cpu)
    printf(" %lld", (long long)json_integer_value(cpu));
  printf("\n");
  const char *left_out = json_string_value(json_object_get(threads, "features_left_out"));
  if (left_out != NULL && left_out[0] != 0)
    printf("without  %s (RIDGE_NO_FEATURES)\n", left_out);
}

/* {"provider": nodes} over all kernels. */
static json_t *nodes_by_provider(const json_t *plan) {
  json_t *counts = json_object();
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(plan, "kernels"), i, row) {
    const char *provider = text_of(row, "provider");
    json_int_t nodes = json_integer_value(json_object_get(counts, provider)) +
                       json_integer_value(json_object_get(row, "nodes"));
    json_object_set_new(counts, provider, json_integer(nodes));
  }
  return counts;
}

static void print_kernel_line(const json_t *plan) {
  json_t *counts = nodes_by_provider(plan), *nodes;
  const char *provider, *between = "";
  if (json_object_size(counts) > 0) {
    printf("kernels  ");
    json_object_foreach(counts, provider, nodes) {
      printf("%s%s %lld nodes", between, provider, (long long)json_integer_value(nodes));
      between = ", ";
    }
    printf("\n");
  }
  json_decref(counts);
}

static void print_asked(const struct outcome *o) {
  size_t i;
  const json_t *row;
  if (json_array_size(o->asked) == 0) {
    printf("asked    no strategies: the plain model\n");
    return;
  }
  printf("asked   ");
  json_array_foreach(o->asked, i, row) printf(" %s", text_of(row, "id"));
  printf("\n");
}

void render_plan_summary(const struct outcome *o) {
  print_model(o->plan);
  print_asked(o);
  print_kernel_line(o->plan);
  print_threads(o->plan);
  print_memory_line(o->plan);
  render_roof_line(o->plan);
  fflush(stdout);
}

/* All of it ----------------------------------------------------------------------- */

static void render_graph(const struct cli *cli, const json_t *graph) {
  json_t *before = json_object_get(json_object_get(graph, "before"), "by_op"), *count;
  json_t *after = json_object_get(json_object_get(graph, "after"), "by_op");
  const char *op;
  if (graph == NULL) return;
  heading(cli, "graph");
  struct table *table = table_new("operator|>before|>after");
  json_object_foreach(before, op, count) {
    table_cell(table, op);
    table_cellf(table, "%lld", (long long)json_integer_value(count));
    table_cellf(table, "%lld", (long long)json_integer_value(json_object_get(after, op)));
  }
  json_object_foreach(after, op, count) {
    if (json_object_get(before, op) != NULL) continue;
    table_cell(table, op);
    table_cell(table, "0");
    table_cellf(table, "%lld", (long long)json_integer_value(count));
  }
  table_cell(table, "all");
  table_cellf(table, "%.0f", number_of(json_object_get(graph, "before"), "nodes"));
  table_cellf(table, "%.0f", number_of(json_object_get(graph, "after"), "nodes"));
  table_print(table, cli->terminal, cli->colour);
}

static void render_passes(const struct cli *cli, const json_t *passes) {
  size_t i;
  const json_t *pass;
  if (json_array_size(passes) == 0) return;
  heading(cli, "passes");
  struct table *table = table_new("pass|>changed|>nodes before|>after");
  json_array_foreach(passes, i, pass) {
    table_cell(table, text_of(pass, "id"));
    table_cellf(table, "%.0f", number_of(pass, "changed"));
    table_cellf(table, "%.0f", number_of(pass, "before"));
    table_cellf(table, "%.0f", number_of(pass, "after"));
  }
  table_print(table, cli->terminal, cli->colour);
}

static void passed_over(const json_t *kernel, char *out, size_t room) {
  size_t i, used = 0;
  const json_t *row;
  snprintf(out, room, "-");
  json_array_foreach(json_object_get(kernel, "passed_over"), i, row) {
    int n = snprintf(out + used, room - used, "%s%s: %s", i > 0 ? "; " : "",
                     text_of(row, "provider"), text_of(row, "reason"));
    if (n < 0 || (size_t)n >= room - used) return;
    used += (size_t)n;
  }
}

static void render_kernels(const struct cli *cli, const json_t *kernels) {
  size_t i;
  const json_t *row;
  if (json_array_size(kernels) == 0) return;
  heading(cli, "kernels");
  struct table *table = table_new("key|provider|>score|>nodes|passed over");
  json_array_foreach(kernels, i, row) {
    char reasons[512];
    passed_over(row, reasons, sizeof reasons);
    table_cell(table, text_of(row, "key"));
    table_cell(table, text_of(row, "provider"));
    table_cellf(table, "%.0f", number_of(row, "score"));
    table_cellf(table, "%.0f", number_of(row, "nodes"));
    table_cell(table, reasons);
  }
  table_print(table, cli->terminal, cli->colour);
}

/* "blk.0.attn_q.weight, blk.0.attn_k.weight and 19 more" */
static void names_cell(struct table *table, const json_t *names) {
  size_t n = json_array_size(names);
  const char *first = json_string_value(json_array_get(names, 0));
  const char *second = json_string_value(json_array_get(names, 1));
  if (n > 2)
    table_cellf(table, "%s, %s and %zu more", first, second, n - 2);
  else
    table_cellf(table, "%s%s%s", first, n == 2 ? ", " : "", n == 2 ? second : "");
}

static void render_weights(const struct cli *cli, const json_t *rows) {
  size_t i;
  const json_t *row;
  if (json_array_size(rows) == 0) return;
  heading(cli, "weights");
  struct table *table = table_new("stored as|>tensors|>before|>after|left, because|which");
  json_array_foreach(rows, i, row) {
    const char *why = text_of(row, "why"), *from = text_of(row, "from");
    const char *to = text_of(row, "to");
    bool same = strcmp(from, to) == 0;
    table_cellf(table, "%s%s%s", from, same ? "" : " -> ", same ? "" : to);
    table_cellf(table, "%.0f", number_of(row, "tensors"));
    table_cell(table, human_bytes(number_of(row, "bytes_before")));
    table_cell(table, human_bytes(number_of(row, "bytes_after")));
    table_cell(table, why[0] != 0 ? why : NULL);
    names_cell(table, json_object_get(row, "names"));
  }
  table_print(table, cli->terminal, cli->colour);
}

static void memory_row(struct table *table, const char *what, double bytes) {
  table_cell(table, what);
  table_cell(table, human_bytes(bytes));
  table_cellf(table, "%.0f", bytes);
}

/* What adds up to the total; then what it is held against. */
static void render_memory(const struct cli *cli, json_t *memory) {
  static const struct {
    const char *kind, *what;
    bool always;
  } rows[] = {
      {"weights", "weights, as executed", true},
      {"cache", "cache", true},
      {"activations", "activations", true},
      {"scratch", "scratch", true},
      {"draft_model", "draft model, whole", false},
      {"unmodified_model", "unmodified model beside it, for the KL divergence", false},
      {"strategies", "strategies, declared", true},
      {"total", "together", true},
      {"limit", "may be used", true},
      {"weights_in_file", "weights in the file", true},
      {"cache_token", "cache of one token", true},
  };
  if (memory == NULL) return;
  heading(cli, "memory");
  struct table *table = table_new("what|>size|>bytes");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double bytes = number_of(memory, rows[i].kind);
    if (rows[i].always || bytes > 0) memory_row(table, rows[i].what, bytes);
  }
  table_print(table, cli->terminal, cli->colour);
}

static void render_steps(const struct cli *cli, json_t *steps) {
  const char *name;
  json_t *value;
  if (steps == NULL) return;
  heading(cli, "steps");
  struct table *table = table_new("bound|>value");
  json_object_foreach(steps, name, value) {
    table_cell(table, name);
    table_cellf(table, "%.0f", json_number_value(value));
  }
  table_print(table, cli->terminal, cli->colour);
}

void render_plan(const struct cli *cli, const json_t *plan) {
  heading(cli, "plan");
  print_model(plan);
  print_threads(plan);
  render_roof_line(plan);
  render_steps(cli, json_object_get(plan, "steps"));
  render_graph(cli, json_object_get(plan, "graph"));
  render_passes(cli, json_object_get(json_object_get(plan, "graph"), "passes"));
  render_kernels(cli, json_object_get(plan, "kernels"));
  render_weights(cli, json_object_get(plan, "weights"));
  render_memory(cli, json_object_get(plan, "memory"));
  render_roof(cli, plan);
}

/* The composition ----------------------------------------------------------------- */

static void value_cell(struct table *table, const json_t *value) {
  if (json_is_real(value)) {
    table_cell(table, human_exact(json_real_value(value)));
    return;
  }
  char *text = canon_text(value);
  table_cell(table, text);
  free(text);
}

/* A line only of what the recipe writes there. */
static void origin_cells(struct table *table, const json_t *origin, const json_t *line) {
  const char *from = json_is_string(origin) ? json_string_value(origin) : "-";
  table_cell(table, from);
  if (strcmp(from, "recipe") == 0 && json_integer_value(line) > 0)
    table_cellf(table, "%lld", (long long)json_integer_value(line));
  else
    table_cell(table, NULL);
}

static void strategy_rows(struct table *table, const json_t *strategy,
                          const json_t *origin) {
  json_t *params = json_object_get(strategy, "params"), *value;
  const char *id = text_of(strategy, "id"), *name;
  if (json_object_size(params) == 0) {
    table_cell(table, id);
    table_cell(table, NULL);
    origin_cells(table, json_object_get(origin, "origin"), json_object_get(origin, "line"));
  }
  json_object_foreach(params, name, value) {
    table_cellf(table, "%s.%s", id, name);
    value_cell(table, value);
    origin_cells(table, json_object_get(json_object_get(origin, "params"), name),
                 json_object_get(origin, "line"));
  }
}

void render_settled(const char *name, const json_t *value, char *to, size_t room) {
  const struct setting *setting = setting_find(name);
  char *text = canon_text(value);
  bool bytes =
      setting != NULL && setting->unit != NULL && strcmp(setting->unit, "byte") == 0;
  snprintf(to, room, "%s", bytes ? human_bytes(json_number_value(value)) : text);
  free(text);
}

/* "0 -> 2" from "default -> the machine": what the host made of a 0. */
static void settled_cells(struct table *table, const char *name, const json_t *value,
                          const json_t *origin, const json_t *settled) {
  char became[64];
  char *text = canon_text(value);
  render_settled(name, json_object_get(settled, "value"), became, sizeof became);
  table_cellf(table, "%s -> %s", text, became);
  free(text);
  table_cellf(table, "%s -> %s", json_is_string(origin) ? json_string_value(origin) : "-",
              text_of(settled, "from"));
  table_cell(table, NULL);
}

void render_composition(const struct cli *cli, const json_t *composition,
                        const json_t *origins, const json_t *plan) {
  const json_t *all_settled = json_object_get(plan, "settled");
  json_t *settings = json_object_get(composition, "settings"), *value;
  const json_t *lines = json_object_get(origins, "lines"), *row;
  const char *name;
  size_t i;
  heading(cli, "composition");
  struct table *table = table_new("value of|value|from|>line");
  json_object_foreach(settings, name, value) {
    const json_t *origin = json_object_get(json_object_get(origins, "settings"), name);
    const json_t *settled = json_object_get(all_settled, name);
    table_cell(table, name);
    if (settled != NULL) {
      settled_cells(table, name, value, origin, settled);
      continue;
    }
    value_cell(table, value);
    origin_cells(table, origin, json_object_get(lines, name));
  }
  json_array_foreach(json_object_get(composition, "strategies"), i, row)
    strategy_rows(table, row, json_array_get(json_object_get(origins, "strategies"), i));
  table_print(table, cli->terminal, cli->colour);
}
