/* compose_emit.c - a composition that is in order, written down. */
#include "compose/compose_state.h"

#include "base/canon.h"
#include "recipe/recipe_fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files --- */

/* What a shell completes on the command line is relative to the folder of the shell. */
static char *path_from_here(const char *name) {
  char *here = getcwd(NULL, 0), *path = NULL;
  if (name[0] == '/' || here == NULL)
    path = strdup(name);
  else if (asprintf(&path, "%s/%s", here, name) < 0)
    path = NULL;
  if (path == NULL) abort();
  free(here);
  return path;
}

char *compose_path_of(const struct composing *c, const struct resolved *value) {
  const char *name = json_string_value(value->value);
  return value->origin.kind == ORIGIN_COMMAND ? path_from_here(name)
                                              : recipe_file_path(c->recipe->path, name);
}

static bool names_file(const struct resolved *value) {
  const char *name = value->bad ? NULL : json_string_value(value->value);
  return name != NULL && name[0] != 0;
}

static void note_places(const struct composing *c, const struct resolved *value,
                        const char *path, json_t *row) {
  char *places[RECIPE_PLACES];
  if (value->origin.kind == ORIGIN_COMMAND) {
    diagnostic_note(row, "looked for as %s", path);
    return;
  }
  size_t n = recipe_file_places(c->recipe->path, json_string_value(value->value), places);
  for (size_t i = 0; i < n; i++) {
    diagnostic_note(row, "looked for as %s", places[i]);
    free(places[i]);
  }
}

static void help_near(const struct composing *c, const struct resolved *value,
                      const char *path, json_t *row) {
  const char *written = json_string_value(value->value);
  char *near = value->origin.kind == ORIGIN_COMMAND
                   ? recipe_path_near(path, written)
                   : recipe_file_near(c->recipe->path, written);
  if (near != NULL) diagnostic_help(row, "did you mean `%s`?", near);
  free(near);
}

static void check_file(struct composing *c, const struct resolved *value, const char *owner,
                       const char *name, bool folder) {
  struct stat info;
  if (!names_file(value)) return;
  char *path = compose_path_of(c, value);
  const char *written = json_string_value(value->value);
  bool there = stat(path, &info) == 0;
  bool fits = there && (S_ISREG(info.st_mode) || (folder && S_ISDIR(info.st_mode)));
  if (!fits || access(path, R_OK) != 0) {
    json_t *row =
        diagnose(&c->diagnostics, "P301", value->origin, "`%s.%s`: %s `%s`", owner, name,
                 !there  ? "there is no file"
                 : !fits ? "this is no regular file:"
                         : "this file may not be read:",
                 written);
    if (!there && written[0] != '/') note_places(c, value, path, row);
    if (!there) help_near(c, value, path, row);
    if (!there && written[0] != '/' && value->origin.kind != ORIGIN_COMMAND &&
        access(written, R_OK) == 0)
      diagnostic_help(row,
                      "it is in the current folder, but a name is relative to the recipe's "
                      "folder, or to the folder that holds `recipes`");
  }
  free(path);
}

void compose_files(struct composing *c) {
  size_t n;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++)
    if ((rows[i].flags & SETTING_PATH) != 0 && compose_in_effect(c, rows[i].word))
      check_file(c, &c->settings[i], rows[i].word, rows[i].field,
                 (rows[i].flags & SETTING_FOLDER) != 0);
  for (size_t i = 0; i < c->n_used; i++) {
    const struct plugin_info *plugin = c->used[i].plugin;
    for (size_t k = 0; plugin != NULL && k < plugin->n_params; k++)
      if (plugin->params[k].flags & RIDGE_PATH)
        check_file(c, &c->used[i].params[k], plugin->id, plugin->params[k].name,
                   (plugin->params[k].flags & RIDGE_FOLDER) != 0);
  }
}

/* --- results --- */

static void put(json_t *object, const char *name, const json_t *value) {
  json_object_set_new(object, name, json_deep_copy(value));
}

static json_t *origin_json(const struct resolved *value) {
  return json_string(origin_name(value->origin.kind));
}

static void put_place(struct composed *out, const char *name, struct place at) {
  if (at.line == 0) return;
  json_object_set_new(json_object_get(out->origins, "lines"), name, json_integer(at.line));
  json_object_set_new(json_object_get(out->origins, "places"), name, place_json(at));
}

static void put_typed(struct composed *out, const char *name, const struct origin *origin) {
  if (origin->typed == NULL) return;
  json_object_set_new(json_object_get(out->origins, "typed"), name,
                      json_pack("[s, s]", diagnostics_option(origin), origin->typed));
}

static void emit_setting(const struct composing *c, const struct setting *row,
                         const struct resolved *value, struct composed *out) {
  char name[128];
  snprintf(name, sizeof name, "%s.%s", row->word, row->field);
  put(json_object_get(out->composition, "settings"), name, value->value);
  json_object_set_new(json_object_get(out->origins, "settings"), name, origin_json(value));
  const struct recipe_word *word = c->words[compose_word_index(row->word)];
  struct place at = value->origin.kind == ORIGIN_RECIPE ? value->origin.at
                    : word != NULL                      ? word->at
                                                        : (struct place){0};
  put_place(out, name, at);
  put_typed(out, name, &value->origin);
  if ((row->flags & SETTING_PATH) == 0) return;
  char *path = compose_path_of(c, value);
  json_object_set_new(json_object_get(out->paths, "settings"), name, json_string(path));
  free(path);
}

static void emit_settings(const struct composing *c, struct composed *out) {
  size_t n;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++)
    if (compose_in_effect(c, rows[i].word) && c->settings[i].value != NULL)
      emit_setting(c, &rows[i], &c->settings[i], out);
}

static void emit_used(const struct composing *c, const struct used *used,
                      struct composed *out) {
  const struct plugin_info *plugin = used->plugin;
  json_t *params = json_object(), *origins = json_object(), *paths = json_object();
  char name[192];
  put_place(out, plugin->id, used->word->arg_at);
  for (size_t i = 0; i < plugin->n_params; i++) {
    const struct resolved *value = &used->params[i];
    const char *param = plugin->params[i].name;
    put(params, param, value->value);
    json_object_set_new(origins, param, origin_json(value));
    snprintf(name, sizeof name, "%s.%s", plugin->id, param);
    if (value->origin.kind == ORIGIN_RECIPE) put_place(out, name, value->origin.at);
    put_typed(out, name, &value->origin);
    if ((plugin->params[i].flags & RIDGE_PATH) == 0 || !names_file(value)) continue;
    char *path = compose_path_of(c, value);
    json_object_set_new(paths, param, json_string(path));
    free(path);
  }
  json_array_append_new(json_object_get(out->composition, "strategies"),
                        json_pack("{s:s, s:o, s:O}", "id", plugin->id, "params", params,
                                  "may_idle", used->may_idle.value));
  json_array_append_new(
      json_object_get(out->origins, "strategies"),
      json_pack("{s:o, s:i}", "params", origins, "line", used->word->at.line));
  json_array_append_new(json_object_get(out->paths, "strategies"), paths);
}

/* Equal digests: the same thing is executed.  How often it is measured stays out. */
static json_t *named_part(const json_t *composition, bool strategies) {
  json_t *part = json_deep_copy(composition), *settings = json_object_get(part, "settings");
  const char *name;
  json_t *value;
  void *next;
  json_object_foreach_safe(settings, next, name, value)
    if (strncmp(name, "measure.", 8) == 0) json_object_del(settings, name);
  if (!strategies) json_object_del(part, "strategies");
  return part;
}

static struct digest digest_of(const json_t *composition, bool strategies) {
  json_t *part = named_part(composition, strategies);
  struct digest digest = canon_digest(part);
  json_decref(part);
  return digest;
}

static json_t *text_or_null(const char *text) {
  return text == NULL ? json_null() : json_string(text);
}

static json_t *value_or_null(const struct resolved *value) {
  return value->value == NULL ? json_null() : json_incref(value->value);
}

static json_t *measure_json(const struct composing *c) {
  json_t *measure = json_object();
  size_t n;
  const struct setting *rows = setting_list(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(rows[i].word, "measure") == 0)
      json_object_set_new(measure, rows[i].field, value_or_null(&c->settings[i]));
  return measure;
}

static json_t *recipe_json(const struct composing *c) {
  const struct recipe *recipe = c->recipe;
  json_t *text = json_stringn(recipe->source.text, recipe->source.size);
  json_t *out = json_object();
  json_object_set_new(out, "name", value_or_null(&c->fields.name));
  json_object_set_new(
      out, "root", text_or_null(recipe->root == NULL ? NULL : recipe->root->keyword->name));
  json_object_set_new(out, "seed", value_or_null(&c->fields.seed));
  json_object_set_new(out, "file", json_string(recipe->file));
  json_object_set_new(out, "path", text_or_null(recipe->path));
  json_object_set_new(out, "text", text != NULL ? text : json_null()); /* not UTF-8 */
  json_object_set_new(out, "against",
                      text_or_null(c->against == NULL ? NULL : c->against->arg));
  json_object_set_new(out, "against_path", text_or_null(c->against_path));
  json_object_set_new(out, "measure", measure_json(c));
  return out;
}

void compose_emit(struct composing *c, struct composed *out) {
  out->recipe = recipe_json(c);
  out->diagnostics = diagnostics_sorted(&c->diagnostics);
  if (json_array_size(out->diagnostics) > 0) return;
  out->composition = json_pack("{s:s, s:O, s:{}, s:[]}", "root", "infer", "floor",
                               c->fields.floor.value, "settings", "strategies");
  out->origins = json_pack("{s:{}, s:[], s:{s:o, s:o, s:o}, s:{}, s:{}, s:{}}", "settings",
                           "strategies", "recipe", "name", origin_json(&c->fields.name),
                           "seed", origin_json(&c->fields.seed), "floor",
                           origin_json(&c->fields.floor), "lines", "places", "typed");
  out->paths = json_pack("{s:{}, s:[]}", "settings", "strategies");
  put_place(out, "root", c->recipe->root->at);
  emit_settings(c, out);
  for (size_t i = 0; i < c->n_used; i++) emit_used(c, &c->used[i], out);
  out->digest = digest_of(out->composition, true);
  out->task = digest_of(out->composition, false);
}
