/* compose.c - recipe + registry + facts -> composition, or every diagnostic. */
#include "compose/compose.h"

#include "compose/compose_state.h"

#include <stdlib.h>
#include <string.h>

static void release(struct composing *c) {
  size_t n;
  setting_list(&n);
  for (size_t i = 0; i < n; i++) json_decref(c->settings[i].value);
  for (size_t i = 0; i < c->n_used; i++) {
    const struct used *used = &c->used[i];
    json_decref(used->may_idle.value);
    for (size_t k = 0; used->plugin != NULL && k < used->plugin->n_params; k++)
      json_decref(used->params[k].value);
  }
  json_decref(c->fields.name.value);
  json_decref(c->fields.seed.value);
  json_decref(c->fields.floor.value);
  free(c->against_path);
  diagnostics_free(&c->diagnostics);
  arena_free(&c->arena);
}

static void begin(struct composing *c) {
  size_t n_settings, n_words;
  setting_list(&n_settings);
  setting_words(&n_words);
  c->settings = arena_array(&c->arena, n_settings, sizeof *c->settings);
  c->words = arena_array(&c->arena, n_words, sizeof *c->words);
  c->diagnostics = diagnostics_of(c->recipe);
  c->diagnostics.words = c->request->words;
  c->diagnostics.n_words = c->request->n_words;
  compose_fields_default(c);
}

static void check(struct composing *c) {
  compose_fields(c);
  compose_words(c);
  compose_uses(c);
  compose_overrides(c);
  compose_words_complete(c);
  compose_uses_complete(c);
  compose_idle(c);
  compose_seams(c);
  compose_relations(c);
  compose_floor(c);
  compose_files(c);
}

/* A sweep is many compositions; whoever asks for one is told. */
static void refuse_root(struct composing *c) {
  json_t *row = diagnose(&c->diagnostics, "R003", origin_at(c->recipe->root->at),
                         "this is a `%s`; one `infer` recipe is wanted here",
                         c->recipe->root->keyword->name);
  diagnostic_help(row, "`ridge run` runs the whole sweep");
}

void compose_recipe(const struct recipe *recipe, const struct registry *registry,
                    const struct machine *machine, const struct compose_request *request,
                    struct composed *out) {
  struct composing c = {
      .recipe = recipe, .registry = registry, .machine = machine, .request = request};
  *out = (struct composed){.words = request->words, .n_words = request->n_words};
  begin(&c);
  diagnostics_add_faults(&c.diagnostics, recipe->faults);
  bool infer = recipe->root != NULL && strcmp(recipe->root->keyword->name, "infer") == 0;
  if (infer)
    check(&c);
  else if (recipe->root != NULL)
    refuse_root(&c);
  compose_emit(&c, out);
  release(&c);
}

ridge_status compose_file(const char *self, const char *path,
                          const struct registry *registry, const struct machine *machine,
                          const struct compose_override *overrides, size_t n,
                          struct composed *out, struct why *why) {
  struct recipe recipe;
  struct compose_request request = {.overrides = overrides, .n_overrides = n};
  *out = (struct composed){0};
  ridge_status status = recipe_load(self, path, &recipe, why);
  if (status == RIDGE_OK) compose_recipe(&recipe, registry, machine, &request, out);
  recipe_free(&recipe);
  return status;
}

void composed_free(struct composed *composed) {
  json_decref(composed->recipe);
  json_decref(composed->composition);
  json_decref(composed->origins);
  json_decref(composed->paths);
  json_decref(composed->diagnostics);
  *composed = (struct composed){0};
}

int compose_exit(const json_t *diagnostics) {
  int code = 0;
  for (size_t i = 0; i < json_array_size(diagnostics); i++) {
    const char *said =
        json_string_value(json_object_get(json_array_get(diagnostics, i), "code"));
    if (said == NULL || strcmp(said, "P205") != 0) return 2;
    code = 4;
  }
  return code;
}
