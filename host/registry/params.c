/* params.c - a plugin's own struct of parameters, filled from named values. */
#include "registry/params.h"

#include "base/near.h"
#include "registry/vocabulary.h"

#include <inttypes.h>
#include <string.h>

/* One value -------------------------------------------------------------------------- */

static ridge_status refuse_type(const ridge_param *row, const json_t *value,
                                struct why *why) {
  static const char *const kinds[] = {"an object", "a list", "a text", "a whole number",
                                      "a real",    "true",   "false",  "null"};
  const char *found = value != NULL ? kinds[json_typeof(value)] : "missing";
  return why_set(why, RIDGE_INVALID, "parameter `%s` is %s; a value of type %s is wanted",
                 row->name, found, vocabulary_word(VOCABULARY_TYPE, row->type));
}

static ridge_status check_int(const ridge_param *row, const json_t *value,
                              struct why *why) {
  if (!json_is_integer(value)) return refuse_type(row, value, why);
  int64_t i = json_integer_value(value);
  if (i >= row->lo.i && i <= row->hi.i) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID,
                 "parameter `%s` is %" PRId64 "; it must be between %" PRId64
                 " and %" PRId64,
                 row->name, i, row->lo.i, row->hi.i);
}

static ridge_status check_real(const ridge_param *row, const json_t *value,
                               struct why *why) {
  if (!json_is_number(value)) return refuse_type(row, value, why);
  double r = json_number_value(value);
  if (r >= row->lo.r && r <= row->hi.r) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID, "parameter `%s` is %g; it must be between %g and %g",
                 row->name, r, row->lo.r, row->hi.r);
}

static ridge_status check_choice(const ridge_param *row, const json_t *value,
                                 struct why *why) {
  if (!json_is_string(value)) return refuse_type(row, value, why);
  const char *text = json_string_value(value);
  size_t n = 0;
  for (; row->choices[n] != NULL; n++)
    if (strcmp(row->choices[n], text) == 0) return RIDGE_OK;
  const char *near = near_of(text, row->choices, n);
  return why_set(why, RIDGE_INVALID, "parameter `%s` is `%.80s`, which is no choice%s%s%s",
                 row->name, text, near != NULL ? "; did you mean `" : "",
                 near != NULL ? near : "", near != NULL ? "`?" : "");
}

ridge_status params_check(const ridge_param *row, const json_t *value, struct why *why) {
  switch (row->type) {
  case RIDGE_T_BOOL:
    return json_is_boolean(value) ? RIDGE_OK : refuse_type(row, value, why);
  case RIDGE_T_TEXT: return json_is_string(value) ? RIDGE_OK : refuse_type(row, value, why);
  case RIDGE_T_INT: return check_int(row, value, why);
  case RIDGE_T_REAL: return check_real(row, value, why);
  case RIDGE_T_CHOICE: return check_choice(row, value, why);
  }
  return refuse_type(row, value, why);
}

static void store(const ridge_param *row, const json_t *value, struct arena *arena,
                  void *into) {
  unsigned char *at = (unsigned char *)into + row->offset;
  bool b = json_is_true(value);
  int64_t i = json_integer_value(value);
  double r = json_number_value(value);
  const char *t = arena_text(arena, json_string_value(value));
  switch (row->type) {
  case RIDGE_T_BOOL: memcpy(at, &b, sizeof b); return;
  case RIDGE_T_INT: memcpy(at, &i, sizeof i); return;
  case RIDGE_T_REAL: memcpy(at, &r, sizeof r); return;
  case RIDGE_T_TEXT:
  case RIDGE_T_CHOICE: memcpy(at, &t, sizeof t); return;
  }
}

/* All of them ------------------------------------------------------------------------ */

static ridge_status check_names(const struct plugin_info *info, const json_t *values,
                                struct why *why) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)values, name, value) {
    if (plugin_param(info, name) == NULL)
      return why_set(why, RIDGE_INVALID, "it has no parameter `%.80s`", name);
  }
  return RIDGE_OK;
}

ridge_status params_fill(const struct plugin_info *info, const json_t *values,
                         struct arena *arena, void **out, struct why *why) {
  ridge_status status = check_names(info, values, why);
  if (status != RIDGE_OK) return status;
  *out = info->params_size > 0 ? arena_alloc(arena, (size_t)info->params_size) : NULL;
  for (size_t i = 0; i < info->n_params; i++) {
    const ridge_param *row = &info->params[i];
    const json_t *value = json_object_get(values, row->name);
    status = params_check(row, value, why);
    if (status != RIDGE_OK) return status;
    store(row, value, arena, *out);
  }
  return RIDGE_OK;
}

json_t *params_defaults(const struct plugin_info *info) {
  json_t *values = json_object();
  for (size_t i = 0; i < info->n_params; i++) {
    const ridge_param *row = &info->params[i];
    json_t *value = NULL;
    if ((row->flags & RIDGE_REQUIRED) != 0) continue;
    switch (row->type) {
    case RIDGE_T_BOOL: value = json_boolean(row->fallback.b); break;
    case RIDGE_T_INT: value = json_integer(row->fallback.i); break;
    case RIDGE_T_REAL: value = json_real(row->fallback.r); break;
    case RIDGE_T_TEXT:
    case RIDGE_T_CHOICE: value = json_string(row->fallback.t); break;
    }
    json_object_set_new(values, row->name, value);
  }
  return values;
}
