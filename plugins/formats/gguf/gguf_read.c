/*
 * gguf_read.c - reading pieces of a file that may be damaged or hostile.
 *
 * Every length is compared with the bytes that are left before it is used for
 * anything, and each refusal says at which byte, what was found and what was wanted.
 */
#include "gguf_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ridge_status gguf_fail(const struct gguf_cursor *c, ridge_status status, uint64_t byte,
                       const char *fmt, ...) {
  char text[640];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  const char *comma = c->item[0] != 0 ? ", " : "", *of = c->name != NULL ? " of " : "";
  c->host->fail(c->host, status, "at byte %" PRIu64 "%s%.80s%s%s: %s", byte, of,
                c->name != NULL ? c->name : "", comma, c->item, text);
  return status;
}

void gguf_item(struct gguf_cursor *c, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(c->item, sizeof c->item, fmt, args);
  va_end(args);
}

ridge_status gguf_no_memory(const struct gguf_cursor *c, const char *what) {
  return gguf_fail(c, RIDGE_NO_MEMORY, c->at, "there is no memory for %s", what);
}

uint64_t gguf_little(const uint8_t *from, uint32_t bytes) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8 * i);
  return value;
}

ridge_status gguf_take(struct gguf_cursor *c, uint64_t n, const char *what,
                       const uint8_t **out) {
  uint64_t left = c->size - c->at;
  if (n > left)
    return gguf_fail(c, RIDGE_CORRUPT, c->at,
                     "%s takes %" PRIu64 " bytes, but the file ends after %" PRIu64
                     "; it is cut short or a length in it is damaged",
                     what, n, left);
  *out = c->data + c->at;
  c->at += n;
  return RIDGE_OK;
}

ridge_status gguf_number(struct gguf_cursor *c, uint32_t bytes, const char *what,
                         uint64_t *out) {
  const uint8_t *from = NULL;
  ridge_status status = gguf_take(c, bytes, what, &from);
  if (status == RIDGE_OK) *out = gguf_little(from, bytes);
  return status;
}

ridge_status gguf_string(struct gguf_cursor *c, const char *what, ridge_bytes *out) {
  uint64_t size;
  ridge_status status = gguf_number(c, 8, what, &size);
  if (status != RIDGE_OK) return status;
  const uint8_t *data = NULL;
  status = gguf_take(c, size, what, &data);
  if (status == RIDGE_OK) *out = (ridge_bytes){.data = data, .size = size};
  return status;
}

ridge_status gguf_name(struct gguf_cursor *c, struct gguf_arena *arena, uint64_t max,
                       const char *what, const char **out) {
  uint64_t start = c->at;
  ridge_bytes found;
  ridge_status status = gguf_string(c, what, &found);
  if (status != RIDGE_OK) return status;
  if (found.size == 0)
    return gguf_fail(c, RIDGE_CORRUPT, start, "%s is empty; it has at least one byte",
                     what);
  if (found.size > max)
    return gguf_fail(c, RIDGE_CORRUPT, start,
                     "%s is %" PRIu64 " bytes long; at most %" PRIu64 " are allowed", what,
                     found.size, max);
  for (uint64_t i = 0; i < found.size; i++)
    if (found.data[i] < 0x20 || found.data[i] == 0x7f)
      return gguf_fail(c, RIDGE_CORRUPT, start + 8 + i,
                       "%s holds the control byte 0x%02x; names are printable", what,
                       found.data[i]);
  char *name = gguf_alloc(arena, found.size + 1, 1);
  if (name == NULL) return gguf_no_memory(c, what);
  memcpy(name, found.data, found.size);
  *out = name;
  return RIDGE_OK;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *gguf_twice(const char **names, uint64_t n) {
  if (n < 2) return NULL;
  qsort(names, n, sizeof *names, compare_names);
  for (uint64_t i = 1; i < n; i++)
    if (strcmp(names[i - 1], names[i]) == 0) return names[i];
  return NULL;
}
