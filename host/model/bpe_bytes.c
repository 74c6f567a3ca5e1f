/*
 * bpe_bytes.c - byte-level byte-pair encoding, as GGUF calls "gpt2".
 *
 * Text is cut into words (pretokenize.c); a word's bytes are its first symbols;
 * neighbours join in the order in which training found the pairs.  In the file, pieces
 * are written with a printable character for each byte, since the first of the kind
 * (GPT-2) kept them in a text file.
 *
 * Text has to be UTF-8 here; who calls has put U+FFFD for what was not.
 */
#include "model/merge_table.h"
#include "model/pretokenize.h"
#include "model/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct bpe {
  const struct vocab *vocab;
  struct pretokenizer *pre;
  int32_t byte[256]; /* the token that is this byte, or -1 */
  struct merge_table merges;
};

/* ---- the alphabet ----------------------------------------------------------------------
 */

/* Bytes that print stand for themselves, the others for U+0100 and up, in order. */
static bool prints(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

static int32_t letter_of(unsigned byte) {
  if (prints(byte)) return (int32_t)byte;
  int32_t letter = 0x100;
  for (unsigned before = 0; before < byte; before++) letter += !prints(before);
  return letter;
}

static size_t put_letter(unsigned byte, uint8_t out[4]) {
  return (size_t)utf8proc_encode_char(letter_of(byte), out);
}

enum { NOT_PRINTING = 33 + 34 + 1, LETTERS = 0x100 + NOT_PRINTING };

/* The byte that a letter stands for, or -1. */
static int byte_of(int32_t letter) {
  if (letter < 0 || letter >= LETTERS) return -1;
  if (letter < 0x100) return prints((unsigned)letter) ? (int)letter : -1;
  int32_t rest = letter - 0x100;
  for (unsigned byte = 0; byte < 0x100; byte++)
    if (!prints(byte) && rest-- == 0) return (int)byte;
  return -1;
}

bool bpe_spell(ridge_bytes text, uint8_t *out, size_t *size) {
  size_t n = 0;
  for (size_t at = 0; at < text.size;) {
    utf8proc_int32_t letter;
    utf8proc_ssize_t bytes =
        utf8proc_iterate(text.data + at, (utf8proc_ssize_t)(text.size - at), &letter);
    int byte = bytes > 0 ? byte_of(letter) : -1;
    if (byte < 0) return false;
    out[n++] = (uint8_t)byte;
    at += (size_t)bytes;
  }
  *size = n;
  return true;
}

/* ---- tables
 * ------------------------------------------------------------------------------ */

static ridge_status bad_merge(uint64_t i, ridge_bytes text, const char *what,
                              struct why *why) {
  return why_set(
      why, RIDGE_CORRUPT,
      "tokenizer.ggml.merges: merge %llu, \"%.*s\", %s; the model file is damaged or "
      "its tokens were changed",
      (unsigned long long)i, (int)(text.size < 80 ? text.size : 80),
      (const char *)text.data, what);
}

/* "left right"; a blank at the very start belongs to the left part. */
static ridge_status read_merge(struct bpe *bpe, uint64_t i, ridge_bytes text,
                               uint8_t *joint, struct why *why) {
  const struct vocab *vocab = bpe->vocab;
  const uint8_t *blank = text.size > 2 ? memchr(text.data + 1, ' ', text.size - 1) : NULL;
  if (blank == NULL)
    return bad_merge(i, text, "is not two pieces with a blank between", why);
  size_t left_size = (size_t)(blank - text.data), right_size = text.size - left_size - 1;
  int32_t left = vocab_find(vocab, text.data, left_size);
  int32_t right = vocab_find(vocab, blank + 1, right_size);
  if (left < 0 || right < 0) return bad_merge(i, text, "joins what is no token", why);
  int32_t id = -1;
  if (left_size + right_size <= vocab->longest) {
    memcpy(joint, text.data, left_size);
    memcpy(joint + left_size, blank + 1, right_size);
    id = vocab_find(vocab, joint, left_size + right_size);
  }
  if (id < 0) return bad_merge(i, text, "makes what is no token", why);
  merge_table_add(&bpe->merges, left, right, (struct joined){(uint32_t)i, id});
  return RIDGE_OK;
}

static ridge_status read_merges(const ridge_model_file *file, struct bpe *bpe,
                                struct why *why) {
  const ridge_fact *merges = NULL;
  ridge_status status =
      fact_array(file, "tokenizer.ggml.merges", RIDGE_FACT_TEXTS, -1, &merges, why);
  if (status != RIDGE_OK) return status;
  status = merge_table_new(&bpe->merges, merges->count, why);
  if (status != RIDGE_OK) return status;
  uint8_t *joint = malloc((size_t)bpe->vocab->longest + 1);
  if (joint == NULL) return tokenizer_no_memory(why);
  for (uint64_t i = 0; i < merges->count && status == RIDGE_OK; i++)
    status = read_merge(bpe, i, merges->value.texts[i], joint, why);
  free(joint);
  return status;
}

/* A file that names no pre-tokenizer is older than the key and means "default". */
static ridge_status read_pre(const ridge_model_file *file, struct bpe *bpe,
                             struct why *why) {
  const ridge_fact *pre = fact_find(file, "tokenizer.ggml.pre");
  if (pre == NULL) return pretokenizer_new("default", 7, &bpe->pre, why);
  if (pre->type != RIDGE_FACT_TEXT)
    return why_set(why, RIDGE_CORRUPT, "tokenizer.ggml.pre is not a text");
  return pretokenizer_new((const char *)pre->value.text.data, pre->value.text.size,
                          &bpe->pre, why);
}

ridge_status bpe_new(const ridge_model_file *file, const struct vocab *vocab,
                     struct bpe **out, struct why *why) {
  struct bpe *bpe = calloc(1, sizeof *bpe);
  if (bpe == NULL) return tokenizer_no_memory(why);
  *out = bpe;
  bpe->vocab = vocab;
  for (unsigned byte = 0; byte < 256; byte++) {
    uint8_t letter[4];
    bpe->byte[byte] = vocab_find(vocab, letter, put_letter(byte, letter));
  }
  ridge_status status = read_pre(file, bpe, why);
  return status != RIDGE_OK ? status : read_merges(file, bpe, why);
}

void bpe_free(struct bpe *bpe) {
  if (bpe == NULL) return;
  pretokenizer_free(bpe->pre);
  merge_table_free(&bpe->merges);
  free(bpe);
}

bool bpe_adds_bos(const struct bpe *bpe) { return pretokenizer_row(bpe->pre)->adds_bos; }
const char *bpe_pre(const struct bpe *bpe) { return pretokenizer_row(bpe->pre)->names; }
bool bpe_compiled(const struct bpe *bpe) { return pretokenizer_compiled(bpe->pre); }

/* ---- encoding
 * ------------------------------------------------------------------------------ */

struct wording {
  const struct bpe *bpe;
  const char *text;
  struct merger merger;
  struct words *out;
  struct why *why;
  uint8_t *letters; /* a word in the file's alphabet; NULL: words are not looked up whole */
  size_t failed;    /* the byte that has no token */
};

static bool join_rule(const void *ctx, const struct symbol *left,
                      const struct symbol *right, struct joined *out) {
  const struct bpe *bpe = ctx;
  return merge_table_find(&bpe->merges, left->id, right->id, out);
}

static int32_t whole_word(const struct wording *w, size_t start, size_t size) {
  if (w->letters == NULL || size > w->bpe->vocab->longest) return -1;
  size_t n = 0;
  for (size_t i = 0; i < size; i++)
    n += put_letter((uint8_t)w->text[start + i], w->letters + n);
  return vocab_find(w->bpe->vocab, w->letters, n);
}

static ridge_status merge_word(struct wording *w, size_t start, size_t size) {
  struct merger *m = &w->merger;
  merger_clear(m);
  ridge_status status = RIDGE_OK;
  for (size_t i = start; i < start + size && status == RIDGE_OK; i++) {
    int32_t id = w->bpe->byte[(uint8_t)w->text[i]];
    if (id < 0) {
      w->failed = i;
      return RIDGE_UNSUPPORTED;
    }
    status = merger_add(m, (uint32_t)i, 1, id, w->why);
  }
  if (status == RIDGE_OK) status = merger_run(m, join_rule, w->bpe, w->why);
  for (int32_t i = 0; i >= 0 && status == RIDGE_OK; i = m->symbols[i].next)
    status = words_add(w->out, m->symbols[i].id, w->why);
  return status;
}

static ridge_status encode_word(void *ctx, size_t start, size_t end) {
  struct wording *w = ctx;
  struct word_place place = {0};
  bool found = false;
  ridge_status status =
      words_again(w->out, w->text, start, end - start, &place, &found, w->why);
  if (status != RIDGE_OK || found) return status;
  size_t first = w->out->n;
  int32_t whole = whole_word(w, start, end - start);
  status =
      whole >= 0 ? words_add(w->out, whole, w->why) : merge_word(w, start, end - start);
  if (status == RIDGE_OK) words_keep(w->out, place, start, end - start, first);
  return status;
}

static ridge_status prepare(struct wording *w, size_t size, struct cutter **cutter) {
  if (pretokenizer_row(w->bpe->pre)->whole_words) {
    size_t longest = size < w->bpe->vocab->longest ? size : w->bpe->vocab->longest;
    w->letters = malloc(2 * longest + 4);
    if (w->letters == NULL) return tokenizer_no_memory(w->why);
  }
  return cutter_new(w->bpe->pre, cutter, w->why);
}

ridge_status bpe_encode(const struct bpe *bpe, const char *text, size_t size,
                        const struct fragments *fragments, struct words *out,
                        size_t *failed, struct why *why) {
  struct wording w = {.bpe = bpe, .text = text, .out = out, .why = why, .failed = SIZE_MAX};
  struct cutter *cutter = NULL;
  ridge_status status = prepare(&w, size, &cutter);
  for (size_t i = 0; i < fragments->n && status == RIDGE_OK; i++) {
    const struct fragment *part = &fragments->parts[i];
    status = part->id >= 0
                 ? words_add(out, part->id, why)
                 : cutter_run(cutter, text, part->start, part->end, encode_word, &w, why);
  }
  *failed = w.failed;
  cutter_free(cutter);
  merger_free(&w.merger);
  free(w.letters);
  return status;
}
