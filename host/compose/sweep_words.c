/* sweep_words.c - what a sweep says, checked against the recipe it is of. */
#include "compose/sweep_state.h"

#include "base/canon.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { AXES_MOST = 32, ARMS_MOST = 64, VALUES_MOST = 1000 };

static bool is_word(const struct recipe_word *word, const char *name) {
  return word != NULL && strcmp(word->keyword->name, name) == 0;
}

static void refuse_again(struct sweeping *s, const struct recipe_word *first,
                         const struct recipe_word *again) {
  json_t *row = diagnose(&s->diagnostics, "R003", origin_at(again->at),
                         "`%s` is written twice", again->keyword->name);
  diagnostic_note_at(&s->diagnostics, row, origin_at(first->at),
                     "it is written here first");
}

/* The words there may be one of. */
static void take_single(struct sweeping *s, const struct recipe_word *word,
                        const struct recipe_word **slot) {
  if (*slot != NULL)
    refuse_again(s, *slot, word);
  else
    *slot = word;
}

void sweep_read_of(struct sweeping *s) {
  const struct recipe_word *root = s->out->recipe.root;
  for (size_t i = 0; i < root->n_items; i++)
    if (is_word(root->items[i].word, "of")) take_single(s, root->items[i].word, &s->of);
  if (s->of != NULL) return;
  json_t *row =
      diagnose(&s->diagnostics, "R003", origin_at(root->at), "the sweep has no `of`");
  diagnostic_help(row, "write `of \"infer/plain\"`: the recipe whose values are varied");
}

/* --- axes --- */

static const struct recipe_word *base_use(const struct sweeping *s, const char *id) {
  const struct recipe_word *root = s->out->base.root;
  for (size_t i = 0; root != NULL && i < root->n_items; i++)
    if (is_word(root->items[i].word, "use") && strcmp(root->items[i].word->arg, id) == 0)
      return root->items[i].word;
  return NULL;
}

static void help_used(const struct sweeping *s, json_t *row, const char *id) {
  const struct recipe_word *root = s->out->base.root;
  const char **ids = arena_array(&s->out->arena, root->n_items + 1, sizeof *ids);
  struct text has = text_new(2000);
  size_t n = 0;
  for (size_t i = 0; i < root->n_items; i++) {
    if (!is_word(root->items[i].word, "use")) continue;
    text_format(&has, "%s%s", n == 0 ? "" : ", ", root->items[i].word->arg);
    ids[n++] = root->items[i].word->arg;
  }
  diagnostic_note(row, n == 0 ? "it uses no strategies" : "it uses %s", has.data);
  diagnostic_help_near(row, id, ids, n);
  text_free(&has);
}

static void cannot_vary(struct sweeping *s, const struct recipe_field *field,
                        const char *owner, const char *why) {
  diagnose(&s->diagnostics, "P402", origin_at(field->at), "`%s.%s` cannot be varied: %s",
           owner, field->name, why);
}

static void unknown_value(struct sweeping *s, const struct recipe_field *field,
                          const char *owner, const char *const *names, size_t n) {
  struct text has = text_new(4096);
  for (size_t i = 0; i < n; i++) text_format(&has, "%s%s", i == 0 ? "" : ", ", names[i]);
  json_t *row = diagnose(&s->diagnostics, "P102", origin_at(field->at), "`%s` has no `%s`",
                         owner, field->name);
  diagnostic_note(row, "it has %s", has.data);
  diagnostic_help_near(row, field->name, names, n);
  text_free(&has);
}

static bool rule_in_settings(struct sweeping *s, const char *word,
                             const struct recipe_field *field, struct rule *rule) {
  const char *name = arena_format(&s->out->arena, "%s.%s", word, field->name);
  const struct setting *found = setting_find(name);
  size_t n, n_names = 0;
  const struct setting *rows = setting_list(&n);
  const char **names = arena_array(&s->out->arena, n, sizeof *names);
  for (size_t i = 0; i < n; i++)
    if (strcmp(rows[i].word, word) == 0) names[n_names++] = rows[i].field;
  if (found == NULL)
    unknown_value(s, field, word, names, n_names);
  else if (found->flags & SETTING_LIST)
    cannot_vary(s, field, word, "it is a list");
  else if (strcmp(word, "measure") == 0)
    cannot_vary(s, field, word, "it changes how often a run is measured, not what is run");
  else {
    *rule = rule_of_setting(found);
    return true;
  }
  return false;
}

static bool rule_in_plugin(struct sweeping *s, const char *id,
                           const struct recipe_field *field, struct rule *rule) {
  const struct plugin_info *plugin = registry_find(s->registry, id);
  if (plugin == NULL) return false; /* the base's own mistake, told there */
  const char **names = arena_array(&s->out->arena, plugin->n_params + 1, sizeof *names);
  for (size_t i = 0; i < plugin->n_params; i++) names[i] = plugin->params[i].name;
  const ridge_param *param = plugin_param(plugin, field->name);
  if (param == NULL)
    unknown_value(s, field, id, names, plugin->n_params);
  else if ((param->flags & RIDGE_SWEEPABLE) == 0)
    cannot_vary(s, field, id, "its plugin does not declare it for sweeps");
  else {
    *rule = rule_of_param(plugin, param);
    return true;
  }
  return false;
}

/* As --set takes it. */
static const char *typed(struct sweeping *s, const json_t *value) {
  if (json_is_string(value)) return arena_text(&s->out->arena, json_string_value(value));
  char *text = canon_text(value);
  const char *copy = arena_text(&s->out->arena, text);
  free(text);
  return copy;
}

static bool has_value(const json_t *list, const json_t *value) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (json_equal(json_array_get(list, i), value)) return true;
  return false;
}

static void read_values(struct sweeping *s, const struct rule *rule, struct axis *axis,
                        const struct recipe_word *each) {
  const char **values = arena_array(&s->out->arena, each->n_items, sizeof *values);
  for (size_t i = 0; i < each->n_items; i++) {
    json_t *value = rule_check(&s->diagnostics, rule, &each->items[i], origin_at(axis->at));
    if (value == NULL) continue;
    values[axis->n] = typed(s, value);
    if (has_value(axis->plain, value))
      diagnose(&s->diagnostics, "R003", origin_at(axis->at), "`%s` has the value %s twice",
               axis->name, values[axis->n]);
    else
      axis->n++;
    json_array_append_new(axis->plain, value);
  }
  axis->values = values;
}

static bool each_fits(struct sweeping *s, const struct recipe_field *field,
                      const char *owner) {
  const struct recipe_word *each = field->value.word;
  const char *wrong = NULL;
  if (!is_word(each, "each"))
    wrong = "one value varies nothing";
  else if (each->n_fields > 0 || each->n_items == 0)
    wrong = "`each` takes a list of values";
  else if (each->n_items > VALUES_MOST)
    wrong = "`each` has too many values";
  if (wrong == NULL) return true;
  json_t *row = diagnose(&s->diagnostics, "R003", origin_at(field->at), "`%s.%s`: %s",
                         owner, field->name, wrong);
  diagnostic_help(row, "write `%s = each { 1, 2, 4 }`", field->name);
  return false;
}

static void read_axis(struct sweeping *s, const struct recipe_word *vary,
                      const struct recipe_field *field) {
  struct rule rule;
  const char *owner = vary->arg;
  bool known = compose_word_index(owner) != SIZE_MAX
                   ? rule_in_settings(s, owner, field, &rule)
                   : rule_in_plugin(s, owner, field, &rule);
  if (!each_fits(s, field, owner) || !known) return;
  if (s->n_axes == AXES_MOST) {
    diagnose(&s->diagnostics, "P401", origin_at(field->at),
             "a sweep varies at most %d values", AXES_MOST);
    return;
  }
  struct axis *axis = &s->axes[s->n_axes];
  *axis = (struct axis){.owner = owner, .at = field->at, .plain = json_array()};
  axis->name = arena_format(&s->out->arena, "%s.%s", owner, field->name);
  s->n_axes++;
  for (size_t i = 0; i + 1 < s->n_axes; i++)
    if (strcmp(s->axes[i].name, axis->name) == 0)
      diagnose(&s->diagnostics, "R003", origin_at(field->at), "`%s` is varied twice",
               axis->name);
  read_values(s, &rule, axis, field->value.word);
}

static void read_vary(struct sweeping *s, const struct recipe_word *vary) {
  bool is_setting = compose_word_index(vary->arg) != SIZE_MAX;
  if (!is_setting && base_use(s, vary->arg) == NULL) {
    json_t *row = diagnose(&s->diagnostics, "P105", origin_at(vary->arg_at),
                           "the base does not use `%s`", vary->arg);
    help_used(s, row, vary->arg);
    return;
  }
  if (vary->n_fields == 0 || vary->n_items > 0) {
    json_t *row = diagnose(&s->diagnostics, "R003", origin_at(vary->at),
                           "`vary \"%s\"` takes named values", vary->arg);
    diagnostic_help(row, "write `%s`", vary->keyword->example);
  }
  for (size_t i = 0; i < vary->n_fields; i++) read_axis(s, vary, &vary->fields[i]);
}

/* --- arms --- */

static bool same_arm(const struct arm *a, const struct arm *b) {
  bool same = a->n == b->n;
  for (size_t i = 0; same && i < a->n; i++) same = strcmp(a->ids[i], b->ids[i]) == 0;
  return same;
}

static void add_arm(struct sweeping *s, const struct recipe_word *word, struct arm arm) {
  for (size_t i = 0; i < arm.n; i++) {
    if (base_use(s, arm.ids[i]) != NULL) continue;
    json_t *row = diagnose(
        &s->diagnostics, "P105", origin_at(word->arg != NULL ? word->arg_at : word->at),
        "the base does not use `%s`, so leaving it out does nothing", arm.ids[i]);
    help_used(s, row, arm.ids[i]);
  }
  for (size_t i = 1; i < s->n_arms; i++)
    if (same_arm(&s->arms[i], &arm))
      diagnose(&s->diagnostics, "R003", origin_at(word->at), "this arm is written twice");
  if (s->n_arms < ARMS_MOST)
    s->arms[s->n_arms++] = arm;
  else
    diagnose(&s->diagnostics, "P401", origin_at(word->at), "a sweep has at most %d arms",
             ARMS_MOST - 1);
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_without(struct sweeping *s, const struct recipe_word *word) {
  size_t n = word->arg != NULL ? 1 : word->n_items;
  const char **ids = arena_array(&s->out->arena, n + 1, sizeof *ids);
  if (word->arg != NULL) ids[0] = word->arg;
  for (size_t i = 0; word->arg == NULL && i < n; i++)
    ids[i] = json_string_value(word->items[i].plain);
  bool good = n > 0 && n <= ARMS_MOST && word->n_fields == 0;
  for (size_t i = 0; i < n; i++) good &= ids[i] != NULL;
  if (!good) {
    json_t *row = diagnose(&s->diagnostics, "R003", origin_at(word->at),
                           "`without` takes ids of strategies");
    diagnostic_help(
        row, "write `without \"kv.paged\"`, or `without { \"kv.paged\", \"kv.prefix\" }` "
             "to leave out both at once");
    return;
  }
  qsort(ids, n, sizeof *ids, by_text);
  add_arm(s, word, (struct arm){ids, n});
}

/* --- seeds, keep, budget --- */

static void read_seeds(struct sweeping *s, const struct recipe_word *word) {
  static const struct rule rule = {
      .owner = "seeds", .name = "seed", .type = RIDGE_T_INT, .hi = {.i = INT64_MAX}};
  if (word->n_items == 0 || word->n_fields > 0 || word->n_items > VALUES_MOST) {
    diagnose(&s->diagnostics, "R003", origin_at(word->at),
             "`seeds` takes a list of 1 to %d numbers", VALUES_MOST);
    return;
  }
  s->seeds = arena_array(&s->out->arena, word->n_items, sizeof *s->seeds);
  s->n_seeds = 0;
  for (size_t i = 0; i < word->n_items; i++) {
    json_t *seed = rule_check(&s->diagnostics, &rule, &word->items[i], origin_at(word->at));
    if (seed == NULL) continue;
    if (has_value(s->seeds_plain, seed))
      diagnose(&s->diagnostics, "R003", origin_at(word->at), "`seeds` has %lld twice",
               (long long)json_integer_value(seed));
    s->seeds[s->n_seeds++] = typed(s, seed);
    json_array_append_new(s->seeds_plain, seed);
  }
}

static void read_keep(struct sweeping *s, const struct recipe_word *word) {
  bool good = word->n_items > 0 && word->n_fields == 0;
  for (size_t i = 0; i < word->n_items; i++) {
    const struct recipe_word *item = word->items[i].word;
    bool most = is_word(item, "most");
    if (!most && !is_word(item, "least"))
      good = false;
    else
      json_array_append_new(s->keep_plain, json_pack("{s:s, s:i}", "metric", item->arg,
                                                     "better", most ? 1 : -1));
  }
  if (good) return;
  json_t *row = diagnose(&s->diagnostics, "R003", origin_at(word->at),
                         "`keep` takes a list of `least` and `most`");
  diagnostic_help(row, "write `keep { least \"perplexity\", most \"decode_tps\" }`");
}

static void read_budget(struct sweeping *s, const struct recipe_word *word) {
  static const struct rule rules[] = {
      {.owner = "budget",
       .name = "runs",
       .type = RIDGE_T_INT,
       .lo = {.i = 1},
       .hi = {.i = INT64_MAX},
       .doc = "Runs at most."},
      {.owner = "budget",
       .name = "time",
       .type = RIDGE_T_REAL,
       .lo = {.r = 0},
       .hi = {.r = 1e9},
       .doc = "Seconds at most; no run is started after that."},
  };
  for (size_t i = 0; i < word->n_fields; i++) {
    const struct recipe_field *field = &word->fields[i];
    size_t k = strcmp(field->name, "runs") == 0   ? 0
               : strcmp(field->name, "time") == 0 ? 1
                                                  : 2;
    json_t *value = k == 2 ? NULL
                           : rule_check(&s->diagnostics, &rules[k], &field->value,
                                        origin_at(field->at));
    if (k == 2) {
      json_t *row = diagnose(&s->diagnostics, "P102", origin_at(field->at),
                             "`budget` has no `%s`", field->name);
      diagnostic_note(row, "it has runs, time");
    }
    if (k == 0) s->budget_runs = json_integer_value(value);
    if (k == 1) s->out->budget_seconds = json_real_value(value);
    json_decref(value);
  }
  if (word->n_fields > 0 && word->n_items == 0) return;
  json_t *row = diagnose(&s->diagnostics, "R003", origin_at(word->at),
                         "`budget` takes `runs` and `time`");
  diagnostic_help(row, "write `%s`", word->keyword->example);
}

static void read_fields(struct sweeping *s) {
  static const struct rule rule = {
      .owner = "sweep", .name = "name", .type = RIDGE_T_TEXT, .label = true};
  const struct recipe_word *root = s->out->recipe.root;
  for (size_t i = 0; i < root->n_fields; i++) {
    const struct recipe_field *field = &root->fields[i];
    if (strcmp(field->name, "name") == 0) {
      json_t *name =
          rule_check(&s->diagnostics, &rule, &field->value, origin_at(field->at));
      if (name != NULL) s->out->name = arena_text(&s->out->arena, json_string_value(name));
      json_decref(name);
      continue;
    }
    json_t *row = diagnose(&s->diagnostics, "R003", origin_at(field->at),
                           "a `sweep` has no field `%s`", field->name);
    diagnostic_help(row, "its one field is name");
  }
}

static void misplaced(struct sweeping *s, const struct recipe_value *item) {
  if (item->word == NULL) {
    struct place at = item->at.line > 0 ? item->at : s->out->recipe.root->at;
    diagnose(&s->diagnostics, "R003", origin_at(at),
             "an item of the sweep is %s; items are words", recipe_value_kind(item));
    return;
  }
  json_t *row = diagnose(&s->diagnostics, "R003", origin_at(item->word->at),
                         "`%s` does not belong into a `sweep`", item->word->keyword->name);
  if (item->word->keyword->roots & ROOT_INFER)
    diagnostic_help(row, "write it in the recipe that the sweep is of");
}

void sweep_read_words(struct sweeping *s) {
  const struct recipe_word *root = s->out->recipe.root;
  s->axes = arena_array(&s->out->arena, AXES_MOST, sizeof *s->axes);
  s->arms = arena_array(&s->out->arena, ARMS_MOST, sizeof *s->arms);
  s->n_arms = 1;
  read_fields(s);
  for (size_t i = 0; i < root->n_items; i++) {
    const struct recipe_word *word = root->items[i].word;
    if (is_word(word, "of")) continue;
    if (is_word(word, "vary"))
      read_vary(s, word);
    else if (is_word(word, "without"))
      read_without(s, word);
    else if (is_word(word, "seeds"))
      take_single(s, word, &s->seed_word);
    else if (is_word(word, "keep"))
      take_single(s, word, &s->keep);
    else if (is_word(word, "budget"))
      take_single(s, word, &s->budget);
    else
      misplaced(s, &root->items[i]);
  }
  if (s->seed_word != NULL) read_seeds(s, s->seed_word);
  if (s->keep != NULL) read_keep(s, s->keep);
  if (s->budget != NULL) read_budget(s, s->budget);
  if (s->n_axes > 0 || s->n_arms > 1 || s->n_seeds > 1 ||
      json_array_size(s->diagnostics.list) > 0)
    return;
  json_t *row =
      diagnose(&s->diagnostics, "R003", origin_at(root->at), "the sweep varies nothing");
  diagnostic_help(row, "it needs `vary`, `without` or `seeds`");
}
