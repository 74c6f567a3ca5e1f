/* catalog_json.c - checked reading of the JSON that the worker and the host hand in. */
#include "catalog_inside.h"

ridge_status want_text(const json_t *object, const char *key, const char *what,
                       const char **out, struct why *why) {
  *out = json_string_value(json_object_get(object, key));
  if (*out != NULL) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID, "%s for the catalog lacks the text `%s`", what, key);
}

ridge_status want_int(const json_t *object, const char *key, const char *what, int64_t *out,
                      struct why *why) {
  const json_t *value = json_object_get(object, key);
  *out = json_integer_value(value);
  if (json_is_integer(value)) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID, "%s for the catalog lacks the whole number `%s`", what,
                 key);
}

const char *text_or(const json_t *object, const char *key, const char *fallback) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : fallback;
}

int64_t int_or(const json_t *object, const char *key, int64_t fallback) {
  const json_t *value = json_object_get(object, key);
  return json_is_integer(value) ? json_integer_value(value) : fallback;
}
