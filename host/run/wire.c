/* wire.c - JSON lines over a pipe. */
#include "run/wire.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lines lines_new(size_t limit) {
  return (struct lines){.limit = limit};
}

void lines_free(struct lines *lines) {
  free(lines->data);
  *lines = (struct lines){0};
}

static bool reserve(struct lines *lines, size_t more) {
  size_t wanted = lines->size + more + 1;
  if (wanted <= lines->room) return true;
  if (wanted > lines->limit + 1) return false;
  size_t room = lines->room * 2 > wanted ? lines->room * 2 : wanted;
  char *data = realloc(lines->data, room);
  if (data == NULL) return false;
  lines->data = data;
  lines->room = room;
  return true;
}

bool lines_add(struct lines *lines, const char *bytes, size_t n,
               void (*each)(void *ctx, char *line, size_t size), void *ctx) {
  while (n > 0) {
    const char *end = memchr(bytes, '\n', n);
    size_t piece = end != NULL ? (size_t)(end - bytes) : n;
    if (!reserve(lines, piece)) return false;
    memcpy(lines->data + lines->size, bytes, piece);
    lines->size += piece;
    if (end == NULL) return true;
    lines->data[lines->size] = 0;
    each(ctx, lines->data, lines->size);
    lines->size = 0;
    bytes += piece + 1;
    n -= piece + 1;
  }
  return true;
}

/* The deepest nesting of the raw bytes; brackets inside strings do not count. */
static int depth_of(const char *line, size_t size) {
  int depth = 0, deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < size; i++) {
    char c = line[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
      continue;
    }
    if (c == '"')
      quoted = true;
    else if (c == '{' || c == '[')
      depth++;
    else if (c == '}' || c == ']')
      depth--;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

json_t *wire_parse(const char *line, size_t size, struct why *why) {
  json_error_t error;
  if (depth_of(line, size) > WIRE_DEPTH) {
    (void)why_set(why, RIDGE_CORRUPT, "a message is nested deeper than %d", WIRE_DEPTH);
    return NULL;
  }
  json_t *message = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (message == NULL) {
    (void)why_set(why, RIDGE_CORRUPT, "a message is not JSON (%s, at byte %d): %.60s",
                  error.text, error.position, line);
    return NULL;
  }
  if (!json_is_object(message)) {
    (void)why_set(why, RIDGE_CORRUPT, "a message is not an object: %.60s", line);
    json_decref(message);
    return NULL;
  }
  return message;
}

char *wire_text(const json_t *message, size_t *size) {
  size_t n = json_dumpb(message, NULL, 0, JSON_COMPACT);
  char *text = n > 0 ? malloc(n + 2) : NULL;
  if (text == NULL) return NULL;
  json_dumpb(message, text, n, JSON_COMPACT);
  text[n] = '\n';
  text[n + 1] = 0;
  *size = n + 1;
  return text;
}

json_t *wire_clean(const char *bytes, size_t size) {
  struct text quoted = text_new(6 * size + 64);
  text_quote(&quoted, bytes, size);
  json_t *clean =
      json_loadb(quoted.data, quoted.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  text_free(&quoted);
  return clean != NULL ? clean : json_string("");
}

bool wire_int(const json_t *object, const char *key, int64_t lo, int64_t hi, int64_t *out) {
  const json_t *value = json_object_get(object, key);
  if (!json_is_integer(value)) return false;
  int64_t number = json_integer_value(value);
  if (number < lo || number > hi) return false;
  *out = number;
  return true;
}

bool wire_text_of(const json_t *object, const char *key, const char **out) {
  const json_t *value = json_object_get(object, key);
  if (!json_is_string(value)) return false;
  *out = json_string_value(value);
  return true;
}

static const struct {
  const char *name;
  double value;
} odd_values[] = {{"nan", NAN}, {"+inf", INFINITY}, {"-inf", -INFINITY}};

bool wire_real(const json_t *object, const char *key, double *out) {
  const json_t *value = json_object_get(object, key);
  if (json_is_number(value)) {
    *out = json_number_value(value);
    return true;
  }
  const char *word = json_string_value(value);
  for (size_t i = 0; word != NULL && i < sizeof odd_values / sizeof *odd_values; i++) {
    if (strcmp(word, odd_values[i].name) != 0) continue;
    *out = odd_values[i].value;
    return true;
  }
  return false;
}

json_t *message_real(double value) {
  if (isnan(value)) return json_string("nan");
  if (isinf(value)) return json_string(value > 0 ? "+inf" : "-inf");
  return json_real(value);
}
