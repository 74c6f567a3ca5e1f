/* compose_uses.c - the `use` lines: plugins and their parameters. */
#include "compose/compose_state.h"

#include "base/text.h"
#include "registry/vocabulary.h"

#include <stdlib.h>
#include <string.h>

static const struct rule may_idle_rule = {
    .owner = "use",
    .name = "may_idle",
    .type = RIDGE_T_BOOL,
    .doc = "Accept that this strategy may turn out to have nothing to do.",
};

struct used *compose_find(const struct composing *c, const char *id) {
  for (size_t i = 0; i < c->n_used; i++)
    if (strcmp(c->used[i].word->arg, id) == 0) return &c->used[i];
  return NULL;
}

static bool left_out(const struct composing *c, const char *id) {
  for (size_t i = 0; i < c->request->n_without; i++)
    if (strcmp(c->request->without[i], id) == 0) return true;
  return false;
}

/* kv.paged comes as kv_paged.so: is it there, and cannot be used? */
static bool is_file_of(const char *path, const char *id) {
  const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
  size_t size = strlen(id);
  if (strlen(base) != size + 3 || strcmp(base + size, ".so") != 0) return false;
  for (size_t i = 0; i < size; i++)
    if (base[i] != (id[i] == '.' ? '_' : id[i])) return false;
  return true;
}

static void note_problems(const struct registry *registry, const char *id, json_t *row) {
  for (size_t i = 0; i < registry->n_problems; i++)
    if (is_file_of(registry->problems[i].path, id))
      diagnostic_note(row, "%s cannot be used: %s", registry->problems[i].path,
                      registry->problems[i].sentence);
  if (registry->n_problems > 0)
    diagnostic_note(row, "%zu plugin files cannot be used; `ridge plugins` says why",
                    registry->n_problems);
}

static void not_installed(struct composing *c, const struct recipe_word *word) {
  const struct registry *registry = c->registry;
  const char **ids = arena_array(&c->arena, registry->n_plugins + 1, sizeof *ids);
  for (size_t i = 0; i < registry->n_plugins; i++) ids[i] = registry->plugins[i].id;
  json_t *row = diagnose(&c->diagnostics, "P101", origin_at(word->arg_at),
                         "no plugin `%s` is installed", word->arg);
  note_problems(registry, word->arg, row);
  if (!diagnostic_help_near(row, word->arg, ids, registry->n_plugins))
    diagnostic_help(row, "`ridge plugins` lists what is installed");
}

static void check_usable(struct composing *c, const struct used *used) {
  const struct plugin_info *plugin = used->plugin;
  if (plugin->kind != RIDGE_STRATEGY) {
    json_t *row = diagnose(&c->diagnostics, "P105", origin_at(used->word->arg_at),
                           "`%s` is a part; `use` takes strategies", plugin->id);
    diagnostic_help(
        row, "parts are chosen by what the machine has; `ridge plan` shows which serve");
  } else if ((plugin->phases & RIDGE_INFER) == 0) {
    json_t *row = diagnose(&c->diagnostics, "P105", origin_at(used->word->arg_at),
                           "`%s` does nothing in an `infer` recipe", plugin->id);
    json_t *phases = vocabulary_words(VOCABULARY_PHASE, plugin->phases);
    for (size_t i = 0; i < json_array_size(phases); i++)
      diagnostic_note(row, "it works in `%s`",
                      json_string_value(json_array_get(phases, i)));
    json_decref(phases);
  }
}

static void unknown_param(struct composing *c, const struct plugin_info *plugin,
                          const char *name, struct origin origin) {
  const char **names = arena_array(&c->arena, plugin->n_params + 2, sizeof *names);
  struct text has = text_new(4096);
  for (size_t i = 0; i < plugin->n_params; i++) {
    names[i] = plugin->params[i].name;
    text_format(&has, "%s%s", i == 0 ? "" : ", ", names[i]);
  }
  names[plugin->n_params] = may_idle_rule.name;
  json_t *row = diagnose(&c->diagnostics, "P102", origin, "`%s` has no parameter `%s`",
                         plugin->id, name);
  diagnostic_note(row, plugin->n_params == 0 ? "it has no parameters" : "it has %s",
                  has.data);
  diagnostic_help_near(row, name, names, plugin->n_params + 1);
  text_free(&has);
}

static void set_param(struct composing *c, struct used *used, const char *name,
                      const struct recipe_value *value, const char *typed,
                      struct origin origin) {
  struct diagnostics *all = &c->diagnostics;
  bool idle = strcmp(name, may_idle_rule.name) == 0;
  const ridge_param *param =
      idle || used->plugin == NULL ? NULL : plugin_param(used->plugin, name);
  if (!idle && used->plugin == NULL) return; /* said already: not installed */
  if (!idle && param == NULL) {
    unknown_param(c, used->plugin, name, origin);
    return;
  }
  struct rule rule = idle ? may_idle_rule : rule_of_param(used->plugin, param);
  struct resolved *slot =
      idle ? &used->may_idle : &used->params[param - used->plugin->params];
  resolved_set(slot,
               typed != NULL ? rule_parse(all, &rule, typed, origin)
                             : rule_check(all, &rule, value, origin),
               origin);
}

void compose_override_param(struct composing *c, struct used *used, const char *name,
                            const char *typed, struct origin origin) {
  set_param(c, used, name, NULL, typed, origin);
}

static void fill_params(struct composing *c, struct used *used) {
  const struct plugin_info *plugin = used->plugin;
  used->params = arena_array(&c->arena, plugin->n_params + 1, sizeof *used->params);
  for (size_t i = 0; i < plugin->n_params; i++) {
    if (plugin->params[i].flags & RIDGE_REQUIRED) continue;
    struct rule rule = rule_of_param(plugin, &plugin->params[i]);
    used->params[i].value = rule_default(&rule);
    if (used->params[i].value == NULL) used->params[i].value = json_string("");
  }
}

static void take_use(struct composing *c, const struct recipe_word *word) {
  const struct used *first = compose_find(c, word->arg);
  struct used *used = &c->used[c->n_used++];
  *used = (struct used){.word = word, .plugin = registry_find(c->registry, word->arg)};
  used->repeated = first != NULL;
  used->may_idle.value = json_false();
  if (used->plugin == NULL) {
    not_installed(c, word);
  } else {
    check_usable(c, used);
    fill_params(c, used);
  }
  if (word->n_items > 0) {
    json_t *row = diagnose(&c->diagnostics, "R003", origin_at(word->at),
                           "`use \"%s\"` takes named parameters; its table has plain items",
                           word->arg);
    diagnostic_help(row, "write `use \"%s\" { name = value }`", word->arg);
  }
  for (size_t i = 0; i < word->n_fields; i++)
    set_param(c, used, word->fields[i].name, &word->fields[i].value, NULL,
              origin_at(word->fields[i].at));
}

/* After --set, which may have given it. */
void compose_uses_complete(struct composing *c) {
  for (size_t i = 0; i < c->n_used; i++) {
    const struct used *used = &c->used[i];
    for (size_t k = 0; used->plugin != NULL && k < used->plugin->n_params; k++) {
      const ridge_param *param = &used->plugin->params[k];
      if (used->params[k].value != NULL || used->params[k].bad) continue;
      json_t *row =
          diagnose(&c->diagnostics, "P106", origin_at(used->word->arg_at),
                   "`%s` needs its parameter `%s`", used->plugin->id, param->name);
      diagnostic_note(row, "%s", param->doc);
      diagnostic_help(row, "write `use \"%s\" { %s = ... }`", used->plugin->id,
                      param->name);
    }
  }
}

void compose_uses(struct composing *c) {
  const struct recipe_word *root = c->recipe->root;
  c->used = arena_array(&c->arena, root->n_items + 1, sizeof *c->used);
  for (size_t i = 0; i < root->n_items; i++) {
    const struct recipe_word *word = root->items[i].word;
    if (word == NULL || strcmp(word->keyword->name, "use") != 0) continue;
    if (word->arg != NULL && !left_out(c, word->arg)) take_use(c, word);
  }
}
