/* compose_locate.c - what the worker found while planning, at its place in the recipe. */
#include "compose/compose_state.h"

#include <stdlib.h>
#include <string.h>

/* "kv.paged.budget" -> "kv.paged" -> ...: the nearest thing that the recipe writes. */
static const json_t *place_for(const json_t *places, const char *owner) {
  char *name = strdup(owner);
  if (name == NULL) abort();
  const json_t *found = json_object_get(places, name);
  for (char *dot = strrchr(name, '.'); found == NULL && dot != NULL;
       dot = strrchr(name, '.')) {
    *dot = 0;
    found = json_object_get(places, name);
  }
  free(name);
  return found != NULL ? found : json_object_get(places, "root");
}

static struct place place_read(const json_t *list) {
  return (struct place){(int)json_integer_value(json_array_get(list, 0)),
                        (int)json_integer_value(json_array_get(list, 1)),
                        (int)json_integer_value(json_array_get(list, 2))};
}

/* The name of a member, or the text itself, or "". */
static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text == NULL ? "" : text;
}

/* Was it typed, and not written? */
static bool typed_origin(const struct composed *composed, const char *owner,
                         struct origin *out) {
  const json_t *typed = json_object_get(json_object_get(composed->origins, "typed"), owner);
  if (typed == NULL) return false;
  *out = (struct origin){.kind = ORIGIN_COMMAND,
                         .option = json_string_value(json_array_get(typed, 0)),
                         .typed = json_string_value(json_array_get(typed, 1))};
  return true;
}

/* The finding is of the whole, and part of it was typed: that may be what is wrong. */
static void note_typed(const struct composed *composed, const char *owner, json_t *row) {
  json_t *all = json_object_get(composed->origins, "typed"), *typed;
  size_t size = strlen(owner);
  const char *name;
  json_object_foreach(all, name, typed)
    if (size > 0 && strncmp(name, owner, size) == 0 && name[size] == '.')
      diagnostic_note(row, "with %s %s", json_string_value(json_array_get(typed, 0)),
                      json_string_value(json_array_get(typed, 1)));
}

json_t *compose_locate(const struct composed *composed, const json_t *finding) {
  const json_t *text = json_object_get(composed->recipe, "text");
  struct recipe_source source = recipe_source_of(
      text == NULL ? "" : json_string_value(text), json_string_length(text));
  struct diagnostics all = {.list = json_array(),
                            .file = text_of(composed->recipe, "file"),
                            .source = &source,
                            .words = composed->words,
                            .n_words = composed->n_words};
  const char *owner = text_of(finding, "owner"), *help = text_of(finding, "help");
  struct origin origin;
  if (!typed_origin(composed, owner, &origin))
    origin = origin_at(
        place_read(place_for(json_object_get(composed->origins, "places"), owner)));
  const char *said = text_of(finding, "text");
  bool named = owner[0] == 0 || strncmp(said, owner, strlen(owner)) == 0;
  json_t *row = diagnose(&all, text_of(finding, "code"), origin, "%s%s%s",
                         named ? "" : owner, named ? "" : ": ", said);
  note_typed(composed, owner, row);
  if (help[0] != 0) diagnostic_help(row, "%s", help);
  json_incref(row);
  diagnostics_free(&all);
  recipe_source_free(&source);
  return row;
}
