/*
 * compose_rule.c - is a value what its row says?
 *
 * A whole number written with a point (0.5 * GiB) is a whole number, and a whole
 * number is a real one: neither changes the value.  Nothing else is converted.
 */
#include "compose/compose_state.h"

#include "base/canon.h"
#include "base/text.h"
#include "recipe/recipe_fault.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_MOST = 100 };

struct rule rule_of_setting(const struct setting *row) {
  return (struct rule){
      .owner = row->word,
      .name = row->field,
      .type = row->type,
      .list = (row->flags & SETTING_LIST) != 0,
      .path = (row->flags & SETTING_PATH) != 0,
      .fallback = row->fallback,
      .lo = row->lo,
      .hi = row->hi,
      .choices = row->choices,
      .unit = row->unit,
      .doc = row->doc,
  };
}

struct rule rule_of_param(const struct plugin_info *plugin, const ridge_param *row) {
  return (struct rule){
      .owner = plugin->id,
      .name = row->name,
      .type = row->type,
      .path = (row->flags & RIDGE_PATH) != 0,
      .fallback = row->fallback,
      .lo = row->lo,
      .hi = row->hi,
      .choices = row->choices,
      .unit = row->unit,
      .doc = row->doc,
  };
}

void resolved_set(struct resolved *to, json_t *value, struct origin origin) {
  json_decref(to->value);
  to->value = value;
  to->origin = origin;
  to->bad = value == NULL;
}

json_t *rule_default(const struct rule *rule) {
  if (rule->list) return NULL;
  switch (rule->type) {
  case RIDGE_T_BOOL: return json_boolean(rule->fallback.b);
  case RIDGE_T_INT: return json_integer(rule->fallback.i);
  case RIDGE_T_REAL: return json_real(rule->fallback.r);
  default: return rule->fallback.t == NULL ? NULL : json_string(rule->fallback.t);
  }
}

static const char *wanted(const struct rule *rule) {
  if (rule->list) return "a list of texts";
  switch (rule->type) {
  case RIDGE_T_BOOL: return "true or false";
  case RIDGE_T_INT: return "a whole number";
  case RIDGE_T_REAL: return "a number";
  case RIDGE_T_CHOICE: return "one of its choices, as a text";
  default: return "a text";
  }
}

/* The value as a recipe would write it, short. */
static char *shown(const struct recipe_value *value) {
  char *text = NULL;
  int n = 0;
  if (value->word != NULL)
    n = asprintf(&text, "`%s`", value->word->keyword->name);
  else if (json_is_string(value->plain))
    n = asprintf(&text, "the text \"%.60s\"", json_string_value(value->plain));
  else if (json_is_object(value->plain) || json_is_array(value->plain))
    n = asprintf(&text, "%s", recipe_value_kind(value));
  else {
    char *canonical = canon_text(value->plain);
    n = asprintf(&text, "%s", canonical);
    free(canonical);
  }
  if (n < 0) abort();
  return text;
}

static void put_doc(json_t *row, const struct rule *rule) {
  if (rule->doc != NULL && rule->doc[0] != 0) diagnostic_note(row, "%s", rule->doc);
}

/* `"none", "q8", "q4"`; the caller frees. */
static struct text choices_of(const struct rule *rule, size_t *n) {
  struct text text = text_new(4096);
  for (*n = 0; rule->choices != NULL && rule->choices[*n] != NULL; ++*n)
    text_format(&text, "%s\"%s\"", *n > 0 ? ", " : "", rule->choices[*n]);
  return text;
}

static void note_choices(json_t *row, const struct rule *rule) {
  size_t n;
  struct text text = choices_of(rule, &n);
  diagnostic_note(row, "it has %s", text.data);
  text_free(&text);
}

static json_t *refuse_type(struct diagnostics *all, const struct rule *rule,
                           const struct recipe_value *value, struct origin origin) {
  char *what = shown(value);
  json_t *row = diagnose(all, "P103", origin, "`%s.%s` is %s%s%s; it takes %s", rule->owner,
                         rule->name, what, all->n_words > 0 ? "" : ", ",
                         all->n_words > 0 ? "" : origin_phrase(origin.kind), wanted(rule));
  free(what);
  put_doc(row, rule);
  if (rule->type == RIDGE_T_CHOICE && !rule->list) note_choices(row, rule);
  if (value->word != NULL && strcmp(value->word->keyword->name, "each") == 0)
    diagnostic_help(row, "`each` stands in `vary \"...\" { ... }` of a sweep");
  else if (rule->list && json_is_string(value->plain))
    diagnostic_help(row, "write `%s = { \"%.60s\" }`", rule->name,
                    json_string_value(value->plain));
  return NULL;
}

static void bounds_text(const struct rule *rule, char *out, size_t room) {
  char lo[32], hi[32];
  bool real = rule->type == RIDGE_T_REAL;
  bool no_hi = real ? rule->hi.r >= DBL_MAX : rule->hi.i == INT64_MAX;
  bool no_lo = real ? rule->lo.r <= -DBL_MAX : rule->lo.i == INT64_MIN;
  if (real)
    snprintf(lo, sizeof lo, "%.15g", rule->lo.r);
  else
    snprintf(lo, sizeof lo, "%lld", (long long)rule->lo.i);
  if (real)
    snprintf(hi, sizeof hi, "%.15g", rule->hi.r);
  else
    snprintf(hi, sizeof hi, "%lld", (long long)rule->hi.i);
  if (no_hi && no_lo)
    snprintf(out, room, "any number");
  else if (no_hi)
    snprintf(out, room, "at least %s", lo);
  else if (no_lo)
    snprintf(out, room, "at most %s", hi);
  else
    snprintf(out, room, "between %s and %s", lo, hi);
}

static json_t *refuse_bounds(struct diagnostics *all, const struct rule *rule,
                             const json_t *number, struct origin origin) {
  char bounds[96], *canonical = canon_text(number);
  bounds_text(rule, bounds, sizeof bounds);
  json_t *row = diagnose(all, "P104", origin, "`%s.%s` is %s; it must be %s", rule->owner,
                         rule->name, canonical, bounds);
  free(canonical);
  put_doc(row, rule);
  return NULL;
}

static json_t *check_int(struct diagnostics *all, const struct rule *rule, int64_t number,
                         struct origin origin) {
  json_t *value = json_integer(number);
  if (number >= rule->lo.i && number <= rule->hi.i) return value;
  refuse_bounds(all, rule, value, origin);
  json_decref(value);
  return NULL;
}

static json_t *check_real(struct diagnostics *all, const struct rule *rule, double number,
                          struct origin origin) {
  json_t *value = json_real(number == 0 ? 0 : number); /* -0.0 and 0.0 are one value */
  if (number >= rule->lo.r && number <= rule->hi.r) return value;
  refuse_bounds(all, rule, value, origin);
  json_decref(value);
  return NULL;
}

static json_t *check_choice(struct diagnostics *all, const struct rule *rule,
                            const char *text, struct origin origin) {
  size_t n;
  for (size_t i = 0; rule->choices != NULL && rule->choices[i] != NULL; i++)
    if (strcmp(rule->choices[i], text) == 0) return json_string(text);
  struct text list = choices_of(rule, &n);
  json_t *row = diagnose(all, "P104", origin, "`%s.%s` is \"%.60s\"; it must be one of %s",
                         rule->owner, rule->name, text, list.data);
  text_free(&list);
  put_doc(row, rule);
  diagnostic_help_near(row, text, rule->choices, n);
  return NULL;
}

/* It is printed wherever runs are listed. */
static bool is_label(const char *text) {
  size_t size = strlen(text);
  char *clean = fault_quote(text, size, LABEL_MOST);
  bool same = size > 0 && size <= LABEL_MOST && strcmp(clean, text) == 0;
  free(clean);
  return same;
}

static json_t *check_text(struct diagnostics *all, const struct rule *rule,
                          const char *text, struct origin origin) {
  if (rule->path && text[0] == 0) {
    diagnose(all, "P104", origin, "`%s.%s` is empty; it names a file", rule->owner,
             rule->name);
    return NULL;
  }
  if (rule->label && !is_label(text)) {
    diagnose(all, "P104", origin, "`%s.%s` has to be one line of 1 to %d bytes",
             rule->owner, rule->name, LABEL_MOST);
    return NULL;
  }
  return json_string(text);
}

static json_t *check_list(struct diagnostics *all, const struct rule *rule,
                          const struct recipe_value *value, struct origin origin) {
  if (json_array_size(value->plain) == 0) {
    diagnose(all, "P104", origin, "`%s.%s` is an empty list; leave it out", rule->owner,
             rule->name);
    return NULL;
  }
  for (size_t i = 0; i < json_array_size(value->plain); i++) {
    struct recipe_value item = {.plain = json_array_get(value->plain, i)};
    if (!json_is_string(item.plain)) return refuse_type(all, rule, &item, origin);
    if (json_string_length(item.plain) > 0) continue;
    diagnose(all, "P104", origin, "`%s.%s` holds an empty text", rule->owner, rule->name);
    return NULL;
  }
  return json_deep_copy(value->plain);
}

/* A double that is a whole number an int64_t holds, exactly. */
static bool is_whole(double number) {
  return floor(number) == number && number >= -0x1p63 && number < 0x1p63;
}

json_t *rule_check(struct diagnostics *all, const struct rule *rule,
                   const struct recipe_value *value, struct origin origin) {
  const json_t *plain = value->plain;
  if (value->word != NULL) return refuse_type(all, rule, value, origin);
  if (rule->list)
    return json_is_array(plain) ? check_list(all, rule, value, origin)
                                : refuse_type(all, rule, value, origin);
  switch (rule->type) {
  case RIDGE_T_BOOL:
    if (json_is_boolean(plain)) return json_boolean(json_is_true(plain));
    break;
  case RIDGE_T_INT:
    if (json_is_integer(plain))
      return check_int(all, rule, json_integer_value(plain), origin);
    if (json_is_real(plain) && is_whole(json_real_value(plain)))
      return check_int(all, rule, (int64_t)json_real_value(plain), origin);
    break;
  case RIDGE_T_REAL:
    if (json_is_number(plain))
      return check_real(all, rule, json_number_value(plain), origin);
    break;
  case RIDGE_T_TEXT:
    if (json_is_string(plain))
      return check_text(all, rule, json_string_value(plain), origin);
    break;
  case RIDGE_T_CHOICE:
    if (json_is_string(plain))
      return check_choice(all, rule, json_string_value(plain), origin);
    break;
  }
  return refuse_type(all, rule, value, origin);
}

/* --- from the command line --- */

static const struct {
  const char *name;
  double factor;
} units[] = {
    {"", 1},      {"KiB", 1024},  {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024},
    {"ms", 1e-3}, {"seconds", 1}, {"minutes", 60},
};

/* "32", "0.8", "64MiB": a JSON number, or NULL.  Hexadecimal, blanks, "nan" and "inf"
 * are no numbers here. */
static json_t *parse_number(const char *text) {
  size_t digits = strspn(text, "+-.0123456789eE");
  if (digits == 0 || digits > 60) return NULL;
  char number[64], *end;
  memcpy(number, text, digits);
  number[digits] = 0;
  double factor = 0;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(text + digits, units[i].name) == 0) factor = units[i].factor;
  if (factor == 0) return NULL;
  errno = 0;
  long long whole = strtoll(number, &end, 10);
  if (*end == 0 && errno == 0 && factor >= 1) {
    int64_t product;
    if (!__builtin_mul_overflow((int64_t)whole, (int64_t)factor, &product))
      return json_integer(product);
  }
  double real = strtod(number, &end) * factor;
  return *end == 0 && isfinite(real) ? json_real(real) : NULL;
}

static json_t *parse_plain(const struct rule *rule, const char *text) {
  if (rule->list) return json_pack("[s]", text);
  bool is_true = strcmp(text, "true") == 0;
  json_t *number = NULL;
  switch (rule->type) {
  case RIDGE_T_BOOL:
    if (is_true || strcmp(text, "false") == 0) return json_boolean(is_true);
    break;
  case RIDGE_T_INT:
  case RIDGE_T_REAL: number = parse_number(text); break;
  }
  return number != NULL ? number : json_string(text);
}

json_t *rule_parse(struct diagnostics *all, const struct rule *rule, const char *text,
                   struct origin origin) {
  json_t *plain = parse_plain(rule, text);
  if (plain == NULL) {
    diagnose(all, "P103", origin, "`%s.%s` is a text that is not UTF-8", rule->owner,
             rule->name);
    return NULL;
  }
  struct recipe_value value = {.plain = plain};
  json_t *checked = rule_check(all, rule, &value, origin);
  json_decref(plain);
  return checked;
}
