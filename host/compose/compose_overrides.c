/* compose_overrides.c - values from the command line and from sweeps. */
#include "compose/compose_state.h"

#include <string.h>

static void does_nothing(struct composing *c, struct origin origin, const char *what) {
  diagnose(&c->diagnostics, "P105", origin, "%s", what);
}

static void set_setting(struct composing *c, const struct setting *row, const char *typed,
                        struct origin origin) {
  size_t word = compose_word_index(row->word), n;
  const struct setting_word *words = setting_words(&n);
  if (words[word].workload && c->words[word] == NULL) {
    json_t *said = diagnose(&c->diagnostics, "P105", origin,
                            "the recipe has no `%s`, so this would do nothing", row->word);
    diagnostic_help(said, "workloads are written in the recipe");
    return;
  }
  struct rule rule = rule_of_setting(row);
  resolved_set(&c->settings[row - setting_list(&n)],
               rule_parse(&c->diagnostics, &rule, typed, origin), origin);
}

static void unknown_owner(struct composing *c, const char *owner, struct origin origin) {
  size_t n_words, n = 0;
  const struct setting_word *words = setting_words(&n_words);
  const char **names = arena_array(&c->arena, n_words + c->n_used + 1, sizeof *names);
  for (size_t i = 0; i < n_words; i++) names[n++] = words[i].name;
  for (size_t i = 0; i < c->n_used; i++) names[n++] = c->used[i].word->arg;
  json_t *row = diagnose(&c->diagnostics, "P105", origin,
                         "the recipe does not use `%s`, so this would do nothing", owner);
  if (!diagnostic_help_near(row, owner, names, n))
    diagnostic_help(row,
                    "what a strategy takes is set after its `use` line is in the recipe");
}

static void unknown_setting(struct composing *c, const char *word, const char *field,
                            struct origin origin) {
  size_t n, n_names = 0;
  const struct setting *rows = setting_list(&n);
  const char **names = arena_array(&c->arena, n, sizeof *names);
  for (size_t i = 0; i < n; i++)
    if (strcmp(rows[i].word, word) == 0) names[n_names++] = rows[i].field;
  json_t *row =
      diagnose(&c->diagnostics, "P102", origin, "`%s` has no setting `%s`", word, field);
  diagnostic_help_near(row, field, names, n_names);
}

static void apply(struct composing *c, const struct compose_override *set,
                  struct origin origin) {
  const struct setting *row = setting_find(set->name);
  const char *dot = strrchr(set->name, '.');
  if (row != NULL) {
    set_setting(c, row, set->value, origin);
    return;
  }
  if (compose_override_field(c, set->name, set->value, origin)) return;
  if (dot == NULL || dot == set->name || dot[1] == 0) {
    json_t *said =
        diagnose(&c->diagnostics, "R003", origin, "`%s` is no name of a value", set->name);
    diagnostic_help(said,
                    "write `kv.paged.block=32`, `sample.temperature=0.8` or `seed=7`");
    return;
  }
  char *owner = arena_bytes(&c->arena, set->name, (size_t)(dot - set->name));
  struct used *used = compose_find(c, owner);
  if (used != NULL)
    compose_override_param(c, used, dot + 1, set->value, origin);
  else if (compose_word_index(owner) != SIZE_MAX)
    unknown_setting(c, owner, dot + 1, origin);
  else
    unknown_owner(c, owner, origin);
}

static bool given_before(const struct compose_request *request, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(request->overrides[k].name, request->overrides[i].name) == 0 &&
        strcmp(request->overrides[k].origin, request->overrides[i].origin) == 0)
      return true;
  return false;
}

void compose_overrides(struct composing *c) {
  const struct compose_request *request = c->request;
  for (size_t i = 0; i < request->n_overrides; i++) {
    const struct compose_override *set = &request->overrides[i];
    struct origin origin = {
        .kind = strcmp(set->origin, "sweep") == 0 ? ORIGIN_SWEEP : ORIGIN_COMMAND,
        .typed = set->option != NULL
                     ? arena_text(&c->arena, set->value)
                     : arena_format(&c->arena, "%s=%s", set->name, set->value),
        .option = set->option,
    };
    if (given_before(request, i))
      diagnose(&c->diagnostics, "R003", origin, "`%s` is given twice", set->name);
    else
      apply(c, set, origin);
  }
  for (size_t i = 0; i < request->n_without; i++) {
    bool found = false;
    const struct recipe_word *root = c->recipe->root;
    for (size_t k = 0; k < root->n_items; k++) {
      const struct recipe_word *word = root->items[k].word;
      found |= word != NULL && word->arg != NULL &&
               strcmp(word->keyword->name, "use") == 0 &&
               strcmp(word->arg, request->without[i]) == 0;
    }
    struct origin origin = {.kind = ORIGIN_SWEEP,
                            .typed =
                                arena_format(&c->arena, "without %s", request->without[i])};
    if (!found) does_nothing(c, origin, "the recipe does not use this strategy");
  }
}
