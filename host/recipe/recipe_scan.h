/*
 * recipe_scan.h - the tokens of a recipe, only to point at them.
 *
 * Lua knows the line of a call and nothing finer.  The scanner finds the columns
 * of words, arguments and `key =`; it decides nothing about what a recipe means,
 * except that a key written twice in one table is refused (Lua would keep the last
 * without a word).
 */
#ifndef RIDGE_RECIPE_RECIPE_SCAN_H
#define RIDGE_RECIPE_RECIPE_SCAN_H

#include "recipe/recipe_source.h"

enum token_kind { TOKEN_NAME, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SYMBOL };

struct token {
  enum token_kind kind;
  int line;
  size_t start, size;       /* in the source                                      */
  size_t inner, inner_size; /* of a text: between its quotes, escapes as written  */
  ptrdiff_t mate;           /* of a bracket or block keyword: the other; else -1  */
};

struct scan {
  const struct recipe_source *source;
  struct token *tokens;
  size_t n, room;
};

struct scan scan_source(const struct recipe_source *);
void scan_free(struct scan *);
bool scan_is(const struct scan *, ptrdiff_t i, const char *text); /* false outside */
struct place scan_place(const struct scan *, ptrdiff_t i);
/* The token inside its quotes, for a text. */
struct place scan_place_inner(const struct scan *, ptrdiff_t i);

/* The next token of the same nesting. */
ptrdiff_t scan_next(const struct scan *, ptrdiff_t i);
/* Does a `key =` or `["key"] =` of a table start at i?  The token that names it, or
 * -1. */
ptrdiff_t scan_key(const struct scan *, ptrdiff_t i);
/* The token that names `key` in the table that opens at `open`; -1: not found. */
ptrdiff_t scan_find_key(const struct scan *, ptrdiff_t open, const char *key);
/* A word called at `word`: its text argument and its table, -1 where not literal. */
ptrdiff_t scan_argument(const struct scan *, ptrdiff_t word);
ptrdiff_t scan_table(const struct scan *, ptrdiff_t word);

/* recipe_quiet.c: keys written twice in one table, numbers that would lose digits: R003
 * for each, added to `faults`. */
void scan_quiet(const struct scan *, json_t *faults);

#endif
