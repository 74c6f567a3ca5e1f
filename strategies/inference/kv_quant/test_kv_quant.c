/* test_kv_quant.c - kv.quant names the codecs asked for, and says so when it cannot. */
#include "fakehost.h"

#include "graph/graph.h"

#include <ridge/seam/graph_pass.h>

static const void *graph_service(struct fake *fake, const char *id) {
  (void)fake;
  return strcmp(id, RIDGE_SERVICE_GRAPH) == 0 ? graph_api() : NULL;
}

static void add_caches(struct ridge_graph *graph, int layers) {
  graph_init(graph);
  for (int i = 0; i < 2 * layers; i++) {
    char name[64];
    snprintf(name, sizeof name, "blk.%d.cache_%c", i / 2, i % 2 == 0 ? 'k' : 'v');
    ridge_tensor cache = {.struct_size = sizeof cache,
                          .name = name,
                          .codec = "f16",
                          .rank = 4,
                          .role = RIDGE_CACHE,
                          .dims = {-1, 2, -1, 64}};
    assert_true(graph_api()->add_tensor(graph, &cache) >= 0);
  }
  /* A weight of that name is no cache. */
  assert_true(graph_weight(graph, "x.cache_k", "f16", 4, 64, 2) >= 0);
}

static void keys_and_values_get_the_codec_asked_for(void **state) {
  (void)state;
  const struct {
    const char *keys, *values;
    uint64_t changed;
  } cases[] = {
      {"q8_0", "q8_0", 6}, {"f16", "q4_0", 3}, {"q4_0", "f16", 3}, {"q8_0", "q4_0", 6}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct ridge_graph graph;
    struct fake *fake = fake_open("kv_quant");
    add_caches(&graph, 3);
    fake->service = graph_service;
    fake_text(fake, "keys", cases[i].keys);
    fake_text(fake, "values", cases[i].values);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    const ridge_graph_pass *pass = fake_table(fake, RIDGE_SEAM_GRAPH_PASS);
    assert_int_equal(pass->stage, RIDGE_STAGE_PRECISION);
    assert_int_equal(pass->rewrite(fake->self, &graph), RIDGE_OK);
    for (int k = 0; k < 6; k++) {
      assert_string_equal(graph.tensors[k]->codec,
                          k % 2 == 0 ? cases[i].keys : cases[i].values);
    }
    assert_string_equal(graph.tensors[6]->codec, "f16");
    assert_int_equal(fake->counts[0], cases[i].changed);
    fake_close(fake);
    graph_free(&graph);
  }
}

static void both_in_f16_is_refused_as_nothing(void **state) {
  (void)state;
  struct fake *fake = fake_open("kv_quant");
  fake_text(fake, "keys", "f16");
  fake_text(fake, "values", "f16");
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  assert_non_null(strstr(fake->said, "both f16"));
  fake_close(fake);
}

static void heads_that_blocks_do_not_divide_are_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("kv_quant");
  ridge_plan plan = {.struct_size = sizeof plan, .head_dim = 48};
  assert_int_equal(fake_check(fake, &plan), RIDGE_UNSUPPORTED);
  assert_non_null(strstr(fake->said, "48"));
  plan.head_dim = 64;
  assert_int_equal(fake_check(fake, &plan), RIDGE_OK);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_and_values_get_the_codec_asked_for),
      cmocka_unit_test(both_in_f16_is_refused_as_nothing),
      cmocka_unit_test(heads_that_blocks_do_not_divide_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
