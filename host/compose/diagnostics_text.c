/* diagnostics_text.c - diagnostics for people. */
#include "base/text.h"
#include "compose/compose.h"

#include <string.h>
#include <utf8proc.h>

enum { TEXT_MOST = 1 << 22 };

struct paint {
  const char *bold, *error, *caret, *off;
};
static const struct paint colours = {"\x1b[1m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[0m"};
static const struct paint plain = {"", "", "", ""};

static const char *member(const json_t *row, const char *name) {
  const char *text = json_string_value(json_object_get(row, name));
  return text == NULL ? "" : text;
}

static int number(const json_t *row, const char *name) {
  return (int)json_integer_value(json_object_get(row, name));
}

static void put_head(struct text *out, const json_t *row, const struct paint *paint) {
  text_add(out, paint->bold);
  if (number(row, "line") > 0)
    text_format(out, "%s:%d:%d:", member(row, "file"), number(row, "line"),
                number(row, "column"));
  else if (json_object_get(row, "source") != NULL)
    text_format(out, "%s %s:", member(row, "file"), member(row, "source"));
  else
    text_format(out, "%s:", member(row, "file"));
  text_format(out, "%s %serror %s:%s %s\n", paint->off, paint->error, member(row, "code"),
              paint->off, member(row, "text"));
}

/* Terminal columns of the characters [from, from + n) of a line. */
static int columns(const char *line, int from, int n) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)line;
  int width = 0;
  for (int i = 0; *at != 0 && i < from + n; i++) {
    utf8proc_int32_t code;
    utf8proc_ssize_t size = utf8proc_iterate(at, -1, &code);
    if (i >= from) width += size > 0 ? utf8proc_charwidth(code) : 1;
    at += size > 0 ? size : 1;
  }
  return width;
}

static void put_line(struct text *out, const json_t *row, const struct paint *paint) {
  const char *line = member(row, "source");
  if (number(row, "line") == 0 || json_object_get(row, "source") == NULL) return;
  text_format(out, "%5d | %s\n", number(row, "line"), line);
  int before = columns(line, 0, number(row, "caret"));
  int under = columns(line, number(row, "caret"), number(row, "length"));
  if (number(row, "length") == 0) return;
  text_format(out, "      | %*s%s", before, "", paint->caret);
  for (int i = 0; i < (under > 0 ? under : 1); i++) text_add(out, "^");
  text_format(out, "%s\n", paint->off);
}

static void put_notes(struct text *out, const json_t *row) {
  const json_t *notes = json_object_get(row, "notes");
  for (size_t i = 0; i < json_array_size(notes); i++)
    text_format(out, "      = %s\n", json_string_value(json_array_get(notes, i)));
  if (json_object_get(row, "help") != NULL)
    text_format(out, "      = help: %s\n", member(row, "help"));
}

static struct text all_of(const json_t *diagnostics, bool colour) {
  const struct paint *paint = colour ? &colours : &plain;
  struct text out = text_new(TEXT_MOST);
  for (size_t i = 0; i < json_array_size(diagnostics); i++) {
    const json_t *row = json_array_get(diagnostics, i);
    put_head(&out, row, paint);
    put_line(&out, row, paint);
    put_notes(&out, row);
  }
  return out;
}

char *compose_diagnostics_text(const json_t *diagnostics, bool colour) {
  struct text out = all_of(diagnostics, colour);
  size_t n = json_array_size(diagnostics);
  if (n > 0) text_format(&out, "%zu error%s.  Nothing was run.\n", n, n == 1 ? "" : "s");
  return out.data;
}

char *compose_refusals_text(const json_t *diagnostics, size_t refused, size_t of,
                            bool colour) {
  struct text out = all_of(diagnostics, colour);
  text_format(&out, "%zu of %zu points %s refused; the others can be run.\n", refused, of,
              refused == 1 ? "is" : "are");
  return out.data;
}
