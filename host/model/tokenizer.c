/*
 * tokenizer.c - text to token ids and back: what the model file asks for, put together.
 *
 * "llama" is in spm.c, "gpt2" in bpe_bytes.c, "t5" in unigram.c; other kinds are
 * refused by name.  `add_space_prefix` concerns those that mark blanks; an end token is
 * never added.
 */
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- making
 * ------------------------------------------------------------------------------ */

static const struct kind {
  const char *name;
  enum tokenizer_kind kind;
  const char *refusal; /* NULL: read here */
} kinds[] = {
    {"llama", TOKENIZER_SPM, NULL},
    {"gpt2", TOKENIZER_BPE, NULL},
    {"t5", TOKENIZER_UNIGRAM, NULL},
    {"bert", 0, "a WordPiece model"},
    {"rwkv", 0, "RWKV's greedy longest match"},
    {"gemma4", 0, "merges over raw UTF-8"},
    {"plamo2", 0, "PLaMo-2's lattice"},
    {"none", 0, "no vocabulary at all"},
    {"no_vocab", 0, "no vocabulary at all"},
};

static ridge_status read_kind(const ridge_model_file *file, enum tokenizer_kind *out,
                              struct why *why) {
  const ridge_fact *fact = fact_find(file, "tokenizer.ggml.model");
  if (fact == NULL || fact->type != RIDGE_FACT_TEXT)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "the model has no tokenizer (tokenizer.ggml.model in its file, or "
                   "tokenizer.json or tokenizer.model beside its weights): text cannot be "
                   "turned into tokens; get it with its vocabulary");
  ridge_bytes name = fact->value.text;
  const char *refusal = "not known here";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strlen(kinds[i].name) != name.size) continue;
    if (memcmp(kinds[i].name, name.data, name.size) != 0) continue;
    refusal = kinds[i].refusal;
    *out = kinds[i].kind;
  }
  if (refusal == NULL) return RIDGE_OK;
  return why_set(
      why, RIDGE_UNSUPPORTED,
      "the model's tokenizer is \"%.*s\" (%s); \"llama\" (SentencePiece BPE), \"t5\" "
      "(SentencePiece unigram) and \"gpt2\" (byte-level BPE) can be read",
      (int)(name.size < 64 ? name.size : 64), (const char *)name.data, refusal);
}

static ridge_status make_cutting(struct tokenizer *t, const ridge_model_file *file,
                                 struct why *why) {
  if (t->kind == TOKENIZER_SPM) return spm_new(file, &t->vocab, &t->spm, why);
  if (t->kind == TOKENIZER_UNIGRAM) return unigram_new(file, &t->vocab, &t->unigram, why);
  return bpe_new(file, &t->vocab, &t->bpe, why);
}

bool prefix_wanted(enum tokenizer_prefix prefix, const char *text,
                   const struct fragment *part) {
  if (prefix == PREFIX_NONE || prefix == PREFIX_ALWAYS) return prefix == PREFIX_ALWAYS;
  if (prefix == PREFIX_SPACED_FIRST && part->start > 0) return false;
  size_t size = part->end - part->start;
  bool marked = size >= 3 && memcmp(text + part->start, "\xe2\x96\x81", 3) == 0;
  return size > 0 && text[part->start] != ' ' && !marked;
}

/* add_space_prefix says whether, ridge.tokenizer.prefix where. */
static ridge_status read_prefix(struct tokenizer *t, const ridge_model_file *file,
                                struct why *why) {
  static const char *const names[] = {
      [PREFIX_NONE] = "none",
      [PREFIX_ALWAYS] = "always",
      [PREFIX_SPACED] = "spaced",
      [PREFIX_SPACED_FIRST] = "spaced_first",
  };
  bool wanted = t->kind != TOKENIZER_BPE;
  if (!wanted) return RIDGE_OK;
  ridge_status status = fact_bool(file, "tokenizer.ggml.add_space_prefix", &wanted, why);
  if (status != RIDGE_OK) return status;
  t->prefix = wanted ? PREFIX_ALWAYS : PREFIX_NONE;
  const ridge_fact *fact = fact_find(file, "ridge.tokenizer.prefix");
  if (fact == NULL) return RIDGE_OK;
  for (size_t i = 0; fact->type == RIDGE_FACT_TEXT && i < 4; i++) {
    if (fact->value.text.size != strlen(names[i])) continue;
    if (memcmp(fact->value.text.data, names[i], strlen(names[i])) != 0) continue;
    t->prefix = (enum tokenizer_prefix)i;
    return RIDGE_OK;
  }
  return why_set(why, RIDGE_CORRUPT,
                 "ridge.tokenizer.prefix is none of none, always, spaced, spaced_first");
}

static ridge_status read_form(struct tokenizer *t, const ridge_model_file *file,
                              struct why *why) {
  const ridge_fact *fact = fact_find(file, "ridge.tokenizer.normal_form");
  if (fact == NULL) return RIDGE_OK;
  t->composed = fact->type == RIDGE_FACT_TEXT && fact->value.text.size == 3 &&
                memcmp(fact->value.text.data, "nfc", 3) == 0;
  if (t->composed && t->kind == TOKENIZER_BPE) return RIDGE_OK;
  return why_set(why, RIDGE_UNSUPPORTED,
                 "ridge.tokenizer.normal_form: only nfc is known, and only for byte-level "
                 "models");
}

/* What holds when the file says nothing: SentencePiece's own numbers for "llama", and
 * those of T5. */
static void default_specials(struct tokenizer *t) {
  int32_t n = t->vocab.n;
  t->bos = t->kind == TOKENIZER_SPM && n > 1 ? 1 : -1;
  t->eos = t->kind == TOKENIZER_SPM && n > 2 ? 2 : -1;
  if (t->kind == TOKENIZER_UNIGRAM && n > 1) t->eos = 1;
  t->add_bos = t->kind == TOKENIZER_SPM;
  if (t->kind == TOKENIZER_BPE) t->add_bos = bpe_adds_bos(t->bpe);
}

static ridge_status read_specials(struct tokenizer *t, const ridge_model_file *file,
                                  struct why *why) {
  int32_t n = t->vocab.n;
  default_specials(t);
  ridge_status status = fact_token(file, "tokenizer.ggml.bos_token_id", n, &t->bos, why);
  if (status == RIDGE_OK)
    status = fact_token(file, "tokenizer.ggml.eos_token_id", n, &t->eos, why);
  if (status == RIDGE_OK)
    status = fact_bool(file, "tokenizer.ggml.add_bos_token", &t->add_bos, why);
  if (status == RIDGE_OK) status = read_prefix(t, file, why);
  if (status == RIDGE_OK) status = read_form(t, file, why);
  if (status != RIDGE_OK) return status;
  if (t->add_bos && t->bos < 0)
    return why_set(
        why, RIDGE_CORRUPT,
        "the model wants a beginning-of-text token before each text, but the file "
        "does not say which (tokenizer.ggml.bos_token_id)");
  return vocab_mark(file, &t->vocab, t->eos, why);
}

static ridge_status make(struct tokenizer *t, const ridge_model_file *file,
                         struct why *why) {
  ridge_status status = read_kind(file, &t->kind, why);
  if (status == RIDGE_OK) status = vocab_new(file, &t->vocab, why);
  if (status == RIDGE_OK) status = make_cutting(t, file, why);
  if (status == RIDGE_OK) status = read_specials(t, file, why);
  if (status == RIDGE_OK) status = specials_new(&t->vocab, false, &t->all, why);
  if (status == RIDGE_OK) status = specials_new(&t->vocab, true, &t->user, why);
  if (status == RIDGE_OK) status = tokenizer_say(t, why);
  return status != RIDGE_OK ? status : tokenizer_sign(t, file, why);
}

ridge_status tokenizer_new(const ridge_model_file *file, struct tokenizer **out,
                           struct why *why) {
  struct tokenizer *t = calloc(1, sizeof *t);
  if (t == NULL) return tokenizer_no_memory(why);
  ridge_status status = make(t, file, why);
  if (status == RIDGE_OK)
    *out = t;
  else
    tokenizer_free(t);
  return status;
}

void tokenizer_free(struct tokenizer *t) {
  if (t == NULL) return;
  spm_free(t->spm);
  bpe_free(t->bpe);
  unigram_free(t->unigram);
  specials_free(&t->all);
  specials_free(&t->user);
  vocab_free(&t->vocab);
  free(t->said);
  free(t->said_start);
  free(t);
}

/* ---- ids to text
 * --------------------------------------------------------------------------- */

static bool hidden(const struct tokenizer *t, int32_t id) {
  return t->vocab.type[id] == TOKEN_CONTROL || t->vocab.type[id] == TOKEN_UNKNOWN;
}

ridge_bytes tokenizer_piece(const struct tokenizer *t, int32_t id, bool special) {
  if (id < 0 || id >= t->vocab.n || (hidden(t, id) && !special)) return (ridge_bytes){0};
  uint32_t start = t->said_start[id];
  return (ridge_bytes){.data = t->said + start, .size = t->said_start[id + 1] - start};
}

char *tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n,
                       bool special, size_t *size) {
  size_t room = 1;
  for (size_t i = 0; i < n; i++)
    if (__builtin_add_overflow(room, tokenizer_piece(t, ids[i], special).size, &room))
      return NULL;
  char *text = malloc(room);
  if (text == NULL) return NULL;
  size_t at = 0;
  bool strip = t->prefix != PREFIX_NONE; /* until the first token that is text */
  for (size_t i = 0; i < n; i++) {
    ridge_bytes piece = tokenizer_piece(t, ids[i], special);
    if (piece.size == 0) continue;
    bool plain = !hidden(t, ids[i]);
    size_t skip = strip && plain && piece.data[0] == ' ';
    memcpy(text + at, piece.data + skip, piece.size - skip);
    at += piece.size - skip;
    strip = strip && !plain;
  }
  text[at] = 0;
  *size = at;
  return text;
}

/* ---- what it is
 * ----------------------------------------------------------------------------- */

int32_t tokenizer_vocab(const struct tokenizer *t) { return t->vocab.n; }
int32_t tokenizer_bos(const struct tokenizer *t) { return t->bos; }
int32_t tokenizer_eos(const struct tokenizer *t) { return t->eos; }

bool tokenizer_is_end(const struct tokenizer *t, int32_t id) {
  return id >= 0 && id < t->vocab.n && (t->vocab.mark[id] & TOKEN_ENDS) != 0;
}

const char *tokenizer_digest(const struct tokenizer *t) { return t->digest.hex; }

bool tokenizer_compiled(const struct tokenizer *t) {
  return t->kind != TOKENIZER_BPE || bpe_compiled(t->bpe);
}
