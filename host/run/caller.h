/*
 * caller.h - who asks for a run: the options common to all verbs, and the exit codes.
 */
#ifndef RIDGE_RUN_CALLER_H
#define RIDGE_RUN_CALLER_H

#include <stdbool.h>
#include <stddef.h>

/* 0 ok, 1 failed, 2 usage error or refused recipe, 3 inert, 4 does not fit,
 * 5 regression. */
enum { EXIT_OK, EXIT_FAILED, EXIT_REFUSED, EXIT_INERT, EXIT_NO_FIT, EXIT_REGRESSION };

/* Options that stand before or after any verb, taken out of argv by cli_main. */
struct cli {
  const char *self;        /* path of the running command                   */
  const char *catalog;     /* --catalog; NULL: none (catalog_path knows)    */
  const char *plugins[16]; /* --plugins DIR                                 */
  size_t n_plugins;
  bool json;   /* --json: one JSON object or array on standard output       */
  bool colour; /* a terminal, and no NO_COLOR                               */
  char **argv; /* the whole command, as typed: what a run was asked with    */
  int argc;
  bool terminal; /* standard output is one: aligned tables, progress        */
};

#endif
