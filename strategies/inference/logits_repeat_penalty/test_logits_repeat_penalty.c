/* test_logits_repeat_penalty.c - logits.repeat_penalty lowers recent tokens, each once. */
#include "shaping.h"

static struct fake *opened(int64_t window, double penalty) {
  struct fake *fake = fake_open("logits_repeat_penalty");
  fake_int(fake, "window", window);
  fake_real(fake, "penalty", penalty);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  return fake;
}

static void positive_logits_are_divided_and_negative_ones_multiplied(void **state) {
  (void)state;
  struct fake *fake = opened(10, 2);
  const int32_t tokens[] = {0, 2, 2, 4, 0, 2};
  float logits[] = {3, 5, -1.5f, 7, 0, -INFINITY};
  assert_int_equal(shaping_run(fake, tokens, 6, logits, 6), RIDGE_OK);
  assert_true(logits[0] == 1.5f); /* twice in the text, once penalized */
  assert_true(logits[1] == 5);
  assert_true(logits[2] == -3);
  assert_true(logits[3] == 7);
  assert_true(logits[4] == 0);
  assert_int_equal(fake->counts[0], 2); /* a zero stays what it is */
  fake_close(fake);
}

static void only_the_window_counts(void **state) {
  (void)state;
  struct fake *fake = opened(2, 2);
  const int32_t tokens[] = {0, 1, 2, 3};
  float logits[] = {4, 4, 4, 4};
  assert_int_equal(shaping_run(fake, tokens, 4, logits, 4), RIDGE_OK);
  assert_true(logits[0] == 4 && logits[1] == 4 && logits[2] == 2 && logits[3] == 2);
  fake_close(fake);
}

static void calls_do_not_hang_on_one_another(void **state) {
  (void)state;
  struct fake *fake = opened(50, 1.3);
  uint64_t dice = 12;
  for (int round = 0; round < 200; round++) {
    int64_t vocab = round % 2 == 0 ? 100 : 40, n = 1 + fake_below(&dice, 80);
    int32_t tokens[80];
    float logits[100], want[100];
    for (int64_t i = 0; i < n; i++) tokens[i] = (int32_t)fake_below(&dice, vocab);
    shaping_fill(logits, vocab, 0, &dice);
    memcpy(want, logits, sizeof want);
    for (int32_t t = 0; t < vocab; t++) {
      bool seen = false;
      for (int64_t i = n > 50 ? n - 50 : 0; i < n; i++) seen |= tokens[i] == t;
      double x = (double)want[t];
      if (seen) want[t] = (float)(x > 0 ? x / 1.3 : x * 1.3);
    }
    assert_int_equal(shaping_run(fake, tokens, n, logits, vocab), RIDGE_OK);
    assert_memory_equal(logits, want, (size_t)vocab * sizeof *want);
  }
  fake_close(fake);
}

static void a_text_without_repetition_in_reach_changes_nothing(void **state) {
  (void)state;
  struct fake *fake = opened(5, 2);
  float logits[] = {1, 2, 3};
  assert_int_equal(shaping_run(fake, NULL, 0, logits, 3), RIDGE_OK);
  assert_true(logits[0] == 1 && logits[1] == 2 && logits[2] == 3);
  assert_int_equal(fake->counts[0], 0);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(positive_logits_are_divided_and_negative_ones_multiplied),
      cmocka_unit_test(only_the_window_counts),
      cmocka_unit_test(calls_do_not_hang_on_one_another),
      cmocka_unit_test(a_text_without_repetition_in_reach_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
