/*
 * st_normalizer.c - the normalizer of tokenizer.json: what happens to a text before
 * anything else.
 *
 * Known are the ones that models here were trained with: SentencePiece's blanks
 * (Prepend, Replace), its table of characters (Precompiled), and Unicode's NFC.
 */
#include "st_parts.h"

#include <string.h>

#define BLANK "\xe2\x96\x81" /* U+2581 */

static ridge_status unknown(struct st_model *model, const struct st_value *type) {
  bool text = type != NULL && type->kind == ST_TEXT;
  return st_fail(model, RIDGE_UNSUPPORTED,
                 "tokenizer.json: the normalizer `%.*s` is not known here in that form; "
                 "NFC, Precompiled, and Prepend and Replace for blanks are",
                 text ? (int)(type->n < 40 ? type->n : 40) : 7,
                 text ? type->is.text : "of none");
}

/* ---- base64 (RFC 4648) -------------------------------------------------------------- */

static int digit(uint8_t c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static ridge_status unpack(struct st_model *model, const struct st_value *text,
                           ridge_bytes *out) {
  const uint8_t *from = (const uint8_t *)text->is.text;
  uint64_t n = text->n, size = 0;
  while (n > 0 && from[n - 1] == '=') n--;
  uint8_t *to = st_alloc(&model->arena, n / 4 * 3 + 4, 1);
  uint32_t held = 0;
  if (to == NULL) return st_no_memory(model->host);
  for (uint64_t i = 0; i < n; i++) {
    int value = digit(from[i]);
    if (value < 0 || n % 4 == 1)
      return st_fail_at(model->host, RIDGE_CORRUPT, "tokenizer.json", text->at,
                        "the table of characters is not written in base64");
    held = held << 6 | (uint32_t)value;
    if (i % 4 != 0) to[size++] = (uint8_t)(held >> (6 - 2 * (i % 4)));
  }
  *out = (ridge_bytes){to, size};
  return RIDGE_OK;
}

/* ---- kinds -------------------------------------------------------------------------- */

static ridge_status nfc(struct st_model *model, const struct st_value *json,
                        struct st_cutting *out) {
  (void)model, (void)json;
  out->composed = true;
  return RIDGE_OK;
}

static ridge_status prepend(struct st_model *model, const struct st_value *json,
                            struct st_cutting *out) {
  if (!st_is(st_get(json, "prepend"), BLANK)) return unknown(model, st_get(json, "type"));
  out->prefix = "always";
  return RIDGE_OK;
}

/* A blank becomes U+2581, which every reader of such a model does; runs of blanks
 * become one. */
static ridge_status replace(struct st_model *model, const struct st_value *json,
                            struct st_cutting *out) {
  const struct st_value *pattern = st_get(json, "pattern"),
                        *content = st_get(json, "content");
  if (st_is(st_get(pattern, "String"), " ") && st_is(content, BLANK)) return RIDGE_OK;
  bool runs = st_is(st_get(pattern, "Regex"), " {2,}");
  if (!runs || (!st_is(content, " ") && !st_is(content, BLANK)))
    return unknown(model, st_get(json, "type"));
  out->squeezed = true;
  return RIDGE_OK;
}

static ridge_status precompiled(struct st_model *model, const struct st_value *json,
                                struct st_cutting *out) {
  const struct st_value *map = st_get_set(json, "precompiled_charsmap");
  if (map == NULL) return RIDGE_OK;
  if (map->kind != ST_TEXT) return unknown(model, st_get(json, "type"));
  return unpack(model, map, &out->map);
}

static ridge_status sequence(struct st_model *model, const struct st_value *json,
                             struct st_cutting *out) {
  const struct st_value *list = st_get(json, "normalizers");
  if (list == NULL || list->kind != ST_ARRAY) return unknown(model, st_get(json, "type"));
  for (uint64_t i = 0; i < list->n; i++) {
    ridge_status status = st_read_normalizer(model, &list->is.items[i], out);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static const struct {
  const char *type;
  ridge_status (*read)(struct st_model *, const struct st_value *, struct st_cutting *);
} kinds[] = {
    {"NFC", nfc},           {"Prepend", prepend},         {"Replace", replace},
    {"Sequence", sequence}, {"Precompiled", precompiled},
};

ridge_status st_read_normalizer(struct st_model *model, const struct st_value *json,
                                struct st_cutting *out) {
  if (json == NULL || json->kind == ST_NULL) return RIDGE_OK;
  const struct st_value *type = st_get(json, "type");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (st_is(type, kinds[i].type)) return kinds[i].read(model, json, out);
  return unknown(model, type);
}
