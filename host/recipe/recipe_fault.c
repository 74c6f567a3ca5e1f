/* recipe_fault.c - something wrong with a recipe, as the child hands it over. */
#include "recipe/recipe_fault.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { SENTENCE_MOST = 2000 };

/* Clean bytes of at most `limit`; a recipe must not steer the terminal of whoever
 * reads its errors. */
static void put_clean(struct text *out, const char *text, size_t size, size_t limit) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
  for (size_t i = 0; i < size;) {
    if (out->size >= limit) {
      text_add(out, "...");
      return;
    }
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate(at + i, (utf8proc_ssize_t)(size - i), &code);
    utf8proc_category_t category = n > 0 ? utf8proc_category(code) : UTF8PROC_CATEGORY_CN;
    if (code == '\n')
      text_add(out, "\\n");
    else if (code == '\t')
      text_add(out, " "); /* a caret below counts characters */
    else if (n <= 0 || category == UTF8PROC_CATEGORY_CC ||
             category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_ZL ||
             category == UTF8PROC_CATEGORY_ZP)
      text_add(out, "\xef\xbf\xbd");
    else
      text_bytes(out, at + i, (size_t)n);
    i += n > 0 ? (size_t)n : 1;
  }
}

char *fault_quote(const char *text, size_t size, size_t limit) {
  struct text out = text_new(limit + 16);
  put_clean(&out, text, size, limit);
  return out.data;
}

json_t *fault_sentence(const char *fmt, va_list args) {
  char *raw = NULL;
  int n = vasprintf(&raw, fmt, args);
  if (n < 0) abort();
  char *clean = fault_quote(raw, (size_t)n, SENTENCE_MOST);
  json_t *value = json_string(clean);
  free(clean);
  free(raw);
  return value;
}

json_t *place_json(struct place at) {
  return json_pack("[iii]", at.line, at.column, at.length);
}

json_t *fault_new(const char *code, struct place at, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_t *text = fault_sentence(fmt, args);
  va_end(args);
  return json_pack("{s:s, s:o, s:o, s:[]}", "code", code, "at", place_json(at), "text",
                   text, "notes");
}

void fault_note(json_t *fault, int line, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_t *text = fault_sentence(fmt, args);
  va_end(args);
  json_array_append_new(json_object_get(fault, "notes"),
                        json_pack("{s:i, s:o}", "line", line, "text", text));
}

void fault_help(json_t *fault, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  json_object_set_new(fault, "help", fault_sentence(fmt, args));
  va_end(args);
}
