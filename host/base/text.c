/* text.c - a string that grows, up to the limit it was born with. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct text text_new(size_t limit) {
  struct text text = {.room = 64, .limit = limit};
  text.data = malloc(text.room);
  if (text.data == NULL) abort();
  text.data[0] = 0;
  return text;
}

void text_free(struct text *text) {
  free(text->data);
  *text = (struct text){0};
}

void text_clear(struct text *text) {
  text->size = 0;
  text->data[0] = 0;
  text->full = false;
}

static bool reserve(struct text *text, size_t more) {
  if (text->full || more > text->limit - text->size) {
    text->full = true;
    return false;
  }
  size_t wanted = text->size + more + 1;
  if (wanted <= text->room) return true;
  size_t room = text->room * 2 > wanted ? text->room * 2 : wanted;
  char *data = realloc(text->data, room);
  if (data == NULL) abort();
  text->data = data;
  text->room = room;
  return true;
}

void text_bytes(struct text *text, const void *data, size_t size) {
  if (size == 0 || !reserve(text, size)) return;
  memcpy(text->data + text->size, data, size);
  text->size += size;
  text->data[text->size] = 0;
}

void text_add(struct text *text, const char *piece) {
  text_bytes(text, piece, strlen(piece));
}

void text_format(struct text *text, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n > 0 && reserve(text, (size_t)n)) {
    vsnprintf(text->data + text->size, (size_t)n + 1, fmt, again);
    text->size += (size_t)n;
  }
  va_end(again);
}

void text_quote(struct text *text, const char *piece, size_t size) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)piece;
  text_add(text, "\"");
  for (size_t i = 0; i < size;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate(at + i, (utf8proc_ssize_t)(size - i), &code);
    if (n <= 0) {
      text_add(text, "\xef\xbf\xbd");
      i += 1;
      continue;
    }
    if (code == '"' || code == '\\')
      text_format(text, "\\%c", (char)code);
    else if (code == '\n')
      text_add(text, "\\n");
    else if (code < 0x20 || code == 0x7f)
      text_format(text, "\\u%04x", (unsigned)code);
    else
      text_bytes(text, at + i, (size_t)n);
    i += (size_t)n;
  }
  text_add(text, "\"");
}

int text_width(const char *piece) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)piece;
  int width = 0;
  for (utf8proc_int32_t code; *at != 0;) {
    utf8proc_ssize_t n = utf8proc_iterate(at, -1, &code);
    width += n > 0 ? utf8proc_charwidth(code) : 1;
    at += n > 0 ? n : 1;
  }
  return width;
}

void text_make_plain(char *text, const char *kept) {
  utf8proc_uint8_t *at = (utf8proc_uint8_t *)text;
  while (*at != 0) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate(at, -1, &code);
    if (n <= 0)
      *at = '?'; /* not UTF-8, or a character that was cut through */
    else if ((code < ' ' || (code >= 0x7f && code < 0xa0)) && strchr(kept, *at) == NULL)
      memset(at, ' ', (size_t)n);
    at += n > 0 ? n : 1;
  }
}

char *text_plain_copy(const char *text, const char *kept) {
  char *copy = strdup(text);
  if (copy == NULL) abort();
  text_make_plain(copy, kept);
  return copy;
}
