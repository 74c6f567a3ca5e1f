/*
 * st_tokens_model.c - tokenizer.model: SentencePiece's own file.
 *
 * A protocol buffer (developers.google.com/protocol-buffers, "Encoding"); the fields
 * are those of sentencepiece_model.proto.  BPE becomes GGUF's "llama", unigram "t5".
 */
#include "st_parts.h"

#include <inttypes.h>
#include <string.h>

#define FILE_NAME "tokenizer.model"

enum { MODEL_UNIGRAM = 1, MODEL_BPE = 2 };
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct message { /* a place in one */
  const uint8_t *data;
  uint64_t at, end;
};
struct field {
  uint64_t number, value; /* value: of varints and fixed ones */
  uint32_t wire;
  struct message inside; /* of WIRE_BYTES */
};

struct reading {
  struct st_model *model;
  ridge_bytes bytes;
  uint64_t pieces, kind;
  struct st_vocab words;
  struct st_cutting cutting;
  bool suffix;
  int64_t next;
};

/* ---- protocol buffers --------------------------------------------------------------- */

static ridge_status damaged(const struct reading *r, uint64_t at, const char *what) {
  return st_fail_at(r->model->host, RIDGE_CORRUPT, FILE_NAME, at,
                    "%s; the file is damaged or none of SentencePiece's", what);
}

static bool varint(struct message *m, uint64_t *out) {
  *out = 0;
  for (unsigned shift = 0; shift < 64 && m->at < m->end; shift += 7) {
    uint8_t byte = m->data[m->at++];
    if (shift == 63 && byte > 1) return false;
    *out |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

static bool fixed(struct message *m, unsigned bytes, uint64_t *out) {
  if (m->end - m->at < bytes) return false;
  *out = 0;
  for (unsigned i = 0; i < bytes; i++) *out |= (uint64_t)m->data[m->at + i] << (8 * i);
  m->at += bytes;
  return true;
}

static ridge_status next_field(const struct reading *r, struct message *m,
                               struct field *out) {
  uint64_t start = m->at, tag, size;
  if (!varint(m, &tag) || tag >> 3 == 0) return damaged(r, start, "a field has no number");
  *out = (struct field){.number = tag >> 3, .wire = tag & 7};
  bool good = true;
  switch (out->wire) {
  case WIRE_VARINT: good = varint(m, &out->value); break;
  case WIRE_FIXED64: good = fixed(m, 8, &out->value); break;
  case WIRE_FIXED32: good = fixed(m, 4, &out->value); break;
  case WIRE_BYTES:
    good = varint(m, &size) && size <= m->end - m->at;
    if (!good) break;
    out->inside = (struct message){m->data, m->at, m->at + size};
    m->at += size;
    break;
  default: good = false;
  }
  return good ? RIDGE_OK : damaged(r, start, "a field is longer than the file");
}

/* ---- the parts ------------------------------------------------------------------------
 */

/* SentencePiece: 1 text, 2 score, 3 type. */
static const enum st_token types[] = {ST_TOKEN_NORMAL,  ST_TOKEN_NORMAL, ST_TOKEN_UNKNOWN,
                                      ST_TOKEN_CONTROL, ST_TOKEN_USER,   ST_TOKEN_UNUSED,
                                      ST_TOKEN_BYTE};

/* User-defined text stands in texts as it is: with blanks. */
static const char *spell_user(struct reading *r, const char *text, uint64_t *size) {
  char *copy = st_copy(r->model, text, *size);
  uint64_t n = 0;
  for (uint64_t i = 0; copy != NULL && i < *size; i++) {
    bool blank = *size - i >= 3 && memcmp(text + i, "\xe2\x96\x81", 3) == 0;
    copy[n++] = blank ? ' ' : text[i];
    i += blank ? 2 : 0;
  }
  *size = n;
  return copy;
}

static ridge_status read_piece(struct reading *r, struct message m) {
  const char *text = NULL;
  uint64_t size = 0, type = 1, start = m.at;
  float score = 0;
  while (m.at < m.end) {
    struct field f;
    ridge_status status = next_field(r, &m, &f);
    if (status != RIDGE_OK) return status;
    if (f.number == 1 && f.wire == WIRE_BYTES) {
      text = (const char *)f.inside.data + f.inside.at;
      size = f.inside.end - f.inside.at;
    }
    uint32_t bits = (uint32_t)f.value;
    if (f.number == 2 && f.wire == WIRE_FIXED32) memcpy(&score, &bits, sizeof score);
    if (f.number == 3 && f.wire == WIRE_VARINT) type = f.value;
  }
  if (text == NULL || size == 0) return damaged(r, start, "a piece has no text");
  if (type < 1 || type > 6) return damaged(r, start, "a piece has no known type");
  if (!(score > -1e30f && score < 1e30f)) return damaged(r, start, "a score is no number");
  if (types[type] == ST_TOKEN_USER) text = spell_user(r, text, &size);
  if (text == NULL) return st_no_memory(r->model->host);
  r->words.scores[r->next] = (double)score;
  if (types[type] == ST_TOKEN_UNKNOWN) r->words.unknown = r->next;
  return st_vocab_put(&r->words, r->next++, text, size, types[type]);
}

/* NormalizerSpec: 2 the table of characters, 3 prefix, 4 runs of blanks, 5 escaping. */
static ridge_status read_normalizer(struct reading *r, struct message m) {
  bool prefix = true, squeeze = true, escape = true;
  uint64_t start = m.at;
  while (m.at < m.end) {
    struct field f;
    ridge_status status = next_field(r, &m, &f);
    if (status != RIDGE_OK) return status;
    if (f.number == 2 && f.wire == WIRE_BYTES)
      r->cutting.map =
          (ridge_bytes){f.inside.data + f.inside.at, f.inside.end - f.inside.at};
    if (f.number == 3) prefix = f.value != 0;
    if (f.number == 4) squeeze = f.value != 0;
    if (f.number == 5) escape = f.value != 0;
  }
  r->cutting.prefix = prefix ? "always" : NULL;
  r->cutting.squeezed = squeeze;
  if (escape) return RIDGE_OK;
  return st_fail_at(r->model->host, RIDGE_UNSUPPORTED, FILE_NAME, start,
                    "blanks are not written as U+2581, which is not known here");
}

/* TrainerSpec: 3 the kind, 24 blanks behind words, 40 to 43 the special tokens. */
static ridge_status read_trainer(struct reading *r, struct message m) {
  while (m.at < m.end) {
    struct field f;
    ridge_status status = next_field(r, &m, &f);
    if (status != RIDGE_OK) return status;
    if (f.number == 3 && f.wire == WIRE_VARINT) r->kind = f.value;
    if (f.number == 24 && f.wire == WIRE_VARINT) r->suffix = f.value != 0;
  }
  return RIDGE_OK;
}

static ridge_status walk(struct reading *r, bool count) {
  struct message m = {r->bytes.data, 0, r->bytes.size};
  while (m.at < m.end) {
    struct field f;
    ridge_status status = next_field(r, &m, &f);
    if (status != RIDGE_OK) return status;
    if (f.wire != WIRE_BYTES) continue;
    if (f.number == 1 && count) r->pieces++;
    if (f.number == 1 && !count) status = read_piece(r, f.inside);
    if (f.number == 2 && count) status = read_trainer(r, f.inside);
    if (f.number == 3 && count) status = read_normalizer(r, f.inside);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status check_kind(const struct reading *r) {
  if (r->kind != MODEL_UNIGRAM && r->kind != MODEL_BPE)
    return st_fail(
        r->model, RIDGE_UNSUPPORTED,
        FILE_NAME ": model type %" PRIu64 "; unigram (1) and BPE (2) can be read", r->kind);
  if (r->suffix)
    return st_fail(r->model, RIDGE_UNSUPPORTED,
                   FILE_NAME ": blanks belong to the word before them "
                             "(treat_whitespace_as_suffix), which is not known here");
  if (r->kind == MODEL_BPE && (r->cutting.map.size > 0 || r->cutting.squeezed))
    return st_fail(r->model, RIDGE_UNSUPPORTED,
                   FILE_NAME ": BPE after a table of characters, or with runs of blanks "
                             "taken for one, is not known here");
  return RIDGE_OK;
}

static ridge_status add_facts(struct reading *r) {
  ridge_status status =
      st_vocab_facts(&r->words, r->kind == MODEL_BPE ? "llama" : "t5", true);
  if (status == RIDGE_OK) status = st_cutting_facts(r->model, &r->cutting);
  return status != RIDGE_OK ? status : st_special_facts(&r->words, NULL);
}

ridge_status st_tokenizer_model(struct st_model *model, ridge_bytes bytes) {
  struct reading r = {.model = model, .bytes = bytes, .kind = MODEL_UNIGRAM};
  r.cutting.prefix = "always";
  r.cutting.squeezed = true;
  ridge_status status = walk(&r, true);
  if (status == RIDGE_OK) status = check_kind(&r);
  if (status != RIDGE_OK) return status;
  status = st_vocab_new(model, FILE_NAME, r.pieces, &r.words);
  if (status == RIDGE_OK) status = walk(&r, false);
  if (status == RIDGE_OK) status = add_facts(&r);
  st_vocab_drop(&r.words);
  return status;
}
