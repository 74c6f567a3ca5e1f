/* test_logits_top_k.c - logits.top_k leaves what a sort would put first. */
#include "shaping.h"

static void what_is_left_is_what_a_sort_puts_first(void **state) {
  (void)state;
  const int64_t vocabs[] = {1, 2, 7, 300, 5000}, ks[] = {1, 2, 5, 40, 299, 4999, 10000};
  uint64_t dice = 23;
  for (size_t v = 0; v < sizeof vocabs / sizeof *vocabs; v++) {
    for (size_t k = 0; k < sizeof ks / sizeof *ks; k++) {
      for (int kind = 0; kind < SHAPING_KINDS; kind++) {
        struct fake *fake = fake_open("logits_top_k");
        fake_int(fake, "k", ks[k]);
        assert_int_equal(fake_create(fake), RIDGE_OK);
        int64_t vocab = vocabs[v], possible = 0;
        float *logits = calloc((size_t)vocab, sizeof *logits);
        float *before = calloc((size_t)vocab, sizeof *before);
        shaping_fill(logits, vocab, kind, &dice);
        memcpy(before, logits, (size_t)vocab * sizeof *logits);
        for (int64_t i = 0; i < vocab; i++) possible += before[i] > -INFINITY;
        int32_t *order = shaping_sorted(before, vocab);
        assert_int_equal(shaping_run(fake, NULL, 0, logits, vocab), RIDGE_OK);
        shaping_expect(before, logits, order, vocab, ks[k]);
        assert_int_equal(fake->counts[0], possible > ks[k] ? possible - ks[k] : 0);
        free(order);
        free(before);
        free(logits);
        fake_close(fake);
      }
    }
  }
}

static void it_is_a_function_of_the_logits_alone(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_k");
  assert_int_equal(fake_create(fake), RIDGE_OK);
  uint64_t dice = 5;
  float first[500], again[500], other[500];
  shaping_fill(first, 500, 0, &dice);
  shaping_fill(other, 500, 0, &dice);
  memcpy(again, first, sizeof first);
  assert_int_equal(shaping_run(fake, NULL, 0, first, 500), RIDGE_OK);
  assert_int_equal(shaping_run(fake, NULL, 0, other, 500), RIDGE_OK);
  assert_int_equal(shaping_run(fake, NULL, 0, again, 500), RIDGE_OK);
  assert_memory_equal(first, again, sizeof first);
  fake_close(fake);
}

static void what_is_not_a_number_is_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_k");
  assert_int_equal(fake_create(fake), RIDGE_OK);
  float logits[100] = {0};
  logits[77] = NAN;
  assert_int_equal(shaping_run(fake, NULL, 0, logits, 100), RIDGE_INTERNAL);
  assert_non_null(strstr(fake->said, "token 77"));
  fake_close(fake);
}

static void as_many_as_there_are_tokens_is_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_k");
  ridge_plan plan = {.struct_size = sizeof plan, .vocab = 512};
  fake_int(fake, "k", 512);
  assert_int_equal(fake_check(fake, &plan), RIDGE_INVALID);
  fake_int(fake, "k", 511);
  assert_int_equal(fake_check(fake, &plan), RIDGE_OK);
  fake_close(fake);
}

static void it_clashes_with_temperature_zero(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_k");
  const ridge_relation *row = fake->plugin->relations.rows;
  assert_string_equal(row->target, "sample.temperature");
  assert_int_equal(row->kind, RIDGE_CLASHES);
  assert_int_equal(row->op, RIDGE_EQ);
  assert_true(row->value.r == 0 && row->param == NULL);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_left_is_what_a_sort_puts_first),
      cmocka_unit_test(it_is_a_function_of_the_logits_alone),
      cmocka_unit_test(what_is_not_a_number_is_refused),
      cmocka_unit_test(as_many_as_there_are_tokens_is_refused),
      cmocka_unit_test(it_clashes_with_temperature_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
