/* canon.c - canonical JSON. */
#include "base/canon.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void canon_real(double value, char out[32]) {
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(out, 32, "%.*g", digits, value);
    if (strtod(out, NULL) == value) break;
  }
  /* A real stays a real: 4.0 and 4 are two types. */
  if (strpbrk(out, ".en") == NULL) strcat(out, ".0");
}

static int by_key(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put(struct text *out, const json_t *value);

static void put_object(struct text *out, const json_t *object) {
  size_t n = json_object_size(object), i = 0;
  const char **keys = calloc(n + 1, sizeof *keys);
  if (keys == NULL) abort();
  const char *key;
  json_t *member;
  json_object_foreach((json_t *)(uintptr_t)object, key, member) keys[i++] = key;
  qsort(keys, n, sizeof *keys, by_key);
  text_add(out, "{");
  for (i = 0; i < n; i++) {
    if (i > 0) text_add(out, ",");
    text_quote(out, keys[i], strlen(keys[i]));
    text_add(out, ":");
    put(out, json_object_get(object, keys[i]));
  }
  text_add(out, "}");
  free(keys);
}

static void put_array(struct text *out, const json_t *array) {
  text_add(out, "[");
  for (size_t i = 0; i < json_array_size(array); i++) {
    if (i > 0) text_add(out, ",");
    put(out, json_array_get(array, i));
  }
  text_add(out, "]");
}

static void put(struct text *out, const json_t *value) {
  char number[32];
  switch (json_typeof(value)) {
  case JSON_OBJECT: put_object(out, value); break;
  case JSON_ARRAY: put_array(out, value); break;
  case JSON_STRING:
    text_quote(out, json_string_value(value), json_string_length(value));
    break;
  case JSON_INTEGER: text_format(out, "%lld", (long long)json_integer_value(value)); break;
  case JSON_REAL:
    canon_real(json_real_value(value), number);
    text_add(out, number);
    break;
  case JSON_TRUE: text_add(out, "true"); break;
  case JSON_FALSE: text_add(out, "false"); break;
  case JSON_NULL: text_add(out, "null"); break;
  }
}

char *canon_text(const json_t *value) {
  struct text out = text_new((size_t)1 << 30);
  put(&out, value);
  return out.data;
}

struct digest canon_digest(const json_t *value) {
  char *text = canon_text(value);
  struct digest digest = digest_bytes(text, strlen(text));
  free(text);
  return digest;
}
