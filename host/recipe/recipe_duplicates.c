/*
 * recipe_duplicates.c - a key written twice in one table.
 *
 * Lua keeps the last value and says nothing: one of the two lines would quietly not
 * happen.
 */
#include "recipe/recipe_fault.h"
#include "recipe/recipe_scan.h"

#include <stdlib.h>
#include <string.h>

enum { FAULTS_MOST = 20 };

struct key {
  const char *text;
  size_t size;
  ptrdiff_t token;
};

static int by_text(const void *a, const void *b) {
  const struct key *x = a, *y = b;
  int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
  if (order != 0) return order;
  if (x->size != y->size) return x->size < y->size ? -1 : 1;
  return x->token < y->token ? -1 : 1;
}

static bool same(const struct key *a, const struct key *b) {
  return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static void report(const struct scan *scan, const struct key *first,
                   const struct key *again, json_t *faults) {
  char *name = fault_quote(again->text, again->size, 80);
  json_t *fault = fault_new("R003", scan_place_inner(scan, again->token),
                            "`%s` is written twice in one table", name);
  fault_note(fault, scan->tokens[first->token].line, "it is written here first");
  fault_help(fault, "remove one of the two");
  json_array_append_new(faults, fault);
  free(name);
}

static void table_duplicates(const struct scan *scan, ptrdiff_t open, struct key *keys,
                             json_t *faults) {
  size_t n = 0;
  for (ptrdiff_t i = open + 1; i < scan->tokens[open].mate; i = scan_next(scan, i)) {
    ptrdiff_t name = scan_key(scan, i);
    if (name < 0) continue;
    const struct token *token = &scan->tokens[name];
    bool quoted = token->kind == TOKEN_TEXT;
    keys[n++] = (struct key){
        .text = scan->source->text + (quoted ? token->inner : token->start),
        .size = quoted ? token->inner_size : token->size,
        .token = name,
    };
  }
  qsort(keys, n, sizeof *keys, by_text);
  for (size_t i = 1, first = 0; i < n && json_array_size(faults) < FAULTS_MOST; i++) {
    if (!same(&keys[first], &keys[i]))
      first = i;
    else
      report(scan, &keys[first], &keys[i], faults);
  }
}

void scan_duplicates(const struct scan *scan, json_t *faults) {
  struct key *keys = calloc(scan->n + 1, sizeof *keys);
  if (keys == NULL) abort();
  for (size_t i = 0; i < scan->n && json_array_size(faults) < FAULTS_MOST; i++)
    if (scan_is(scan, (ptrdiff_t)i, "{") && scan->tokens[i].mate > 0)
      table_duplicates(scan, (ptrdiff_t)i, keys, faults);
  free(keys);
}
