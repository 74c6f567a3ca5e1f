/*
 * recipe_error.c - Lua's own errors, made into faults with a place and a way out.
 *
 * Lua says "recipe:LINE: sentence near 'token'".  A missing comma is reported at the
 * token after it, often on the next line: the help names the line it is missing from.
 */
#include "recipe/recipe_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "recipe:";

/* The line a message opens with, and where its sentence begins. */
static int message_line(const char *message, const char **sentence) {
  *sentence = message;
  if (strncmp(message, prefix, sizeof prefix - 1) != 0) return 0;
  char *end;
  long line = strtol(message + sizeof prefix - 1, &end, 10);
  if (end[0] != ':' || end[1] != ' ' || line < 1 || line > RECIPE_BYTES_MOST + 1) return 0;
  *sentence = end + 2;
  return (int)line;
}

/* What stands in the quotes after the last `mark`, copied; NULL: nothing does. */
static char *quoted_after(const char *sentence, const char *mark) {
  const char *at = NULL;
  for (const char *next = strstr(sentence, mark); next != NULL;
       next = strstr(next + 1, mark))
    at = next + strlen(mark);
  if (at == NULL || strlen(at) < 2) return NULL;
  const char *end = strrchr(at, '\'');
  return end == NULL ? NULL : strndup(at, (size_t)(end - at));
}

static bool is_keyword_of_value(const struct scan *scan, ptrdiff_t i) {
  static const char *const not_values[] = {
      "and", "break", "do",  "else", "elseif", "for",    "function", "goto",  "if",
      "in",  "local", "not", "or",   "repeat", "return", "then",     "until", "while"};
  for (size_t k = 0; k < sizeof not_values / sizeof *not_values; k++)
    if (scan_is(scan, i, not_values[k])) return false;
  return true;
}

/* Can a value end with this token?  Then something is missing before the next. */
static bool ends_value(const struct scan *scan, ptrdiff_t i) {
  if (i < 0 || (size_t)i >= scan->n) return false;
  switch (scan->tokens[i].kind) {
  case TOKEN_TEXT:
  case TOKEN_NUMBER: return true;
  case TOKEN_NAME: return is_keyword_of_value(scan, i);
  case TOKEN_SYMBOL:
    return scan_is(scan, i, "}") || scan_is(scan, i, ")") || scan_is(scan, i, "]");
  }
  return false;
}

static bool token_begins(const struct scan *scan, ptrdiff_t i, const char *text) {
  const struct token *token = &scan->tokens[i];
  size_t size = strlen(text);
  return size > 0 && size <= scan->source->size - token->start && size <= token->size + 1 &&
         strncmp(scan->source->text + token->start, text, size) == 0;
}

/* Can what ends with this token be called?  A name can, and what a call gives: `use
 * "x"` takes a table, a plain text does not. */
static bool ends_callable(const struct scan *scan, ptrdiff_t i) {
  while (i >= 0 && ends_value(scan, i)) {
    if (scan->tokens[i].kind == TOKEN_NAME) return true;
    if (scan_is(scan, i, ")") || scan_is(scan, i, "]")) return true;
    bool argument = scan->tokens[i].kind == TOKEN_TEXT;
    if (!argument && !scan_is(scan, i, "}")) return false;
    i = (argument ? i : scan->tokens[i].mate) - 1;
  }
  return false;
}

/* The token Lua stumbled over; with several alike, the one after a finished value that
 * does not take it as its argument. */
static ptrdiff_t find_culprit(const struct scan *scan, int line, const char *near) {
  ptrdiff_t found = -1;
  bool argument = near[0] == '{' || near[0] == '"' || near[0] == '\'' || near[0] == '[';
  for (size_t i = 0; i < scan->n; i++) {
    if (scan->tokens[i].line != line || !token_begins(scan, (ptrdiff_t)i, near)) continue;
    bool taken = argument && ends_callable(scan, (ptrdiff_t)i - 1);
    if (ends_value(scan, (ptrdiff_t)i - 1) && !taken) return (ptrdiff_t)i;
    if (found < 0) found = (ptrdiff_t)i;
  }
  return found;
}

static void help_comma(const struct scan *scan, ptrdiff_t culprit, json_t *fault) {
  const struct token *before = &scan->tokens[culprit - 1], *now = &scan->tokens[culprit];
  bool assigned_text = scan_is(scan, culprit, "{") && before->kind == TOKEN_TEXT &&
                       scan_is(scan, culprit - 2, "=") && culprit >= 3;
  if (assigned_text) {
    const struct token *name = &scan->tokens[culprit - 3];
    fault_help(fault,
               "a text takes no table: write `%.*s \"...\" { ... }`, a word, without `=`",
               (int)name->size, scan->source->text + name->start);
  } else if (before->kind == TOKEN_NAME && now->kind == TOKEN_NUMBER) {
    fault_help(fault, "`=` is missing before the number");
  } else if (before->line < now->line) {
    fault_help(fault, "a comma is missing at the end of line %d", before->line);
  } else {
    char *shown = fault_quote(scan->source->text + now->start, now->size, 40);
    fault_help(fault, "a comma is missing before `%s`", shown);
    free(shown);
  }
}

/* What is still open at the end of the file. */
static void note_open(const struct scan *scan, json_t *fault) {
  for (size_t i = scan->n; i-- > 0;) {
    const struct token *token = &scan->tokens[i];
    bool opens = scan_is(scan, (ptrdiff_t)i, "{") || scan_is(scan, (ptrdiff_t)i, "(");
    if (!opens || token->mate >= 0) continue;
    fault_note(fault, token->line, "what is not closed was opened here");
    return;
  }
}

static void help_syntax(const struct scan *scan, const char *sentence, const char *near,
                        ptrdiff_t culprit, json_t *fault) {
  const char *close = strstr(sentence, "(to close '");
  int opened = 0;
  if (close != NULL && sscanf(close, "(to close '%*[^']' at line %d)", &opened) == 1)
    fault_note(fault, opened, "what is not closed was opened here");
  else if (strstr(sentence, "near <eof>") != NULL)
    note_open(scan, fault);
  bool in_table = strstr(sentence, "'}' expected") != NULL;
  if (in_table && culprit > 0 && ends_value(scan, culprit - 1))
    help_comma(scan, culprit, fault);
  else if (strstr(sentence, "malformed number") != NULL)
    fault_help(fault, "a unit is multiplied: `16 * GiB`");
  else if (near != NULL && (near[0] == '#' || strncmp(near, "//", 2) == 0))
    fault_help(fault, "a comment begins with `--`");
  else if (near != NULL && near[0] == '!')
    fault_help(fault, "`not` negates, `~=` means unequal");
  else if (strstr(sentence, "overflow") != NULL)
    fault_help(fault, "brackets inside brackets inside brackets ...");
  else if (strstr(sentence, "unfinished string") != NULL)
    fault_help(fault, "close the text with the quote it opened with, on the same line");
}

/* Signs that look like Lua's and are not: how to write them. */
static const struct {
  const char *sign, *help;
} strange_signs[] = {
    {"\xe2\x80\x9c", "a text stands between plain quotes: \"...\""},
    {"\xe2\x80\x9d", "a text stands between plain quotes: \"...\""},
    {"\xe2\x80\x9e", "a text stands between plain quotes: \"...\""},
    {"\xe2\x80\x98", "a text stands between plain quotes: \"...\""},
    {"\xe2\x80\x99", "a text stands between plain quotes: \"...\""},
    {"\xc2\xab", "a text stands between plain quotes: \"...\""},
    {"\xc2\xbb", "a text stands between plain quotes: \"...\""},
    {"\xc2\xa0", "this is a no-break space (U+00A0); a plain blank is wanted"},
    {"\xe2\x80\x93", "this is a dash (U+2013); the minus sign is `-`"},
    {"\xe2\x80\x94", "this is a dash (U+2014); a comment begins with `--`"},
};

static bool in_word(char c) {
  return (unsigned char)c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
         ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* A letter that no name can have, outside of every text: Lua shows one byte of it. */
static json_t *strange_letter(const struct eval *eval, int line) {
  const struct recipe_source *source = eval->source;
  size_t at = 0;
  while (at < eval->scan->n &&
         (eval->scan->tokens[at].line != line ||
          eval->scan->tokens[at].kind != TOKEN_SYMBOL ||
          (unsigned char)source->text[eval->scan->tokens[at].start] < 0x80))
    at++;
  if (at == eval->scan->n) return NULL;
  size_t start = eval->scan->tokens[at].start, end = start;
  for (size_t i = 0; i < sizeof strange_signs / sizeof *strange_signs; i++) {
    size_t size = strlen(strange_signs[i].sign);
    if (size > source->size - start ||
        memcmp(source->text + start, strange_signs[i].sign, size) != 0)
      continue;
    json_t *fault = fault_new("R001", recipe_place(source, start, size),
                              "`%s` means nothing in a recipe", strange_signs[i].sign);
    fault_help(fault, "%s", strange_signs[i].help);
    return fault;
  }
  while (start > 0 && in_word(source->text[start - 1])) start--;
  while (end < source->size && in_word(source->text[end])) end++;
  char *word = fault_quote(source->text + start, end - start, 40);
  json_t *fault = fault_new("R001", recipe_place(source, start, end - start),
                            "`%s` is no name: names have the letters a-z and A-Z, digits "
                            "and _",
                            word);
  fault_help(fault, "other letters stand in texts: name = \"%s\"", word);
  free(word);
  return fault;
}

json_t *error_syntax(const struct eval *eval, const char *message) {
  const char *sentence;
  int line = message_line(message, &sentence);
  json_t *strange =
      strstr(sentence, "near '<\\") != NULL ? strange_letter(eval, line) : NULL;
  if (strange != NULL) return strange;
  char *near = quoted_after(sentence, "near '");
  ptrdiff_t culprit = near != NULL ? find_culprit(eval->scan, line, near) : -1;
  struct place at = recipe_place_line(eval->source, line);
  if (culprit >= 0)
    at = scan_place(eval->scan, culprit);
  else if (strstr(sentence, "near <eof>") != NULL && eval->scan->n > 0)
    at = scan_place(eval->scan, (ptrdiff_t)eval->scan->n - 1);
  json_t *fault = fault_new("R001", at, "%.400s", sentence);
  help_syntax(eval->scan, sentence, near, culprit, fault);
  free(near);
  return fault;
}

/* "attempt to call a nil value (global 'x')": point at x. */
static struct place runtime_place(const struct eval *eval, int line, const char *sentence) {
  static const char *const marks[] = {"(global '", "(local '",   "(field '",
                                      "(method '", "(upvalue '", "(constant '"};
  for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
    char *name = quoted_after(sentence, marks[k]);
    if (name == NULL) continue;
    for (size_t i = 0; i < eval->scan->n; i++) {
      if (eval->scan->tokens[i].line != line || !scan_is(eval->scan, (ptrdiff_t)i, name))
        continue;
      free(name);
      return scan_place(eval->scan, (ptrdiff_t)i);
    }
    free(name);
  }
  return recipe_place_line(eval->source, line);
}

static const struct {
  const char *part, *help;
} runtime_helps[] = {
    {"attempt to call a string value",
     "a text cannot be called: is a comma missing after it?"},
    {"attempt to call a table value",
     "a table cannot be called: is a comma missing after it?"},
    {"attempt to call a number value",
     "a number cannot be called: is a comma missing after it?"},
    {"arithmetic on a string value", "a text is no number: write it without quotes"},
    {"compare number with string", "a text is no number: write it without quotes"},
    {"compare string with number", "a text is no number: write it without quotes"},
    {"a recipe word value", "a word stands by itself: is a comma missing after it?"},
    {"stack overflow", "a function calls itself without end"},
};

static json_t *runtime_fault(lua_State *L, const char *message) {
  const struct eval *eval = eval_of(L);
  const char *sentence;
  int line = message_line(message, &sentence);
  if (line == 0) line = eval_line(L);
  if (sentence[0] == 0) sentence = "the recipe raised an error without a text";
  json_t *fault =
      fault_new("R001", runtime_place(eval, line, sentence), "%.400s", sentence);
  for (size_t i = 0; i < sizeof runtime_helps / sizeof *runtime_helps; i++) {
    if (strstr(sentence, runtime_helps[i].part) == NULL) continue;
    fault_help(fault, "%s", runtime_helps[i].help);
    break;
  }
  return fault;
}

int error_handler(lua_State *L) {
  struct eval *eval = eval_of(L);
  if (eval->raised) return 1;
  json_t *fault;
  if (lua_type(L, 1) == LUA_TSTRING) {
    fault = runtime_fault(L, lua_tostring(L, 1));
  } else {
    int line = eval_line(L);
    fault = fault_new("R001", recipe_place_line(eval->source, line),
                      "the recipe raised an error without a text");
  }
  json_array_append_new(eval->faults, fault);
  eval->raised = true;
  return 1;
}

json_t *error_status(const struct eval *eval, int status) {
  if (status == LUA_ERRMEM) {
    json_t *fault =
        fault_new("R004", (struct place){0}, "the recipe wants more than %zu MiB of memory",
                  eval->limits->memory >> 20);
    fault_help(fault, "a recipe is a short description; what is large belongs into files");
    return fault;
  }
  json_t *fault = fault_new("R001", (struct place){0}, "the recipe fails in its own error");
  fault_help(fault, "a function calls itself without end");
  return fault;
}
