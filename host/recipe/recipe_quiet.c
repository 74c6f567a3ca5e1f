/*
 * recipe_quiet.c - what Lua would quietly take otherwise than it is written.
 *
 * Of a key written twice in one table it keeps the last value; a hexadecimal number
 * that is too long loses its first digits.
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

static void duplicates(const struct scan *scan, json_t *faults) {
  struct key *keys = calloc(scan->n + 1, sizeof *keys);
  if (keys == NULL) abort();
  for (size_t i = 0; i < scan->n && json_array_size(faults) < FAULTS_MOST; i++)
    if (scan_is(scan, (ptrdiff_t)i, "{") && scan->tokens[i].mate > 0)
      table_duplicates(scan, (ptrdiff_t)i, keys, faults);
  free(keys);
}

/* Significant digits of a hexadecimal whole number; 0 for any other. */
static size_t hexadecimal_digits(const char *text, size_t size) {
  if (size < 3 || text[0] != '0' || (text[1] | 32) != 'x') return 0;
  size_t first = 2;
  while (first < size && text[first] == '0') first++;
  for (size_t i = first; i < size; i++)
    if (text[i] == '.' || (text[i] | 32) == 'p') return 0;
  return size - first;
}

static void long_numbers(const struct scan *scan, json_t *faults) {
  for (size_t i = 0; i < scan->n && json_array_size(faults) < FAULTS_MOST; i++) {
    const struct token *token = &scan->tokens[i];
    if (token->kind != TOKEN_NUMBER ||
        hexadecimal_digits(scan->source->text + token->start, token->size) <= 16)
      continue;
    json_t *fault = fault_new("R003", scan_place(scan, (ptrdiff_t)i),
                              "a number of more than 16 hexadecimal digits");
    fault_help(fault, "Lua would drop the first ones");
    json_array_append_new(faults, fault);
  }
}

void scan_quiet(const struct scan *scan, json_t *faults) {
  duplicates(scan, faults);
  long_numbers(scan, faults);
}
