/*
 * invent_words.c - a vocabulary of any size that tokenizers can work with.
 *
 * Byte-level BPE: a token for each byte, then all pairs of letters, triples, and so on,
 * each the merge of one that came before and a letter; the last token ends texts.
 * SentencePiece: three special tokens, one for each byte, then the same letters and
 * strings, shorter ones first and likelier.  Any text can be cut into either.
 */
#include "convert/invent.h"

#include <stdio.h>
#include <string.h>

enum { LETTERS = 26, BYTES = 256 };
/* tokenizer.ggml.token_type */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

struct words {
  struct arena *arena;
  ridge_bytes *tokens, *merges;
  int64_t *types;
  double *scores;
  int64_t n, n_merges, most;
};

static ridge_bytes kept(struct words *w, const char *text) {
  return (ridge_bytes){(const uint8_t *)arena_text(w->arena, text), strlen(text)};
}

static void add_token(struct words *w, const char *text, int64_t type) {
  if (w->n == w->most) return;
  w->tokens[w->n] = kept(w, text);
  w->types[w->n] = type;
  w->scores[w->n] = type == NORMAL ? -(double)w->n : 0.0;
  w->n++;
}

/* String `index` of all strings of `size` letters, in order. */
static void spell(int64_t index, int size, char *to) {
  to[size] = 0;
  for (int i = size - 1; i >= 0; i--) {
    to[i] = (char)('a' + index % LETTERS);
    index /= LETTERS;
  }
}

/* Longer and longer strings until the vocabulary is full but for `spare`. */
static void add_strings(struct words *w, int first_size, bool merges, int64_t spare) {
  char text[16], merge[24];
  int64_t count = 1;
  for (int i = 0; i < first_size; i++) count *= LETTERS;
  for (int size = first_size; w->n < w->most - spare; size++, count *= LETTERS)
    for (int64_t k = 0; k < count && w->n < w->most - spare; k++) {
      spell(k, size, text);
      if (merges) {
        snprintf(merge, sizeof merge, "%.*s %c", size - 1, text, text[size - 1]);
        w->merges[w->n_merges++] = kept(w, merge);
      }
      add_token(w, text, NORMAL);
    }
}

/* ---- byte-level BPE ---- */

/* GPT-2's alphabet: a printable byte stands for itself, the others for 256 and on. */
static int letter_of(int byte, int *hidden) {
  const bool printable =
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  return printable ? byte : BYTES + (*hidden)++;
}

static void add_bytes(struct words *w) {
  int hidden = 0;
  for (int byte = 0; byte < BYTES; byte++) {
    const int letter = letter_of(byte, &hidden);
    char text[3] = {(char)letter};
    if (letter >= 128) { /* two bytes of UTF-8 */
      text[0] = (char)(0xc0 | letter >> 6);
      text[1] = (char)(0x80 | (letter & 63));
    }
    add_token(w, text, NORMAL);
  }
}

/* ---- SentencePiece ---- */

/* more: a control token at the end; NULL: none. */
static void add_pieces(struct words *w, const char *more) {
  char text[8];
  add_token(w, "<unk>", UNKNOWN);
  add_token(w, "<s>", CONTROL);
  add_token(w, "</s>", CONTROL);
  for (int byte = 0; byte < BYTES; byte++) {
    snprintf(text, sizeof text, "<0x%02X>", byte);
    add_token(w, text, BYTE);
  }
  add_token(w, "\xe2\x96\x81", NORMAL); /* U+2581, the blank */
  add_strings(w, 1, false, more == NULL ? 0 : 1);
  if (more != NULL) add_token(w, more, CONTROL);
}

/* ---- facts ---- */

struct saying {
  ridge_fact *facts;
  size_t n;
};

static ridge_fact *say(struct saying *s, const char *key, uint32_t type) {
  ridge_fact *fact = &s->facts[s->n++];
  *fact = (ridge_fact){.struct_size = sizeof *fact, .key = key, .type = type};
  return fact;
}

static void say_text(struct saying *s, const char *key, const char *text) {
  say(s, key, RIDGE_FACT_TEXT)->value.text =
      (ridge_bytes){(const uint8_t *)text, strlen(text)};
}

static void say_int(struct saying *s, const char *key, int64_t value) {
  say(s, key, RIDGE_FACT_INT)->value.i = value;
}

static void say_lists(struct saying *s, const struct words *w, bool pieces) {
  ridge_fact *fact = say(s, "tokenizer.ggml.tokens", RIDGE_FACT_TEXTS);
  fact->value.texts = w->tokens;
  fact->count = (uint64_t)w->n;
  fact = say(s, "tokenizer.ggml.token_type", RIDGE_FACT_INTS);
  fact->value.ints = w->types;
  fact->count = (uint64_t)w->n;
  fact = pieces ? say(s, "tokenizer.ggml.scores", RIDGE_FACT_REALS)
                : say(s, "tokenizer.ggml.merges", RIDGE_FACT_TEXTS);
  fact->count = (uint64_t)(pieces ? w->n : w->n_merges);
  if (pieces)
    fact->value.reals = w->scores;
  else
    fact->value.texts = w->merges;
}

size_t invent_words(const struct shape *shape, struct arena *arena, ridge_fact *facts) {
  const bool pieces = strcmp(shape->words, "llama") == 0;
  const size_t most = (size_t)shape->vocab;
  struct words w = {.arena = arena, .most = shape->vocab};
  struct saying s = {.facts = facts};
  w.tokens = arena_array(arena, most, sizeof *w.tokens);
  w.merges = arena_array(arena, most, sizeof *w.merges);
  w.types = arena_array(arena, most, sizeof *w.types);
  w.scores = arena_array(arena, most, sizeof *w.scores);
  if (pieces) {
    /* llama.cpp looks it up in every model whose name is Phi-3's. */
    add_pieces(&w, strcmp(shape->arch, "phi3") == 0 ? "<|endoftext|>" : NULL);
  } else {
    add_bytes(&w);
    add_strings(&w, 2, true, 1);
    add_token(&w, "<|endoftext|>", CONTROL);
  }
  say_text(&s, "tokenizer.ggml.model", pieces ? "llama" : "gpt2");
  say_text(&s, "tokenizer.ggml.pre", pieces ? "default" : shape->words);
  say_lists(&s, &w, pieces);
  say_int(&s, "tokenizer.ggml.bos_token_id", pieces ? 1 : w.n - 1);
  say_int(&s, "tokenizer.ggml.eos_token_id", pieces ? 2 : w.n - 1);
  if (pieces) say_int(&s, "tokenizer.ggml.unknown_token_id", 0);
  say_int(&s, "tokenizer.ggml.add_bos_token", pieces);
  return s.n;
}
