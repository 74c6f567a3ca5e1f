/* test_graph_fuse.c - what graph.fuse makes of hand-made graphs, verified by the host. */
#include "fakehost.h"

#include "graph/graph.h"

#include <ridge/seam/graph_pass.h>

enum { NODES_REMOVED, EPILOGUES, PAIRS, NORMS, STACKS };

/* ---- graphs ---- */

struct maker {
  struct ridge_graph graph;
};

static int32_t act(struct maker *m, const char *name, int64_t cols) {
  return graph_activation(&m->graph, name, RIDGE_DIM_TOKENS, cols);
}

static int32_t weight(struct maker *m, const char *name, const char *codec, int64_t rows,
                      int64_t cols) {
  return rows == 0 ? graph_weight(&m->graph, name, codec, cols, 1, 1)
                   : graph_weight(&m->graph, name, codec, rows, cols, 2);
}

static int32_t put(struct maker *m, uint32_t op, const char *name, int32_t out,
                   ridge_attrs attrs, int32_t a, int32_t b, int32_t c) {
  ridge_node node = {.struct_size = sizeof node, .name = name, .op = op, .attrs = attrs};
  const int32_t in[] = {a, b, c};
  for (int i = 0; i < 3 && in[i] >= 0; i++) node.in[node.n_in++] = in[i];
  if (out >= 0) node.out[node.n_out++] = out;
  int32_t index = graph_api()->add_node(&m->graph, &node, -1);
  assert_true(index >= 0);
  return out;
}

static int32_t matmul(struct maker *m, const char *name, const char *codec, int32_t x,
                      int64_t rows, int64_t cols, bool bias) {
  char text[96];
  snprintf(text, sizeof text, "%s.weight", name);
  int32_t w = weight(m, text, codec, rows, cols), b = -1;
  snprintf(text, sizeof text, "%s.bias", name);
  if (bias) b = weight(m, text, "f32", 0, rows);
  snprintf(text, sizeof text, "%s_out", name);
  return put(m, RIDGE_OP_MATMUL, name, act(m, text, rows), (ridge_attrs){0}, x, w, b);
}

/* A source of rows, so that the graph has a beginning. */
static int32_t beginning(struct maker *m, int64_t dim) {
  graph_init(&m->graph);
  ridge_tensor ids = {.name = "tokens",
                      .codec = "i32",
                      .dims = {RIDGE_DIM_TOKENS, 1, 1, 1},
                      .rank = 1,
                      .role = RIDGE_INPUT};
  int32_t tokens = graph_api()->add_tensor(&m->graph, &ids);
  int32_t table = weight(m, "token_embd.weight", "f16", 100, dim);
  return put(m, RIDGE_OP_EMBED, "token_embd", act(m, "embedding", dim), (ridge_attrs){0},
             table, tokens, -1);
}

static int32_t norm(struct maker *m, const char *name, int32_t x, int64_t dim,
                    bool layernorm) {
  char text[96];
  snprintf(text, sizeof text, "%s.weight", name);
  int32_t w = weight(m, text, "f32", 0, dim), b = -1;
  snprintf(text, sizeof text, "%s.bias", name);
  if (layernorm) b = weight(m, text, "f32", 0, dim);
  snprintf(text, sizeof text, "%s_out", name);
  return put(m, layernorm ? RIDGE_OP_LAYERNORM : RIDGE_OP_RMSNORM, name, act(m, text, dim),
             (ridge_attrs){.eps = 1e-5}, x, w, b);
}

static int32_t cache(struct maker *m, const char *name) {
  ridge_tensor t = {.name = name,
                    .codec = "f16",
                    .dims = {-1, 2, -1, 32},
                    .rank = 4,
                    .role = RIDGE_CACHE};
  return graph_api()->add_tensor(&m->graph, &t);
}

/* A layer of the Llama kind: D 128, 4 heads of 32, 2 of them for keys, F 256. */
static void llama_layer(struct maker *m, const char *k_codec) {
  const int64_t d = 128, kv = 64, f = 256;
  int32_t x = beginning(m, d), h = norm(m, "blk.0.attn_norm", x, d, false);
  int32_t q = matmul(m, "blk.0.attn_q", "f16", h, d, d, false);
  int32_t k = matmul(m, "blk.0.attn_k", k_codec, h, kv, d, false);
  int32_t v = matmul(m, "blk.0.attn_v", k_codec, h, kv, d, false);
  int32_t ck = cache(m, "blk.0.cache_k"), cv = cache(m, "blk.0.cache_v");
  ridge_attrs a = {.heads = 4, .kv_heads = 2, .head_dim = 32, .scale = 0.1};
  put(m, RIDGE_OP_CACHE_PUT, "blk.0.put_k", -1, a, k, ck, -1);
  put(m, RIDGE_OP_CACHE_PUT, "blk.0.put_v", -1, a, v, cv, -1);
  int32_t y = put(m, RIDGE_OP_ATTENTION, "blk.0.attention", act(m, "attention_out", d), a,
                  q, ck, cv);
  int32_t o = matmul(m, "blk.0.attn_output", "f16", y, d, d, false);
  x = put(m, RIDGE_OP_ADD, "blk.0.attn_residual", act(m, "res1", d), (ridge_attrs){0}, x, o,
          -1);
  h = norm(m, "blk.0.ffn_norm", x, d, false);
  int32_t gate = matmul(m, "blk.0.ffn_gate", "f16", h, f, d, false);
  int32_t up = matmul(m, "blk.0.ffn_up", "f16", h, f, d, false);
  int32_t g = put(m, RIDGE_OP_GLU, "blk.0.ffn_glu", act(m, "glu", f),
                  (ridge_attrs){.act = RIDGE_ACT_SILU}, gate, up, -1);
  int32_t down = matmul(m, "blk.0.ffn_down", "f16", g, d, f, false);
  x = put(m, RIDGE_OP_ADD, "blk.0.ffn_residual", act(m, "res2", d), (ridge_attrs){0}, x,
          down, -1);
  graph_add_output(&m->graph, norm(m, "output_norm", x, d, false));
}

/* The GPT-2 kind: biases, LAYERNORM, a function instead of a gate. */
static void gpt2_layer(struct maker *m) {
  const int64_t d = 64, f = 256;
  int32_t x = beginning(m, d), p = act(m, "positions", d);
  ridge_tensor ids = {.name = "positions_in",
                      .codec = "i32",
                      .dims = {RIDGE_DIM_TOKENS, 1, 1, 1},
                      .rank = 1,
                      .role = RIDGE_INPUT};
  int32_t positions = graph_api()->add_tensor(&m->graph, &ids);
  put(m, RIDGE_OP_EMBED, "position_embd", p, (ridge_attrs){0},
      weight(m, "position_embd.weight", "f32", 50, d), positions, -1);
  x = put(m, RIDGE_OP_ADD, "input", act(m, "input", d), (ridge_attrs){0}, x, p, -1);
  int32_t h = norm(m, "blk.0.ffn_norm", x, d, true);
  int32_t up = matmul(m, "blk.0.ffn_up", "f16", h, f, d, true);
  int32_t a = put(m, RIDGE_OP_ACT, "blk.0.ffn_act", act(m, "acted", f),
                  (ridge_attrs){.act = RIDGE_ACT_GELU_TANH}, up, -1, -1);
  int32_t down = matmul(m, "blk.0.ffn_down", "f16", a, d, f, true);
  x = put(m, RIDGE_OP_ADD, "blk.0.ffn_residual", act(m, "res", d), (ridge_attrs){0}, down,
          x, -1);
  graph_add_output(&m->graph, norm(m, "output_norm", x, d, true));
}

/* ---- running the pass ---- */

static const void *graph_service(struct fake *fake, const char *id) {
  (void)fake;
  return strcmp(id, RIDGE_SERVICE_GRAPH) == 0 ? graph_api() : NULL;
}

/* Only the fusions named (all when NULL). */
static struct fake *fused(struct maker *m, const char *only) {
  struct fake *fake = fake_open("graph_fuse");
  fake->service = graph_service;
  const ridge_param *rows = fake->plugin->params.rows;
  for (uint32_t i = 0; only != NULL && i < fake->plugin->params.count; i++) {
    fake_bool(fake, rows[i].name, strstr(only, rows[i].name) != NULL);
  }
  assert_int_equal(fake_create(fake), RIDGE_OK);
  const ridge_graph_pass *pass = fake_table(fake, RIDGE_SEAM_GRAPH_PASS);
  assert_int_equal(pass->stage, RIDGE_STAGE_FUSE);
  m->graph.caller = &fake->host;
  int32_t before = m->graph.n_nodes;
  assert_int_equal(pass->rewrite(fake->self, &m->graph), RIDGE_OK);
  struct why why = {0};
  if (graph_verify(&m->graph, &why) != RIDGE_OK) fail_msg("%s", why.text);
  int32_t gone = 0;
  for (int32_t i = 0; i < before; i++) gone += m->graph.nodes[i]->gone != 0;
  /* A node that was joined and then joined again counts both times. */
  assert_true((uint64_t)gone <= fake->counts[NODES_REMOVED]);
  return fake;
}

static int32_t count_of(const struct maker *m, uint32_t op) {
  int32_t counts[RIDGE_OP_COUNT];
  graph_census(&m->graph, counts);
  return counts[op];
}

static const ridge_node *named(const struct maker *m, const char *name) {
  for (int32_t i = 0; i < m->graph.n_order; i++) {
    const ridge_node *node = m->graph.nodes[m->graph.order[i]];
    if (strcmp(node->name, name) == 0) return node;
  }
  fail_msg("no live node is named %s", name);
  return NULL;
}

static void a_llama_layer_is_left_with_four_matmuls_and_its_norms(void **state) {
  (void)state;
  struct maker m = {0};
  llama_layer(&m, "f16");
  struct fake *fake = fused(&m, NULL);
  assert_int_equal(count_of(&m, RIDGE_OP_MATMUL), 4);
  assert_int_equal(count_of(&m, RIDGE_OP_SLICE), 3);
  assert_int_equal(count_of(&m, RIDGE_OP_ADD), 0);
  assert_int_equal(count_of(&m, RIDGE_OP_GLU), 0);
  assert_int_equal(fake->counts[EPILOGUES], 2);
  assert_int_equal(fake->counts[PAIRS], 1);
  assert_int_equal(fake->counts[STACKS], 1);
  assert_int_equal(fake->counts[NODES_REMOVED], 2 * 2 + 3 + 3);
  fake_close(fake);
  graph_free(&m.graph);
}

static void query_key_and_value_become_slices_in_order(void **state) {
  (void)state;
  struct maker m = {0};
  llama_layer(&m, "f16");
  struct fake *fake = fused(&m, "qkv");
  const ridge_node *wide = named(&m, "blk.0.attn_q+attn_k+attn_v");
  const ridge_tensor *w = m.graph.tensors[wide->in[1]];
  assert_int_equal(w->n_parts, 3);
  assert_int_equal(w->dims[0], 128 + 64 + 64);
  assert_string_equal(m.graph.tensors[w->parts[1]]->name, "blk.0.attn_k.weight");
  const struct {
    const char *name;
    int64_t from, width;
  } slices[] = {{"blk.0.attn_q_slice", 0, 128},
                {"blk.0.attn_k_slice", 128, 64},
                {"blk.0.attn_v_slice", 192, 64}};
  for (size_t i = 0; i < 3; i++) {
    const ridge_node *slice = named(&m, slices[i].name);
    assert_int_equal(slice->attrs.from, slices[i].from);
    assert_int_equal(m.graph.tensors[slice->out[0]]->dims[1], slices[i].width);
    assert_int_equal(slice->in[0], wide->out[0]);
  }
  /* gate and up read one input too, and their product was not to be joined */
  assert_int_equal(fake->counts[STACKS], 2);
  fake_close(fake);
  graph_free(&m.graph);
}

static void weights_in_different_codecs_are_not_stacked(void **state) {
  (void)state;
  struct maker m = {0};
  llama_layer(&m, "q8_0");
  struct fake *fake = fused(&m, "qkv");
  (void)named(&m, "blk.0.attn_q");
  (void)named(&m, "blk.0.attn_k+attn_v"); /* these two still go together */
  fake_close(fake);
  graph_free(&m.graph);
}

static void gate_and_up_become_a_paired_matmul(void **state) {
  (void)state;
  struct maker m = {0};
  llama_layer(&m, "f16");
  struct fake *fake = fused(&m, "gate_up");
  const ridge_node *pair = named(&m, "blk.0.ffn_gate+ffn_up");
  const ridge_tensor *w = m.graph.tensors[pair->in[1]];
  assert_int_equal(pair->attrs.flags, RIDGE_GLU_PAIRED);
  assert_int_equal(pair->attrs.act, RIDGE_ACT_SILU);
  assert_string_equal(m.graph.tensors[w->parts[0]]->name, "blk.0.ffn_gate.weight");
  assert_int_equal(m.graph.tensors[pair->out[0]]->dims[1], 256);
  assert_int_equal(fake->counts[NODES_REMOVED], 3);
  fake_close(fake);
  graph_free(&m.graph);
}

static void norms_join_the_sums_that_residuals_leave(void **state) {
  (void)state;
  struct maker m = {0};
  llama_layer(&m, "f16");
  struct fake *fake = fused(&m, "norm");
  assert_int_equal(count_of(&m, RIDGE_OP_ADD_RMSNORM), 2);
  assert_int_equal(count_of(&m, RIDGE_OP_ADD), 0);
  assert_int_equal(fake->counts[NORMS], 2);
  fake_close(fake);
  graph_free(&m.graph);
}

static void a_gpt2_layer_takes_function_residual_and_norm(void **state) {
  (void)state;
  struct maker m = {0};
  gpt2_layer(&m);
  struct fake *fake = fused(&m, NULL);
  assert_int_equal(count_of(&m, RIDGE_OP_ACT), 0);
  assert_int_equal(count_of(&m, RIDGE_OP_ADD), 0);
  assert_int_equal(count_of(&m, RIDGE_OP_ADD_LAYERNORM), 1); /* the two embeddings */
  const ridge_node *up = named(&m, "blk.0.ffn_up"), *down = named(&m, "blk.0.ffn_down");
  assert_int_equal(up->attrs.act, RIDGE_ACT_GELU_TANH);
  assert_true(up->in[2] >= 0);
  assert_string_equal(m.graph.tensors[down->in[3]]->name, "input");
  fake_close(fake);
  graph_free(&m.graph);
}

static void what_others_read_is_left_alone(void **state) {
  (void)state;
  struct maker m = {0};
  int32_t x = beginning(&m, 64), y = matmul(&m, "a", "f16", x, 64, 64, false);
  int32_t z = put(&m, RIDGE_OP_ACT, "f", act(&m, "f", 64),
                  (ridge_attrs){.act = RIDGE_ACT_RELU}, y, -1, -1);
  int32_t s = put(&m, RIDGE_OP_ADD, "s", act(&m, "s", 64), (ridge_attrs){0}, z, y, -1);
  graph_add_output(&m.graph, s);
  struct fake *fake = fused(&m, NULL);
  assert_int_equal(fake->counts[NODES_REMOVED], 0); /* the matmul has two readers */
  fake_close(fake);
  graph_free(&m.graph);
}

static void a_bias_added_apart_joins_its_matmul(void **state) {
  (void)state;
  struct maker m = {0};
  int32_t x = beginning(&m, 64), y = matmul(&m, "a", "f16", x, 32, 64, false);
  int32_t s = put(&m, RIDGE_OP_ADD, "s", act(&m, "s", 32), (ridge_attrs){0}, y,
                  weight(&m, "b", "f32", 0, 32), -1);
  graph_add_output(&m.graph, s);
  struct fake *fake = fused(&m, "bias");
  assert_string_equal(m.graph.tensors[named(&m, "a")->in[2]]->name, "b");
  assert_int_equal(fake->counts[NODES_REMOVED], 2);
  fake_close(fake);
  graph_free(&m.graph);
}

/* What has no joined form stays as it is. */
static void a_sum_does_not_join_a_norm_of_heads(void **state) {
  (void)state;
  struct maker m = {0};
  int32_t x = beginning(&m, 64);
  int32_t s = put(&m, RIDGE_OP_ADD, "s", act(&m, "s", 64), (ridge_attrs){0}, x, x, -1);
  ridge_attrs heads = {.eps = 1e-5, .heads = 4, .head_dim = 16};
  graph_add_output(&m.graph, put(&m, RIDGE_OP_RMSNORM, "norm", act(&m, "norm", 64), heads,
                                 s, weight(&m, "norm.weight", "f32", 0, 16), -1));
  struct fake *fake = fused(&m, NULL);
  assert_int_equal(fake->counts[NODES_REMOVED], 0);
  fake_close(fake);
  graph_free(&m.graph);
}

static void products_of_experts_are_left_alone(void **state) {
  (void)state;
  struct maker m = {0};
  int32_t x = beginning(&m, 64);
  ridge_tensor proto = {.name = "ids",
                        .codec = "i32",
                        .dims = {RIDGE_DIM_TOKENS, 2, 1, 1},
                        .rank = 2,
                        .role = RIDGE_ACTIVATION};
  int32_t ids = graph_api()->add_tensor(&m.graph, &proto), shares = act(&m, "shares", 2);
  int32_t scores = matmul(&m, "router", "f32", x, 4, 64, false);
  ridge_attrs a = {.experts = 4, .used = 2, .act = RIDGE_ACT_SILU};
  ridge_node route = {
      .name = "route", .op = RIDGE_OP_ROUTE, .attrs = a, .n_in = 1, .n_out = 2};
  route.in[0] = scores, route.out[0] = ids, route.out[1] = shares;
  assert_true(graph_api()->add_node(&m.graph, &route, -1) >= 0);
  int32_t part[2];
  for (int i = 0; i < 2; i++) {
    const char *names[] = {"gate", "up"}, *weights[] = {"gate.weight", "up.weight"};
    ridge_tensor w = {.name = weights[i],
                      .codec = "f16",
                      .dims = {4, 32, 64, 1},
                      .rank = 3,
                      .role = RIDGE_WEIGHT};
    part[i] = put(&m, RIDGE_OP_EXPERT_MATMUL, names[i], act(&m, names[i], 64), a, x,
                  graph_api()->add_tensor(&m.graph, &w), ids);
  }
  int32_t glu = put(&m, RIDGE_OP_GLU, "glu", act(&m, "glu", 64), a, part[0], part[1], -1);
  int32_t sum = put(&m, RIDGE_OP_WEIGHTED_SUM, "sum", act(&m, "sum", 32), (ridge_attrs){0},
                    glu, shares, -1);
  graph_add_output(&m.graph, sum);
  struct fake *fake = fused(&m, NULL);
  assert_int_equal(fake->counts[NODES_REMOVED], 0);
  assert_int_equal(count_of(&m, RIDGE_OP_EXPERT_MATMUL), 2);
  fake_close(fake);
  graph_free(&m.graph);
}

static void with_every_fusion_off_it_is_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("graph_fuse");
  assert_int_equal(fake_check(fake, NULL), RIDGE_OK);
  const ridge_param *rows = fake->plugin->params.rows;
  for (uint32_t i = 0; i < fake->plugin->params.count; i++)
    fake_bool(fake, rows[i].name, false);
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_llama_layer_is_left_with_four_matmuls_and_its_norms),
      cmocka_unit_test(query_key_and_value_become_slices_in_order),
      cmocka_unit_test(weights_in_different_codecs_are_not_stacked),
      cmocka_unit_test(gate_and_up_become_a_paired_matmul),
      cmocka_unit_test(norms_join_the_sums_that_residuals_leave),
      cmocka_unit_test(a_gpt2_layer_takes_function_residual_and_norm),
      cmocka_unit_test(what_others_read_is_left_alone),
      cmocka_unit_test(a_bias_added_apart_joins_its_matmul),
      cmocka_unit_test(a_sum_does_not_join_a_norm_of_heads),
      cmocka_unit_test(products_of_experts_are_left_alone),
      cmocka_unit_test(with_every_fusion_off_it_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
