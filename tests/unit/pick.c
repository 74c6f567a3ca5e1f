/* pick.c - picking tokens: ties, the distribution, and on what the draw hangs. */
#include "testing.h"

#include "base/philox.h"
#include "engine/pick.h"

#include <math.h>
#include <stdbool.h>

enum { VOCAB = 37, DRAWS = 40000 };

static void greedy_takes_the_lowest_id_among_equals(void **state) {
  (void)state;
  float logits[] = {-1, 3, 2, 3, -INFINITY};
  assert_int_equal(pick_greedy(logits, 5), 1);
}

/* Of every length, with what is no number anywhere but in front. */
static void greedy_finds_the_first_largest_in_any_vocabulary(void **state) {
  (void)state;
  enum { MOST = 700 };
  float logits[MOST];
  for (int n = 1; n < MOST; n += 13) {
    uint32_t words[4];
    int want = 0;
    for (int i = 0; i < n; i++) {
      philox(3, (uint64_t)n, (uint64_t)i, words);
      logits[i] = words[0] % 16 == 0 && i > 0 ? NAN : (float)(words[1] % 97);
      if (logits[i] > logits[want]) want = i;
    }
    assert_int_equal(pick_greedy(logits, n), want);
  }
  logits[0] = NAN;
  assert_int_equal(pick_greedy(logits, MOST), 0); /* which is then refused */
}

static void make_logits(float *logits) {
  for (int i = 0; i < VOCAB; i++) logits[i] = (float)(2 * sin(i * 1.7));
  logits[11] = -INFINITY;
}

/* Pearson's statistic of the draws against the softmax; 36 - 1 degrees of freedom have
 * mean 35 and deviation 8.4, so 80 is beyond five deviations. */
static void draws_follow_the_softmax(void **state) {
  (void)state;
  float logits[VOCAB];
  double expected[VOCAB], sum = 0, statistic = 0, temperature = 0.8;
  int counts[VOCAB] = {0};
  make_logits(logits);
  for (int i = 0; i < VOCAB; i++) sum += expected[i] = exp((double)logits[i] / temperature);
  for (int64_t i = 0; i < DRAWS; i++)
    counts[pick_gumbel(logits, VOCAB, temperature, 42, i % 7, i / 7)]++;
  for (int i = 0; i < VOCAB; i++) {
    double wanted = expected[i] / sum * DRAWS;
    if (i == 11)
      assert_int_equal(counts[i], 0);
    else
      statistic += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
  }
  print_message("chi square %.1f\n", statistic);
  assert_true(statistic < 80);
}

/* The short cut that skips tokens which cannot win must not change the winner. */
static void the_draw_is_that_of_all_tokens(void **state) {
  (void)state;
  float sharp[VOCAB], same[VOCAB];
  for (int i = 0; i < VOCAB; i++) sharp[i] = i == 5 ? 60.0F : (float)i;
  make_logits(same);
  for (int64_t i = 0; i < 200; i++) {
    assert_int_equal(pick_gumbel(sharp, VOCAB, 1, 1, 0, i), 5);
    int32_t one = pick_gumbel(same, VOCAB, 1, 9, 3, i);
    /* Moving all logits up by a constant changes no difference between them. */
    float moved[VOCAB];
    for (int k = 0; k < VOCAB; k++) moved[k] = same[k] + 4;
    assert_int_equal(pick_gumbel(moved, VOCAB, 1, 9, 3, i), one);
  }
}

/* Every token's noise, in double precision, and no short cut. */
static int32_t plain_draw(const float *logits, int n, double temperature, uint64_t seed,
                          int64_t sequence, int64_t position) {
  int32_t best = 0;
  double best_value = -INFINITY;
  for (int i = 0; i < n; i++) {
    uint32_t words[4];
    philox(seed, ((uint64_t)sequence << 32) ^ (uint64_t)position, (uint64_t)(i / 4), words);
    const double u = ((double)words[i % 4] + 0.5) / 4294967296.0;
    const double value = (double)logits[i] / temperature - log(-log(u));
    if (!(value > best_value)) continue;
    best_value = value;
    best = i;
  }
  return best;
}

static void short_cuts_change_no_draw(void **state) {
  (void)state;
  enum { MOST = 3000 };
  static const double temperatures[] = {0.05, 0.7, 1, 3, 50};
  static const float spreads[] = {0.01F, 3, 40};
  static const float shifts[] = {0, -500, 9000};
  float logits[MOST];
  for (int round = 0; round < 450; round++) {
    const double temperature = temperatures[round % 5];
    const int n = MOST - round * 6;
    for (int i = 0; i < n; i++) {
      uint32_t words[4];
      philox(11, (uint64_t)round, (uint64_t)i, words);
      const float unit = (float)words[0] / 4294967296.0F - (float)words[1] / 4294967296.0F;
      logits[i] = shifts[round / 5 % 3] + 3 * spreads[round / 15 % 3] * unit;
    }
    logits[round % n] = -INFINITY;
    assert_int_equal(pick_gumbel(logits, n, temperature, 5, 2, round),
                     plain_draw(logits, n, temperature, 5, 2, round));
  }
}

static void the_draw_hangs_on_seed_sequence_and_position(void **state) {
  (void)state;
  float logits[VOCAB];
  int differ[3] = {0};
  make_logits(logits);
  for (int64_t i = 0; i < 200; i++) {
    int32_t base = pick_gumbel(logits, VOCAB, 1, 1, 1, i);
    assert_int_equal(base, pick_gumbel(logits, VOCAB, 1, 1, 1, i));
    differ[0] += base != pick_gumbel(logits, VOCAB, 1, 2, 1, i);
    differ[1] += base != pick_gumbel(logits, VOCAB, 1, 1, 2, i);
    differ[2] += base != pick_gumbel(logits, VOCAB, 1, 1, 1, i + 1);
  }
  for (int i = 0; i < 3; i++) assert_true(differ[i] > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(greedy_takes_the_lowest_id_among_equals),
      cmocka_unit_test(greedy_finds_the_first_largest_in_any_vocabulary),
      cmocka_unit_test(draws_follow_the_softmax),
      cmocka_unit_test(the_draw_is_that_of_all_tokens),
      cmocka_unit_test(short_cuts_change_no_draw),
      cmocka_unit_test(the_draw_hangs_on_seed_sequence_and_position),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
