/*
 * st_tokens_json.c - tokenizer.json: the vocabulary and its merges.
 *
 * Byte-level BPE becomes GGUF's "gpt2"; BPE over characters with bytes to fall back on
 * becomes "llama", whose merges go along as numbers (ridge.tokenizer.merges), since
 * scores tell less than they do; Unigram becomes "t5".
 */
#include "st_parts.h"

#include <inttypes.h>
#include <string.h>

struct reading {
  struct st_model *model;
  const struct st_value *json, *what, *vocab, *added; /* what: "model" */
  struct st_vocab words;
  struct st_cutting cutting;
  bool falls_back; /* on bytes */
};

static ridge_status bad(const struct reading *r, const struct st_value *at,
                        const char *what) {
  return st_fail_at(r->model->host, RIDGE_CORRUPT, "tokenizer.json", at->at, "%s", what);
}

/* ---- tokens ------------------------------------------------------------------------- */

static bool added_id(const struct st_value *token, int64_t *id) {
  const struct st_value *value = st_get(token, "id");
  if (value == NULL || value->kind != ST_INT || value->is.i < 0) return false;
  *id = value->is.i;
  return *id < ST_MAX_TOKENS;
}

/* Models leave some numbers out, up to a round one; a lone great number would only make
 * millions of tokens that mean nothing. */
static ridge_status refuse_holes(const struct reading *r, uint64_t n) {
  uint64_t listed = r->vocab->n + r->added->n;
  if (n <= 4 * listed + 65536) return RIDGE_OK;
  return st_fail(r->model, RIDGE_CORRUPT,
                 "tokenizer.json: it has %" PRIu64 " tokens, and the greatest number is "
                 "%" PRIu64 "; the file is damaged",
                 listed, n - 1);
}

/* One more than the greatest number. */
static ridge_status count_tokens(struct reading *r, uint64_t *n) {
  *n = r->vocab->n;
  for (uint64_t i = 0; r->vocab->kind == ST_OBJECT && i < r->vocab->n; i++) {
    const struct st_value *id = &r->vocab->is.members[i].value;
    if (id->kind != ST_INT || id->is.i < 0 || id->is.i >= ST_MAX_TOKENS)
      return bad(r, id, "a token's number is no whole number from 0 to 2^24");
    if ((uint64_t)id->is.i >= *n) *n = (uint64_t)id->is.i + 1;
  }
  for (uint64_t i = 0; i < r->added->n; i++) {
    int64_t id;
    if (!added_id(&r->added->is.items[i], &id))
      return bad(r, &r->added->is.items[i], "an added token has no number `id`");
    if ((uint64_t)id >= *n) *n = (uint64_t)id + 1;
  }
  return refuse_holes(r, *n);
}

static enum st_token type_of(const struct reading *r, const char *text, uint64_t size) {
  return r->falls_back && st_is_byte(text, size) ? ST_TOKEN_BYTE : ST_TOKEN_NORMAL;
}

static ridge_status put_members(struct reading *r) {
  for (uint64_t i = 0; i < r->vocab->n; i++) {
    const struct st_member *m = &r->vocab->is.members[i];
    ridge_status status = st_vocab_put(&r->words, m->value.is.i, m->name, m->size,
                                       type_of(r, m->name, m->size));
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* Unigram: a list of text and score. */
static ridge_status put_pairs(struct reading *r) {
  for (uint64_t i = 0; i < r->vocab->n; i++) {
    const struct st_value *pair = &r->vocab->is.items[i];
    if (pair->kind != ST_ARRAY || pair->n != 2 || pair->is.items[0].kind != ST_TEXT ||
        !st_number(&pair->is.items[1], &r->words.scores[i]))
      return bad(r, pair, "a token of the vocabulary is no pair of text and score");
    const struct st_value *text = &pair->is.items[0];
    ridge_status status = st_vocab_put(&r->words, (int64_t)i, text->is.text, text->n,
                                       type_of(r, text->is.text, text->n));
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

/* A token of blanks is found by merging, and has to say blanks. */
static bool has_blanks(const struct st_value *text) {
  for (uint64_t i = 0; i + 3 <= text->n; i++)
    if (memcmp(text->is.text + i, "\xe2\x96\x81", 3) == 0) return true;
  return false;
}

static ridge_status put_added(struct reading *r, const struct st_value *token) {
  const struct st_value *text = st_get(token, "content");
  int64_t id;
  if (!added_id(token, &id) || text == NULL || text->kind != ST_TEXT || text->n == 0)
    return bad(r, token, "an added token has no text `content`");
  if (st_true(st_get(token, "single_word")))
    return bad(r, token,
               "an added token that has to be a word of its own is not known here");
  bool special = st_true(st_get(token, "special"));
  enum st_token type = special ? ST_TOKEN_CONTROL : ST_TOKEN_USER;
  if (r->words.types[id] == 0)
    return st_vocab_put(&r->words, id, text->is.text, text->n, type);
  if (st_vocab_find(&r->words, text->is.text, text->n) != id)
    return bad(r, token, "an added token has the number of another one");
  if (r->words.types[id] == ST_TOKEN_BYTE) return RIDGE_OK;
  if (special || r->cutting.bytes || !has_blanks(text)) r->words.types[id] = type;
  return RIDGE_OK;
}

static ridge_status read_unknown(struct reading *r) {
  const struct st_value *text = st_get_set(r->what, "unk_token"),
                        *id = st_get_set(r->what, "unk_id");
  if (text != NULL && text->kind == ST_TEXT)
    r->words.unknown = st_vocab_find(&r->words, text->is.text, text->n);
  if (id != NULL && id->kind == ST_INT) r->words.unknown = id->is.i;
  if (r->words.unknown < -1 || r->words.unknown >= (int64_t)r->words.n)
    return bad(r, id, "`unk_id` is no token's number");
  if (r->words.unknown >= 0) r->words.types[r->words.unknown] = ST_TOKEN_UNKNOWN;
  return RIDGE_OK;
}

static ridge_status read_tokens(struct reading *r) {
  uint64_t n = 0;
  ridge_status status = count_tokens(r, &n);
  if (status == RIDGE_OK) status = st_vocab_new(r->model, "tokenizer.json", n, &r->words);
  if (status == RIDGE_OK)
    status = r->vocab->kind == ST_OBJECT ? put_members(r) : put_pairs(r);
  for (uint64_t i = 0; i < r->added->n && status == RIDGE_OK; i++)
    status = put_added(r, &r->added->is.items[i]);
  return status != RIDGE_OK ? status : read_unknown(r);
}

/* ---- merges ------------------------------------------------------------------------- */

struct merge {
  const char *left, *right;
  uint64_t left_size, right_size;
};

/* "left right", or a list of both; a blank at the very start belongs to the left. */
static bool read_merge(const struct st_value *value, struct merge *out) {
  if (value->kind == ST_ARRAY && value->n == 2 && value->is.items[0].kind == ST_TEXT &&
      value->is.items[1].kind == ST_TEXT) {
    const struct st_value *pair = value->is.items;
    *out = (struct merge){pair[0].is.text, pair[1].is.text, pair[0].n, pair[1].n};
    return out->left_size > 0 && out->right_size > 0;
  }
  if (value->kind != ST_TEXT || value->n < 3) return false;
  const char *blank = memchr(value->is.text + 1, ' ', (size_t)value->n - 1);
  if (blank == NULL) return false;
  out->left = value->is.text;
  out->left_size = (uint64_t)(blank - value->is.text);
  out->right = blank + 1;
  out->right_size = value->n - out->left_size - 1;
  return out->right_size > 0;
}

static const struct st_value *merges_of(const struct reading *r) {
  const struct st_value *merges = st_get(r->what, "merges");
  return merges != NULL && merges->kind == ST_ARRAY ? merges : NULL;
}

/* GGUF's form: "left right". */
static ridge_status text_merges(struct reading *r, const struct st_value *merges) {
  ridge_bytes *texts = st_alloc(&r->model->arena, merges->n, sizeof *texts);
  if (texts == NULL) return st_no_memory(r->model->host);
  for (uint64_t i = 0; i < merges->n; i++) {
    const struct st_value *value = &merges->is.items[i];
    struct merge m;
    if (!read_merge(value, &m)) return bad(r, value, "a merge is no pair of two pieces");
    if (value->kind == ST_TEXT) {
      texts[i] = (ridge_bytes){(const uint8_t *)value->is.text, value->n};
      continue;
    }
    char *joint = st_alloc(&r->model->arena, m.left_size + m.right_size + 2, 1);
    if (joint == NULL) return st_no_memory(r->model->host);
    memcpy(joint, m.left, (size_t)m.left_size);
    joint[m.left_size] = ' ';
    memcpy(joint + m.left_size + 1, m.right, (size_t)m.right_size);
    texts[i] = (ridge_bytes){(const uint8_t *)joint, m.left_size + m.right_size + 1};
  }
  return st_fact_array(r->model, "tokenizer.ggml.merges", RIDGE_FACT_TEXTS, texts,
                       merges->n);
}

static int64_t joint_id(struct reading *r, const struct merge *m) {
  char joint[1024];
  if (m->left_size + m->right_size > sizeof joint) return -1;
  memcpy(joint, m->left, (size_t)m->left_size);
  memcpy(joint + m->left_size, m->right, (size_t)m->right_size);
  return st_vocab_find(&r->words, joint, m->left_size + m->right_size);
}

/* Left, right and joint numbers; the first merge that makes a token gives its score. */
static ridge_status number_merges(struct reading *r, const struct st_value *merges) {
  int64_t *numbers = st_alloc(&r->model->arena, merges->n, 3 * sizeof *numbers);
  if (numbers == NULL) return st_no_memory(r->model->host);
  for (uint64_t id = 0; id < r->words.n; id++) r->words.scores[id] = -(double)merges->n - 1;
  for (uint64_t i = 0; i < merges->n; i++) {
    const struct st_value *value = &merges->is.items[i];
    struct merge m;
    int64_t *to = numbers + 3 * i;
    if (!read_merge(value, &m)) return bad(r, value, "a merge is no pair of two pieces");
    to[0] = st_vocab_find(&r->words, m.left, m.left_size);
    to[1] = st_vocab_find(&r->words, m.right, m.right_size);
    to[2] = joint_id(r, &m);
    if (to[0] < 0 || to[1] < 0 || to[2] < 0)
      return bad(r, value, "a merge joins or makes what is no token");
    if (r->words.scores[to[2]] < -(double)i) r->words.scores[to[2]] = -(double)i;
  }
  return st_fact_array(r->model, "ridge.tokenizer.merges", RIDGE_FACT_INTS, numbers,
                       3 * merges->n);
}

/* ---- kinds of models ----------------------------------------------------------------- */

static ridge_status read_bpe(struct reading *r) {
  const struct st_value *merges = merges_of(r), *dropout = st_get_set(r->what, "dropout");
  static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
  for (size_t i = 0; i < 2; i++) {
    const struct st_value *affix = st_get_set(r->what, affixes[i]);
    if (affix != NULL && affix->kind == ST_TEXT && affix->n > 0)
      return bad(r, affix,
                 "pieces marked by where they stand in a word are not known here");
  }
  if (dropout != NULL) return bad(r, dropout, "`dropout` makes ids a matter of luck");
  if (merges == NULL) return bad(r, r->what, "the model has no list of `merges`");
  if (!r->cutting.bytes && !r->falls_back && r->words.unknown < 0)
    return bad(r, r->what, "it has neither bytes nor an unknown token to fall back on");
  if (!r->cutting.bytes && (r->cutting.words || r->cutting.squeezed ||
                            r->cutting.map.size > 0 || r->cutting.composed))
    return bad(r, r->what,
               "merges over characters after this normalizer or pre-tokenizer are not "
               "known here");
  ridge_status status =
      r->cutting.bytes ? text_merges(r, merges) : number_merges(r, merges);
  if (status != RIDGE_OK) return status;
  return st_vocab_facts(&r->words, r->cutting.bytes ? "gpt2" : "llama", !r->cutting.bytes);
}

static ridge_status read_unigram(struct reading *r) {
  if (r->cutting.bytes || r->cutting.composed)
    return bad(r, r->what, "a unigram model after this normalizer is not known here");
  return st_vocab_facts(&r->words, "t5", true);
}

static ridge_status find_parts(struct reading *r, bool *unigram) {
  static const struct st_value none = {.kind = ST_ARRAY};
  r->what = st_get(r->json, "model");
  r->added = st_get_set(r->json, "added_tokens");
  if (r->added == NULL) r->added = &none;
  const struct st_value *type = st_get(r->what, "type");
  r->vocab = st_get(r->what, "vocab");
  *unigram = st_is(type, "Unigram") ||
             (type == NULL && r->vocab != NULL && r->vocab->kind == ST_ARRAY);
  bool bpe = st_is(type, "BPE") || (type == NULL && merges_of(r) != NULL);
  if (r->what == NULL || r->what->kind != ST_OBJECT || r->added->kind != ST_ARRAY)
    return bad(r, r->json, "it has no object `model`, or `added_tokens` is no list");
  if (!*unigram && !bpe)
    return st_fail(r->model, RIDGE_UNSUPPORTED,
                   "tokenizer.json: its model is `%.*s`; BPE and Unigram can be read",
                   type != NULL && type->kind == ST_TEXT && type->n < 40 ? (int)type->n : 4,
                   type != NULL && type->kind == ST_TEXT && type->n < 40 ? type->is.text
                                                                         : "none");
  if (r->vocab == NULL || r->vocab->kind != (*unigram ? ST_ARRAY : ST_OBJECT))
    return bad(r, r->what, "the model's `vocab` is not there, or of another kind");
  return RIDGE_OK;
}

ridge_status st_tokenizer_json(struct st_model *model, const struct st_value *json) {
  struct reading r = {.model = model, .json = json};
  bool unigram = false;
  ridge_status status = find_parts(&r, &unigram);
  if (status != RIDGE_OK) return status;
  r.falls_back = st_true(st_get(r.what, "byte_fallback"));
  bool whole = st_true(st_get(r.what, "ignore_merges"));
  status = st_read_normalizer(model, st_get(json, "normalizer"), &r.cutting);
  if (status == RIDGE_OK)
    status = st_read_pretokenizer(model, st_get(json, "pre_tokenizer"), whole, &r.cutting);
  if (status == RIDGE_OK) status = read_tokens(&r);
  if (status == RIDGE_OK) status = unigram ? read_unigram(&r) : read_bpe(&r);
  if (status == RIDGE_OK) status = st_cutting_facts(model, &r.cutting);
  if (status == RIDGE_OK) status = st_special_facts(&r.words, json);
  st_vocab_drop(&r.words);
  return status;
}
