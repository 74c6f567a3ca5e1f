/* verb_show.c - `ridge show RUN`: what was asked, what happened, what it was worth. */
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/show_page.h"

static int show(const struct cli *cli, struct catalog *catalog, const char *what,
                unsigned parts) {
  json_t *run = NULL;
  int64_t id = 0;
  struct why why;
  int exit = look_back_run(cli, "show", catalog, what, &id);
  if (exit >= 0) return exit;
  unsigned wanted = cli->json ? parts : parts | CATALOG_PLAN;
  ridge_status status = catalog_show(catalog, id, wanted, &run, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "show", status, &why);
  if (cli->json)
    print_json(json_incref(run));
  else
    show_page_print(cli, run, (parts & CATALOG_PLAN) != 0);
  json_decref(run);
  return EXIT_OK;
}

int verb_show(struct cli *cli, int argc, char **argv) {
  const char *what = NULL;
  bool texts = false, operators = false, plan = false, points = false;
  struct catalog *catalog;
  const struct cli_option rows[] = {
      {.name = "RUN",
       .doc = "number, uid or its start, name, or `last`",
       .kind = OPTION_TEXT,
       .to = &what},
      {.name = "--text",
       .doc = "also the texts that were generated",
       .kind = OPTION_FLAG,
       .to = &texts},
      {.name = "--operators",
       .doc = "also the time of each operator",
       .kind = OPTION_FLAG,
       .to = &operators},
      {.name = "--plan",
       .doc = "also what was to execute",
       .kind = OPTION_FLAG,
       .to = &plan},
      {.name = "--points", .doc = "also the series", .kind = OPTION_FLAG, .to = &points},
  };
  int exit = options_parse(cli, "show", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  unsigned parts = (texts ? CATALOG_TEXTS : 0u) | (operators ? CATALOG_OPERATORS : 0u) |
                   (plan ? CATALOG_PLAN : 0u) | (points ? CATALOG_POINTS : 0u);
  exit = look_back_open(cli, "show", &catalog);
  if (exit < 0) exit = show(cli, catalog, what, parts);
  catalog_close(catalog);
  return exit;
}
