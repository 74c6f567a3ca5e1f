/* recipe_scan.c - Lua's tokens: names, texts, numbers, symbols; brackets paired. */
#include "recipe/recipe_scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
  const char *text;
  size_t size, at;
};

static bool name_start(char c) { return isalpha((unsigned char)c) || c == '_'; }
static bool name_part(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* "[[" or "[=*[" at `at`: how many `=`; -1: no long bracket. */
static int long_open(const struct cursor *c, size_t at) {
  size_t i = at + 1;
  while (i < c->size && c->text[i] == '=') i++;
  return i < c->size && c->text[i] == '[' ? (int)(i - at - 1) : -1;
}

/* The offset after the closing long bracket; the end of the text if there is none. */
static size_t long_end(const struct cursor *c, size_t at, int level) {
  for (size_t i = at + (size_t)level + 2; i < c->size; i++) {
    if (c->text[i] != ']') continue;
    size_t j = i + 1;
    while (j < c->size && c->text[j] == '=') j++;
    if (j - i - 1 == (size_t)level && j < c->size && c->text[j] == ']') return j + 1;
  }
  return c->size;
}

/* Blanks and comments. */
static void skip_blank(struct cursor *c) {
  while (c->at < c->size) {
    char now = c->text[c->at];
    if (isspace((unsigned char)now)) {
      c->at++;
    } else if (now == '-' && c->at + 1 < c->size && c->text[c->at + 1] == '-') {
      size_t open = c->at + 2;
      int level = open < c->size && c->text[open] == '[' ? long_open(c, open) : -1;
      if (level >= 0)
        c->at = long_end(c, open, level);
      else
        while (c->at < c->size && c->text[c->at] != '\n' && c->text[c->at] != '\r') c->at++;
    } else {
      return;
    }
  }
}

/* The offset after a quoted text; where the line ends if it is not closed. */
static size_t quoted_end(const struct cursor *c) {
  char quote = c->text[c->at];
  for (size_t i = c->at + 1; i < c->size; i++) {
    if (c->text[i] == quote) return i + 1;
    if (c->text[i] == '\\' && i + 1 < c->size) {
      bool skips_blanks = c->text[i + 1] == 'z';
      i++;
      while (skips_blanks && i + 1 < c->size && isspace((unsigned char)c->text[i + 1])) i++;
    } else if (c->text[i] == '\n' || c->text[i] == '\r') {
      return i;
    }
  }
  return c->size;
}

static size_t number_end(const struct cursor *c) {
  bool hex =
      c->at + 1 < c->size && c->text[c->at] == '0' && (c->text[c->at + 1] | 32) == 'x';
  size_t i = c->at;
  for (; i < c->size; i++) {
    bool sign = (c->text[i] == '+' || c->text[i] == '-') && i > c->at &&
                (c->text[i - 1] | 32) == (hex ? 'p' : 'e');
    if (!name_part(c->text[i]) && c->text[i] != '.' && !sign) break;
  }
  return i;
}

static size_t symbol_end(const struct cursor *c) {
  static const char *const symbols[] = {
      "...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    size_t size = strlen(symbols[i]);
    if (size <= c->size - c->at && memcmp(c->text + c->at, symbols[i], size) == 0)
      return c->at + size;
  }
  return c->at + 1;
}

static struct token next_token(struct cursor *c) {
  struct token token = {.kind = TOKEN_SYMBOL, .start = c->at, .mate = -1};
  char now = c->text[c->at], after = c->at + 1 < c->size ? c->text[c->at + 1] : 0;
  size_t end;
  int level = now == '[' ? long_open(c, c->at) : -1;
  if (name_start(now)) {
    token.kind = TOKEN_NAME;
    for (end = c->at; end < c->size && name_part(c->text[end]);) end++;
  } else if (isdigit((unsigned char)now) || (now == '.' && isdigit((unsigned char)after))) {
    token.kind = TOKEN_NUMBER;
    end = number_end(c);
  } else if (now == '"' || now == '\'' || level >= 0) {
    size_t quote = level >= 0 ? (size_t)level + 2 : 1;
    token.kind = TOKEN_TEXT;
    end = level >= 0 ? long_end(c, c->at, level) : quoted_end(c);
    token.inner = c->at + quote;
    token.inner_size = end >= token.inner + quote ? end - quote - token.inner : 0;
  } else {
    end = symbol_end(c);
  }
  token.size = end - c->at;
  c->at = end;
  return token;
}

static void append(struct scan *scan, struct token token) {
  if (scan->n == scan->room) {
    scan->room = scan->room == 0 ? 256 : scan->room * 2;
    scan->tokens = realloc(scan->tokens, scan->room * sizeof *scan->tokens);
    if (scan->tokens == NULL) abort();
  }
  scan->tokens[scan->n++] = token;
}

bool scan_is(const struct scan *scan, ptrdiff_t i, const char *text) {
  if (i < 0 || (size_t)i >= scan->n || scan->tokens[i].kind == TOKEN_TEXT) return false;
  const struct token *token = &scan->tokens[i];
  return token->size == strlen(text) &&
         memcmp(scan->source->text + token->start, text, token->size) == 0;
}

/* +1 opens a group, -1 closes one.  A loop's block opens at its `do`. */
static int group_step(const struct scan *scan, ptrdiff_t i) {
  static const char *const opens[] = {"{", "(", "[", "function", "if", "do", "repeat"};
  static const char *const closes[] = {"}", ")", "]", "end", "until"};
  for (size_t k = 0; k < sizeof opens / sizeof *opens; k++)
    if (scan_is(scan, i, opens[k])) return 1;
  for (size_t k = 0; k < sizeof closes / sizeof *closes; k++)
    if (scan_is(scan, i, closes[k])) return -1;
  return 0;
}

static void pair_groups(struct scan *scan) {
  ptrdiff_t *open = calloc(scan->n + 1, sizeof *open);
  if (open == NULL) abort();
  size_t depth = 0;
  for (size_t i = 0; i < scan->n; i++) {
    int step = group_step(scan, (ptrdiff_t)i);
    if (step > 0) open[depth++] = (ptrdiff_t)i;
    if (step >= 0 || depth == 0) continue;
    ptrdiff_t from = open[--depth];
    scan->tokens[from].mate = (ptrdiff_t)i;
    scan->tokens[i].mate = from;
  }
  free(open);
}

struct scan scan_source(const struct recipe_source *source) {
  struct scan scan = {.source = source};
  struct cursor cursor = {.text = source->text, .size = source->size};
  int line = 1;
  for (skip_blank(&cursor); cursor.at < cursor.size; skip_blank(&cursor)) {
    struct token token = next_token(&cursor);
    while (line < source->lines && source->starts[line] <= token.start) line++;
    token.line = line;
    append(&scan, token);
  }
  pair_groups(&scan);
  return scan;
}

void scan_free(struct scan *scan) {
  free(scan->tokens);
  *scan = (struct scan){0};
}

struct place scan_place(const struct scan *scan, ptrdiff_t i) {
  if (i < 0 || (size_t)i >= scan->n) return (struct place){0};
  return recipe_place(scan->source, scan->tokens[i].start, scan->tokens[i].size);
}

struct place scan_place_inner(const struct scan *scan, ptrdiff_t i) {
  if (i < 0 || (size_t)i >= scan->n) return (struct place){0};
  const struct token *token = &scan->tokens[i];
  if (token->kind != TOKEN_TEXT || token->inner_size == 0) return scan_place(scan, i);
  return recipe_place(scan->source, token->inner, token->inner_size);
}

ptrdiff_t scan_next(const struct scan *scan, ptrdiff_t i) {
  ptrdiff_t mate = scan->tokens[i].mate;
  return mate > i ? mate + 1 : i + 1;
}

ptrdiff_t scan_key(const struct scan *scan, ptrdiff_t i) {
  if (!scan_is(scan, i - 1, "{") && !scan_is(scan, i - 1, ",") &&
      !scan_is(scan, i - 1, ";"))
    return -1;
  if ((size_t)i < scan->n && scan->tokens[i].kind == TOKEN_NAME &&
      scan_is(scan, i + 1, "="))
    return i;
  bool bracket = scan_is(scan, i, "[") && (size_t)i + 1 < scan->n &&
                 scan->tokens[i + 1].kind == TOKEN_TEXT && scan_is(scan, i + 2, "]") &&
                 scan_is(scan, i + 3, "=");
  return bracket ? i + 1 : -1;
}

static void key_text(const struct scan *scan, ptrdiff_t i, const char **text,
                     size_t *size) {
  const struct token *token = &scan->tokens[i];
  bool quoted = token->kind == TOKEN_TEXT;
  *text = scan->source->text + (quoted ? token->inner : token->start);
  *size = quoted ? token->inner_size : token->size;
}

ptrdiff_t scan_find_key(const struct scan *scan, ptrdiff_t open, const char *key) {
  if (open < 0 || !scan_is(scan, open, "{") || scan->tokens[open].mate < 0) return -1;
  for (ptrdiff_t i = open + 1; i < scan->tokens[open].mate; i = scan_next(scan, i)) {
    ptrdiff_t name = scan_key(scan, i);
    if (name < 0) continue;
    const char *text;
    size_t size;
    key_text(scan, name, &text, &size);
    if (size == strlen(key) && memcmp(text, key, size) == 0) return name;
  }
  return -1;
}

ptrdiff_t scan_argument(const struct scan *scan, ptrdiff_t word) {
  if (word < 0) return -1;
  ptrdiff_t i = word + (scan_is(scan, word + 1, "(") ? 2 : 1);
  return (size_t)i < scan->n && scan->tokens[i].kind == TOKEN_TEXT ? i : -1;
}

ptrdiff_t scan_table(const struct scan *scan, ptrdiff_t word) {
  if (word < 0) return -1;
  ptrdiff_t i = word + 1;
  if ((size_t)i < scan->n && scan->tokens[i].kind == TOKEN_TEXT) i++;
  if (scan_is(scan, i, "(")) {
    ptrdiff_t after = scan->tokens[i].mate > i ? scan->tokens[i].mate + 1 : -1;
    i = scan_is(scan, after, "{") ? after : i + 1; /* word("x") {  or  word({ */
  }
  return scan_is(scan, i, "{") ? i : -1;
}
