/*
 * cli.h - the verbs of the command, one file each (cli/verb_NAME.c).
 *
 * A verb gets its own words (argv[0] is the verb), prints, and returns the exit code
 * (run/caller.h).
 */
#ifndef RIDGE_CLI_CLI_H
#define RIDGE_CLI_CLI_H

#include "run/caller.h"

/* Common options that would do nothing with some verbs, and are refused there. */
enum { CLI_CATALOG = 1, CLI_PLUGINS = 2 };

/* A row of the verb table (cli/verbs.c). */
struct cli_verb {
  const char *name, *doc;
  int (*run)(struct cli *, int argc, char **argv);
  unsigned uses; /* CLI_CATALOG, CLI_PLUGINS */
  bool hidden;   /* for child processes */
};

int cli_main(int argc, char **argv);
const struct cli_verb *cli_verbs(size_t *n);

/* The verbs, sorted; each parses its own words with cli/options.h. */
int verb_ablate(struct cli *, int argc, char **argv);
int verb_bench(struct cli *, int argc, char **argv);
int verb_claims(struct cli *, int argc, char **argv);
int verb_compare(struct cli *, int argc, char **argv);
int verb_convert(struct cli *, int argc, char **argv);
int verb_diff(struct cli *, int argc, char **argv);
int verb_doctor(struct cli *, int argc, char **argv);
int verb_eval_recipe(struct cli *, int argc, char **argv);
int verb_new(struct cli *, int argc, char **argv);
int verb_new_model(struct cli *, int argc, char **argv);
int verb_plan(struct cli *, int argc, char **argv);
int verb_plugins(struct cli *, int argc, char **argv);
int verb_probe(struct cli *, int argc, char **argv);
int verb_query(struct cli *, int argc, char **argv);
int verb_roofline(struct cli *, int argc, char **argv);
int verb_run(struct cli *, int argc, char **argv);
int verb_runs(struct cli *, int argc, char **argv);
int verb_scan_plugin(struct cli *, int argc, char **argv);
int verb_show(struct cli *, int argc, char **argv);
int verb_techniques(struct cli *, int argc, char **argv);
int verb_vet(struct cli *, int argc, char **argv);
int verb_worker(struct cli *, int argc, char **argv);

#endif
