/*
 * compose_relations.c - what may stand beside what: seams, needs, clashes, order,
 * floor.
 *
 * Relations are data of the plugins; here they are only read.  Nothing is reordered
 * or switched off: it is refused, in the words of the plugin's author.
 */
#include "compose/compose_state.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- conditions --- */

static int compare_texts(const char *a, const char *b) {
  return strcmp(a, b == NULL ? "" : b);
}

bool relation_compares(uint32_t type, const json_t *value, uint32_t op, ridge_value with) {
  int order;
  if (op == RIDGE_ALWAYS) return true;
  if (value == NULL) return false;
  switch (type) {
  case RIDGE_T_BOOL: order = (int)json_is_true(value) - (int)with.b; break;
  case RIDGE_T_INT:
    order = (json_integer_value(value) > with.i) - (json_integer_value(value) < with.i);
    break;
  case RIDGE_T_REAL:
    order = (json_number_value(value) > with.r) - (json_number_value(value) < with.r);
    break;
  default:
    if (!json_is_string(value)) return false;
    order = compare_texts(json_string_value(value), with.t);
  }
  switch (op) {
  case RIDGE_EQ: return order == 0;
  case RIDGE_NE: return order != 0;
  case RIDGE_LT: return order < 0;
  case RIDGE_LE: return order <= 0;
  case RIDGE_GT: return order > 0;
  case RIDGE_GE: return order >= 0;
  default: return false;
  }
}

char *relation_condition(uint32_t type, uint32_t op, ridge_value with) {
  static const char *const words[] = {"",           "is",       "is not",     "is below",
                                      "is at most", "is above", "is at least"};
  struct text out = text_new(512);
  text_format(&out, " %s ", op < sizeof words / sizeof *words ? words[op] : "?");
  switch (type) {
  case RIDGE_T_BOOL: text_add(&out, with.b ? "true" : "false"); break;
  case RIDGE_T_INT: text_format(&out, "%lld", (long long)with.i); break;
  case RIDGE_T_REAL: text_format(&out, "%.15g", with.r); break;
  default: text_format(&out, "\"%s\"", with.t == NULL ? "" : with.t);
  }
  return out.data;
}

/* Does the row count, by the condition on a parameter of its own plugin?  Not when
 * that parameter was refused: one mistake, one diagnostic. */
static bool applies(const struct used *self, const ridge_relation *row) {
  if (row->op == RIDGE_ALWAYS || row->param == NULL) return true;
  const ridge_param *param = plugin_param(self->plugin, row->param);
  if (param == NULL) return false;
  const struct resolved *value = &self->params[param - self->plugin->params];
  return !value->bad && relation_compares(param->type, value->value, row->op, row->value);
}

/* " when `kv.quant.values` is "q4"", or "". */
static const char *when(struct composing *c, const struct used *self,
                        const ridge_relation *row) {
  if (row->op == RIDGE_ALWAYS || row->param == NULL) return "";
  char *condition =
      relation_condition(plugin_param(self->plugin, row->param)->type, row->op, row->value);
  const char *text =
      arena_format(&c->arena, " when `%s.%s`%s", self->plugin->id, row->param, condition);
  free(condition);
  return text;
}

static void put_why(json_t *said, const struct used *by, const ridge_relation *row) {
  diagnostic_note(said, "because %s (declared by %s)", row->why, by->plugin->id);
}

/* --- targets --- */

static bool has_prefix(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool provides(const struct plugin_info *plugin, const char *capability) {
  for (size_t i = 0; i < plugin->n_provides; i++)
    if (strcmp(plugin->provides[i], capability) == 0) return true;
  return false;
}

/* Plugin, family or capability. */
static bool is_meant(const char *target, const struct plugin_info *plugin) {
  size_t size = strlen(target);
  if (has_prefix(target, "cap:")) return provides(plugin, target + 4);
  if (size > 2 && strcmp(target + size - 2, ".*") == 0)
    return strlen(plugin->family) == size - 2 &&
           strncmp(plugin->family, target, size - 2) == 0;
  return strcmp(target, plugin->id) == 0;
}

/* Parts are in every run. */
static const struct plugin_info *part_meant(const struct composing *c, const char *target) {
  for (size_t i = 0; i < c->registry->n_plugins; i++)
    if (c->registry->plugins[i].kind == RIDGE_PART &&
        is_meant(target, &c->registry->plugins[i]))
      return &c->registry->plugins[i];
  return NULL;
}

static bool has_device(const struct composing *c, const char *fact) {
  return machine_has(c->machine, fact, NULL, 0);
}

/* A setting as a relation sees it; one whose word is not there has its default. */
static const struct resolved *setting_meant(const struct composing *c,
                                            const struct setting *row) {
  size_t n;
  return &c->settings[row - setting_list(&n)];
}

/* --- seams --- */

static void refuse_repeated(struct composing *c, const struct used *used) {
  const struct used *first = compose_find(c, used->word->arg);
  json_t *row = diagnose(&c->diagnostics, "P201", origin_at(used->word->arg_at),
                         "`%s` is used twice", used->word->arg);
  diagnostic_note_at(&c->diagnostics, row, origin_at(first->word->at),
                     "it is used here first");
  diagnostic_help(row, "remove one of the two `use` lines");
}

static bool fills(const struct plugin_info *plugin, const char *seam) {
  for (size_t i = 0; i < plugin->n_fills; i++)
    if (strcmp(plugin->fills[i].seam, seam) == 0) return true;
  return false;
}

static void check_one(struct composing *c, const struct seam *seam) {
  const struct used *first = NULL;
  for (size_t i = 0; i < c->n_used; i++) {
    const struct used *used = &c->used[i];
    if (used->plugin == NULL || used->repeated || !fills(used->plugin, seam->id)) continue;
    if (first == NULL) {
      first = used;
      continue;
    }
    json_t *row =
        diagnose(&c->diagnostics, "P201", origin_at(used->word->arg_at),
                 "`%s` and `%s` both fill `%.*s`, which takes one", first->plugin->id,
                 used->plugin->id, (int)strcspn(seam->id, "/"), seam->id);
    diagnostic_note_at(&c->diagnostics, row, origin_at(first->word->at),
                       "`%s` filled it first", first->plugin->id);
    diagnostic_help(row, "remove one of the two `use` lines");
  }
}

void compose_seams(struct composing *c) {
  size_t n;
  const struct seam *seams = seam_list(&n);
  for (size_t i = 0; i < c->n_used; i++)
    if (c->used[i].repeated) refuse_repeated(c, &c->used[i]);
  for (size_t i = 0; i < n; i++)
    if (seams[i].kind == SEAM_ONE) check_one(c, &seams[i]);
}

/* What a setting is, and where that comes from. */
static void note_value(struct composing *c, json_t *said, const struct setting *setting,
                       const struct resolved *value) {
  size_t n, i = compose_word_index(setting->word);
  const char *needs = setting_words(&n)[i].needs;
  if (!compose_in_effect(c, setting->word)) {
    diagnostic_note(said, "the recipe has no `%s`", needs != NULL ? needs : setting->word);
    return;
  }
  char *text = value->value == NULL ? NULL : json_dumps(value->value, JSON_ENCODE_ANY);
  diagnostic_note_at(&c->diagnostics, said, value->origin, "`%s.%s` is %s%s", setting->word,
                     setting->field, text == NULL ? "not given" : text,
                     value->origin.kind == ORIGIN_DEFAULT ? ", its default" : "");
  free(text);
}

/* --- needs --- */

static bool is_used(const struct composing *c, const struct used *self,
                    const char *target) {
  for (size_t i = 0; i < c->n_used; i++)
    if (&c->used[i] != self && c->used[i].plugin != NULL &&
        is_meant(target, c->used[i].plugin))
      return true;
  return part_meant(c, target) != NULL;
}

/* "add `use "kv.paged"`", naming what is installed and would do. */
static void help_add(struct composing *c, json_t *said, const char *target) {
  struct text names = text_new(1024);
  for (size_t i = 0; i < c->registry->n_plugins; i++) {
    const struct plugin_info *plugin = &c->registry->plugins[i];
    if (plugin->kind == RIDGE_STRATEGY && is_meant(target, plugin))
      text_format(&names, "%s`use \"%s\"`", names.size == 0 ? "" : " or ", plugin->id);
  }
  if (names.size > 0)
    diagnostic_help(said, "add %s", names.data);
  else
    diagnostic_help(said, "nothing that is installed would do");
  text_free(&names);
}

static json_t *needs_setting(struct composing *c, const struct used *self,
                             const ridge_relation *row, const struct setting *setting) {
  const struct resolved *value = setting_meant(c, setting);
  if (value->bad || relation_compares(setting->type, value->value, row->op, row->value))
    return NULL;
  char *condition = relation_condition(setting->type, row->op, row->value);
  json_t *said =
      diagnose(&c->diagnostics, "P202", origin_at(self->word->arg_at),
               "`%s` needs that `%s`%s", self->plugin->id, row->target, condition);
  free(condition);
  note_value(c, said, setting, value);
  if (compose_in_effect(c, setting->word))
    diagnostic_help(said, "write `%s { %s = ... }`", setting->word, setting->field);
  return said;
}

static json_t *needs_device(struct composing *c, const struct used *self,
                            const ridge_relation *row) {
  if (has_device(c, row->target + 7)) return NULL;
  return diagnose(&c->diagnostics, "P202", origin_at(self->word->arg_at),
                  "`%s` needs `%s`%s, which this machine does not have", self->plugin->id,
                  row->target + 7, when(c, self, row));
}

static json_t *needs_plugin(struct composing *c, const struct used *self,
                            const ridge_relation *row) {
  if (is_used(c, self, row->target)) return NULL;
  bool capability = has_prefix(row->target, "cap:");
  json_t *said = diagnose(&c->diagnostics, "P202", origin_at(self->word->arg_at),
                          "`%s` needs %s`%s`%s", self->plugin->id,
                          capability ? "something that provides " : "",
                          row->target + (capability ? 4 : 0), when(c, self, row));
  help_add(c, said, row->target);
  return said;
}

static void check_need(struct composing *c, const struct used *self,
                       const ridge_relation *row) {
  const struct setting *setting = setting_find(row->target);
  if (!applies(self, row)) return;
  json_t *said = setting != NULL                      ? needs_setting(c, self, row, setting)
                 : has_prefix(row->target, "device:") ? needs_device(c, self, row)
                                                      : needs_plugin(c, self, row);
  if (said != NULL) put_why(said, self, row);
}

/* --- clashes --- */

static const ridge_relation *find_row(const struct used *self, uint32_t kind,
                                      const struct plugin_info *other) {
  for (size_t i = 0; i < self->plugin->n_relations; i++) {
    const ridge_relation *row = &self->plugin->relations[i];
    if (row->kind == kind && setting_find(row->target) == NULL &&
        is_meant(row->target, other) && applies(self, row))
      return row;
  }
  return NULL;
}

static void check_pair(struct composing *c, const struct used *first,
                       const struct used *later) {
  const struct used *by = later;
  const ridge_relation *row = find_row(later, RIDGE_CLASHES, first->plugin);
  if (row == NULL) row = find_row(by = first, RIDGE_CLASHES, later->plugin);
  if (row == NULL) return;
  json_t *said = diagnose(&c->diagnostics, "P203", origin_at(later->word->arg_at),
                          "`%s` and `%s` cannot run together%s", later->plugin->id,
                          first->plugin->id, when(c, by, row));
  diagnostic_note_at(&c->diagnostics, said, origin_at(first->word->at), "`%s` is used here",
                     first->plugin->id);
  put_why(said, by, row);
  diagnostic_help(said, "drop one of the two lines");
}

static void clash_setting(struct composing *c, const struct used *self,
                          const ridge_relation *row, const struct setting *setting) {
  const struct resolved *value = setting_meant(c, setting);
  if (value->bad || !relation_compares(setting->type, value->value, row->op, row->value))
    return;
  char *condition = relation_condition(setting->type, row->op, row->value);
  json_t *said =
      diagnose(&c->diagnostics, "P203", origin_at(self->word->arg_at),
               "`%s` cannot run when `%s`%s", self->plugin->id, row->target, condition);
  free(condition);
  note_value(c, said, setting, value);
  put_why(said, self, row);
}

/* Clashes with what is no strategy: settings, the machine, parts. */
static void check_clash(struct composing *c, const struct used *self,
                        const ridge_relation *row) {
  const struct setting *setting = setting_find(row->target);
  if (!applies(self, row)) return;
  if (setting != NULL) {
    clash_setting(c, self, row, setting);
    return;
  }
  bool device = has_prefix(row->target, "device:");
  const struct plugin_info *part = device ? NULL : part_meant(c, row->target);
  if (device ? !has_device(c, row->target + 7) : part == NULL) return;
  json_t *said =
      device ? diagnose(&c->diagnostics, "P203", origin_at(self->word->arg_at),
                        "`%s` cannot run on a machine with `%s`", self->plugin->id,
                        row->target + 7)
             : diagnose(&c->diagnostics, "P203", origin_at(self->word->arg_at),
                        "`%s` cannot run beside the part `%s`", self->plugin->id, part->id);
  put_why(said, self, row);
}

/* --- order --- */

static void check_order(struct composing *c, const struct used *first,
                        const struct used *later) {
  const struct used *by = first;
  const ridge_relation *row = find_row(first, RIDGE_AFTER, later->plugin);
  if (row == NULL) row = find_row(by = later, RIDGE_BEFORE, first->plugin);
  if (row == NULL) return;
  json_t *said = diagnose(&c->diagnostics, "P204", origin_at(later->word->arg_at),
                          "`%s` has to come before `%s`%s", later->plugin->id,
                          first->plugin->id, when(c, by, row));
  diagnostic_note_at(&c->diagnostics, said, origin_at(first->word->at), "`%s` is used here",
                     first->plugin->id);
  put_why(said, by, row);
  diagnostic_help(said, "write `use \"%s\"` above line %d", later->plugin->id,
                  first->word->at.line);
}

void compose_relations(struct composing *c) {
  for (size_t i = 0; i < c->n_used; i++) {
    const struct used *self = &c->used[i];
    if (self->plugin == NULL || self->repeated) continue;
    for (size_t k = 0; k < self->plugin->n_relations; k++) {
      if (self->plugin->relations[k].kind == RIDGE_NEEDS)
        check_need(c, self, &self->plugin->relations[k]);
      if (self->plugin->relations[k].kind == RIDGE_CLASHES)
        check_clash(c, self, &self->plugin->relations[k]);
    }
    for (size_t k = 0; k < i; k++) {
      const struct used *first = &c->used[k];
      if (first->plugin == NULL || first->repeated) continue;
      check_pair(c, first, self);
      check_order(c, first, self);
    }
  }
}

/* --- floor --- */

static const char *const effects[] = {"", "exact", "tolerant", "lossy"};

void compose_floor(struct composing *c) {
  const char *floor = json_string_value(c->fields.floor.value);
  uint32_t most = RIDGE_LOSSY;
  if (floor == NULL) return;
  for (uint32_t i = RIDGE_EXACT; i <= RIDGE_LOSSY; i++)
    if (strcmp(effects[i], floor) == 0) most = i;
  for (size_t i = 0; i < c->n_used; i++) {
    const struct plugin_info *plugin = c->used[i].plugin;
    if (plugin == NULL || plugin->effect <= most || plugin->effect > RIDGE_LOSSY) continue;
    json_t *row = diagnose(&c->diagnostics, "P206", origin_at(c->used[i].word->arg_at),
                           "`%s` is %s; the recipe's floor is %s", plugin->id,
                           effects[plugin->effect], floor);
    diagnostic_note_at(&c->diagnostics, row, c->fields.floor.origin,
                       "the floor is set here");
    diagnostic_help(row, "drop this line, or set `floor = \"%s\"`",
                    effects[plugin->effect]);
  }
}
