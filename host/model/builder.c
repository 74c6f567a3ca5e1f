/*
 * builder.c - the one builder for the decoder family: embedding, layers, head.
 *
 * T tokens, D width, H heads, G key/value heads, E head width, F ffn width, V words.
 * A layer:   a = attention(norm(x)); x = x + a; m = ffn(norm(x)); x = x + m,
 * or beside: a = attention(norm(x)); m = ffn(norm'(x)); x = x + a + m.
 * What an architecture may leave out (biases, norms of heads, norms after a part) is
 * built where the file has its tensors.
 */
#include "model/builder_inside.h"

#include <math.h>
#include <string.h>

static int32_t input(struct building *b, const char *name) {
  return builder_tensor(b, name,
                        (ridge_tensor){.codec = "i32",
                                       .dims = {RIDGE_DIM_TOKENS, 1, 1, 1},
                                       .rank = 1,
                                       .role = RIDGE_INPUT});
}

/* Learned positions: a row of a second table. */
static int32_t add_positions(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int64_t first = a->row->first_row;
  int32_t p = builder_activation(b, "position_embedding", RIDGE_DIM_TOKENS, a->dim);
  int32_t table =
      builder_weight(b, "position_embd", "weight", MATRIX(a->context + first, a->dim));
  NODE(RIDGE_OP_EMBED, "position_embd", p, (ridge_attrs){.from = first}, table,
       b->positions);
  return builder_add(b, "input", x, p);
}

static int32_t embedding(struct building *b) {
  const struct arch *a = b->arch;
  int32_t x = builder_activation(b, "embedding", RIDGE_DIM_TOKENS, a->dim);
  int32_t table = builder_weight(b, "token_embd", "weight", MATRIX(a->vocab, a->dim));
  NODE(RIDGE_OP_EMBED, "token_embd", x, (ridge_attrs){0}, table, b->tokens);
  if (a->row->scaled_embedding) {
    int32_t y = builder_activation(b, "input", RIDGE_DIM_TOKENS, a->dim);
    NODE(RIDGE_OP_SCALE, "input", y, (ridge_attrs){.scale = sqrt((double)a->dim)}, x);
    x = y;
  }
  if (a->position == ARCH_LEARNED) return add_positions(b, x);
  builder_rope_tables(b);
  return x;
}

/* A norm behind a part, where the file has one. */
static int32_t norm_after(struct building *b, const char *what, int32_t x) {
  return builder_file_tensor(b, what, "weight") == NULL ? x : builder_norm(b, what, x);
}

/* Nobody reads the last layer's rows but where logits are wanted: behind its attention
 * only these go on, and prompt tokens that want none cost no feed-forward. */
static void keep_wanted(struct building *b, int32_t *x, int32_t *n, int32_t *y,
                        bool n_is_read) {
  if (b->layer + 1 < b->arch->layers) return;
  *y = builder_wanted(b, "wanted_attention", *y);
  *x = builder_wanted(b, "wanted", *x);
  if (n_is_read) *n = builder_wanted(b, "wanted_norm", *n);
  b->rows = RIDGE_DIM_WANTED;
}

static void layer(struct building *b, int32_t *x) {
  bool own_norm = builder_file_tensor(b, "ffn_norm", "weight") != NULL;
  bool beside =
      b->arch->parallel || (b->arch->row->residual == ARCH_BY_TENSOR && !own_norm);
  int32_t n = builder_norm(b, "attn_norm", *x), y = builder_attention(b, n);
  keep_wanted(b, x, &n, &y, beside && !own_norm);
  int32_t before = *x;
  y = norm_after(b, "post_attention_norm", builder_attention_output(b, y));
  *x = builder_add(b, "attn_residual", *x, y);
  if (!beside)
    n = builder_norm(b, "ffn_norm", *x);
  else if (own_norm)
    n = builder_norm(b, "ffn_norm", before);
  int32_t m = norm_after(b, "post_ffw_norm", builder_ffn(b, n));
  *x = builder_add(b, "ffn_residual", *x, m);
}

static void head(struct building *b, int32_t x) {
  const struct arch *a = b->arch;
  int32_t y = builder_norm(b, "output_norm", x);
  bool capped = a->logit_cap > 0;
  int32_t logits = builder_activation(b, capped ? "logits_uncapped" : "logits",
                                      RIDGE_DIM_WANTED, a->vocab);
  int32_t w = builder_weight(b, a->tied ? "token_embd" : "output", "weight",
                             MATRIX(a->vocab, a->dim));
  int32_t bias = builder_file_tensor(b, "output", "bias") == NULL
                     ? -1
                     : builder_bias(b, "output", a->vocab);
  NODE(RIDGE_OP_MATMUL, "output", logits, (ridge_attrs){0}, y, w, bias);
  if (capped) {
    int32_t cap = builder_activation(b, "logits", RIDGE_DIM_WANTED, a->vocab);
    NODE(RIDGE_OP_SOFTCAP, "logits", cap, (ridge_attrs){.scale = a->logit_cap}, logits);
    logits = cap;
  }
  if (b->status == RIDGE_OK) graph_add_output(b->graph, logits);
}

/* Of the short and the long rope factors only those for this context are read. */
static bool is_other_choice(const char *name) {
  return strcmp(name, "rope_factors_long.weight") == 0 ||
         strcmp(name, "rope_factors_short.weight") == 0;
}

/* A tensor that no node reads would be a part of the model quietly left out. */
static void refuse_unused(struct building *b) {
  for (uint64_t i = 0; i < b->source->file.n_tensors && b->status == RIDGE_OK; i++) {
    const char *name = b->source->file.tensors[i].name;
    if (b->api->find_tensor(b->graph, name) >= 0) continue;
    if (b->rope >= 0 && is_other_choice(name)) continue;
    b->status =
        why_set(b->why, RIDGE_UNSUPPORTED,
                "%s: has a tensor `%s` that a %s model is not known to use here, so its "
                "results would be wrong",
                b->source->path, name, b->arch->row->name);
  }
}

ridge_status builder_decoder(const struct source *source, const struct arch *arch,
                             int64_t context, const char *cache_codec,
                             struct ridge_graph *out, struct why *why) {
  struct building building = {
      .source = source,
      .arch = arch,
      .graph = out,
      .api = graph_api(),
      .cache_codec = cache_codec,
      .why = why,
      .context = context,
      .rope = -1,
      .local_rope = -1,
      .layer = -1,
      .rows = RIDGE_DIM_TOKENS,
  };
  struct building *b = &building;
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
