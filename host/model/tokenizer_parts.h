/*
 * tokenizer_parts.h - what the files of the tokenizer share; nobody else includes it.
 *
 * A tokenizer is a vocabulary (pieces, their types, what each says), a set of special
 * texts, and one of three ways of cutting text into pieces: spm.c, bpe_bytes.c, unigram.c.
 * All of it is constant once built; what encoding needs meanwhile lives in a session.
 */
#ifndef RIDGE_MODEL_TOKENIZER_PARTS_H
#define RIDGE_MODEL_TOKENIZER_PARTS_H

#include "base/digest.h"
#include "model/tokenizer.h"

/* Offsets into a text are 32 bits wide, and escaping may triple it. */
#define TOKENIZER_MAX_TEXT ((size_t)1 << 30)

/* ---- the vocabulary (tokenizer_vocab.c) ----------------------------------------- */

/* GGUF's numbers. */
enum token_type {
  TOKEN_UNDEFINED = 0,
  TOKEN_NORMAL = 1,
  TOKEN_UNKNOWN = 2,
  TOKEN_CONTROL = 3,
  TOKEN_USER = 4, /* text that is one token wherever it stands */
  TOKEN_UNUSED = 5,
  TOKEN_BYTE = 6,
};
enum token_mark {
  TOKEN_ENDS = 1,         /* generation stops there                 */
  TOKEN_STRIPS_RIGHT = 2, /* takes the blanks that follow it along  */
  TOKEN_STRIPS_LEFT = 4,  /* and those before it                    */
};

struct vocab {
  int32_t n;
  uint32_t longest; /* bytes of the longest piece             */
  uint8_t *bytes;   /* all pieces, one after the other        */
  uint32_t *start;  /* (n + 1)                                */
  uint8_t *type;    /* (n) enum token_type                    */
  uint8_t *mark;    /* (n) enum token_mark                    */
  struct vocab_slot *slots;
  uint32_t mask; /* slots - 1                              */
};

RIDGE_MUST ridge_status vocab_new(const ridge_model_file *, struct vocab *out,
                                  struct why *why);
void vocab_free(struct vocab *);
/* The token of exactly this text, or -1. */
int32_t vocab_find(const struct vocab *, const void *text, size_t size);
ridge_bytes vocab_text(const struct vocab *, int32_t id);
/* First of ids[lo, hi), which are sorted by text, whose byte at `depth` is not below
 * `byte`; all are longer than `depth`. */
size_t vocab_lower(const struct vocab *, const int32_t *ids, size_t lo, size_t hi,
                   size_t depth, unsigned byte);

/* ---- facts of the file (tokenizer_facts.c) --------------------------------------- */

/* NULL when it is not there. */
const ridge_fact *fact_find(const ridge_model_file *, const char *key);
/* An array of exactly `n` elements (of any length: n < 0) of this type, or why not. */
RIDGE_MUST ridge_status fact_array(const ridge_model_file *, const char *key, uint32_t type,
                                   int64_t n, const ridge_fact **out, struct why *why);
/* A bool; `out` keeps its value when the key is not there. */
RIDGE_MUST ridge_status fact_bool(const ridge_model_file *, const char *key, bool *out,
                                  struct why *why);
/* A token's id or -1 (also written 2^32 - 1); `out` keeps its value without the key. */
RIDGE_MUST ridge_status fact_token(const ridge_model_file *, const char *key, int32_t n,
                                   int32_t *out, struct why *why);

/* ---- tokens known by their text (tokenizer_marks.c) ------------------------------- */

/* Which tokens end a text and which are control tokens whatever the file says. */
RIDGE_MUST ridge_status vocab_mark(const ridge_model_file *, struct vocab *, int32_t eos,
                                   struct why *why);

/* ---- special texts inside a text (tokenizer_special.c) ---------------------------- */

struct specials {
  const struct vocab *vocab;
  int32_t *ids; /* (n) sorted by their texts as bytes */
  size_t n;
  bool first[256]; /* bytes that begin one               */
};
RIDGE_MUST ridge_status specials_new(const struct vocab *, bool user_only,
                                     struct specials *out, struct why *why);
void specials_free(struct specials *);

/* A text in parts: `id` >= 0 is that token; otherwise text[start, end) is plain. */
struct fragment {
  size_t start, end;
  int32_t id;
};
struct fragments {
  struct fragment *parts;
  size_t n, room;
};
RIDGE_MUST ridge_status specials_split(const struct specials *, const char *text,
                                       size_t size, struct fragments *out, struct why *why);

/* ---- a session: one text on its way to ids (tokenizer_words.c) --------------------- */

struct word_recent;
struct words {
  int32_t *ids;
  size_t n, room;
  struct word_recent *recent; /* words seen in this text; NULL: not worth it */
};
/* `size`: bytes of the text that words are parts of. */
RIDGE_MUST ridge_status words_new(struct words *, size_t size, struct why *why);
void words_free(struct words *);
RIDGE_MUST ridge_status words_add(struct words *, int32_t id, struct why *why);
/* If text[start, start + size) stood in this text before, append the same ids again:
 * found = true.  Otherwise words_keep, after its ids were appended from `first` on. */
struct word_place {
  uint32_t slot, hash;
};
RIDGE_MUST ridge_status words_again(struct words *, const char *text, size_t start,
                                    size_t size, struct word_place *place, bool *found,
                                    struct why *why);
void words_keep(struct words *, struct word_place, size_t start, size_t size, size_t first);

/* ---- the ways ------------------------------------------------------------------- */

/* Where a model that marks blanks puts one that is not in the text.  `ridge.tokenizer.
 * prefix` names them; a plain add_space_prefix is PREFIX_ALWAYS. */
enum tokenizer_prefix {
  PREFIX_NONE,
  PREFIX_ALWAYS,       /* "always": before the text, and behind special tokens       */
  PREFIX_SPACED,       /* "spaced": there, unless a blank stands there already       */
  PREFIX_SPACED_FIRST, /* "spaced_first": so, but before the text only               */
};
bool prefix_wanted(enum tokenizer_prefix, const char *text, const struct fragment *part);

struct spm;
RIDGE_MUST ridge_status spm_new(const ridge_model_file *, const struct vocab *,
                                struct spm **out, struct why *why);
void spm_free(struct spm *);
RIDGE_MUST ridge_status spm_encode(const struct spm *, const char *text, size_t size,
                                   const struct fragments *, enum tokenizer_prefix,
                                   struct words *out, struct why *why);

struct unigram;
RIDGE_MUST ridge_status unigram_new(const ridge_model_file *, const struct vocab *,
                                    struct unigram **out, struct why *why);
void unigram_free(struct unigram *);
RIDGE_MUST ridge_status unigram_encode(const struct unigram *, const char *text,
                                       size_t size, const struct fragments *,
                                       enum tokenizer_prefix, struct words *out,
                                       struct why *why);

struct bpe;
RIDGE_MUST ridge_status bpe_new(const ridge_model_file *, const struct vocab *,
                                struct bpe **out, struct why *why);
void bpe_free(struct bpe *);
bool bpe_adds_bos(const struct bpe *); /* unless the file says otherwise */
const char *bpe_pre(const struct bpe *);
bool bpe_compiled(const struct bpe *);
/* Text that is UTF-8.  When a byte has no token, *failed is where it stands and the
 * caller writes the sentence; SIZE_MAX otherwise. */
RIDGE_MUST ridge_status bpe_encode(const struct bpe *, const char *text, size_t size,
                                   const struct fragments *, struct words *out,
                                   size_t *failed, struct why *why);
/* The bytes that a token's text stands for; false: it is written with other
 * characters and stands for itself. */
bool bpe_spell(ridge_bytes text, uint8_t *out, size_t *size);

/* ---- the whole ---------------------------------------------------------------------- */

enum tokenizer_kind { TOKENIZER_SPM, TOKENIZER_BPE, TOKENIZER_UNIGRAM };
struct tokenizer {
  enum tokenizer_kind kind;
  struct vocab vocab;
  struct specials all, user; /* user: those that count without TOKENIZER_SPECIAL */
  struct spm *spm;
  struct bpe *bpe;
  struct unigram *unigram;
  uint8_t *said;        /* what each token says, one after the other */
  uint32_t *said_start; /* (n + 1) */
  int32_t bos, eos;
  enum tokenizer_prefix prefix;
  bool add_bos;
  bool composed; /* texts are put into Unicode's form NFC first */
  struct digest digest;
};
RIDGE_MUST ridge_status tokenizer_say(struct tokenizer *, struct why *why);
RIDGE_MUST ridge_status tokenizer_sign(struct tokenizer *, const ridge_model_file *,
                                       struct why *why);

/* ---- characters (tokenizer_text.c) --------------------------------------------------- */

/* Bytes of the character that `first` opens, by its high bits alone: 1 to 4. */
size_t character_bytes(uint8_t first);
/* The character as a person can read it: itself and its code, or its bytes. */
void character_show(const char *text, size_t size, char out[48]);
bool text_is_utf8(const char *text, size_t size);
/* A copy in which each byte that is no part of well-formed UTF-8 is U+FFFD. */
RIDGE_MUST ridge_status text_repair(const char *text, size_t size, char **out,
                                    size_t *out_size, struct why *why);
/* Texts in NFC, fragment by fragment, which then speak of `out`; *out stays NULL where
 * nothing changes. */
RIDGE_MUST ridge_status text_compose(const char *text, size_t size, struct fragments *,
                                     char **out, size_t *out_size, struct why *why);
/* Where byte `at` of the repaired text comes from. */
size_t text_repair_place(const char *text, size_t size, size_t at);

/* ---- small things ---------------------------------------------------------------------
 */

ridge_status tokenizer_no_memory(struct why *why);

/* After wyhash (Wang Yi, public domain): multiply, fold, and again. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
uint64_t hash_bytes(const void *data, size_t size);

#endif
