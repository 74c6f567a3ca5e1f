/*
 * options.h - the words of one verb, from a table: parsing, --help, "did you mean".
 *
 *   bool all = false;  int64_t last = 20;  const char *run = NULL;
 *   const struct cli_option rows[] = {
 *       {"RUN", .doc = "number or name", .kind = OPTION_TEXT, .to = &run},
 *       {"--all", .doc = "also refused runs", .kind = OPTION_FLAG, .to = &all},
 *       {"--last", "N", "how many", OPTION_INT, &last, .lo = 1, .hi = 10000},
 *   };
 *   int exit = options_parse(cli, "show", rows, sizeof rows / sizeof *rows, argc, argv);
 *   if (exit >= 0) return exit;
 *
 * A name without dashes is a positional word, in order; OPTION_TEXTS takes all that
 * are left (a positional one) or may be repeated (an option).  Nothing is guessed: an
 * unknown option, a missing value, a word too many or an option given twice ends with
 * exit code 2 and a sentence.  `--name value` and `--name=value` are both read; after `--`
 * every word is positional.  Texts point into argv.
 */
#ifndef RIDGE_CLI_OPTIONS_H
#define RIDGE_CLI_OPTIONS_H

#include "cli/cli.h"

#include <stdint.h>

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_TEXTS, OPTION_INT, OPTION_REAL };

/* What an OPTION_TEXTS collects; `items` is filled up to its length. */
struct option_texts {
  const char *items[64];
  size_t n;
};

struct cli_option {
  const char *name;  /* "--repeat", or "RECIPE" for a positional word             */
  const char *value; /* what --help calls the value: "N"                          */
  const char *doc;
  enum option_kind kind;
  void *to;      /* bool, const char *, struct option_texts, int64_t, double  */
  double lo, hi; /* inclusive, for numbers; both 0: any                       */
  bool optional; /* a positional word that may be left out                    */
};

/* -1: go on; else the exit code to return now (0 after --help). */
int options_parse(const struct cli *, const char *verb, const struct cli_option *rows,
                  size_t n, int argc, char **argv);
/* "ridge VERB: sentence" and how to get help, to standard error; EXIT_REFUSED.  Without
 * a verb (NULL) "ridge: sentence".  With --json also
 * {"status":"refused","exit":2,"error":sentence} on standard output. */
int options_refuse(const struct cli *, const char *verb, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same without the help, for any exit code; 1 is status "failed". */
int options_fail(const struct cli *, const char *verb, int exit, const char *sentence);

#endif
