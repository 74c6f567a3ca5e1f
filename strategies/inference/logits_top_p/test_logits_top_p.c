/*
 * test_logits_top_p.c - logits.top_p leaves the shortest beginning of the sorted tokens
 * that is likely enough.
 *
 * Where the sum hits p within rounding (equal logits, p a simple share), one token more
 * or less is as right; sums here are compared with a slack of 1e-9.
 */
#include "shaping.h"

static void check_nucleus(struct fake *fake, double p, int64_t vocab, int kind,
                          uint64_t *dice) {
  float *logits = calloc((size_t)vocab, sizeof *logits);
  float *before = calloc((size_t)vocab, sizeof *before);
  shaping_fill(logits, vocab, kind, dice);
  memcpy(before, logits, (size_t)vocab * sizeof *logits);
  int32_t *order = shaping_sorted(before, vocab);
  assert_int_equal(shaping_run(fake, NULL, 0, logits, vocab), RIDGE_OK);
  int64_t kept = 0;
  double all = 0, sum = 0, last = 0;
  for (int64_t i = 0; i < vocab; i++) {
    kept += logits[i] > -INFINITY;
    all += exp((double)before[i] - (double)before[order[0]]);
  }
  for (int64_t i = 0; i < kept; i++) {
    sum += last = exp((double)before[order[i]] - (double)before[order[0]]) / all;
  }
  if (before[order[0]] > -INFINITY) {
    assert_true(kept >= 1);
    assert_true(sum >= p - 1e-9);                    /* likely enough */
    assert_true(kept == 1 || sum - last < p + 1e-9); /* and none too many */
  }
  shaping_expect(before, logits, order, vocab, kept); /* the most likely ones */
  free(order);
  free(before);
  free(logits);
}

static void the_shortest_sufficient_beginning_is_left(void **state) {
  (void)state;
  const int64_t vocabs[] = {1, 3, 64, 1000, 7001};
  const double ps[] = {0.001, 0.3, 0.9, 0.95, 0.9999};
  uint64_t dice = 41;
  for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
    struct fake *fake = fake_open("logits_top_p");
    fake_real(fake, "p", ps[i]);
    assert_int_equal(fake_create(fake), RIDGE_OK);
    for (size_t v = 0; v < sizeof vocabs / sizeof *vocabs; v++) {
      for (int kind = 0; kind < SHAPING_KINDS; kind++) {
        check_nucleus(fake, ps[i], vocabs[v], kind, &dice);
      }
    }
    fake_close(fake);
  }
}

static void a_hand_made_distribution_is_cut_where_it_should_be(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_p");
  fake_real(fake, "p", 0.75);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  /* probabilities 0.1, 0.5, 0.1, 0.3 */
  float logits[4] = {logf(0.1f), logf(0.5f), logf(0.1f), logf(0.3f)};
  assert_int_equal(shaping_run(fake, NULL, 0, logits, 4), RIDGE_OK);
  assert_true(logits[0] == -INFINITY && logits[2] == -INFINITY);
  assert_true(logits[1] > -INFINITY && logits[3] > -INFINITY);
  assert_int_equal(fake->counts[0], 2);
  fake_close(fake);
}

static void the_lower_of_equal_tokens_stays(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_p");
  fake_real(fake, "p", 0.3);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  float logits[4] = {1, 1, 1, 1};
  assert_int_equal(shaping_run(fake, NULL, 0, logits, 4), RIDGE_OK);
  assert_true(logits[0] == 1 && logits[1] == 1);
  assert_true(logits[2] == -INFINITY && logits[3] == -INFINITY);
  fake_close(fake);
}

static void nothing_is_left_worse_than_it_was(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_top_p");
  assert_int_equal(fake_create(fake), RIDGE_OK);
  float none[3] = {-INFINITY, -INFINITY, -INFINITY}, strange[3] = {1, NAN, 2};
  assert_int_equal(shaping_run(fake, NULL, 0, none, 3), RIDGE_OK);
  assert_int_equal(fake->counts[0], 0);
  assert_int_equal(shaping_run(fake, NULL, 0, strange, 3), RIDGE_INTERNAL);
  assert_non_null(strstr(fake->said, "token 1"));
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_shortest_sufficient_beginning_is_left),
      cmocka_unit_test(a_hand_made_distribution_is_cut_where_it_should_be),
      cmocka_unit_test(the_lower_of_equal_tokens_stays),
      cmocka_unit_test(nothing_is_left_worse_than_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
