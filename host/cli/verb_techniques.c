/* verb_techniques.c - `ridge techniques`: what the literature offers, and what is here. */
#include "cli/look_back.h"

#include "base/near.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/prose.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "kv.paged kv.prefix", or NULL for none; the caller frees. */
static char *strategies_text(const json_t *row) {
  const json_t *list = json_object_get(row, "strategies"), *name;
  struct text text = text_new(4096);
  size_t i;
  json_array_foreach(list, i, name) {
    text_format(&text, "%s%s", i > 0 ? " " : "", json_string_value(name));
  }
  if (text.size > 0) return text.data;
  text_free(&text);
  return NULL;
}

static void print_list(const struct cli *cli, const json_t *rows) {
  struct table *table = table_new(
      "class|branch|technique|>year|in the review|on a CPU|>claims|strategies here|title");
  const json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    char *strategies = strategies_text(row);
    table_cell(table, row_text(row, "class"));
    table_cell(table, row_text(row, "branch"));
    table_cell(table, row_text(row, "id"));
    table_cellf(table, "%" PRId64, row_int(row, "year"));
    table_cell(table, row_text(row, "standing"));
    table_cell(table, json_is_true(json_object_get(row, "on_cpu")) ? "yes" : "no");
    table_cellf(table, "%" PRId64, row_int(row, "claims"));
    table_cell(table, strategies);
    table_cell(table, row_text(row, "title"));
    free(strategies);
  }
  table_print(table, cli->terminal, cli->colour);
}

static void print_field(const char *name, const char *text) {
  if (text == NULL || text[0] == 0) return;
  printf("  %-12s ", name);
  prose_line(text, 15, 15);
}

static void print_one(const json_t *row) {
  char *strategies = strategies_text(row);
  const json_t *claim;
  size_t i;
  printf("%s - %s (%s, %" PRId64 ")\n", row_text(row, "id"), row_text(row, "title"),
         row_text(row, "credit"), row_int(row, "year"));
  print_field("summary", row_text(row, "summary"));
  print_field("shows here", row_text(row, "shows"));
  print_field("class", row_text(row, "class"));
  print_field("branch", row_text(row, "branch"));
  print_field("paper", row_text(row, "paper"));
  print_field("in review", row_text(row, "standing"));
  print_field("known from", row_text(row, "trust"));
  print_field("strategies", strategies != NULL ? strategies : "none here");
  free(strategies);
  const json_t *claims = json_object_get(row, "claims");
  if (json_array_size(claims) > 0)
    printf("\nClaims (ridge claims %s says what holds here)\n", row_text(row, "id"));
  json_array_foreach(claims, i, claim) {
    printf("  %-24s ", row_text(claim, "label"));
    prose_format(27, 6, "%s [%s]", row_text(claim, "statement"), row_text(claim, "source"));
  }
}

static int refuse_id(const struct cli *cli, struct catalog *catalog, const char *id) {
  json_t *rows = NULL;
  const char *names[512], *near = NULL;
  struct why why;
  size_t n = 0;
  ridge_status status = catalog_techniques(catalog, NULL, &rows, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "techniques", status, &why);
  for (; n < json_array_size(rows) && n < 512; n++)
    names[n] = row_text(json_array_get(rows, n), "id");
  near = near_of(id, names, n);
  int exit = near != NULL
                 ? options_refuse(cli, "techniques",
                                  "no technique `%s`; did you mean `%s`?", id, near)
                 : options_refuse(cli, "techniques",
                                  "no technique `%s`; `ridge techniques` lists them", id);
  json_decref(rows);
  return exit;
}

/* Those of one class; all for NULL. */
static json_t *of_class(const json_t *rows, const char *class) {
  json_t *kept = json_array(), *row;
  size_t i;
  json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
    if (class == NULL || strcmp(row_text(row, "class"), class) == 0)
      json_array_append(kept, row);
  }
  return kept;
}

static int look(const struct cli *cli, struct catalog *catalog, const char *id,
                const char *class) {
  json_t *rows = NULL;
  struct why why;
  ridge_status status = catalog_techniques(catalog, id, &rows, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "techniques", status, &why);
  json_t *kept = of_class(rows, class);
  json_decref(rows);
  if (!cli->json) rows_make_plain(kept);
  int exit = EXIT_OK;
  if (id != NULL && json_array_size(kept) == 0)
    exit = refuse_id(cli, catalog, id);
  else if (cli->json)
    print_json(id != NULL ? json_incref(json_array_get(kept, 0)) : json_incref(kept));
  else if (id != NULL)
    print_one(json_array_get(kept, 0));
  else
    print_list(cli, kept);
  json_decref(kept);
  return exit;
}

static bool is_class(const char *word) {
  return strcmp(word, "training") == 0 || strcmp(word, "inference") == 0 ||
         strcmp(word, "serving") == 0;
}

int verb_techniques(struct cli *cli, int argc, char **argv) {
  const char *id = NULL, *class = NULL;
  struct catalog *catalog;
  const struct cli_option rows[] = {
      {.name = "ID",
       .doc = "everything about one technique",
       .kind = OPTION_TEXT,
       .to = &id,
       .optional = true},
      {.name = "--class",
       .value = "C",
       .doc = "training, inference or serving only",
       .kind = OPTION_TEXT,
       .to = &class},
  };
  int exit = options_parse(cli, "techniques", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (id != NULL && class != NULL)
    return options_refuse(cli, "techniques",
                          "--class chooses from the list; with `%s` it would do nothing",
                          id);
  if (class != NULL && !is_class(class))
    return options_refuse(cli, "techniques",
                          "no class `%s`; it is training, inference or serving", class);
  exit = look_back_open(cli, "techniques", &catalog);
  if (exit < 0) exit = look(cli, catalog, id, class);
  catalog_close(catalog);
  return exit;
}
