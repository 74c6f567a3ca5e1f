/*
 * compose_idle.c - what was given and would do nothing (P105).
 *
 * A value equal to the one it would have anyway is allowed: it says what happens.
 */
#include "compose/compose_state.h"

#include <stdlib.h>
#include <string.h>

/* Was it given, and is it another value than without it? */
static bool matters(const struct resolved *value, const struct rule *rule) {
  if (value->origin.kind == ORIGIN_DEFAULT || value->bad || value->value == NULL)
    return false;
  json_t *usual = rule_default(rule);
  bool other = usual == NULL || !json_equal(usual, value->value);
  json_decref(usual);
  return other;
}

/* Settings of a word that needs another one. */
static void idle_words(struct composing *c) {
  size_t n, n_words;
  const struct setting *rows = setting_list(&n);
  const struct setting_word *words = setting_words(&n_words);
  for (size_t i = 0; i < n; i++) {
    const char *needs = words[compose_word_index(rows[i].word)].needs;
    struct rule rule = rule_of_setting(&rows[i]);
    if (needs == NULL || compose_in_effect(c, needs) || !matters(&c->settings[i], &rule))
      continue;
    json_t *row =
        diagnose(&c->diagnostics, "P105", c->settings[i].origin,
                 "`%s.%s` does nothing without `%s`", rows[i].word, rows[i].field, needs);
    diagnostic_help(row, "add `%s`, or remove this", recipe_keyword_find(needs)->example);
  }
}

static int64_t int_of(const struct composing *c, const char *name) {
  const struct resolved *value = compose_setting(c, name);
  return value->bad || value->value == NULL ? -1 : json_integer_value(value->value);
}

static void idle_bench(struct composing *c) {
  const struct recipe_word *word = c->words[compose_word_index("bench")];
  if (word == NULL) return;
  int64_t prefill = int_of(c, "bench.prefill"), decode = int_of(c, "bench.decode");
  if (prefill == 0 && decode == 0) {
    json_t *row = diagnose(&c->diagnostics, "P105", origin_at(word->at),
                           "`bench` has nothing to time: prefill and decode are both 0");
    diagnostic_help(row, "give one of them tokens, or remove `bench`");
  }
  const struct resolved *batch = compose_setting(c, "bench.batch");
  if (decode == 0 && int_of(c, "bench.batch") > 1)
    diagnose(&c->diagnostics, "P105", batch->origin,
             "`bench.batch` does nothing when bench.decode is 0");
}

/* Both stand in conversations only. */
static void idle_chat(struct composing *c) {
  static const char *const fields[] = {"prompts.system", "prompts.history"};
  const struct resolved *chat = compose_setting(c, "prompts.chat");
  const char *way = chat->bad ? NULL : json_string_value(chat->value);
  if (!compose_in_effect(c, "prompts") || way == NULL || strcmp(way, "no") != 0) return;
  for (size_t i = 0; i < 2; i++) {
    const struct resolved *value = compose_setting(c, fields[i]);
    if (value->value == NULL || value->bad) continue;
    json_t *row = diagnose(&c->diagnostics, "P105", value->origin,
                           "`%s` does nothing without `prompts.chat`", fields[i]);
    diagnostic_help(row, "add `chat = \"model\"`, or remove this");
  }
}

/* A text is scored once: repeats and warm-up are of prompts and of the bench. */
static void idle_measure(struct composing *c) {
  size_t n;
  const struct setting *rows = setting_list(&n);
  if (compose_in_effect(c, "prompts") || compose_in_effect(c, "bench")) return;
  for (size_t i = 0; i < n; i++) {
    struct rule rule = rule_of_setting(&rows[i]);
    bool repeats =
        strcmp(rows[i].word, "measure") == 0 &&
        (strcmp(rows[i].field, "repeats") == 0 || strcmp(rows[i].field, "warmup") == 0);
    if (!repeats || !matters(&c->settings[i], &rule)) continue;
    json_t *row = diagnose(&c->diagnostics, "P105", c->settings[i].origin,
                           "`measure.%s` does nothing without `prompts` or `bench`: a text "
                           "is scored once",
                           rows[i].field);
    diagnostic_help(row, "add `prompts` or `bench`, or remove this");
  }
}

/* A parameter that its plugin declares idle under a condition. */
static void idle_param(struct composing *c, const struct used *used,
                       const ridge_relation *row) {
  const struct plugin_info *plugin = used->plugin;
  const ridge_param *target = plugin_param(plugin, row->target);
  const ridge_param *about = row->param == NULL ? NULL : plugin_param(plugin, row->param);
  if (target == NULL || (row->op != RIDGE_ALWAYS && about == NULL)) return;
  const struct resolved *value = &used->params[target - plugin->params];
  struct rule rule = rule_of_param(plugin, target);
  if (!matters(value, &rule)) return;
  char *when = NULL;
  if (row->op != RIDGE_ALWAYS) {
    const struct resolved *compared = &used->params[about - plugin->params];
    if (compared->bad ||
        !relation_compares(about->type, compared->value, row->op, row->value))
      return;
    when = relation_condition(about->type, row->op, row->value);
  }
  char *given =
      when == NULL ? NULL : arena_format(&c->arena, " when %s%s", about->name, when);
  free(when);
  json_t *said = diagnose(&c->diagnostics, "P105", value->origin, "`%s.%s` does nothing%s",
                          plugin->id, target->name, given == NULL ? "" : given);
  diagnostic_note(said, "because %s (declared by %s)", row->why, plugin->id);
  diagnostic_help(said, "remove it");
}

void compose_idle(struct composing *c) {
  idle_words(c);
  idle_bench(c);
  idle_measure(c);
  idle_chat(c);
  for (size_t i = 0; i < c->n_used; i++) {
    const struct plugin_info *plugin = c->used[i].plugin;
    for (size_t k = 0; plugin != NULL && k < plugin->n_relations; k++)
      if (plugin->relations[k].kind == RIDGE_IDLE)
        idle_param(c, &c->used[i], &plugin->relations[k]);
  }
}
