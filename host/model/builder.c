/*
 * builder.c - the one builder for the decoder family.
 *
 * T tokens, D width, H heads, G key/value heads, E head width, F ffn width, V words.
 * A layer:  a = attention(norm(x)); x = x + a; m = ffn(norm(x)); x = x + m.
 */
#include "model/builder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct building {
  const struct source *source;
  const struct arch *arch;
  struct ridge_graph *graph;
  const ridge_graph_api *api;
  const char *cache_codec;
  struct why *why;
  ridge_status status; /* the first failure; later steps then do nothing */
  int32_t tokens, positions, rope;
  int64_t layer; /* -1: outside the layers */
};

/* "blk.3.attn_q" inside a layer, "output_norm" outside. */
static const char *name_of(const struct building *b, const char *what, char room[96]) {
  if (b->layer < 0)
    snprintf(room, 96, "%s", what);
  else
    snprintf(room, 96, "blk.%lld.%s", (long long)b->layer, what);
  return room;
}

static int32_t failed(struct building *b) {
  if (b->status == RIDGE_OK) {
    b->status = RIDGE_INVALID;
    memcpy(b->why->text, b->graph->why.text, sizeof b->why->text);
  }
  return -1;
}

/* A weight of the file, checked: (rows, cols), or (cols) when rows is 0. */
static int32_t weight(struct building *b, const char *what, const char *suffix,
                      int64_t rows, int64_t cols) {
  char base[96], name[128];
  if (b->status != RIDGE_OK) return -1;
  snprintf(name, sizeof name, "%s.%s", name_of(b, what, base), suffix);
  int32_t known = b->api->find_tensor(b->graph, name);
  if (known >= 0) return known;
  const ridge_file_tensor *file = source_tensor(b->source, name);
  if (file == NULL) {
    b->status =
        why_set(b->why, RIDGE_CORRUPT, "%s: has no tensor `%s`, which a %s model needs",
                b->source->path, name, b->arch->row->name);
    return -1;
  }
  bool fits = rows == 0 ? file->rank == 1 && file->dims[0] == cols
                        : file->rank == 2 && file->dims[0] == rows && file->dims[1] == cols;
  if (!fits) {
    char wanted[64];
    if (rows == 0)
      snprintf(wanted, sizeof wanted, "(%lld)", (long long)cols);
    else
      snprintf(wanted, sizeof wanted, "(%lld, %lld)", (long long)rows, (long long)cols);
    b->status =
        why_set(b->why, RIDGE_CORRUPT,
                "%s: tensor `%s` has rank %u and shape (%lld, %lld); by the model's own "
                "numbers it must be %s",
                b->source->path, name, file->rank, (long long)file->dims[0],
                (long long)file->dims[1], wanted);
    return -1;
  }
  int32_t made = rows == 0 ? graph_weight(b->graph, name, file->codec, cols, 1, 1)
                           : graph_weight(b->graph, name, file->codec, rows, cols, 2);
  return made < 0 ? failed(b) : made;
}

/* Some models of an architecture have biases that others lack: what is there is used. */
static int32_t bias(struct building *b, const char *what, int64_t n) {
  char base[96], name[128];
  snprintf(name, sizeof name, "%s.bias", name_of(b, what, base));
  bool there = b->arch->row->biases || source_tensor(b->source, name) != NULL;
  return there ? weight(b, what, "bias", 0, n) : -1;
}

static int32_t activation(struct building *b, const char *what, int64_t rows,
                          int64_t cols) {
  char name[96];
  if (b->status != RIDGE_OK) return -1;
  int32_t made = graph_activation(b->graph, name_of(b, what, name), rows, cols);
  return made < 0 ? failed(b) : made;
}

static void node(struct building *b, uint32_t op, const char *what, const int32_t *in,
                 uint32_t n_in, int32_t out, ridge_attrs attrs) {
  if (b->status != RIDGE_OK) return;
  char name[96];
  ridge_node proto = {
      .op = op, .name = name_of(b, what, name), .n_in = n_in, .attrs = attrs};
  proto.attrs.layer = b->layer;
  memcpy(proto.in, in, n_in * sizeof *in);
  while (proto.n_in > 0 && proto.in[proto.n_in - 1] == -1) proto.n_in--;
  if (out >= 0) proto.out[proto.n_out++] = out;
  if (b->api->add_node(b->graph, &proto, -1) < 0) failed(b);
}

#define NODE(op, what, out, attrs, ...)                                                    \
  node(b, (op), (what), (const int32_t[]){__VA_ARGS__},                                    \
       sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), (out), (attrs))

static int32_t norm(struct building *b, const char *what, int32_t x, int64_t rows) {
  char out_name[96];
  snprintf(out_name, sizeof out_name, "%s_out", what);
  int64_t dim = b->arch->dim;
  int32_t y = activation(b, out_name, rows, dim);
  int32_t w = weight(b, what, "weight", 0, dim);
  ridge_attrs attrs = {.eps = b->arch->eps};
  if (b->arch->row->norm == ARCH_RMSNORM)
    NODE(RIDGE_OP_RMSNORM, what, y, attrs, x, w);
  else
    NODE(RIDGE_OP_LAYERNORM, what, y, attrs, x, w, weight(b, what, "bias", 0, dim));
  return y;
}

static int32_t project(struct building *b, const char *what, int32_t x, int64_t rows,
                       int64_t out, int64_t in) {
  char out_name[96];
  snprintf(out_name, sizeof out_name, "%s_out", what);
  int32_t y = activation(b, out_name, rows, out);
  int32_t w = weight(b, what, "weight", out, in);
  NODE(RIDGE_OP_MATMUL, what, y, (ridge_attrs){0}, x, w, bias(b, what, out), -1);
  return y;
}

static int32_t add(struct building *b, const char *what, int32_t one, int32_t other) {
  int32_t y = activation(b, what, RIDGE_DIM_TOKENS, b->arch->dim);
  NODE(RIDGE_OP_ADD, what, y, (ridge_attrs){0}, one, other);
  return y;
}

static int32_t slice(struct building *b, const char *what, int32_t x, int64_t from,
                     int64_t n) {
  int32_t y = activation(b, what, RIDGE_DIM_TOKENS, n);
  NODE(RIDGE_OP_SLICE, what, y, (ridge_attrs){.from = from}, x);
  return y;
}

static int32_t turned(struct building *b, const char *what, int32_t x, int64_t heads) {
  const struct arch *a = b->arch;
  if (b->rope < 0) return x;
  int32_t y = activation(b, what, RIDGE_DIM_TOKENS, heads * a->head_dim);
  ridge_attrs attrs = {
      .heads = heads,
      .head_dim = a->head_dim,
      .dims = a->rope_dims,
      .flags = a->row->position == ARCH_ROPE_NEOX ? RIDGE_ROPE_NEOX : 0,
  };
  NODE(RIDGE_OP_ROPE, what, y, attrs, x, b->rope);
  return y;
}

static int32_t cache(struct building *b, const char *what) {
  char name[96];
  if (b->status != RIDGE_OK) return -1;
  const struct arch *a = b->arch;
  ridge_tensor proto = {
      .name = name_of(b, what, name),
      .codec = b->cache_codec,
      .dims = {-1, a->kv_heads, -1, a->head_dim}, /* blocks and their length: the plan's */
      .rank = 4,
      .role = RIDGE_CACHE,
  };
  int32_t made = b->api->add_tensor(b->graph, &proto);
  return made < 0 ? failed(b) : made;
}

static int32_t attention(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int64_t q_width = a->heads * a->head_dim, kv_width = a->kv_heads * a->head_dim;
  int32_t q, k, v;
  if (a->row->fused_qkv) {
    int32_t qkv =
        project(b, "attn_qkv", x, RIDGE_DIM_TOKENS, q_width + 2 * kv_width, a->dim);
    q = slice(b, "attn_q_out", qkv, 0, q_width);
    k = slice(b, "attn_k_out", qkv, q_width, kv_width);
    v = slice(b, "attn_v_out", qkv, q_width + kv_width, kv_width);
  } else {
    q = project(b, "attn_q", x, RIDGE_DIM_TOKENS, q_width, a->dim);
    k = project(b, "attn_k", x, RIDGE_DIM_TOKENS, kv_width, a->dim);
    v = project(b, "attn_v", x, RIDGE_DIM_TOKENS, kv_width, a->dim);
  }
  q = turned(b, "q_rope", q, a->heads);
  k = turned(b, "k_rope", k, a->kv_heads);
  int32_t keys = cache(b, "cache_k"), values = cache(b, "cache_v");
  ridge_attrs put = {.kv_heads = a->kv_heads, .head_dim = a->head_dim};
  NODE(RIDGE_OP_CACHE_PUT, "put_k", -1, put, k, keys);
  put.flags = RIDGE_CACHE_VALUE;
  NODE(RIDGE_OP_CACHE_PUT, "put_v", -1, put, v, values);
  int32_t y = activation(b, "attention_out", RIDGE_DIM_TOKENS, q_width);
  ridge_attrs attrs = {
      .heads = a->heads,
      .kv_heads = a->kv_heads,
      .head_dim = a->head_dim,
      .scale = 1 / sqrt((double)a->head_dim),
  };
  NODE(RIDGE_OP_ATTENTION, "attention", y, attrs, q, keys, values);
  return project(b, "attn_output", y, RIDGE_DIM_TOKENS, a->dim, q_width);
}

static int32_t feed_forward(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int32_t up = -1, y = -1;
  if (a->row->gated) {
    int32_t gate = project(b, "ffn_gate", x, RIDGE_DIM_TOKENS, a->ffn, a->dim);
    up = project(b, "ffn_up", x, RIDGE_DIM_TOKENS, a->ffn, a->dim);
    y = activation(b, "ffn_glu", RIDGE_DIM_TOKENS, a->ffn);
    NODE(RIDGE_OP_GLU, "ffn_glu", y, (ridge_attrs){.act = a->row->act}, gate, up);
  } else {
    up = project(b, "ffn_up", x, RIDGE_DIM_TOKENS, a->ffn, a->dim);
    y = activation(b, "ffn_act", RIDGE_DIM_TOKENS, a->ffn);
    NODE(RIDGE_OP_ACT, "ffn_act", y, (ridge_attrs){.act = a->row->act}, up);
  }
  return project(b, "ffn_down", y, RIDGE_DIM_TOKENS, a->dim, a->ffn);
}

static int32_t input(struct building *b, const char *name) {
  ridge_tensor proto = {.name = name,
                        .codec = "i32",
                        .dims = {RIDGE_DIM_TOKENS, 1, 1, 1},
                        .rank = 1,
                        .role = RIDGE_INPUT};
  int32_t made = b->api->add_tensor(b->graph, &proto);
  return made < 0 ? failed(b) : made;
}

/* Token rows, and what tells positions: learned rows added, or the rope table. */
static int32_t embedding(struct building *b) {
  const struct arch *a = b->arch;
  int32_t x = activation(b, "embedding", RIDGE_DIM_TOKENS, a->dim);
  NODE(RIDGE_OP_EMBED, "token_embd", x, (ridge_attrs){0},
       weight(b, "token_embd", "weight", a->vocab, a->dim), b->tokens);
  if (a->row->position == ARCH_LEARNED) {
    int32_t p = activation(b, "position_embedding", RIDGE_DIM_TOKENS, a->dim);
    NODE(RIDGE_OP_EMBED, "position_embd", p, (ridge_attrs){0},
         weight(b, "position_embd", "weight", a->context, a->dim), b->positions);
    return add(b, "input", x, p);
  }
  b->rope = activation(b, "rope_table", RIDGE_DIM_TOKENS, a->rope_dims);
  ridge_attrs attrs = {
      .dims = a->rope_dims, .base = a->rope_base, .freq_scale = a->rope_scale};
  int32_t factors = source_tensor(b->source, "rope_freqs.weight") == NULL
                        ? -1
                        : weight(b, "rope_freqs", "weight", 0, a->rope_dims / 2);
  NODE(RIDGE_OP_ROPE_TABLE, "rope_table", b->rope, attrs, b->positions, factors);
  return x;
}

static void layer(struct building *b, int32_t *x) {
  int32_t a = attention(b, norm(b, "attn_norm", *x, RIDGE_DIM_TOKENS));
  *x = add(b, "attn_residual", *x, a);
  int32_t m = feed_forward(b, norm(b, "ffn_norm", *x, RIDGE_DIM_TOKENS));
  *x = add(b, "ffn_residual", *x, m);
}

/* Only the rows whose logits are wanted go through the last norm and the head. */
static void head(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int32_t wanted = activation(b, "wanted", RIDGE_DIM_WANTED, a->dim);
  NODE(RIDGE_OP_ROWS, "wanted", wanted, (ridge_attrs){0}, x);
  int32_t y = norm(b, "output_norm", wanted, RIDGE_DIM_WANTED);
  int32_t logits = activation(b, "logits", RIDGE_DIM_WANTED, a->vocab);
  int32_t w = weight(b, a->tied ? "token_embd" : "output", "weight", a->vocab, a->dim);
  NODE(RIDGE_OP_MATMUL, "output", logits, (ridge_attrs){0}, y, w);
  if (b->status == RIDGE_OK) graph_add_output(b->graph, logits);
}

/* A tensor that no node reads would be a part of the model quietly left out. */
static void refuse_unused(struct building *b) {
  for (uint64_t i = 0; i < b->source->file.n_tensors && b->status == RIDGE_OK; i++) {
    const char *name = b->source->file.tensors[i].name;
    if (b->api->find_tensor(b->graph, name) >= 0) continue;
    b->status =
        why_set(b->why, RIDGE_UNSUPPORTED,
                "%s: has a tensor `%s` that a %s model is not known to use here, so its "
                "results would be wrong",
                b->source->path, name, b->arch->row->name);
  }
}

ridge_status builder_decoder(const struct source *source, const struct arch *arch,
                             const char *cache_codec, struct ridge_graph *out,
                             struct why *why) {
  struct building building =
                      {
                          .source = source,
                          .arch = arch,
                          .graph = out,
                          .api = graph_api(),
                          .cache_codec = cache_codec,
                          .why = why,
                          .rope = -1,
                          .layer = -1,
                      },
                  *b = &building;
  graph_init(out);
  b->tokens = input(b, "tokens");
  b->positions = input(b, "positions");
  int32_t x = embedding(b);
  for (int64_t i = 0; i < arch->layers && b->status == RIDGE_OK; i++) {
    b->layer = i;
    layer(b, &x);
  }
  b->layer = -1;
  head(b, x);
  refuse_unused(b);
  if (b->status == RIDGE_OK) b->status = graph_verify(out, why);
  if (b->status != RIDGE_OK) graph_free(out);
  return b->status;
}
