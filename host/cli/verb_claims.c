/* verb_claims.c - `ridge claims`: what is claimed, and what reproductions here say. */
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>

/* "holds in 2 of 3 tries (holds,unclear)" */
static void standing_cell(struct table *table, const json_t *row) {
  int64_t tries = row_int(row, "tries");
  if (tries == 0)
    table_cell(table, "not tried here");
  else
    table_cellf(table, "holds in %" PRId64 " of %" PRId64 " (%s)", row_int(row, "held"),
                tries, row_text(row, "verdicts"));
}

static void print_claims(const struct cli *cli, const json_t *rows) {
  struct table *table = table_new("technique|claim|statement|known from|source|here");
  const json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    table_cell(table, row_text(row, "technique"));
    table_cell(table, row_text(row, "label"));
    table_cell(table, row_text(row, "statement"));
    table_cell(table, row_text(row, "trust"));
    table_cell(table, row_text(row, "source"));
    standing_cell(table, row);
  }
  table_print(table, cli->terminal, cli->colour);
}

/* No claims is an answer; no such technique is a slip. */
static int check_technique(const struct cli *cli, struct catalog *catalog,
                           const char *technique) {
  json_t *rows = NULL;
  struct why why;
  ridge_status status = catalog_techniques(catalog, technique, &rows, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "claims", status, &why);
  size_t n = json_array_size(rows);
  json_decref(rows);
  if (n > 0) return -1;
  return options_refuse(cli, "claims", "no technique `%s`; `ridge techniques` lists them",
                        technique);
}

static int look(const struct cli *cli, struct catalog *catalog, const char *technique) {
  json_t *rows = NULL;
  struct why why;
  int exit = technique != NULL ? check_technique(cli, catalog, technique) : -1;
  if (exit >= 0) return exit;
  ridge_status status = catalog_claims(catalog, technique, &rows, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "claims", status, &why);
  if (cli->json)
    print_json(json_incref(rows));
  else if (json_array_size(rows) > 0)
    print_claims(cli, rows);
  else
    printf("Nothing is claimed of %s in this catalog.\n",
           technique != NULL ? technique : "anything");
  json_decref(rows);
  return EXIT_OK;
}

int verb_claims(struct cli *cli, int argc, char **argv) {
  const char *technique = NULL, *option = NULL;
  struct catalog *catalog;
  const struct cli_option rows[] = {
      {.name = "TECHNIQUE",
       .doc = "claims of one technique",
       .kind = OPTION_TEXT,
       .to = &technique,
       .optional = true},
      {.name = "--technique",
       .value = "ID",
       .doc = "the same",
       .kind = OPTION_TEXT,
       .to = &option},
  };
  int exit = options_parse(cli, "claims", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (technique != NULL && option != NULL)
    return options_refuse(cli, "claims", "`%s` and `%s`: one technique is wanted",
                          technique, option);
  if (technique == NULL) technique = option;
  exit = look_back_open(cli, "claims", &catalog);
  if (exit < 0) exit = look(cli, catalog, technique);
  catalog_close(catalog);
  return exit;
}
