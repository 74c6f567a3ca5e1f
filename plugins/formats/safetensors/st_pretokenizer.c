/*
 * st_pretokenizer.c - the pre-tokenizer of tokenizer.json: how text is cut into words.
 *
 * Patterns are known by their text and get GGUF's name for them (tokenizer.ggml.pre),
 * under which the program has a pattern that cuts the same.  A pattern that is not in
 * the table would cut otherwise than in training; it is refused.
 */
#include "st_parts.h"

#include <stdio.h>
#include <string.h>

#define BLANK        "\xe2\x96\x81" /* U+2581 */

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define REST         " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER        "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER        "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define LEADING      "[^\\r\\n\\p{L}\\p{N}]?"
#define CASED(end)   LEADING UPPER "*" LOWER "+" end "|" LEADING UPPER "+" LOWER "*" end
#define CASED_REST   " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* What cuts, in order: patterns of Split; "bytes" for ByteLevel's own pattern; "digits"
 * for one digit at a time. */
static const struct {
  const char *parts[4];
  const char *pre, *pre_whole; /* pre_whole: where whole words are looked up first */
} rows[] = {
    {{"bytes"}, "gpt-2", NULL},
    {{"digits", "bytes"}, "smollm", NULL},
    {{CONTRACTIONS "|" LEADING "\\p{L}+|\\p{N}{1,3}|" REST}, "smaug-bpe", "llama-bpe"},
    {{CONTRACTIONS "|" LEADING "\\p{L}+|\\p{N}|" REST}, "qwen2", NULL},
    {{CASED("") "|\\p{N}|" CASED_REST}, NULL, "tekken"},
    {{CASED(CONTRACTIONS "?") "|\\p{N}{1,3}|" CASED_REST}, "gpt-4o", NULL},
    {{"\\p{N}{1,3}",
      "[\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f\xe3\x82\xa0-\xe3\x83\xbf]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
      "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
      "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
     "deepseek-v3",
     NULL},
};

/* A pre-tokenizer taken apart. */
struct parts {
  struct st_model *model;
  const char *texts[4];
  uint64_t sizes[4], n;
  struct st_cutting *out;
};

static ridge_status unknown(const struct parts *p, const char *what, uint64_t size) {
  return st_fail(p->model, RIDGE_UNSUPPORTED,
                 "tokenizer.json: text is cut by `%.*s`, which is not known here; the ids "
                 "would not be those of the training",
                 (int)(size < 300 ? size : 300), what);
}

static ridge_status unknown_type(const struct parts *p, const struct st_value *json) {
  const struct st_value *type = st_get(json, "type");
  if (type == NULL || type->kind != ST_TEXT) return unknown(p, "nothing named", 13);
  return unknown(p, type->is.text, type->n);
}

static ridge_status add(struct parts *p, const char *text, uint64_t size) {
  if (p->n == 4) return unknown(p, "more than four patterns", 23);
  p->texts[p->n] = text;
  p->sizes[p->n++] = size;
  return RIDGE_OK;
}

/* ---- kinds -------------------------------------------------------------------------- */

static ridge_status take(struct parts *p, const struct st_value *json);

static ridge_status byte_level(struct parts *p, const struct st_value *json) {
  const struct st_value *regex = st_get(json, "use_regex");
  p->out->bytes = true;
  if (st_true(st_get(json, "add_prefix_space")))
    return unknown(p, "ByteLevel with add_prefix_space", 31);
  if (regex != NULL && !st_true(regex)) return RIDGE_OK;
  return add(p, "bytes", 5);
}

static ridge_status digits(struct parts *p, const struct st_value *json) {
  if (!st_true(st_get(json, "individual_digits")))
    return unknown(p, "Digits without individual_digits", 32);
  return add(p, "digits", 6);
}

/* Blanks are U+2581 by then, so that Gemma's cut at blanks finds none. */
static ridge_status split(struct parts *p, const struct st_value *json) {
  const struct st_value *pattern = st_get(json, "pattern");
  const struct st_value *regex = st_get(pattern, "Regex"),
                        *text = st_get(pattern, "String");
  if (st_is(text, " ") && st_is(st_get(json, "behavior"), "MergedWithPrevious"))
    return RIDGE_OK;
  bool plain =
      st_is(st_get(json, "behavior"), "Isolated") && !st_true(st_get(json, "invert"));
  if (regex == NULL || regex->kind != ST_TEXT || !plain) return unknown_type(p, json);
  return add(p, regex->is.text, regex->n);
}

static ridge_status metaspace(struct parts *p, const struct st_value *json) {
  static const struct {
    const char *scheme, *prefix;
  } schemes[] = {{"always", "spaced"}, {"first", "spaced_first"}, {"never", NULL}};
  const struct st_value *scheme = st_get_set(json, "prepend_scheme"),
                        *older = st_get_set(json, "add_prefix_space"),
                        *cut = st_get_set(json, "split");
  if (!st_is(st_get(json, "replacement"), BLANK)) return unknown_type(p, json);
  p->out->words = cut == NULL || st_true(cut);
  if (scheme == NULL) {
    p->out->prefix = older == NULL || st_true(older) ? "spaced" : NULL;
    return RIDGE_OK;
  }
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
    if (st_is(scheme, schemes[i].scheme)) {
      p->out->prefix = schemes[i].prefix;
      return RIDGE_OK;
    }
  return unknown_type(p, json);
}

static ridge_status whitespace(struct parts *p, const struct st_value *json) {
  (void)json;
  p->out->squeezed = p->out->white = true;
  return RIDGE_OK;
}

static ridge_status sequence(struct parts *p, const struct st_value *json) {
  const struct st_value *list = st_get(json, "pretokenizers");
  if (list == NULL || list->kind != ST_ARRAY) return unknown_type(p, json);
  for (uint64_t i = 0; i < list->n; i++) {
    ridge_status status = take(p, &list->is.items[i]);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static const struct {
  const char *type;
  ridge_status (*take)(struct parts *, const struct st_value *);
} kinds[] = {
    {"ByteLevel", byte_level}, {"Digits", digits},     {"Split", split},
    {"Metaspace", metaspace},  {"Sequence", sequence}, {"WhitespaceSplit", whitespace},
};

static ridge_status take(struct parts *p, const struct st_value *json) {
  const struct st_value *type = st_get(json, "type");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (st_is(type, kinds[i].type)) return kinds[i].take(p, json);
  return unknown_type(p, json);
}

/* ---- which name ---------------------------------------------------------------------- */

static bool same(const struct parts *p, const char *const parts[4]) {
  for (uint64_t i = 0; i < 4; i++) {
    const char *wanted = parts[i];
    if ((wanted == NULL) != (i >= p->n)) return false;
    if (wanted == NULL) return true;
    if (strlen(wanted) != p->sizes[i] ||
        memcmp(wanted, p->texts[i], (size_t)p->sizes[i]) != 0)
      return false;
  }
  return true;
}

static ridge_status find_name(struct parts *p, bool whole_words) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!same(p, rows[i].parts)) continue;
    p->out->pre = whole_words ? rows[i].pre_whole : rows[i].pre;
    if (p->out->pre != NULL) return RIDGE_OK;
    return st_fail(p->model, RIDGE_UNSUPPORTED,
                   "tokenizer.json: this pattern %s `ignore_merges` is not known here",
                   whole_words ? "with" : "without");
  }
  if (p->n == 0) return unknown(p, "bytes, and no pattern", 21);
  return unknown(p, p->texts[p->n - 1], p->sizes[p->n - 1]);
}

ridge_status st_read_pretokenizer(struct st_model *model, const struct st_value *json,
                                  bool whole_words, struct st_cutting *out) {
  struct parts p = {.model = model, .out = out};
  if (json == NULL || json->kind == ST_NULL) return RIDGE_OK;
  ridge_status status = take(&p, json);
  if (status != RIDGE_OK) return status;
  if (out->bytes) return find_name(&p, whole_words);
  return p.n == 0 ? RIDGE_OK : unknown(&p, p.texts[0], p.sizes[0]);
}

ridge_status st_cutting_facts(struct st_model *model, const struct st_cutting *cutting) {
  ridge_status status = RIDGE_OK;
  if (cutting->pre != NULL)
    status = st_fact_text(model, "tokenizer.ggml.pre", cutting->pre, strlen(cutting->pre));
  if (status == RIDGE_OK && cutting->composed)
    status = st_fact_text(model, "ridge.tokenizer.normal_form", "nfc", 3);
  if (status != RIDGE_OK || cutting->bytes) return status;
  status = st_fact_int(model, "tokenizer.ggml.add_space_prefix", cutting->prefix != NULL);
  if (status == RIDGE_OK && cutting->prefix != NULL)
    status = st_fact_text(model, "ridge.tokenizer.prefix", cutting->prefix,
                          strlen(cutting->prefix));
  if (status == RIDGE_OK)
    status =
        st_fact_int(model, "tokenizer.ggml.remove_extra_whitespaces", cutting->squeezed);
  if (status == RIDGE_OK && cutting->white)
    status = st_fact_int(model, "ridge.tokenizer.white_space", 1);
  if (status != RIDGE_OK || cutting->map.size == 0) return status;
  int64_t *bytes = st_alloc(&model->arena, cutting->map.size, sizeof *bytes);
  if (bytes == NULL) return st_no_memory(model->host);
  for (uint64_t i = 0; i < cutting->map.size; i++) bytes[i] = cutting->map.data[i];
  return st_fact_array(model, "tokenizer.ggml.precompiled_charsmap", RIDGE_FACT_INTS, bytes,
                       cutting->map.size);
}
