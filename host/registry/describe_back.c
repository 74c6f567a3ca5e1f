/*
 * describe_back.c - a description out of JSON, which may come from a lying child or
 * an edited cache: every member's type is checked, then the rules run again.
 */
#include "registry/description.h"

#include "registry/vocabulary.h"

#include <stdio.h>
#include <string.h>

struct taker {
  const json_t *object; /* whose members are being taken */
  struct arena *arena;
  struct why *why;
  const char *where;
  ridge_status status; /* the first failure stays */
};

static void refuse(struct taker *t, const char *key, const char *wanted) {
  if (t->status == RIDGE_OK)
    t->status = why_set(t->why, RIDGE_CORRUPT, "the description's %s: `%s` is not %s",
                        t->where, key, wanted);
}

static const json_t *member(struct taker *t, const char *key) {
  return json_object_get(t->object, key);
}

static const char *take_text(struct taker *t, const char *key, bool may_be_null) {
  const json_t *value = member(t, key);
  if (json_is_string(value)) return arena_text(t->arena, json_string_value(value));
  if (!may_be_null || !json_is_null(value)) refuse(t, key, "a text");
  return NULL;
}

static int64_t take_int(struct taker *t, const char *key, int64_t least) {
  const json_t *value = member(t, key);
  if (json_is_integer(value) && json_integer_value(value) >= least)
    return json_integer_value(value);
  refuse(t, key, "a whole number in range");
  return least;
}

static double take_real(struct taker *t, const char *key) {
  const json_t *value = member(t, key);
  if (!json_is_number(value)) refuse(t, key, "a number");
  return json_number_value(value);
}

static uint32_t take_word(struct taker *t, enum vocabulary of, const char *key) {
  const char *word = json_string_value(member(t, key));
  uint32_t value = 0;
  if (word == NULL || !vocabulary_value(of, word, &value)) refuse(t, key, "a known word");
  return value;
}

static uint32_t take_bits(struct taker *t, enum vocabulary of, const char *key) {
  uint32_t bits = 0;
  if (!vocabulary_read(of, member(t, key), &bits)) refuse(t, key, "a list of known words");
  return bits;
}

static ridge_value take_value(struct taker *t, const char *key, uint32_t type) {
  const json_t *value = member(t, key);
  switch (type) {
  case RIDGE_T_BOOL:
    if (!json_is_boolean(value)) refuse(t, key, "true or false");
    return (ridge_value){.b = json_is_true(value)};
  case RIDGE_T_INT:
    if (!json_is_integer(value)) refuse(t, key, "a whole number");
    return (ridge_value){.i = json_integer_value(value)};
  case RIDGE_T_REAL: return (ridge_value){.r = take_real(t, key)};
  case RIDGE_T_TEXT:
  case RIDGE_T_CHOICE: return (ridge_value){.t = take_text(t, key, false)};
  }
  return (ridge_value){.i = 0};
}

/* Rows ------------------------------------------------------------------------------- */

static const char *const *take_choices(struct taker *t) {
  const json_t *list = member(t, "choices");
  size_t n = json_array_size(list);
  if (!json_is_array(list) || n > DESCRIPTION_CHOICES) {
    refuse(t, "choices", "a list of texts");
    return NULL;
  }
  const char **choices = arena_array(t->arena, n + 1, sizeof *choices);
  for (size_t i = 0; i < n; i++) {
    const char *text = json_string_value(json_array_get(list, i));
    if (text == NULL) refuse(t, "choices", "a list of texts");
    choices[i] = arena_text(t->arena, text);
  }
  return choices;
}

static void take_param(struct taker *t, struct plugin_info *out, size_t i) {
  ridge_param *row = (ridge_param *)(uintptr_t)&out->params[i];
  row->name = take_text(t, "name", false);
  row->type = take_word(t, VOCABULARY_TYPE, "type");
  row->doc = take_text(t, "doc", false);
  row->unit = take_text(t, "unit", false);
  row->flags = take_bits(t, VOCABULARY_FLAG, "flags");
  row->offset = (uint64_t)take_int(t, "offset", 0);
  if ((row->flags & RIDGE_REQUIRED) == 0)
    row->fallback = take_value(t, "default", row->type);
  if (row->type == RIDGE_T_CHOICE) row->choices = take_choices(t);
  if (row->type != RIDGE_T_INT && row->type != RIDGE_T_REAL) return;
  row->lo = take_value(t, "lo", row->type);
  row->hi = take_value(t, "hi", row->type);
}

static void take_relation(struct taker *t, struct plugin_info *out, size_t i) {
  ridge_relation *row = (ridge_relation *)(uintptr_t)&out->relations[i];
  row->kind = take_word(t, VOCABULARY_RELATION, "kind");
  row->target = take_text(t, "target", false);
  row->why = take_text(t, "why", false);
  row->param = take_text(t, "param", true);
  row->op = take_word(t, VOCABULARY_OP, "op");
  if (t->status == RIDGE_OK)
    row->value = take_value(t, "value", plugin_relation_type(out, row));
}

static void take_fill(struct taker *t, struct plugin_info *out, size_t i) {
  ridge_fill *row = (ridge_fill *)(uintptr_t)&out->fills[i];
  row->seam = take_text(t, "seam", false);
  row->key = take_text(t, "key", true);
  row->needs = take_text(t, "needs", true);
  row->score = take_int(t, "score", INT64_MIN);
}

static void take_evidence(struct taker *t, struct plugin_info *out, size_t i) {
  ridge_evidence *row = (ridge_evidence *)(uintptr_t)&out->evidence[i];
  row->name = take_text(t, "name", false);
  row->unit = take_text(t, "unit", false);
  row->doc = take_text(t, "doc", false);
  row->least = (uint64_t)take_int(t, "least", 0);
}

static void take_metric(struct taker *t, struct plugin_info *out, size_t i) {
  ridge_metric *row = (ridge_metric *)(uintptr_t)&out->metrics[i];
  row->name = take_text(t, "name", false);
  row->unit = take_text(t, "unit", false);
  row->doc = take_text(t, "doc", false);
  row->better = take_int(t, "better", -1);
}

static void take_claim(struct taker *t, struct plugin_info *out, size_t i) {
  ridge_claim *row = (ridge_claim *)(uintptr_t)&out->claims[i];
  row->id = take_text(t, "id", false);
  row->statement = take_text(t, "statement", false);
  row->metric = take_text(t, "metric", false);
  row->conditions = take_text(t, "conditions", false);
  row->source = take_text(t, "source", false);
  row->ratio_lo = take_real(t, "ratio_lo");
  row->ratio_hi = take_real(t, "ratio_hi");
}

/* The array under `key`: its length, and zeroed rows for it. */
static void *take_rows(struct taker *t, const char *key, size_t size, size_t *n) {
  const json_t *list = member(t, key);
  *n = 0;
  if (!json_is_array(list) || json_array_size(list) > DESCRIPTION_ROWS) {
    refuse(t, key, "a list of rows");
    return NULL;
  }
  *n = json_array_size(list);
  return arena_array(t->arena, *n, size);
}

static void each_row(struct taker *t, struct plugin_info *out, const char *key, size_t n,
                     void (*take)(struct taker *, struct plugin_info *, size_t)) {
  const json_t *list = member(t, key);
  for (size_t i = 0; i < n && t->status == RIDGE_OK; i++) {
    struct taker row = *t;
    row.object = json_array_get(list, i);
    row.where = key;
    take(&row, out, i);
    t->status = row.status;
  }
}

static void take_tables(struct taker *t, struct plugin_info *out) {
  out->params = take_rows(t, "params", sizeof *out->params, &out->n_params);
  out->relations = take_rows(t, "relations", sizeof *out->relations, &out->n_relations);
  out->fills = take_rows(t, "fills", sizeof *out->fills, &out->n_fills);
  out->evidence = take_rows(t, "evidence", sizeof *out->evidence, &out->n_evidence);
  out->metrics = take_rows(t, "metrics", sizeof *out->metrics, &out->n_metrics);
  out->claims = take_rows(t, "claims", sizeof *out->claims, &out->n_claims);
  each_row(t, out, "params", out->n_params, take_param);
  each_row(t, out, "relations", out->n_relations, take_relation);
  each_row(t, out, "fills", out->n_fills, take_fill);
  each_row(t, out, "evidence", out->n_evidence, take_evidence);
  each_row(t, out, "metrics", out->n_metrics, take_metric);
  each_row(t, out, "claims", out->n_claims, take_claim);
}

static void take_provides(struct taker *t, struct plugin_info *out) {
  const char **names = take_rows(t, "provides", sizeof *names, &out->n_provides);
  const json_t *list = member(t, "provides");
  for (size_t i = 0; i < out->n_provides; i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (name == NULL) refuse(t, "provides", "a list of texts");
    names[i] = arena_text(t->arena, name);
  }
  out->provides = names;
}

static void take_head(struct taker *t, struct plugin_info *out) {
  out->id = take_text(t, "id", false);
  out->version = take_text(t, "version", false);
  out->kind = take_word(t, VOCABULARY_KIND, "kind");
  out->effect = take_word(t, VOCABULARY_EFFECT, "effect");
  out->tolerance = take_real(t, "tolerance");
  out->phases = take_bits(t, VOCABULARY_PHASE, "phases");
  out->technique = take_text(t, "technique", true);
  out->summary = take_text(t, "summary", false);
  out->doc = take_text(t, "doc", false);
  out->license = take_text(t, "license", false);
  out->source = take_text(t, "source", true);
  out->abi_minor = (uint32_t)take_int(t, "abi_minor", 0);
  out->params_size = (uint64_t)take_int(t, "params_size", 0);
}

ridge_status plugin_from_json(const json_t *json, struct arena *arena,
                              struct plugin_info *out, struct why *why) {
  struct taker t = {json, arena, why, "head", RIDGE_OK};
  *out = (struct plugin_info){0};
  if (!json_is_object(json))
    return why_set(why, RIDGE_CORRUPT, "the description is no JSON object");
  take_head(&t, out);
  take_tables(&t, out);
  take_provides(&t, out);
  if (t.status != RIDGE_OK) return t.status;
  ridge_status status = plugin_rules(out, why);
  if (status != RIDGE_OK) return status;
  size_t family = (size_t)(strchr(out->id, '.') - out->id);
  out->family = arena_bytes(arena, out->id, family);
  out->json = json_deep_copy(json);
  return RIDGE_OK;
}
