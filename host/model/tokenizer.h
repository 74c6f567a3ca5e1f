/*
 * tokenizer.h - text to token ids and back, as the model file says.
 *
 * SentencePiece-style BPE ("llama") and byte-level BPE ("gpt2" with its
 * pre-tokenizer pattern), both read from GGUF facts.
 *
 * Ownership: a tokenizer copies what it needs from the facts.
 * Threads:   constant after tokenizer_new; encode and decode from any thread.
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
/* Text is bytes; what is not UTF-8 is handled as the reference implementations do
 * (byte tokens).  A text the vocabulary cannot spell is refused: which byte, where.
 * The caller frees out->ids with free(). */
RIDGE_MUST ridge_status tokenizer_encode(const struct tokenizer *, const char *text,
                                         size_t size, unsigned flags, struct tokens *out,
                                         struct why *why);
/* The bytes of one token (not ended by NUL).  For SentencePiece models the blank
 * before the first word of a text is the caller's to strip (`first`). Control
 * tokens give no bytes unless `special`. */
ridge_bytes tokenizer_piece(const struct tokenizer *, int32_t id, bool special);
/* All of them; the caller frees.  Strips the leading blank a SentencePiece model adds. */
char *tokenizer_decode(const struct tokenizer *, const int32_t *ids, size_t n, bool special,
                       size_t *size);
int32_t tokenizer_vocab(const struct tokenizer *);
int32_t tokenizer_bos(const struct tokenizer *); /* -1: none */
int32_t tokenizer_eos(const struct tokenizer *);
bool tokenizer_is_end(const struct tokenizer *, int32_t id); /* eos, eot, eom */
/* SHA-256 over the tables: two models speak the same language when equal. */
const char *tokenizer_digest(const struct tokenizer *);

#endif
