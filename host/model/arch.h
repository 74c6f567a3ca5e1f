/*
 * arch.h - what kind of decoder a model is, as a row of facts.
 *
 * One builder (model/builder.c) makes the graph of every row; a new architecture is
 * a new row in arch.c, not a new forward function.
 */
#ifndef RIDGE_MODEL_ARCH_H
#define RIDGE_MODEL_ARCH_H

#include "model/source.h"

enum arch_norm { ARCH_RMSNORM, ARCH_LAYERNORM };
enum arch_position { ARCH_ROPE_PAIRS, ARCH_ROPE_NEOX, ARCH_LEARNED };

/* What all models of one architecture have in common. */
struct arch_row {
  const char *name; /* general.architecture */
  enum arch_norm norm;
  enum arch_position position;
  uint32_t act;       /* RIDGE_ACT_*          */
  bool gated;         /* ffn is act(gate) * up, else act(up)                       */
  bool fused_qkv;     /* attn_qkv in one tensor                                    */
  bool biases;        /* projections and norms have biases                         */
  const char *source; /* paper */
};

/* One model's numbers, checked. */
struct arch {
  const struct arch_row *row;
  int64_t layers, dim, heads, kv_heads, head_dim, ffn, vocab, context, rope_dims;
  double eps, rope_base, rope_scale; /* rope_scale multiplies positions          */
  bool tied;                         /* the embedding table is the output head too */
};

RIDGE_MUST ridge_status arch_read(const struct source *, struct arch *out, struct why *why);

#endif
