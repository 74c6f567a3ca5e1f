/* tokenizer_text.c - UTF-8 as text from outside has it. */
#include "model/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

size_t character_bytes(uint8_t first) {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Bytes of the well-formed character there, or 0. */
static size_t character(const char *text, size_t left, utf8proc_int32_t *code) {
  size_t most = left < 4 ? left : 4;
  utf8proc_ssize_t n =
      utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)most, code);
  return n > 0 ? (size_t)n : 0;
}

void character_show(const char *text, size_t size, char out[48]) {
  utf8proc_int32_t code = 0;
  size_t n = character(text, size, &code);
  if (n == 0) {
    snprintf(out, 48, "the byte 0x%02x", (unsigned)(uint8_t)text[0]);
  } else if (utf8proc_charwidth(code) > 0 && code != ' ') {
    snprintf(out, 48, "\"%.*s\" (U+%04X)", (int)n, text, (unsigned)code);
  } else {
    snprintf(out, 48, "U+%04X", (unsigned)code);
  }
}

/* Bytes from the start that are below 0x80, eight at a time. */
static size_t ascii_run(const char *text, size_t size) {
  size_t at = 0;
  for (uint64_t eight; at + 8 <= size; at += 8) {
    memcpy(&eight, text + at, sizeof eight);
    if ((eight & 0x8080808080808080u) != 0) break;
  }
  while (at < size && (uint8_t)text[at] < 0x80) at++;
  return at;
}

bool text_is_utf8(const char *text, size_t size) {
  utf8proc_int32_t code;
  for (size_t at = ascii_run(text, size); at < size;) {
    size_t n = character(text + at, size - at, &code);
    if (n == 0) return false;
    at += n;
    at += ascii_run(text + at, size - at);
  }
  return true;
}

ridge_status text_repair(const char *text, size_t size, char **out, size_t *out_size,
                         struct why *why) {
  char *copy = malloc(3 * size + 1);
  if (copy == NULL) return tokenizer_no_memory(why);
  size_t to = 0;
  for (size_t at = 0, n; at < size; at += n) {
    utf8proc_int32_t code;
    n = character(text + at, size - at, &code);
    bool good = n > 0;
    if (!good) n = 1;
    memcpy(copy + to, good ? text + at : "\xef\xbf\xbd", good ? n : 3);
    to += good ? n : 3;
  }
  *out = copy;
  *out_size = to;
  return RIDGE_OK;
}

size_t text_repair_place(const char *text, size_t size, size_t wanted) {
  size_t at = 0;
  for (size_t to = 0; at < size;) {
    utf8proc_int32_t code;
    size_t n = character(text + at, size - at, &code);
    to += n > 0 ? n : 3;
    if (to > wanted) break;
    at += n > 0 ? n : 1;
  }
  return at;
}

/* ---- composing ----------------------------------------------------------------------- */

/* Below U+0300 nothing composes with anything. */
static bool may_change(const char *text, size_t size) {
  for (size_t at = ascii_run(text, size); at < size; at++)
    if ((uint8_t)text[at] >= 0xcc) return true;
  return false;
}

struct composing {
  char *out;
  size_t size, room;
};

static ridge_status put_bytes(struct composing *c, const void *bytes, size_t n,
                              struct why *why) {
  if (n > c->room - c->size) {
    size_t room = 2 * (c->size + n);
    char *out = realloc(c->out, room);
    if (out == NULL) return tokenizer_no_memory(why);
    c->out = out;
    c->room = room;
  }
  memcpy(c->out + c->size, bytes, n);
  c->size += n;
  return RIDGE_OK;
}

static ridge_status compose_part(struct composing *c, const char *text, size_t size,
                                 struct why *why) {
  utf8proc_uint8_t *made = NULL;
  if (!may_change(text, size)) return put_bytes(c, text, size, why);
  utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size,
                                    &made, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (n < 0) return tokenizer_no_memory(why); /* the text is UTF-8 */
  ridge_status status = put_bytes(c, made, (size_t)n, why);
  free(made);
  return status;
}

ridge_status text_compose(const char *text, size_t size, struct fragments *fragments,
                          char **out, size_t *out_size, struct why *why) {
  struct composing c = {.room = size + 16};
  if (!may_change(text, size)) return RIDGE_OK;
  c.out = malloc(c.room);
  if (c.out == NULL) return tokenizer_no_memory(why);
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; i < fragments->n && status == RIDGE_OK; i++) {
    struct fragment *part = &fragments->parts[i];
    size_t start = c.size;
    if (part->id < 0)
      status = compose_part(&c, text + part->start, part->end - part->start, why);
    part->start = start;
    part->end = c.size;
  }
  *out = c.out;
  *out_size = c.size;
  return status;
}
