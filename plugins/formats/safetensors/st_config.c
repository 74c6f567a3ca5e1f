/*
 * st_config.c - config.json: which architecture, and its numbers as facts.
 */
#include "st_parts.h"

#include <stdio.h>
#include <string.h>

/* ---- which --------------------------------------------------------------------- */

static ridge_status find_arch(struct st_model *model) {
  const struct st_value *type = st_get_set(&model->config, "model_type");
  if (type == NULL || type->kind != ST_TEXT)
    return st_fail(model, RIDGE_CORRUPT,
                   "config.json has no text `model_type`, so it cannot be told what the "
                   "model is");
  model->arch = st_arch_find(type);
  if (model->arch != NULL) return RIDGE_OK;
  char known[400];
  st_arch_list(known, sizeof known);
  return st_fail(model, RIDGE_UNSUPPORTED,
                 "config.json: models of type `%.*s` are not known here; known are: %s",
                 (int)(type->n < 60 ? type->n : 60), type->is.text, known);
}

/* A model that also sees has its text part inside. */
static ridge_status open_config(struct st_model *model) {
  ridge_status status = st_beside(model, "config.json", &model->whole_config);
  if (status == RIDGE_DECLINED)
    return st_fail(model, RIDGE_IO,
                   "there is no config.json beside it; weights alone do not say what the "
                   "model is");
  if (status != RIDGE_OK) return status;
  const struct st_value *text = st_get_set(&model->whole_config, "text_config");
  model->config = text != NULL && text->kind == ST_OBJECT ? *text : model->whole_config;
  const struct st_value *how = st_get_set(&model->whole_config, "quantization_config");
  const struct st_value *method = st_get(how, "quant_method");
  if (how == NULL) return RIDGE_OK;
  return st_fail(
      model, RIDGE_UNSUPPORTED,
      "config.json: the weights are quantized (%.*s), which is not read from "
      "safetensors; take the model's unquantized files, or a GGUF",
      method != NULL && method->kind == ST_TEXT && method->n < 40 ? (int)method->n : 7,
      method != NULL && method->kind == ST_TEXT && method->n < 40 ? method->is.text
                                                                  : "somehow");
}

/* ---- what has to be so --------------------------------------------------------- */

static void show(const struct st_value *value, char to[64]) {
  to[0] = 0;
  if (value->kind == ST_BOOL) snprintf(to, 64, "%s", value->is.i != 0 ? "true" : "false");
  if (value->kind == ST_INT) snprintf(to, 64, "%lld", (long long)value->is.i);
  if (value->kind == ST_REAL) snprintf(to, 64, "%g", value->is.r);
  if (value->kind == ST_TEXT)
    snprintf(to, 64, "%.*s", (int)(value->n < 60 ? value->n : 60), value->is.text);
  if (value->kind == ST_ARRAY) snprintf(to, 64, "%s", value->n == 0 ? "[]" : "[...]");
  if (value->kind == ST_OBJECT) snprintf(to, 64, "{...}");
}

static bool among(const char *values, const char *text) {
  size_t size = strlen(text);
  for (const char *at = values; *at != 0;) {
    size_t n = strcspn(at, " ");
    if (n == size && memcmp(at, text, n) == 0) return true;
    at += n;
    at += *at == ' ';
  }
  return false;
}

static ridge_status check_wanted(struct st_model *model) {
  for (const struct st_wanted *row = model->arch->wanted; row->name != NULL; row++) {
    const struct st_value *value = st_get_set(&model->config, row->name);
    char shown[64];
    if (value == NULL) continue;
    show(value, shown);
    if (among(row->values, shown)) continue;
    return st_fail(model, RIDGE_UNSUPPORTED,
                   "config.json: `%s` is %s; models of this type are known here with %s",
                   row->name, shown, row->values);
  }
  return RIDGE_OK;
}

/* ---- numbers ------------------------------------------------------------------- */

/* The first of the names that is there; *name is that one, for sentences. */
static const struct st_value *first_of(const struct st_value *config, const char *names,
                                       char name[64]) {
  for (const char *at = names; *at != 0;) {
    size_t n = strcspn(at, " ");
    snprintf(name, 64, "%.*s", (int)n, at);
    const struct st_value *value = st_get_set(config, name);
    if (value != NULL) return value;
    at += n;
    at += *at == ' ';
  }
  return NULL;
}

static ridge_status read_key(struct st_model *model, const struct st_key *key) {
  char name[64];
  double number;
  if (st_fact(model, key->to) != NULL) return RIDGE_OK;
  const struct st_value *value = first_of(&model->config, key->from, name);
  if (value == NULL && key->required)
    return st_fail(model, RIDGE_CORRUPT,
                   "config.json has no `%.*s`, which a model of this type needs",
                   (int)strcspn(key->from, " "), key->from);
  if (value == NULL && key->fallback == 0) return RIDGE_OK;
  bool whole = key->type == RIDGE_FACT_INT;
  if (value == NULL && whole) return st_fact_int(model, key->to, (int64_t)key->fallback);
  if (value == NULL) return st_fact_real(model, key->to, key->fallback);
  if (whole && (value->kind == ST_INT || value->kind == ST_BOOL))
    return st_fact_int(model, key->to, value->is.i);
  if (!whole && st_number(value, &number)) return st_fact_real(model, key->to, number);
  char shown[64];
  show(value, shown);
  return st_fail(model, RIDGE_CORRUPT, "config.json: `%s` is %s; %s is wanted", name,
                 value->kind == ST_REAL ? shown : st_kind_name(value->kind),
                 whole ? "a whole number below 2^63" : "a number");
}

static ridge_status read_keys(struct st_model *model) {
  for (size_t t = 0; t < sizeof model->arch->keys / sizeof *model->arch->keys; t++)
    for (const struct st_key *key = model->arch->keys[t]; key != NULL && key->from != NULL;
         key++) {
      ridge_status status = read_key(model, key);
      if (status != RIDGE_OK) return status;
    }
  return RIDGE_OK;
}

/* The folder's name is the best there is. */
static ridge_status add_name(struct st_model *model) {
  const char *path = model->folder->path, *end = strrchr(path, '/'), *start = end;
  if (end == NULL || end == path) return RIDGE_OK;
  while (start > path && start[-1] != '/') start--;
  char *name = st_copy(model, start, (uint64_t)(end - start));
  if (name == NULL) return st_no_memory(model->host);
  return st_fact_text(model, "general.name", name, (uint64_t)(end - start));
}

ridge_status st_read_config(struct st_model *model) {
  ridge_status status = open_config(model);
  if (status == RIDGE_OK) status = find_arch(model);
  if (status == RIDGE_OK) status = check_wanted(model);
  if (status != RIDGE_OK) return status;
  status = st_fact_text(model, "general.architecture", model->arch->name,
                        strlen(model->arch->name));
  if (status == RIDGE_OK) status = add_name(model);
  if (status == RIDGE_OK) status = read_keys(model);
  if (status == RIDGE_OK && model->arch->more != NULL) status = model->arch->more(model);
  return status != RIDGE_OK ? status : st_read_rope(model);
}
