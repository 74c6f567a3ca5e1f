/* rules_relations.c - what the ABI promises of a plugin's relations. */
#include "registry/description.h"

#include "base/near.h"
#include "base/settings.h"
#include "registry/vocabulary.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint32_t plugin_relation_type(const struct plugin_info *info, const ridge_relation *row) {
  if (row->op == RIDGE_ALWAYS) return 0;
  if (row->param != NULL) {
    const ridge_param *param = plugin_param(info, row->param);
    return param != NULL ? param->type : 0;
  }
  const struct setting *setting = row->target != NULL ? setting_find(row->target) : NULL;
  return setting != NULL && (setting->flags & SETTING_LIST) == 0 ? setting->type : 0;
}

static ridge_status RIDGE_FORMAT(4, 5)
    refuse(const ridge_relation *row, size_t index, struct why *why, const char *fmt, ...);
static ridge_status refuse(const ridge_relation *row, size_t index, struct why *why,
                           const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return why_set(why, RIDGE_INVALID, "relation %zu (%s %.80s): %s", index + 1,
                 vocabulary_word(VOCABULARY_RELATION, row->kind),
                 row->target == NULL ? "-" : row->target, text);
}

/* Targets ---------------------------------------------------------------------------- */

static bool is_family(const char *target) {
  size_t size = strlen(target);
  return size > 2 && strcmp(target + size - 2, ".*") == 0 &&
         rules_name(target, size - 2, 0);
}

static bool is_after(const char *target, const char *prefix, int dots) {
  size_t size = strlen(prefix);
  if (strncmp(target, prefix, size) != 0) return false;
  return rules_name(target + size, strlen(target + size), dots);
}

static bool is_target(const ridge_relation *row) {
  const char *target = row->target;
  if (rules_name(target, strlen(target), 1) || is_family(target)) return true;
  if (row->kind != RIDGE_NEEDS && row->kind != RIDGE_CLASHES) return false;
  return is_after(target, "cap:", -1) || is_after(target, "device:", 0);
}

static ridge_status refuse_param(const struct plugin_info *info, const ridge_relation *row,
                                 size_t index, const char *name, struct why *why) {
  const char *names[DESCRIPTION_ROWS];
  for (size_t i = 0; i < info->n_params; i++) names[i] = info->params[i].name;
  const char *near = near_of(name, names, info->n_params);
  return refuse(row, index, why, "this plugin has no parameter `%.80s`%s%s%s", name,
                near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
                near != NULL ? "`?" : "");
}

static ridge_status check_target(const struct plugin_info *info, const ridge_relation *row,
                                 size_t index, struct why *why) {
  char where[64];
  snprintf(where, sizeof where, "relation %zu: its `target`", index + 1);
  ridge_status status = rules_text(row->target, (struct text_rule){.most = 64}, where, why);
  if (status != RIDGE_OK) return status;
  if (row->kind == RIDGE_IDLE)
    return plugin_param(info, row->target) != NULL
               ? RIDGE_OK
               : refuse_param(info, row, index, row->target, why);
  if (strcmp(row->target, info->id) == 0)
    return refuse(row, index, why, "it names the plugin itself");
  if (is_target(row)) return RIDGE_OK;
  return refuse(
      row, index, why,
      row->kind == RIDGE_NEEDS || row->kind == RIDGE_CLASHES
          ? "a plugin, `family.*`, `cap:name`, `device:fact` or a setting is wanted"
          : "a plugin or `family.*` is wanted");
}

/* Conditions ------------------------------------------------------------------------- */

static ridge_status check_comparand(const struct plugin_info *info,
                                    const ridge_relation *row, size_t index,
                                    struct why *why) {
  const struct setting *setting =
      row->kind == RIDGE_IDLE ? NULL : setting_find(row->target);
  if (row->op == RIDGE_ALWAYS) {
    if (row->param != NULL)
      return refuse(row, index, why,
                    "it names the parameter `%.80s` but no op to compare it with",
                    row->param);
    if (setting != NULL)
      return refuse(row, index, why,
                    "a setting is always there: say which value, with op and value");
    return RIDGE_OK;
  }
  if (row->param != NULL) {
    if (setting != NULL)
      return refuse(
          row, index, why,
          "the target is a setting, so the condition is about it and `param` is NULL");
    if (plugin_param(info, row->param) == NULL)
      return refuse_param(info, row, index, row->param, why);
    return RIDGE_OK;
  }
  if (setting == NULL)
    return refuse(
        row, index, why,
        "it has an op but nothing to compare: name a parameter in `param`, or a setting "
        "of the host as target");
  if ((setting->flags & SETTING_LIST) != 0)
    return refuse(row, index, why, "this setting is a list, which cannot be compared");
  return RIDGE_OK;
}

static bool is_choice(const char *const *choices, const char *value) {
  for (size_t i = 0; choices != NULL && choices[i] != NULL; i++)
    if (strcmp(choices[i], value) == 0) return true;
  return false;
}

static ridge_status check_value(const struct plugin_info *info, const ridge_relation *row,
                                size_t index, struct why *why) {
  uint32_t type = plugin_relation_type(info, row);
  bool number = type == RIDGE_T_INT || type == RIDGE_T_REAL;
  if (row->op > RIDGE_NE && !number)
    return refuse(row, index, why, "only numbers can be compared with `%s`",
                  vocabulary_word(VOCABULARY_OP, row->op));
  if (type == RIDGE_T_REAL && !isfinite(row->value.r))
    return refuse(row, index, why, "its value is not a finite number");
  if (type != RIDGE_T_TEXT && type != RIDGE_T_CHOICE) return RIDGE_OK;
  if (row->value.t == NULL) return refuse(row, index, why, "its value is NULL");
  if (type == RIDGE_T_TEXT) return RIDGE_OK;
  const char *const *choices = row->param != NULL ? plugin_param(info, row->param)->choices
                                                  : setting_find(row->target)->choices;
  if (is_choice(choices, row->value.t)) return RIDGE_OK;
  return refuse(row, index, why, "its value `%.80s` is none of the choices", row->value.t);
}

static ridge_status check_relation(const struct plugin_info *info, size_t index,
                                   struct why *why) {
  const ridge_relation *row = &info->relations[index];
  char where[64];
  if (vocabulary_word(VOCABULARY_RELATION, row->kind) == NULL ||
      vocabulary_word(VOCABULARY_OP, row->op) == NULL)
    return why_set(why, RIDGE_INVALID,
                   "relation %zu: its `kind` is %" PRIu32 " and its `op` %" PRIu32
                   "; one of them is none",
                   index + 1, row->kind, row->op);
  ridge_status status = check_target(info, row, index, why);
  if (status != RIDGE_OK) return status;
  snprintf(where, sizeof where, "relation %zu: its `why`, which the user reads,",
           index + 1);
  status = rules_text(row->why, (struct text_rule){.most = 500}, where, why);
  if (status == RIDGE_OK) status = check_comparand(info, row, index, why);
  if (status == RIDGE_OK && row->op != RIDGE_ALWAYS)
    status = check_value(info, row, index, why);
  return status;
}

ridge_status rules_relations(const struct plugin_info *info, struct why *why) {
  for (size_t i = 0; i < info->n_relations; i++) {
    ridge_status status = check_relation(info, i, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}
