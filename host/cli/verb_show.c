/* verb_show.c - `ridge show RUN`: what was asked, what happened, what it was worth. */
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/roofline_page.h"
#include "cli/show_page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct asked {
  const char *run, *svg;
  bool roofline;
  unsigned parts;
};

static int write_svg(const char *path, const struct roofline_view *view,
                     const json_t *run) {
  char title[256];
  snprintf(title, sizeof title, "run %lld: %s", (long long)row_int(run, "run"),
           row_text(run, "name"));
  FILE *to = fopen(path, "w");
  bool drawn = to != NULL && roofline_svg_write(to, view, title);
  if (to != NULL && fclose(to) != 0) drawn = false;
  if (drawn) return EXIT_OK;
  fprintf(stderr, "ridge show: %s: %s\n", path,
          errno != 0 ? strerror(errno) : "nothing was measured that could be drawn");
  return EXIT_FAILED;
}

static int add_roofline(const struct cli *cli, const struct asked *asked, json_t *run) {
  struct roofline_view view;
  struct why why;
  ridge_status status = roofline_view_make(run, &view, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "show", status, &why);
  errno = 0;
  int exit = asked->svg != NULL ? write_svg(asked->svg, &view, run) : EXIT_OK;
  if (cli->json)
    json_object_set_new(run, "roofline", roofline_view_json(&view));
  else if (asked->roofline)
    roofline_page_print(cli, &view);
  roofline_view_free(&view);
  return exit;
}

static int show(const struct cli *cli, struct catalog *catalog, const struct asked *asked) {
  json_t *run = NULL;
  int64_t id = 0;
  struct why why;
  bool roofline = asked->roofline || asked->svg != NULL;
  unsigned wanted = asked->parts | (roofline ? CATALOG_OPERATORS : 0u);
  if (!cli->json) wanted |= CATALOG_PLAN;
  int exit = look_back_run(cli, "show", catalog, asked->run, &id);
  if (exit >= 0) return exit;
  ridge_status status = catalog_show(catalog, id, wanted, &run, &why);
  if (status != RIDGE_OK) return look_back_fail(cli, "show", status, &why);
  if (!cli->json) {
    rows_make_plain(run);
    show_page_print(cli, run, asked->parts);
  }
  exit = roofline ? add_roofline(cli, asked, run) : EXIT_OK;
  if (cli->json) print_json(json_incref(run));
  json_decref(run);
  return exit;
}

int verb_show(struct cli *cli, int argc, char **argv) {
  struct asked asked = {0};
  bool texts = false, operators = false, plan = false, points = false;
  struct catalog *catalog;
  const struct cli_option rows[] = {
      {.name = "RUN",
       .doc = "number, uid or its start, name, or `last`",
       .kind = OPTION_TEXT,
       .to = &asked.run},
      {.name = "--text",
       .doc = "also the texts that were generated",
       .kind = OPTION_FLAG,
       .to = &texts},
      {.name = "--operators",
       .doc = "also the time of each operator",
       .kind = OPTION_FLAG,
       .to = &operators},
      {.name = "--roofline",
       .doc = "also, by kind of operator: measured, predicted, and the machine's limit",
       .kind = OPTION_FLAG,
       .to = &asked.roofline},
      {.name = "--svg",
       .value = "FILE",
       .doc = "write the roofline as a plot",
       .kind = OPTION_TEXT,
       .to = &asked.svg},
      {.name = "--plan",
       .doc = "also what was to execute",
       .kind = OPTION_FLAG,
       .to = &plan},
      {.name = "--points", .doc = "also the series", .kind = OPTION_FLAG, .to = &points},
  };
  int exit = options_parse(cli, "show", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  asked.parts = (texts ? CATALOG_TEXTS : 0u) | (operators ? CATALOG_OPERATORS : 0u) |
                (plan ? CATALOG_PLAN : 0u) | (points ? CATALOG_POINTS : 0u);
  exit = look_back_open(cli, "show", &catalog);
  if (exit < 0) exit = show(cli, catalog, &asked);
  catalog_close(catalog);
  return exit;
}
