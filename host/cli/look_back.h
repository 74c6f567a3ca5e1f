/* look_back.h - what the verbs that read the catalog have in common. */
#ifndef RIDGE_CLI_LOOK_BACK_H
#define RIDGE_CLI_LOOK_BACK_H

#include "catalog_read.h"
#include "cli/cli.h"

/* The catalog of this command, opened for reading; -1, or the exit code after a sentence
 * to standard error. */
int look_back_open(const struct cli *, const char *verb, struct catalog **out);
/* "ridge VERB: sentence"; the exit code: 2 for what was typed wrong, 1 for the rest. */
int look_back_fail(const struct cli *, const char *verb, ridge_status status,
                   const struct why *why);
/* A run as typed; -1 or the exit code. */
int look_back_run(const struct cli *, const char *verb, struct catalog *, const char *what,
                  int64_t *run);

/* Fields of rows; "" and 0 when missing. */
const char *row_text(const json_t *row, const char *key);
int64_t row_int(const json_t *row, const char *key);
bool row_has(const json_t *row, const char *key); /* there, and not null */
/* Any value as people read it: texts plain, numbers as short as they are exact. */
const char *row_shown(const json_t *value, char *room, size_t size);
/* For a page: in each text, line breaks and tabs stay, other control characters (a
 * stranger's escape sequences) become blanks. */
void rows_make_plain(json_t *rows);

#endif
