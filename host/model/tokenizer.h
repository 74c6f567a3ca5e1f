/*
 * tokenizer.h - text to token ids and back, as the model file says.
 *
 * SentencePiece's BPE ("llama") and unigram ("t5"), and byte-level BPE ("gpt2" with its
 * pre-tokenizer patterns), read from GGUF facts.  The ids are those of llama.cpp, but for
 * what the head of pretokenize_table.c lists; with ridge's own facts, which model
 * directories give, those of the library that such directories are made for:
 *   ridge.tokenizer.merges       "llama": pairs that join, not scores, decide
 *   ridge.tokenizer.prefix       where a blank is put that is not in the text
 *   ridge.tokenizer.normal_form  "nfc": texts are composed first ("gpt2")
 *   ridge.tokenizer.white_space  all white space is blanks ("t5")
 *   ridge.tokenizer.ends, .strips_left, .strips_right   lists of token numbers
 *
 * Ownership: a tokenizer copies what it needs from the facts.
 * Threads:   constant after tokenizer_new; encode and decode from any thread.
 * Caveats:   bytes that are no UTF-8 become byte tokens in a SentencePiece model (and
 *            come back as they were, unless a blank follows them) and U+FFFD, one for
 *            each byte, in a byte-level one.  A file without tokenizer.ggml.pre means
 *            "default", which is hardly what the model was trained with: convert it
 *            again.  An end-of-text token is never added.
 */
#ifndef RIDGE_MODEL_TOKENIZER_H
#define RIDGE_MODEL_TOKENIZER_H

#include "base/why.h"

#include <ridge/format.h>

struct tokenizer;

struct tokens {
  int32_t *ids;
  size_t n;
};

/* Refuses an unknown model or pre-tokenizer by name, and inconsistent tables. */
RIDGE_MUST ridge_status tokenizer_new(const ridge_model_file *, struct tokenizer **out,
                                      struct why *why);
void tokenizer_free(struct tokenizer *);

enum tokenizer_flag {
  TOKENIZER_BOS = 1,     /* put the beginning-of-text token first if the model says so */
  TOKENIZER_SPECIAL = 2, /* text such as <|im_end|> is its token, not its letters  */
};
/* Text is bytes.  A text the vocabulary cannot spell is refused: which character, and
 * at which byte.  The caller frees out->ids with free(). */
RIDGE_MUST ridge_status tokenizer_encode(const struct tokenizer *, const char *text,
                                         size_t size, unsigned flags, struct tokens *out,
                                         struct why *why);
/* One text in parts: special texts are tokens in the trusted ones, letters in others. */
struct text_part {
  const char *text;
  size_t size;
  bool trusted;
};
RIDGE_MUST ridge_status tokenizer_encode_parts(const struct tokenizer *,
                                               const struct text_part *, size_t n,
                                               unsigned flags, struct tokens *out,
                                               struct why *why);
/* The bytes of one token (not ended by NUL, and not always whole characters).  For
 * SentencePiece models the blank before the first word of a text is the caller's to
 * strip.  Control and unknown tokens give no bytes unless `special`; unused ones and
 * ids out of range never do. */
ridge_bytes tokenizer_piece(const struct tokenizer *, int32_t id, bool special);
/* All of them, and a NUL; the caller frees.  Strips the leading blank a SentencePiece
 * model adds.  NULL: no memory. */
char *tokenizer_decode(const struct tokenizer *, const int32_t *ids, size_t n, bool special,
                       size_t *size);
int32_t tokenizer_vocab(const struct tokenizer *);
int32_t tokenizer_bos(const struct tokenizer *); /* -1: none */
int32_t tokenizer_eos(const struct tokenizer *);
bool tokenizer_is_end(const struct tokenizer *, int32_t id); /* eos, eot, eom */
/* SHA-256 over the tables: two models speak the same language when equal. */
const char *tokenizer_digest(const struct tokenizer *);
/* Whether the pre-tokenizer's patterns run as machine code; where the system refuses
 * executable memory they are interpreted, slower and with the same result. */
bool tokenizer_compiled(const struct tokenizer *);

#endif
