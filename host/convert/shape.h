/*
 * shape.h - the measures of a model to be made: a well-known one by name, or its numbers.
 *
 * "tinyllama-1.1b", "tinyllama-1.1b,layers=2", "arch=llama,dim=256,layers=4,vocab=1000".
 */
#ifndef RIDGE_CONVERT_SHAPE_H
#define RIDGE_CONVERT_SHAPE_H

#include "base/why.h"

/* What models of an architecture have in common: which tensors, which words. */
struct shape_kind {
  const char *arch, *words; /* words: see below */
  double rope_base, eps;
  int64_t rope_parts; /* of a head: one in so many turns; 0: all of it        */
  int64_t first_row;  /* of learned positions                                  */
  bool tied, positions, layernorm;
  bool joined_qkv, qkv_bias, out_bias;   /* attention; out_bias: of the ffn, too  */
  bool head_norms, post_norms, one_norm; /* one_norm: attention and ffn share it  */
  bool gated, joined_gate, head_bias;
  bool experts; /* has to have some */
};

struct shape {
  const char *name, *arch; /* arch: of a kind                                        */
  const char *words;       /* tokenizer: "llama" (SentencePiece) or a pre-tokenizer's
                            * name of byte-level BPE: "gpt-2", "llama-bpe" ...        */
  int64_t layers, dim, heads, kv_heads, head_dim, ffn, vocab, context;
  double rope_base, eps;
  bool tied;
  /* 0: none, or as the kind has it */
  int64_t rope_dims, window, experts, used, expert_ffn, shared_ffn;
};

RIDGE_MUST ridge_status shape_read(const char *text, struct shape *out, struct why *why);
/* Row i of the table, for a list; NULL after the last. */
const struct shape *shape_at(size_t i);
/* The kind of an architecture; NULL: cannot be made. */
const struct shape_kind *shape_kind_of(const char *arch);
const struct shape_kind *shape_kind_at(size_t i);
/* Numbers of a model of the shape. */
int64_t shape_weights(const struct shape *);

#endif
