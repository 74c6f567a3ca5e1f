/*
 * builder_inside.h - what the files of the builder share: one graph being built.
 *
 * Every helper that makes something returns a tensor's index, or -1 after the first
 * failure, from where on all of them do nothing.
 */
#ifndef RIDGE_MODEL_BUILDER_INSIDE_H
#define RIDGE_MODEL_BUILDER_INSIDE_H

#include "model/builder.h"

struct building {
  const struct source *source;
  const struct arch *arch;
  struct ridge_graph *graph;
  const ridge_graph_api *api;
  const char *cache_codec;
  struct why *why;
  ridge_status status; /* the first failure */
  int64_t context;     /* that the graph is for */
  int32_t tokens, positions;
  int32_t rope, local_rope; /* tables; -1: none */
  int64_t layer;            /* -1: outside the layers */
  int64_t rows;             /* of what is built: RIDGE_DIM_TOKENS, then _WANTED */
};

/* Rank and dimensions, outermost first. */
struct shape {
  uint32_t rank;
  int64_t dims[3];
};
#define VECTOR(n)                                                                          \
  (struct shape) {                                                                         \
    1, { (n), 1, 1 }                                                                       \
  }
#define MATRIX(rows, cols)                                                                 \
  (struct shape) {                                                                         \
    2, { (rows), (cols), 1 }                                                               \
  }
#define EXPERTS(n, rows, cols)                                                             \
  (struct shape) {                                                                         \
    3, { (n), (rows), (cols) }                                                             \
  }

/* The file's tensor "blk.3.attn_q.weight", or NULL. */
const ridge_file_tensor *builder_file_tensor(const struct building *, const char *what,
                                             const char *suffix);
/* As a weight of the graph, its shape checked against the model's numbers; leading
 * dimensions of 1 may be missing in the file. */
int32_t builder_weight(struct building *, const char *what, const char *suffix,
                       struct shape);
/* A matrix of the file, its rows one after another as a vector. */
int32_t builder_flat_weight(struct building *, const char *what, int64_t rows,
                            int64_t cols);
/* The bias of n, where the architecture or the file has one; else -1. */
int32_t builder_bias(struct building *, const char *what, int64_t n);
int32_t builder_activation(struct building *, const char *what, int64_t rows, int64_t cols);
int32_t builder_tensor(struct building *, const char *what, ridge_tensor proto);
void builder_node(struct building *, uint32_t op, const char *what, const int32_t *in,
                  uint32_t n_in, const int32_t *out, uint32_t n_out, ridge_attrs);

/* A node of inputs (...) with one output; out -1: none. */
#define NODE(op, what, out_, attrs, ...)                                                   \
  builder_node(b, (op), (what), (const int32_t[]){__VA_ARGS__},                            \
               sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t),                         \
               (const int32_t[]){out_}, (out_) >= 0 ? 1 : 0, (attrs))

/* The usual nodes, named after their weight. */
int32_t builder_norm(struct building *, const char *what, int32_t x);
/* y (T, out) = x (T, in) w^T [+ bias] */
int32_t builder_project(struct building *, const char *what, int32_t x, int64_t out,
                        int64_t in);
int32_t builder_add(struct building *, const char *what, int32_t one, int32_t other);
/* The rows of x whose logits are wanted. */
int32_t builder_wanted(struct building *, const char *what, int32_t x);

/* builder_attention.c: x (T, D) -> (T, H E), and what makes (T, D) of it. */
int32_t builder_attention(struct building *, int32_t x);
int32_t builder_attention_output(struct building *, int32_t x);
void builder_rope_tables(struct building *);
/* builder_ffn.c: the same, dense or of experts. */
int32_t builder_ffn(struct building *, int32_t x);

#endif
