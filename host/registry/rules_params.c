/* rules_params.c - what the ABI promises of the rows of a plugin's parameters. */
#include "registry/description.h"

#include "registry/vocabulary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static ridge_status refuse(const ridge_param *row, struct why *why, const char *what) {
  return why_set(why, RIDGE_INVALID, "parameter `%s`: %s", row->name, what);
}

/* Names ------------------------------------------------------------------------------ */

/* Words that a recipe cannot write as a field: Lua's, and the host's own. */
static const char *const taken[] = {
    "and",      "break",  "do",   "else", "elseif", "end",   "false",    "for",
    "function", "goto",   "if",   "in",   "local",  "nil",   "not",      "or",
    "repeat",   "return", "then", "true", "until",  "while", "may_idle",
};

static ridge_status check_name(const struct plugin_info *info, size_t index,
                               struct why *why) {
  const char *name = info->params[index].name;
  char where[64];
  snprintf(where, sizeof where, "table `params`, row %zu: its `name`", index + 1);
  ridge_status status = rules_text(name, (struct text_rule){.most = 48}, where, why);
  if (status != RIDGE_OK) return status;
  if (!rules_name(name, strlen(name), 0) || (name[0] >= '0' && name[0] <= '9'))
    return refuse(&info->params[index], why, "a name of a-z, 0-9 and _ is wanted");
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (strcmp(name, taken[i]) == 0)
      return refuse(&info->params[index], why,
                    "a recipe could not write this word; rename it");
  for (size_t i = 0; i < index; i++)
    if (strcmp(info->params[i].name, name) == 0)
      return refuse(&info->params[index], why, "it is there twice; names have to differ");
  return RIDGE_OK;
}

static ridge_status check_texts(const ridge_param *row, struct why *why) {
  char where[96];
  snprintf(where, sizeof where, "parameter `%s`: its `doc`", row->name);
  ridge_status status = rules_text(row->doc, (struct text_rule){.most = 1000}, where, why);
  if (status != RIDGE_OK) return status;
  snprintf(where, sizeof where, "parameter `%s`: its `unit`", row->name);
  return rules_text(row->unit, (struct text_rule){.most = 32, .optional = true}, where,
                    why);
}

/* Types and flags -------------------------------------------------------------------- */

static ridge_status check_type(const struct plugin_info *info, const ridge_param *row,
                               struct why *why) {
  if (vocabulary_word(VOCABULARY_TYPE, row->type) == NULL)
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its `type` is %" PRIu32
                   ", which is none; use RIDGE_INT and "
                   "its like",
                   row->name, row->type);
  bool number = row->type == RIDGE_T_INT || row->type == RIDGE_T_REAL;
  if ((row->flags & ~vocabulary_bits(VOCABULARY_FLAG)) != 0 &&
      info->abi_minor <= RIDGE_ABI_MINOR)
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its `flags` are %#" PRIx32 ", which has unknown bits",
                   row->name, row->flags);
  if ((row->flags & RIDGE_PATH) != 0 && row->type != RIDGE_T_TEXT)
    return refuse(row, why, "RIDGE_PATH is for a text only");
  if ((row->flags & RIDGE_FOLDER) != 0 && (row->flags & RIDGE_PATH) == 0)
    return refuse(row, why, "RIDGE_FOLDER says which paths RIDGE_PATH takes; it is alone");
  if ((row->flags & RIDGE_LOG_SCALE) != 0 && !number)
    return refuse(row, why, "RIDGE_LOG_SCALE is for numbers only");
  return RIDGE_OK;
}

/* Values ----------------------------------------------------------------------------- */

static bool has_default(const ridge_param *row) {
  return (row->flags & RIDGE_REQUIRED) == 0;
}

static ridge_status check_int(const ridge_param *row, struct why *why) {
  int64_t lo = row->lo.i, hi = row->hi.i, def = row->fallback.i;
  if (lo > hi)
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its bounds are %" PRId64 " and %" PRId64
                   "; the lower comes first",
                   row->name, lo, hi);
  if (has_default(row) && (def < lo || def > hi))
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its default %" PRId64 " is outside its bounds %" PRId64
                   " to %" PRId64,
                   row->name, def, lo, hi);
  if ((row->flags & RIDGE_LOG_SCALE) != 0 && lo <= 0)
    return refuse(row, why, "RIDGE_LOG_SCALE needs a lower bound above 0");
  return RIDGE_OK;
}

static ridge_status check_real(const ridge_param *row, struct why *why) {
  double lo = row->lo.r, hi = row->hi.r, def = row->fallback.r;
  if (!isfinite(lo) || !isfinite(hi) || lo > hi)
    return why_set(
        why, RIDGE_INVALID,
        "parameter `%s`: its bounds are %g and %g; finite numbers, the lower first, "
        "are wanted",
        row->name, lo, hi);
  if (has_default(row) && !(def >= lo && def <= hi))
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its default %g is outside its bounds %g to %g",
                   row->name, def, lo, hi);
  if ((row->flags & RIDGE_LOG_SCALE) != 0 && lo <= 0)
    return refuse(row, why, "RIDGE_LOG_SCALE needs a lower bound above 0");
  return RIDGE_OK;
}

static ridge_status check_choice(const ridge_param *row, struct why *why) {
  if (row->choices == NULL || row->choices[0] == NULL)
    return refuse(row, why, "a choice needs `choices`, ended by NULL");
  bool found = !has_default(row);
  for (size_t i = 0; row->choices[i] != NULL; i++) {
    char where[96];
    snprintf(where, sizeof where, "parameter `%s`: choice %zu", row->name, i + 1);
    ridge_status status =
        rules_text(row->choices[i], (struct text_rule){.most = 64}, where, why);
    if (status != RIDGE_OK) return status;
    for (size_t j = 0; j < i; j++)
      if (strcmp(row->choices[i], row->choices[j]) == 0)
        return why_set(why, RIDGE_INVALID, "parameter `%s`: the choice `%s` is there twice",
                       row->name, row->choices[i]);
    found =
        found || (row->fallback.t != NULL && strcmp(row->choices[i], row->fallback.t) == 0);
  }
  if (!found)
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its default `%s` is not one of its choices", row->name,
                   row->fallback.t == NULL ? "" : row->fallback.t);
  return RIDGE_OK;
}

static ridge_status check_text(const ridge_param *row, struct why *why) {
  char where[96];
  if (!has_default(row)) return RIDGE_OK;
  if (row->fallback.t == NULL)
    return refuse(row, why, "its default is NULL; give \"\" or set RIDGE_REQUIRED");
  snprintf(where, sizeof where, "parameter `%s`: its default", row->name);
  return rules_text(row->fallback.t,
                    (struct text_rule){.most = 4096, .optional = true, .lines = true},
                    where, why);
}

static ridge_status check_value(const ridge_param *row, struct why *why) {
  switch (row->type) {
  case RIDGE_T_INT: return check_int(row, why);
  case RIDGE_T_REAL: return check_real(row, why);
  case RIDGE_T_CHOICE: return check_choice(row, why);
  case RIDGE_T_TEXT: return check_text(row, why);
  }
  return RIDGE_OK;
}

/* Places in the plugin's struct -------------------------------------------------------- */

static uint64_t field_bytes(const ridge_param *row) {
  return row->type == RIDGE_T_BOOL ? sizeof(bool) : 8;
}

static ridge_status check_place(const struct plugin_info *info, size_t index,
                                struct why *why) {
  const ridge_param *row = &info->params[index];
  uint64_t bytes = field_bytes(row), end;
  if (__builtin_add_overflow(row->offset, bytes, &end) || end > info->params_size)
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its %" PRIu64 " bytes at offset %" PRIu64
                   " lie outside the struct, whose params_size is %" PRIu64,
                   row->name, bytes, row->offset, info->params_size);
  if (row->offset % bytes != 0)
    return why_set(why, RIDGE_INVALID,
                   "parameter `%s`: its offset %" PRIu64
                   " is not a multiple of its size %" PRIu64,
                   row->name, row->offset, bytes);
  for (size_t i = 0; i < index; i++) {
    const ridge_param *other = &info->params[i];
    if (row->offset < other->offset + field_bytes(other) && other->offset < end)
      return why_set(why, RIDGE_INVALID,
                     "parameters `%s` and `%s` lie on the same bytes of the struct",
                     other->name, row->name);
  }
  return RIDGE_OK;
}

ridge_status rules_params(const struct plugin_info *info, struct why *why) {
  if (info->params_size > DESCRIPTION_PARAMS_BYTES)
    return why_set(why, RIDGE_INVALID,
                   "its `params_size` is %" PRIu64 "; at most %d is plausible",
                   info->params_size, DESCRIPTION_PARAMS_BYTES);
  for (size_t i = 0; i < info->n_params; i++) {
    const ridge_param *row = &info->params[i];
    ridge_status status = check_name(info, i, why);
    if (status == RIDGE_OK) status = check_texts(row, why);
    if (status == RIDGE_OK) status = check_type(info, row, why);
    if (status == RIDGE_OK) status = check_value(row, why);
    if (status == RIDGE_OK) status = check_place(info, i, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}
