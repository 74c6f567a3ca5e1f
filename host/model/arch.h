/*
 * arch.h - what kind of decoder a model is, as a row of facts.
 *
 * One builder (model/builder.c) makes the graph of every row; a new architecture is
 * a new row in arch_rows.c, not a new forward function.  Keys are GGUF's, with the
 * architecture's name before them; one is ridge's own: the text `ridge.rope.pairing`,
 * "pairs" or "halves", says how the file's query and key rows are laid out where that
 * differs from GGUF's layout for the architecture.
 *
 * Ownership: a struct arch points into the source it was read from.
 */
#ifndef RIDGE_MODEL_ARCH_H
#define RIDGE_MODEL_ARCH_H

#include "model/source.h"

enum arch_norm { ARCH_RMSNORM, ARCH_LAYERNORM };
/* Rotation of (2i, 2i + 1), rotation of (i, i + dims/2), learned rows. */
enum arch_position { ARCH_ROPE_PAIRS, ARCH_ROPE_HALVES, ARCH_LEARNED };
/* Does the ffn read what attention added to, or run beside it? */
enum arch_residual {
  ARCH_SEQUENTIAL,
  ARCH_BY_FACT,  /* beside it, unless `use_parallel_residual` is false         */
  ARCH_BY_TENSOR /* beside it, from the same norm, where there is no ffn_norm  */
};

/* What all models of one architecture have in common.  Zero where it says nothing. */
struct arch_row {
  const char *name; /* general.architecture */
  enum arch_norm norm;
  enum arch_position position;
  enum arch_residual residual;
  uint32_t act;            /* RIDGE_ACT_*          */
  bool gated;              /* ffn is act(gate) * up, else act(up)                  */
  bool biases;             /* projections and norms have biases, or else those
                              that are in the file are used                        */
  bool scaled_embedding;   /* rows of the table times sqrt(dim)                    */
  bool experts_sum_to_one; /* the chosen experts' weights, unless the file says    */
  int64_t first_row;       /* of the learned positions: where position 0 is        */
  int64_t window;          /* where the file does not say                          */
  int64_t global_every;    /* each n-th layer has no window; 0: all have it        */
  double local_base;       /* rope base of layers with a window; 0: the common one */
  double attention_cap, logit_cap; /* where the file does not say                 */
  int64_t wide_layers;             /* the model of so many layers scales scores by
                                      1/sqrt(dim/heads), which no key tells                */
  const char *source;              /* paper */
};
const struct arch_row *arch_rows(int *n);

/* ROPE_TABLE's attributes; see ridge/graph.h. */
struct arch_rope {
  double base, scale, blend_from, blend_to, amplitude;
};

/* One model's numbers, checked. */
struct arch {
  const struct arch_row *row;
  int64_t layers, dim, heads, kv_heads, head_dim, ffn, vocab, context;
  double eps;
  enum arch_position position; /* the row's, or as the file was laid out             */
  int64_t rope_dims;
  struct arch_rope rope, local_rope; /* local: of layers with a window               */
  int64_t original_context;          /* where long factors take over from short ones      */
  int64_t window;                    /* 0: none                                           */
  int64_t global_every;
  const int64_t *local; /* (layers) which have the window; NULL: by the above */
  double attention_scale, attention_cap, logit_cap; /* caps: 0: none                */
  bool parallel;
  bool tied; /* the embedding table is the output head too */
  int64_t experts, experts_used, expert_ffn, shared_ffn; /* experts 0: none          */
  double experts_scale;
  bool experts_sum_to_one;
};

RIDGE_MUST ridge_status arch_read(const struct source *, struct arch *out, struct why *why);
/* Does the layer see only a window? */
bool arch_is_local(const struct arch *, int64_t layer);

#endif
