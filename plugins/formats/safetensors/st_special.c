/*
 * st_special.c - which tokens begin and end a text, and how a conversation is written.
 *
 * Said in up to five places: tokenizer.json's post-processor, tokenizer_config.json,
 * special_tokens_map.json (older), config.json and generation_config.json.
 */
#include "st_parts.h"

#include <stdio.h>
#include <string.h>

struct special {
  struct st_vocab *vocab;
  struct st_model *model;
  struct st_value settings, map, generation; /* ST_NULL: not there */
  bool json;           /* there is a tokenizer.json, which would say it */
  int64_t first, last; /* tokens that the post-processor puts around a text, or -1 */
};

static ridge_status beside(struct special *s, const char *name, struct st_value *out) {
  *out = (struct st_value){.kind = ST_NULL};
  ridge_status status = st_beside(s->model, name, out);
  return status == RIDGE_DECLINED ? RIDGE_OK : status;
}

/* ---- the post-processor -------------------------------------------------------------- */

static ridge_status bad_template(const struct special *s, const struct st_value *at) {
  return st_fail_at(s->model->host, RIDGE_UNSUPPORTED, "tokenizer.json", at->at,
                    "the post-processor does more than to put one token before a text and "
                    "one behind it; that is not known here");
}

static ridge_status special_id(const struct special *s, const struct st_value *all,
                               const struct st_value *item, int64_t *id) {
  const struct st_value *name = st_get(st_get(item, "SpecialToken"), "id");
  if (name == NULL || name->kind != ST_TEXT) return bad_template(s, item);
  for (uint64_t i = 0; all != NULL && all->kind == ST_OBJECT && i < all->n; i++) {
    const struct st_member *m = &all->is.members[i];
    const struct st_value *ids = st_get(&m->value, "ids");
    if (m->size != name->n || memcmp(m->name, name->is.text, (size_t)m->size) != 0)
      continue;
    if (ids == NULL || ids->kind != ST_ARRAY || ids->n != 1 ||
        ids->is.items[0].kind != ST_INT || ids->is.items[0].is.i < 0 ||
        ids->is.items[0].is.i >= (int64_t)s->vocab->n)
      return bad_template(s, item);
    *id = ids->is.items[0].is.i;
    return RIDGE_OK;
  }
  return bad_template(s, item);
}

static ridge_status read_template(struct special *s, const struct st_value *json) {
  const struct st_value *single = st_get(json, "single"),
                        *all = st_get(json, "special_tokens");
  bool behind = false;
  if (single == NULL || single->kind != ST_ARRAY) return bad_template(s, json);
  for (uint64_t i = 0; i < single->n; i++) {
    const struct st_value *item = &single->is.items[i];
    if (st_get(item, "Sequence") != NULL) {
      behind = true;
      continue;
    }
    int64_t *to = behind ? &s->last : &s->first;
    if (*to >= 0) return bad_template(s, item);
    ridge_status status = special_id(s, all, item, to);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status read_processor(struct special *s, const struct st_value *json) {
  const struct st_value *type = st_get(json, "type"), *list = st_get(json, "processors");
  if (json == NULL || json->kind == ST_NULL || st_is(type, "ByteLevel")) return RIDGE_OK;
  if (st_is(type, "TemplateProcessing")) return read_template(s, json);
  if (!st_is(type, "Sequence") || list == NULL || list->kind != ST_ARRAY)
    return bad_template(s, json);
  for (uint64_t i = 0; i < list->n; i++) {
    ridge_status status = read_processor(s, &list->is.items[i]);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* ---- tokens by name ------------------------------------------------------------------ */

/* A text, or an object with the text as `content`. */
static int64_t named_in(const struct special *s, const struct st_value *json,
                        const char *name) {
  const struct st_value *token = st_get_set(json, name);
  const struct st_value *text = st_get(token, "content");
  if (text == NULL) text = token;
  if (text == NULL || text->kind != ST_TEXT) return -1;
  return st_vocab_find(s->vocab, text->is.text, text->n);
}

static int64_t id_of(const struct special *s, const struct st_value *value) {
  if (value != NULL && value->kind == ST_ARRAY && value->n > 0) value = value->is.items;
  if (value == NULL || value->kind != ST_INT) return -1;
  return value->is.i >= 0 && value->is.i < (int64_t)s->vocab->n ? value->is.i : -1;
}

static int64_t token_of(const struct special *s, const char *role) {
  char name[32], id_name[32];
  snprintf(name, sizeof name, "%s_token", role);
  snprintf(id_name, sizeof id_name, "%s_token_id", role);
  int64_t id = named_in(s, &s->settings, name);
  if (id < 0) id = named_in(s, &s->map, name);
  if (id < 0) id = id_of(s, st_get_set(&s->model->config, id_name));
  if (id < 0) id = id_of(s, st_get_set(&s->generation, id_name));
  return id;
}

static ridge_status add_id(const struct special *s, const char *key, int64_t id) {
  return id < 0 ? RIDGE_OK : st_fact_int(s->model, key, id);
}

/* Every token at which generation stops. */
static ridge_status add_ends(const struct special *s) {
  const struct st_value *lists[] = {st_get_set(&s->generation, "eos_token_id"),
                                    st_get_set(&s->model->config, "eos_token_id")};
  int64_t *ends = st_alloc(&s->model->arena, 64, sizeof *ends);
  uint64_t n = 0;
  if (ends == NULL) return st_no_memory(s->model->host);
  for (size_t k = 0; k < 2; k++) {
    const struct st_value *list = lists[k];
    bool several = list != NULL && list->kind == ST_ARRAY;
    for (uint64_t i = 0; list != NULL && i < (several ? list->n : 1) && n < 64; i++) {
      int64_t id = id_of(s, several ? &list->is.items[i] : list);
      if (id >= 0) ends[n++] = id;
    }
  }
  if (n == 0) return RIDGE_OK;
  return st_fact_array(s->model, "ridge.tokenizer.ends", RIDGE_FACT_INTS, ends, n);
}

static ridge_status add_begin(const struct special *s) {
  const struct st_value *said = st_get_set(&s->settings, "add_bos_token");
  int64_t first = s->first >= 0 ? s->first : token_of(s, "bos");
  bool adds = said != NULL && said->kind == ST_BOOL ? st_true(said) : s->first >= 0;
  ridge_status status = add_id(s, "tokenizer.ggml.bos_token_id", first);
  if (status != RIDGE_OK) return status;
  if (!s->json && said == NULL) return RIDGE_OK; /* as models of its kind have it */
  return st_fact_int(s->model, "tokenizer.ggml.add_bos_token", adds);
}

static ridge_status add_end(const struct special *s) {
  const struct st_value *said = st_get_set(&s->settings, "add_eos_token");
  int64_t last = token_of(s, "eos");
  bool adds = said != NULL && said->kind == ST_BOOL ? st_true(said) : s->last >= 0;
  ridge_status status =
      add_id(s, "tokenizer.ggml.eos_token_id", last >= 0 ? last : s->last);
  if (status == RIDGE_OK)
    status = st_fact_int(s->model, "tokenizer.ggml.add_eos_token", adds);
  if (status == RIDGE_OK)
    status = add_id(s, "tokenizer.ggml.padding_token_id", token_of(s, "pad"));
  return status != RIDGE_OK ? status : add_ends(s);
}

/* Added tokens that take the blanks beside them along. */
static ridge_status add_strips(const struct special *s, const struct st_value *json) {
  static const struct {
    const char *name, *key;
  } sides[] = {{"lstrip", "ridge.tokenizer.strips_left"},
               {"rstrip", "ridge.tokenizer.strips_right"}};
  const struct st_value *added = st_get_set(json, "added_tokens");
  if (added == NULL || added->kind != ST_ARRAY || added->n == 0) return RIDGE_OK;
  for (size_t k = 0; k < 2; k++) {
    int64_t *ids = st_alloc(&s->model->arena, added->n, sizeof *ids);
    uint64_t n = 0;
    if (ids == NULL) return st_no_memory(s->model->host);
    for (uint64_t i = 0; i < added->n; i++)
      if (st_true(st_get(&added->is.items[i], sides[k].name)))
        ids[n++] = id_of(s, st_get(&added->is.items[i], "id"));
    ridge_status status =
        n == 0 ? RIDGE_OK : st_fact_array(s->model, sides[k].key, RIDGE_FACT_INTS, ids, n);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* ---- the chat template ----------------------------------------------------------------
 */

/* A text, or a list of named ones of which "default" is for conversations. */
static const struct st_value *template_in(const struct st_value *json) {
  const struct st_value *value = st_get_set(json, "chat_template");
  if (value == NULL || value->kind != ST_ARRAY) return value;
  for (uint64_t i = 0; i < value->n; i++)
    if (st_is(st_get(&value->is.items[i], "name"), "default"))
      return st_get(&value->is.items[i], "template");
  return NULL;
}

static ridge_status add_chat(const struct special *s) {
  static const char key[] = "tokenizer.chat_template";
  const struct st_value *text = template_in(&s->settings);
  if (text != NULL && text->kind == ST_TEXT)
    return st_fact_text(s->model, key, text->is.text, text->n);
  if (text != NULL)
    return st_fail(s->model, RIDGE_CORRUPT,
                   "tokenizer_config.json: `chat_template` is %s; a text, or a list with "
                   "one called default, is wanted",
                   st_kind_name(text->kind));
  ridge_bytes bytes;
  uint32_t number;
  ridge_status status =
      s->model->folder->map(s->model->folder, "chat_template.jinja", &bytes, &number);
  if (status == RIDGE_DECLINED) return RIDGE_OK;
  if (status != RIDGE_OK) return status;
  return st_fact_text(s->model, key, (const char *)bytes.data, bytes.size);
}

ridge_status st_special_facts(struct st_vocab *vocab, const struct st_value *json) {
  struct special s = {
      .vocab = vocab, .model = vocab->model, .json = json != NULL, .first = -1, .last = -1};
  ridge_status status = beside(&s, "tokenizer_config.json", &s.settings);
  if (status == RIDGE_OK) status = beside(&s, "special_tokens_map.json", &s.map);
  if (status == RIDGE_OK) status = beside(&s, "generation_config.json", &s.generation);
  if (status == RIDGE_OK) status = read_processor(&s, st_get(json, "post_processor"));
  if (status == RIDGE_OK) status = add_begin(&s);
  if (status == RIDGE_OK) status = add_end(&s);
  if (status == RIDGE_OK) status = add_strips(&s, json);
  return status != RIDGE_OK ? status : add_chat(&s);
}
