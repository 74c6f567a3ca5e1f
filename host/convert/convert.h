/*
 * convert.h - a model file made from another: other codecs, another format, other pieces.
 *
 * First a plan, in which every tensor has its codec and the reason for it; then the
 * writing.  What cannot be done as asked is refused while planning; what a mix cannot do
 * (rows that are no whole blocks) it does by the next codec that can, and the plan says so.
 *
 * Ownership: a plan points into its spec and the source; convert_free ends it.
 */
#ifndef RIDGE_CONVERT_CONVERT_H
#define RIDGE_CONVERT_CONVERT_H

#include "base/arena.h"
#include "convert/mix.h"
#include "convert/output.h"
#include "model/source.h"

struct convert_spec {
  const struct source *source;
  struct instances *plugins;
  const char *path;   /* of the model to write                                      */
  const char *format; /* key of the seam: "gguf"                                    */
  const char *mix;    /* or NULL: codecs stay, but for the rules                    */
  bool pure;          /* the mix's base codec for every matrix                      */
  struct mix_rule *rules;
  size_t n_rules;
  bool force;
  const struct source *importance; /* of llama.cpp's imatrix, or NULL                */
  uint64_t split_bytes, split_tensors;
  int threads;
  /* Where the source has no bytes: rows of its tensors, as output_spec has it. */
  ridge_status (*rows)(void *rows_ctx, size_t index, int64_t lo, int64_t hi, float *to,
                       struct why *why);
  void *rows_ctx;
  void *ctx;
  void (*progress)(void *ctx, uint64_t done, uint64_t of);
  bool (*stopped)(void *ctx);
};

enum { CONVERT_MOST_NOTES = 8 };

struct convert_row {
  const ridge_file_tensor *from;
  const ridge_codec *reader, *writer; /* NULL: copied as it is                     */
  const char *to;                     /* codec                                     */
  const char *missed; /* the codec that the mix wanted and the rows are too narrow for */
  const char *rule;   /* "mix", "rule", "kept"                                       */
  uint64_t bytes;     /* written                                                     */
  int64_t numbers;
  const float *importance; /* of its inputs, or NULL                                 */
  int64_t head_rows; /* of a head whose halves become pairs; 0: rows stay in order   */
};

struct convert_plan {
  const struct convert_spec *spec;
  const struct mix *mix;
  struct convert_row *rows; /* (n), as in the source */
  size_t n, fallbacks, changed, weighted;
  ridge_fact *facts;
  size_t n_facts;
  struct convert_lost {
    const char *key, *effect;
  } * left_out; /* (n) facts the format has no place for, and what that changes      */
  size_t n_left_out;
  const char *notes[CONVERT_MOST_NOTES]; /* what llama.cpp makes of the file otherwise */
  size_t n_notes;
  uint64_t bytes_before, bytes; /* of tensors */
  int64_t numbers;
  const char *architecture;
  int64_t rope_rows; /* of a head that are turned */
  struct instance *by;
  const ridge_format *format_table;
  struct output_spec output;
  struct arena memory;
};

RIDGE_MUST ridge_status convert_plan(const struct convert_spec *, struct convert_plan *out,
                                     struct why *why);
RIDGE_MUST ridge_status convert_write(struct convert_plan *, struct output_result *out,
                                      struct why *why);
void convert_free(struct convert_plan *);

/* ---- pieces of it ---- */

/* convert_facts.c: the facts to write. */
void convert_facts(struct convert_plan *);
/* A whole number that a model of the source's architecture has under
 * ARCHITECTURE.`tail`; `otherwise` where there is none or a list. */
int64_t convert_int(const struct source *, const char *tail, int64_t otherwise);
const char *convert_architecture(const struct source *, struct arena *);

void convert_set_int(struct convert_plan *, const char *key, int64_t value);

/* convert_words.c: a tokenizer's facts that GGUF has no place for.  What changes for who
 * reads the file without it; NULL: nothing does. */
const char *convert_words_lost(struct convert_plan *, const ridge_fact *);
/* Adds keys for tokens that end a text; false: there are more than there are keys. */
bool convert_words_ends(struct convert_plan *);

/* convert_notes.c: fills in the plan's notes. */
void convert_notes(struct convert_plan *);

/* convert_pairs.c: rows of queries and keys into the order that the format means. */
RIDGE_MUST ridge_status convert_pairs(struct convert_plan *, struct why *why);
/* The row of the source that becomes `row`. */
int64_t convert_pair_row(const struct convert_plan *, const struct convert_row *,
                         int64_t row);

/* The format of that key that can write, or NULL. */
const ridge_format *convert_format(struct instances *, const char *key,
                                   struct instance **by);
/* All parts of a registry, opened: enough to read, decode, encode and write. */
RIDGE_MUST ridge_status convert_open_parts(const struct registry *, struct instances *,
                                           struct why *why);

#endif
