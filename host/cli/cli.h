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
  const char *catalog;     /* --catalog, else RIDGE_CATALOG, else XDG       */
  const char *plugins[16]; /* --plugins DIR                                 */
  size_t n_plugins;
  bool json;   /* --json: one JSON object or array on standard output       */
  bool colour; /* a terminal, and no NO_COLOR                               */
};

struct cli_verb {
  const char *name, *args, *doc;
  int (*run)(struct cli *, int argc, char **argv);
  bool hidden; /* for child processes */
};

int cli_main(int argc, char **argv);

#endif
