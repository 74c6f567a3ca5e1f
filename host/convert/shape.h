/*
 * shape.h - the measures of a model to be made: a well-known one by name, or its numbers.
 *
 * "tinyllama-1.1b", "tinyllama-1.1b,layers=2", "arch=llama,dim=256,layers=4,vocab=1000".
 */
#ifndef RIDGE_CONVERT_SHAPE_H
#define RIDGE_CONVERT_SHAPE_H

#include "base/why.h"

struct shape {
  const char *name, *arch; /* arch: llama, qwen2, gpt2                               */
  const char *words;       /* tokenizer: "llama" (SentencePiece) or a pre-tokenizer's
                            * name of byte-level BPE: "gpt-2", "llama-bpe" ...        */
  int64_t layers, dim, heads, kv_heads, head_dim, ffn, vocab, context;
  double rope_base, eps;
  bool tied;
};

RIDGE_MUST ridge_status shape_read(const char *text, struct shape *out, struct why *why);
/* Row i of the table, for a list; NULL after the last. */
const struct shape *shape_at(size_t i);
/* Numbers of a model of the shape. */
int64_t shape_weights(const struct shape *);

#endif
