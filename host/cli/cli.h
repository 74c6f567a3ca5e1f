/*
 * cli.h - the verbs of the command, one file each (cli/verb_NAME.c).
 *
 * A verb gets its own words (argv[0] is the verb), prints, and returns the exit
 * code: 0 ok, 1 failed, 2 usage error or refused recipe, 3 inert, 4 does not fit,
 * 5 regression.
 */
#ifndef RIDGE_CLI_CLI_H
#define RIDGE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_OK, EXIT_FAILED, EXIT_REFUSED, EXIT_INERT, EXIT_NO_FIT, EXIT_REGRESSION };

/* Options that stand before or after any verb, taken out of argv by cli_main. */
struct cli {
  const char *self;        /* path of the running command                   */
  const char *catalog;     /* --catalog; NULL: none (catalog_path knows)    */
  const char *plugins[16]; /* --plugins DIR                                 */
  size_t n_plugins;
  bool json;     /* --json: one JSON object or array on standard output       */
  bool colour;   /* a terminal, and no NO_COLOR                               */
  char **argv; /* the whole command, as typed: what a run was asked with    */
  int argc;
  bool terminal; /* standard output is one: aligned tables, progress        */
};

/* A row of the verb table (cli/verbs.c).  `args` is the usage after the name. */
struct cli_verb {
  const char *name, *args, *doc;
  int (*run)(struct cli *, int argc, char **argv);
  bool hidden; /* for child processes */
};

int cli_main(int argc, char **argv);
const struct cli_verb *cli_verbs(size_t *n);

/* The verbs, sorted; each parses its own words with cli/options.h. */
int verb_ablate(struct cli *, int argc, char **argv);
int verb_bench(struct cli *, int argc, char **argv);
int verb_claims(struct cli *, int argc, char **argv);
int verb_compare(struct cli *, int argc, char **argv);
int verb_diff(struct cli *, int argc, char **argv);
int verb_doctor(struct cli *, int argc, char **argv);
int verb_eval_recipe(struct cli *, int argc, char **argv);
int verb_new(struct cli *, int argc, char **argv);
int verb_plan(struct cli *, int argc, char **argv);
int verb_plugins(struct cli *, int argc, char **argv);
int verb_probe(struct cli *, int argc, char **argv);
int verb_query(struct cli *, int argc, char **argv);
int verb_run(struct cli *, int argc, char **argv);
int verb_runs(struct cli *, int argc, char **argv);
int verb_scan_plugin(struct cli *, int argc, char **argv);
int verb_show(struct cli *, int argc, char **argv);
int verb_techniques(struct cli *, int argc, char **argv);
int verb_vet(struct cli *, int argc, char **argv);
int verb_worker(struct cli *, int argc, char **argv);

#endif
