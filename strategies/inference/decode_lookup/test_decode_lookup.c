/* test_decode_lookup.c - decode.lookup proposes what a search of the whole text would. */
#include "fakehost.h"

#include <ridge/seam/decode_draft.h>

enum { MOST = 600, LOOKAHEAD = 6 };

static struct fake *opened(int64_t ngram, int64_t ngram_min) {
  struct fake *fake = fake_open("decode_lookup");
  fake_int(fake, "ngram", ngram);
  fake_int(fake, "ngram_min", ngram_min);
  fake_int(fake, "lookahead", LOOKAHEAD);
  assert_int_equal(fake_check(fake, NULL), RIDGE_OK);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  return fake;
}

static int64_t propose(struct fake *fake, int64_t id, const int32_t *tokens, int64_t n,
                       int64_t room, int32_t *out) {
  const ridge_draft *seam = fake_table(fake, RIDGE_SEAM_DECODE_DRAFT);
  ridge_draft_seq seq = {.struct_size = sizeof seq,
                         .id = id,
                         .tokens = tokens,
                         .n = n,
                         .room = room,
                         .out = out,
                         .n_out = -1};
  assert_int_equal(seam->propose(fake->self, &seq, 1), RIDGE_OK);
  assert_in_range(seq.n_out, 0, room);
  return seq.n_out;
}

/* The same by looking at every place of the text. */
static int64_t search(const int32_t *tokens, int64_t n, int64_t longest, int64_t shortest,
                      int64_t most, int32_t *out) {
  for (int64_t k = longest; k >= shortest; k--) {
    for (int64_t next = n - 1; next >= k; next--) {
      if (k >= n ||
          memcmp(tokens + next - k, tokens + n - k, (size_t)k * sizeof *tokens) != 0) {
        continue;
      }
      for (int64_t i = 0; i < most; i++) {
        out[i] = next + i < n ? tokens[next + i] : out[next + i - n];
      }
      return most;
    }
  }
  return 0;
}

static void proposals_are_those_of_a_full_search(void **state) {
  (void)state;
  const int64_t lengths[][2] = {{3, 1}, {3, 3}, {1, 1}, {5, 2}};
  uint64_t dice = 17;
  for (size_t c = 0; c < sizeof lengths / sizeof *lengths; c++) {
    for (int vocab = 2; vocab <= 60; vocab += 29) {
      struct fake *fake = opened(lengths[c][0], lengths[c][1]);
      static int32_t tokens[3][MOST];
      int64_t n[3] = {1, 7, 30};
      for (int s = 0; s < 3; s++) {
        for (int i = 0; i < MOST; i++) tokens[s][i] = (int32_t)fake_below(&dice, vocab);
      }
      /* Three sequences in turn, each growing by one to four tokens a step. */
      while (n[0] < MOST - 4 && n[1] < MOST - 4 && n[2] < MOST - 4) {
        int s = (int)fake_below(&dice, 3);
        int32_t got[LOOKAHEAD], want[LOOKAHEAD];
        int64_t room = 1 + fake_below(&dice, LOOKAHEAD);
        int64_t n_got = propose(fake, 100 + s, tokens[s], n[s], room, got);
        int64_t n_want = search(tokens[s], n[s], lengths[c][0], lengths[c][1], room, want);
        assert_int_equal(n_got, n_want);
        assert_memory_equal(got, want, (size_t)n_got * sizeof *got);
        n[s] += 1 + fake_below(&dice, 4);
      }
      fake_close(fake);
    }
  }
}

static void a_repeated_phrase_is_proposed_round_and_round(void **state) {
  (void)state;
  struct fake *fake = opened(3, 1);
  const int32_t tokens[] = {9, 1, 2, 1, 2};
  int32_t out[LOOKAHEAD];
  assert_int_equal(propose(fake, 1, tokens, 5, LOOKAHEAD, out), LOOKAHEAD);
  for (int i = 0; i < LOOKAHEAD; i++) assert_int_equal(out[i], 1 + i % 2);
  fake_close(fake);
}

static void new_text_proposes_nothing(void **state) {
  (void)state;
  struct fake *fake = opened(3, 1);
  const int32_t tokens[] = {1, 2, 3, 4, 5};
  int32_t out[LOOKAHEAD];
  assert_int_equal(propose(fake, 1, tokens, 5, LOOKAHEAD, out), 0);
  assert_int_equal(propose(fake, 2, tokens, 1, LOOKAHEAD, out), 0);
  fake_close(fake);
}

static void a_finished_sequence_is_forgotten(void **state) {
  (void)state;
  struct fake *fake = opened(2, 1);
  const ridge_draft *seam = fake_table(fake, RIDGE_SEAM_DECODE_DRAFT);
  const int32_t old[] = {1, 2, 3, 1}, other[] = {5, 6, 7, 1, 8};
  int32_t out[LOOKAHEAD];
  for (int64_t id = 0; id < 50; id++) {
    assert_true(propose(fake, id, old, 4, LOOKAHEAD, out) > 0);
  }
  for (int64_t id = 0; id < 50; id++) seam->finish(fake->self, id);
  size_t left = fake->live;
  assert_int_equal(propose(fake, 3, other, 4, LOOKAHEAD, out), 0);
  seam->finish(fake->self, 3);
  seam->finish(fake->self, 3); /* twice is no harm */
  assert_int_equal(fake->live, left);
  /* A shorter text under a number in use is another text. */
  assert_true(propose(fake, 4, old, 4, LOOKAHEAD, out) > 0);
  assert_int_equal(propose(fake, 4, other, 2, LOOKAHEAD, out), 0);
  fake_close(fake);
}

static void evidence_comes_from_outcomes(void **state) {
  (void)state;
  struct fake *fake = opened(3, 1);
  const ridge_draft *seam = fake_table(fake, RIDGE_SEAM_DECODE_DRAFT);
  assert_int_equal(seam->depth(fake->params), LOOKAHEAD);
  seam->outcome(fake->self, 1, 4, 4);
  seam->outcome(fake->self, 1, 4, 1);
  assert_int_equal(fake->counts[0], 8);
  assert_int_equal(fake->counts[1], 5);
  assert_float_equal(fake->recorded[0], 5.0 / 8, 1e-12);
  assert_float_equal(fake->recorded[1], 3.5, 1e-12);
  fake_close(fake);
}

static void a_range_of_lengths_that_is_empty_is_refused(void **state) {
  (void)state;
  struct fake *fake = fake_open("decode_lookup");
  fake_int(fake, "ngram", 2);
  fake_int(fake, "ngram_min", 3);
  assert_int_equal(fake_check(fake, NULL), RIDGE_INVALID);
  fake_close(fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(proposals_are_those_of_a_full_search),
      cmocka_unit_test(a_repeated_phrase_is_proposed_round_and_round),
      cmocka_unit_test(new_text_proposes_nothing),
      cmocka_unit_test(a_finished_sequence_is_forgotten),
      cmocka_unit_test(evidence_comes_from_outcomes),
      cmocka_unit_test(a_range_of_lengths_that_is_empty_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
