/*
 * operator_table.c - shape rules and costs of the operators' table, for what architectures
 * differ in: experts, windows, norms of heads, blended rotations.
 */
#include "testing.h"

#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

struct maker {
  struct ridge_graph graph;
};

static int32_t tensor(struct maker *m, const char *name, const char *codec, uint32_t role,
                      uint32_t rank, int64_t a, int64_t b, int64_t c) {
  ridge_tensor proto = {
      .name = name, .codec = codec, .role = role, .rank = rank, .dims = {a, b, c, 1}};
  return graph_api()->add_tensor(&m->graph, &proto);
}

static int32_t rows(struct maker *m, const char *name, int64_t width) {
  return tensor(m, name, "f32", RIDGE_ACTIVATION, 2, RIDGE_DIM_TOKENS, width, 1);
}

static const ridge_node *node(struct maker *m, uint32_t op, ridge_attrs attrs,
                              const int32_t *in, uint32_t n_in, const int32_t *out,
                              uint32_t n_out) {
  ridge_node proto = {.name = "n", .op = op, .attrs = attrs, .n_in = n_in, .n_out = n_out};
  memcpy(proto.in, in, n_in * sizeof *in);
  memcpy(proto.out, out, n_out * sizeof *out);
  int32_t made = graph_api()->add_node(&m->graph, &proto, -1);
  assert_true(made >= 0);
  return graph_api()->node(&m->graph, made);
}

static void must_fit(struct maker *m, const ridge_node *n) {
  struct why why = {{0}};
  if (operator_facts(n->op)->shape(&m->graph, n, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
}

static void must_not_fit(struct maker *m, const ridge_node *n, const char *says) {
  struct why why = {{0}};
  assert_int_not_equal(operator_facts(n->op)->shape(&m->graph, n, &why), RIDGE_OK);
  if (strstr(why.text, says) == NULL) fail_msg("\"%s\" says nothing of %s", why.text, says);
}

static struct operator_cost cost(struct maker *m, const ridge_node *n, double tokens,
                                 double depth) {
  struct cost_query q = {.tokens = tokens,
                         .wanted = 1,
                         .depth = depth,
                         .reach = depth,
                         .weight_bits = 16,
                         .cache_bits = 16};
  return operator_facts(n->op)->cost(&m->graph, n, &q);
}

static int set_up(void **state) {
  struct maker *m = calloc(1, sizeof *m);
  graph_init(&m->graph);
  *state = m;
  return 0;
}

static int tear_down(void **state) {
  struct maker *m = *state;
  graph_free(&m->graph);
  free(m);
  return 0;
}

/* Eight experts of 64 by 32, two for a row. */
static const ridge_attrs two_of_eight = {.experts = 8, .used = 2};

static const ridge_node *expert_node(struct maker *m, int64_t in_width, int64_t out_width,
                                     int64_t ids, ridge_attrs attrs) {
  const int32_t in[] = {
      rows(m, "x", in_width), tensor(m, "w", "f16", RIDGE_WEIGHT, 3, 8, 64, 32),
      tensor(m, "ids", "i32", RIDGE_ACTIVATION, 2, RIDGE_DIM_TOKENS, ids, 1)};
  const int32_t out[] = {rows(m, "y", out_width)};
  return node(m, RIDGE_OP_EXPERT_MATMUL, attrs, in, 3, out, 1);
}

static void experts_take_one_input_for_all(void **state) {
  must_fit(*state, expert_node(*state, 32, 128, 2, two_of_eight));
}

static void experts_take_an_input_each(void **state) {
  must_fit(*state, expert_node(*state, 64, 128, 2, two_of_eight));
}

static void experts_of_another_width_are_refused(void **state) {
  must_not_fit(*state, expert_node(*state, 48, 128, 2, two_of_eight), "input");
}

static void results_of_another_width_are_refused(void **state) {
  must_not_fit(*state, expert_node(*state, 32, 64, 2, two_of_eight), "output");
}

static void more_choices_than_experts_are_refused(void **state) {
  struct maker *m = *state;
  const int32_t in[] = {rows(m, "x", 4)};
  const int32_t out[] = {
      tensor(m, "ids", "i32", RIDGE_ACTIVATION, 2, RIDGE_DIM_TOKENS, 5, 1),
      rows(m, "weights", 5)};
  const ridge_attrs attrs = {.experts = 4, .used = 5};
  must_not_fit(m, node(m, RIDGE_OP_ROUTE, attrs, in, 1, out, 2), "experts used");
}

static void choices_that_are_no_numbers_of_experts_are_refused(void **state) {
  struct maker *m = *state;
  const int32_t in[] = {rows(m, "x", 4)};
  const int32_t out[] = {rows(m, "ids", 2), rows(m, "weights", 2)};
  const ridge_attrs attrs = {.experts = 4, .used = 2};
  must_not_fit(m, node(m, RIDGE_OP_ROUTE, attrs, in, 1, out, 2), "i32");
}

static void one_row_reads_its_own_experts_only(void **state) {
  const ridge_node *n = expert_node(*state, 32, 128, 2, two_of_eight);
  struct operator_cost one = cost(*state, n, 1, 1);
  assert_float_equal(one.weight_bytes, 2 * 64 * 32 * 2, 0);
  assert_float_equal(one.flops, 2 * 2 * 64 * 32, 0);
}

static void many_rows_read_each_expert_once(void **state) {
  const ridge_node *n = expert_node(*state, 32, 128, 2, two_of_eight);
  struct operator_cost many = cost(*state, n, 512, 1), two = cost(*state, n, 2, 1);
  assert_float_equal(many.weight_bytes, 8 * 64 * 32 * 2, 1);
  assert_float_equal(many.flops, 512.0 * 2 * 2 * 64 * 32, 0);
  /* The second row chooses each of the first's with a chance of a quarter. */
  assert_float_equal(two.weight_bytes, 3.5 * 64 * 32 * 2, 1);
}

static const ridge_node *attention_node(struct maker *m, int64_t window, double softcap) {
  const int32_t in[] = {rows(m, "q", 64), tensor(m, "k", "f16", RIDGE_CACHE, 4, -1, 2, -1),
                        tensor(m, "v", "f16", RIDGE_CACHE, 4, -1, 2, -1)};
  const int32_t out[] = {rows(m, "y", 64)};
  const ridge_attrs attrs = {
      .heads = 4, .kv_heads = 2, .head_dim = 16, .window = window, .softcap = softcap};
  return node(m, RIDGE_OP_ATTENTION, attrs, in, 3, out, 1);
}

static void a_window_reads_no_more_than_it_sees(void **state) {
  const ridge_node *n = attention_node(*state, 100, 0);
  must_fit(*state, n);
  assert_float_equal(cost(*state, n, 1, 1000).cache_bytes, 100 * 2 * 32 * 2, 0);
  assert_float_equal(cost(*state, n, 1, 30).cache_bytes, 30 * 2 * 32 * 2, 0);
  assert_true(cost(*state, n, 1, 1000).flops == cost(*state, n, 1, 100).flops);
}

static void a_window_below_nothing_is_refused(void **state) {
  must_not_fit(*state, attention_node(*state, -1, 0), "window");
}

static void a_cap_below_nothing_is_refused(void **state) {
  must_not_fit(*state, attention_node(*state, 0, -5), "soft cap");
}

static const ridge_node *norm_node(struct maker *m, int64_t weights, int64_t heads) {
  const int32_t in[] = {rows(m, "x", 48),
                        tensor(m, "w", "f32", RIDGE_WEIGHT, 1, weights, 1, 1)};
  const int32_t out[] = {rows(m, "y", 48)};
  const ridge_attrs attrs = {.eps = 1e-5, .heads = heads, .head_dim = 16};
  return node(m, RIDGE_OP_RMSNORM, attrs, in, 2, out, 1);
}

static void a_norm_of_heads_has_one_weight_for_all(void **state) {
  must_fit(*state, norm_node(*state, 16, 3));
}

static void a_norm_of_heads_has_a_weight_for_each(void **state) {
  must_fit(*state, norm_node(*state, 48, 3));
}

static void a_norm_of_a_row_has_no_weight_of_a_head(void **state) {
  must_not_fit(*state, norm_node(*state, 16, 0), "weight");
}

static void a_norm_of_heads_has_their_width(void **state) {
  must_not_fit(*state, norm_node(*state, 16, 2), "input");
}

static void matrices_of_experts_are_not_stacked(void **state) {
  struct maker *m = *state;
  const int32_t parts[] = {tensor(m, "a", "f16", RIDGE_WEIGHT, 3, 4, 8, 32),
                           tensor(m, "b", "f16", RIDGE_WEIGHT, 3, 4, 8, 32)};
  assert_int_equal(graph_api()->stack(&m->graph, "both", parts, 2), -1);
  assert_non_null(strstr(m->graph.why.text, "matrices"));
}

static void a_matrix_of_experts_is_rows_under_one_another(void **state) {
  struct maker *m = *state;
  const ridge_tensor *w =
      graph_api()->tensor(&m->graph, tensor(m, "a", "f16", RIDGE_WEIGHT, 3, 4, 8, 32));
  assert_int_equal(graph_rows(w), 32);
  assert_int_equal(graph_cols(w), 32);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(experts_take_one_input_for_all),
      TEST(experts_take_an_input_each),
      TEST(experts_of_another_width_are_refused),
      TEST(results_of_another_width_are_refused),
      TEST(more_choices_than_experts_are_refused),
      TEST(choices_that_are_no_numbers_of_experts_are_refused),
      TEST(one_row_reads_its_own_experts_only),
      TEST(many_rows_read_each_expert_once),
      TEST(a_window_reads_no_more_than_it_sees),
      TEST(a_window_below_nothing_is_refused),
      TEST(a_cap_below_nothing_is_refused),
      TEST(a_norm_of_heads_has_one_weight_for_all),
      TEST(a_norm_of_heads_has_a_weight_for_each),
      TEST(a_norm_of_a_row_has_no_weight_of_a_head),
      TEST(a_norm_of_heads_has_their_width),
      TEST(matrices_of_experts_are_not_stacked),
      TEST(a_matrix_of_experts_is_rows_under_one_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
