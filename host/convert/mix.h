/*
 * mix.h - which codec each tensor of a model gets.
 *
 * A mix has a codec for most matrices and rules for those that lose more by it, as
 * llama.cpp defines its file types, so that files of one name are alike (llama-quant.cpp;
 * measurements in ggml-org/llama.cpp pull request 1684).  A user's rule goes before it.
 *
 * What is no matrix for a kernel to multiply by (norms, biases, positions, what routes to
 * experts) stays as it is.
 */
#ifndef RIDGE_CONVERT_MIX_H
#define RIDGE_CONVERT_MIX_H

#include "base/why.h"

#include <ridge/format.h>

/* "blk.*.ffn_down=q6_k": the pattern may leave out ".weight". */
struct mix_rule {
  char pattern[96];
  char codec[32]; /* "keep": as it is */
  size_t fitted;  /* tensors */
  size_t passed;  /* of these, what is no matrix and cannot be stored in blocks */
};

/* What a mix needs to know of the model. */
struct mix_model {
  bool has_output; /* a head of its own, not the embedding's                     */
  int64_t layers, gqa, experts;
};

struct mix;

/* NULL: no mix of that name, in capitals or not. */
const struct mix *mix_find(const char *name);
const char *mix_name(const struct mix *);  /* "q4_k_m"                            */
const char *mix_base(const struct mix *);  /* "q4_k"                              */
int64_t mix_file_type(const struct mix *); /* general.file_type; -1: there is none */
const char *mix_names(void);               /* for help: "f32, f16, ..."           */
const char *mix_suggest(const char *name); /* the nearest name, or NULL           */

/* Is it a matrix that mixes apply to? */
bool mix_takes(const ridge_file_tensor *);
/* The codec for a tensor that mix_takes; `pure`: the same for all. */
const char *mix_codec(const struct mix *, const struct mix_model *,
                      const ridge_file_tensor *, bool pure);
/* In place of a codec whose blocks do not fit the rows: another of about its size whose
 * blocks are shorter, or NULL when there is none. */
const char *mix_instead(const char *codec);

RIDGE_MUST ridge_status mix_rule_read(const char *text, struct mix_rule *out,
                                      struct why *why);
/* The last rule that fits, or NULL; it is counted. */
struct mix_rule *mix_rule_find(struct mix_rule *, size_t n, const char *name);

#endif
