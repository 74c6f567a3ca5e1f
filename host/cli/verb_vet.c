/* verb_vet.c - the conformance kit: one line for each thing that was checked. */
#include "cli/options.h"

#include "cli/print_json.h"
#include "plugins/conformance/conformance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 20000 }; /* for one check; all of them together take a second */

struct vet {
  const struct cli *cli;
  json_t *rows;
  size_t failed, skipped, passed;
};

static void print_line(const struct cli *cli, const struct conformance_check *check,
                       const struct finding *finding) {
  static const char *const marks[] = {"ok", "FAILED", "skipped", ""};
  static const char *const colours[] = {"\033[32m", "\033[31m", "\033[33m", ""};
  const char *before = cli->colour ? colours[finding->verdict] : "";
  const char *after = cli->colour ? "\033[0m" : "";
  printf("%s%-8s%s%-15s%s", before, marks[finding->verdict], after, check->name,
         check->doc);
  if (finding->note[0] != 0)
    printf("%s%s", finding->verdict == VERDICT_OK ? "; " : ": ", finding->note);
  printf("\n");
}

static void take(void *ctx, const struct conformance_check *check,
                 const struct finding *finding) {
  struct vet *vet = ctx;
  vet->failed += finding->verdict == VERDICT_FAILED;
  vet->skipped += finding->verdict == VERDICT_SKIPPED;
  vet->passed += finding->verdict == VERDICT_OK;
  json_array_append_new(vet->rows,
                        json_pack("{s:s,s:s,s:s,s:s}", "check", check->name, "holds",
                                  check->doc, "verdict", verdict_word(finding->verdict),
                                  "note", finding->note));
  if (!vet->cli->json) print_line(vet->cli, check, finding);
}

static int vet_file(struct cli *cli, const char *file) {
  struct vet vet = {.cli = cli, .rows = json_array()};
  struct why why;
  if (conformance_run(cli->self, file, TIMEOUT_MS, take, &vet, &why) != RIDGE_OK) {
    json_decref(vet.rows);
    return options_fail(cli, "vet", EXIT_FAILED, why.text);
  }
  if (cli->json)
    print_json(json_pack("{s:s,s:b,s:o}", "file", file, "passed", vet.failed == 0, "checks",
                         vet.rows));
  else {
    json_decref(vet.rows);
    printf("%s: %zu ok, %zu failed, %zu skipped\n", file, vet.passed, vet.failed,
           vet.skipped);
  }
  return vet.failed == 0 ? EXIT_OK : EXIT_FAILED;
}

int verb_vet(struct cli *cli, int argc, char **argv) {
  const char *file = NULL, *check = NULL;
  const struct cli_option rows[] = {
      {"FILE.so", .doc = "the plugin's shared object", .kind = OPTION_TEXT, .to = &file},
      {"--check", "NAME", .doc = "one check, in this process (the kit runs itself so)",
       .kind = OPTION_TEXT, .to = &check},
  };
  int exit = options_parse(cli, "vet", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  if (check != NULL) return conformance_child(check, file);
  if (access(file, R_OK) != 0)
    return options_refuse(cli, "vet", "%s cannot be read: %s", file, strerror(errno));
  return vet_file(cli, file);
}
