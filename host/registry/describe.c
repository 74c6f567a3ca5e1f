/*
 * describe.c - a description as JSON: what the child prints, the cache and the catalog
 * keep, and `ridge plugins --json` shows.
 */
#include "registry/description.h"

#include "base/text.h"
#include "registry/vocabulary.h"

/* A text, or null. */
static json_t *text_or_null(const char *text) {
  return text != NULL ? json_string(text) : json_null();
}

static json_t *word(enum vocabulary of, uint32_t value) {
  return json_string(vocabulary_word(of, value));
}

static json_t *value_json(uint32_t type, ridge_value value) {
  switch (type) {
  case RIDGE_T_BOOL: return json_boolean(value.b);
  case RIDGE_T_INT: return json_integer(value.i);
  case RIDGE_T_REAL: return json_real(value.r);
  case RIDGE_T_TEXT:
  case RIDGE_T_CHOICE: return text_or_null(value.t);
  }
  return json_null();
}

static json_t *choices_json(const char *const *choices) {
  json_t *list = json_array();
  for (size_t i = 0; choices != NULL && choices[i] != NULL; i++)
    json_array_append_new(list, json_string(choices[i]));
  return list;
}

static json_t *param_json(const struct plugin_info *info, size_t i) {
  const ridge_param *row = &info->params[i];
  bool number = row->type == RIDGE_T_INT || row->type == RIDGE_T_REAL;
  bool required = (row->flags & RIDGE_REQUIRED) != 0;
  return json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:I}", "name", row->name, "type",
                   word(VOCABULARY_TYPE, row->type), "doc", row->doc, "unit",
                   row->unit != NULL ? row->unit : "", "default",
                   required ? json_null() : value_json(row->type, row->fallback), "lo",
                   number ? value_json(row->type, row->lo) : json_null(), "hi",
                   number ? value_json(row->type, row->hi) : json_null(), "choices",
                   row->type == RIDGE_T_CHOICE ? choices_json(row->choices) : json_null(),
                   "flags", vocabulary_words(VOCABULARY_FLAG, row->flags), "offset",
                   (json_int_t)row->offset);
}

static json_t *relation_json(const struct plugin_info *info, size_t i) {
  const ridge_relation *row = &info->relations[i];
  return json_pack("{s:o,s:s,s:s,s:o,s:o,s:o}", "kind",
                   word(VOCABULARY_RELATION, row->kind), "target", row->target, "why",
                   row->why, "param", text_or_null(row->param), "op",
                   word(VOCABULARY_OP, row->op), "value",
                   value_json(plugin_relation_type(info, row), row->value));
}

static json_t *fill_json(const struct plugin_info *info, size_t i) {
  const ridge_fill *row = &info->fills[i];
  return json_pack("{s:s,s:o,s:o,s:I}", "seam", row->seam, "key", text_or_null(row->key),
                   "needs", text_or_null(row->needs), "score", (json_int_t)row->score);
}

static json_t *provides_json(const struct plugin_info *info, size_t i) {
  return json_string(info->provides[i]);
}

static json_t *evidence_json(const struct plugin_info *info, size_t i) {
  const ridge_evidence *row = &info->evidence[i];
  return json_pack("{s:s,s:s,s:s,s:I}", "name", row->name, "unit",
                   row->unit != NULL ? row->unit : "", "doc", row->doc, "least",
                   (json_int_t)row->least);
}

static json_t *metric_json(const struct plugin_info *info, size_t i) {
  const ridge_metric *row = &info->metrics[i];
  return json_pack("{s:s,s:s,s:s,s:I}", "name", row->name, "unit",
                   row->unit != NULL ? row->unit : "", "doc", row->doc, "better",
                   (json_int_t)row->better);
}

static json_t *claim_json(const struct plugin_info *info, size_t i) {
  const ridge_claim *row = &info->claims[i];
  return json_pack("{s:s,s:s,s:s,s:s,s:s,s:f,s:f}", "id", row->id, "statement",
                   row->statement, "metric", row->metric, "conditions",
                   row->conditions != NULL ? row->conditions : "", "source", row->source,
                   "ratio_lo", row->ratio_lo, "ratio_hi", row->ratio_hi);
}

static json_t *rows_json(const struct plugin_info *info, size_t n,
                         json_t *(*row)(const struct plugin_info *, size_t)) {
  json_t *rows = json_array();
  for (size_t i = 0; i < n; i++) json_array_append_new(rows, row(info, i));
  return rows;
}

struct digest description_judge(void) {
  struct text text = text_new(1 << 16);
  size_t n;
  const struct seam *seams = seam_list(&n);
  text_format(&text, "layout 1, minor %d\n", RIDGE_ABI_MINOR);
  for (size_t i = 0; i < n; i++)
    text_format(&text, "%s %d %zu\n", seams[i].id, (int)seams[i].kind,
                seams[i].table_bytes);
  struct digest digest = digest_bytes(text.data, text.size);
  text_free(&text);
  return digest;
}

static void set(json_t *object, const char *key, json_t *value) {
  json_object_set_new(object, key, value);
}

json_t *info_to_json(const struct plugin_info *info) {
  json_t *object = json_object();
  set(object, "id", json_string(info->id));
  set(object, "version", json_string(info->version));
  set(object, "kind", word(VOCABULARY_KIND, info->kind));
  set(object, "effect", word(VOCABULARY_EFFECT, info->effect));
  set(object, "tolerance", json_real(info->tolerance));
  set(object, "phases", vocabulary_words(VOCABULARY_PHASE, info->phases));
  set(object, "technique", text_or_null(info->technique));
  set(object, "summary", json_string(info->summary));
  set(object, "doc", json_string(info->doc));
  set(object, "license", json_string(info->license));
  set(object, "source", text_or_null(info->source));
  set(object, "abi_minor", json_integer(info->abi_minor));
  set(object, "params_size", json_integer((json_int_t)info->params_size));
  set(object, "params", rows_json(info, info->n_params, param_json));
  set(object, "relations", rows_json(info, info->n_relations, relation_json));
  set(object, "fills", rows_json(info, info->n_fills, fill_json));
  set(object, "provides", rows_json(info, info->n_provides, provides_json));
  set(object, "evidence", rows_json(info, info->n_evidence, evidence_json));
  set(object, "metrics", rows_json(info, info->n_metrics, metric_json));
  set(object, "claims", rows_json(info, info->n_claims, claim_json));
  set(object, "judge", json_string(description_judge().hex));
  return object;
}

json_t *plugin_to_json(const ridge_plugin *plugin) {
  struct arena arena = {0};
  struct plugin_info info;
  struct why why;
  json_t *json = NULL;
  if (plugin_read(plugin, &arena, &info, &why) == RIDGE_OK &&
      plugin_rules(&info, &why) == RIDGE_OK)
    json = info_to_json(&info);
  arena_free(&arena);
  return json;
}
