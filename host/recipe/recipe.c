/* recipe.c - a recipe as read: text, child, answer. */
#include "recipe/recipe.h"
#include "recipe/recipe_fault.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct recipe_child_limits usual = {
    .wall_ms = 12000,
    .answer_bytes = (size_t)16 << 20,
};

static ridge_status evaluate(const char *self, struct recipe *out, struct why *why) {
  char *answer = NULL;
  size_t size = 0;
  json_t *fault = recipe_source_problem(&out->source);
  if (fault == NULL) {
    ridge_status status =
        recipe_child_run(self, &out->source, &usual, &answer, &size, &fault, why);
    if (status != RIDGE_OK) return status;
  }
  if (fault != NULL) {
    out->faults = json_pack("[o]", fault);
    return RIDGE_OK;
  }
  ridge_status status = recipe_answer_read(answer, size, out, why);
  free(answer);
  return status;
}

ridge_status recipe_load(const char *self, const char *path, struct recipe *out,
                         struct why *why) {
  *out = (struct recipe){0};
  out->file = arena_text(&out->arena, path);
  ridge_status status = recipe_source_read(path, &out->source, why);
  if (status != RIDGE_OK) return status;
  char *absolute = realpath(path, NULL);
  if (absolute == NULL) return why_set(why, RIDGE_IO, "%s: has no absolute path", path);
  out->path = arena_text(&out->arena, absolute);
  free(absolute);
  return evaluate(self, out, why);
}

void recipe_free(struct recipe *recipe) {
  json_decref(recipe->faults);
  json_decref(recipe->answer);
  recipe_source_free(&recipe->source);
  arena_free(&recipe->arena);
  *recipe = (struct recipe){0};
}

const struct recipe_field *recipe_field(const struct recipe_word *word, const char *name) {
  for (size_t i = 0; i < word->n_fields; i++)
    if (strcmp(word->fields[i].name, name) == 0) return &word->fields[i];
  return NULL;
}

const char *recipe_value_kind(const struct recipe_value *value) {
  if (value->word != NULL) return "a word of the language";
  switch (json_typeof(value->plain)) {
  case JSON_STRING: return "a text";
  case JSON_INTEGER: return "a whole number";
  case JSON_REAL: return "a number with a fraction";
  case JSON_TRUE:
  case JSON_FALSE: return "a boolean";
  case JSON_ARRAY: return "a list";
  default: return json_string_value(json_object_get(value->plain, "odd"));
  }
}
