/* verb_diff.c - `ridge diff A B`: what differs between two runs, and only that. */
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>

static void print_rows(const struct cli *cli, int64_t a, int64_t b, const json_t *rows) {
  char titles[96];
  const json_t *row;
  size_t i;
  snprintf(titles, sizeof titles, "what|run %" PRId64 "|run %" PRId64, a, b);
  struct table *table = table_new(titles);
  json_array_foreach(rows, i, row) {
    table_cell(table, row_text(row, "what"));
    table_cell(table, row_has(row, "a") ? row_text(row, "a") : NULL);
    table_cell(table, row_has(row, "b") ? row_text(row, "b") : NULL);
  }
  table_print(table, cli->terminal, cli->colour);
}

static int differ(const struct cli *cli, struct catalog *catalog, int64_t a, int64_t b) {
  json_t *rows = NULL;
  struct why why;
  ridge_status status = catalog_diff(catalog, a, b, &rows, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "diff", status, &why);
  if (cli->json)
    print_json(json_pack("{s:I, s:I, s:O}", "a", (json_int_t)a, "b", (json_int_t)b,
                         "differs", rows));
  else if (json_array_size(rows) == 0)
    printf("Runs %" PRId64 " and %" PRId64 " differ in nothing that was asked or produced; "
           "`ridge compare` compares their figures.\n",
           a, b);
  else
    print_rows(cli, a, b, rows);
  json_decref(rows);
  return EXIT_OK;
}

int verb_diff(struct cli *cli, int argc, char **argv) {
  const char *words[2] = {NULL, NULL};
  const struct cli_option rows[] = {
      {.name = "A",
       .doc = "a run: number, uid or its start, name, or `last`",
       .kind = OPTION_TEXT,
       .to = &words[0]},
      {.name = "B", .doc = "another run", .kind = OPTION_TEXT, .to = &words[1]},
  };
  struct catalog *catalog;
  int64_t a = 0, b = 0;
  int exit = options_parse(cli, "diff", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  exit = look_back_open(cli, "diff", &catalog);
  if (exit < 0) exit = look_back_run(cli, "diff", catalog, words[0], &a);
  if (exit < 0) exit = look_back_run(cli, "diff", catalog, words[1], &b);
  if (exit < 0) exit = differ(cli, catalog, a, b);
  catalog_close(catalog);
  return exit;
}
