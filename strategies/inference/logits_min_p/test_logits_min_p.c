/* test_logits_min_p.c - logits.min_p rules out by the ratio to the most likely. */
#include "shaping.h"

static void tokens_below_the_share_are_ruled_out(void **state) {
  (void)state;
  const double ps[] = {1e-6, 0.05, 0.5, 1.0};
  uint64_t dice = 3;
  for (size_t i = 0; i < sizeof ps / sizeof *ps; i++) {
    for (int kind = 0; kind < SHAPING_KINDS; kind++) {
      struct fake *fake = fake_open("logits_min_p");
      fake_real(fake, "p", ps[i]);
      assert_int_equal(fake_create(fake), RIDGE_OK);
      float logits[800], before[800], top = -INFINITY;
      uint64_t ruled_out = 0;
      shaping_fill(logits, 800, kind, &dice);
      memcpy(before, logits, sizeof logits);
      assert_int_equal(shaping_run(fake, NULL, 0, logits, 800), RIDGE_OK);
      for (int k = 0; k < 800; k++) top = before[k] > top ? before[k] : top;
      for (int k = 0; k < 800; k++) {
        double ratio = exp((double)before[k] - (double)top);
        if (fabs(ratio - ps[i]) < 1e-9 && ratio < 1)
          continue; /* rounding may go either way */
        assert_true(logits[k] == (ratio >= ps[i] ? before[k] : -INFINITY));
        ruled_out += logits[k] != before[k];
      }
      assert_int_equal(fake->counts[0], ruled_out);
      fake_close(fake);
    }
  }
}

static void the_most_likely_always_stays(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_min_p");
  fake_real(fake, "p", 1.0);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  float logits[4] = {-3, 7, 7, 6.9f}, none[2] = {-INFINITY, -INFINITY};
  assert_int_equal(shaping_run(fake, NULL, 0, logits, 4), RIDGE_OK);
  assert_true(logits[1] == 7 && logits[2] == 7);
  assert_true(logits[0] == -INFINITY && logits[3] == -INFINITY);
  assert_int_equal(shaping_run(fake, NULL, 0, none, 2), RIDGE_OK);
  fake_close(fake);
}

static void what_is_not_a_number_is_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("logits_min_p");
  assert_int_equal(fake_create(fake), RIDGE_OK);
  float logits[3] = {1, 2, NAN};
  assert_int_equal(shaping_run(fake, NULL, 0, logits, 3), RIDGE_INTERNAL);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_below_the_share_are_ruled_out),
      cmocka_unit_test(the_most_likely_always_stays),
      cmocka_unit_test(what_is_not_a_number_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
