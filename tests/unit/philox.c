/* philox.c - random words against the vectors that the authors published. */
#include "testing.h"

#include "base/philox.h"

/* kat_vectors of the Random123 distribution, "philox4x32 10". */
static const struct {
  uint32_t counter[4], key[2], words[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static uint64_t join(const uint32_t *words) { return (uint64_t)words[1] << 32 | words[0]; }

static void words_are_those_of_the_paper(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t out[4];
    philox(join(known[i].key), join(known[i].counter + 2), join(known[i].counter), out);
    assert_memory_equal(out, known[i].words, sizeof out);
  }
}

/* Half of 128 bits flip on average, with a deviation of 5.7; over 1024 pairs, 181. */
static void neighbouring_counters_share_nothing(void **state) {
  (void)state;
  int flips = 0;
  for (uint64_t counter = 0; counter < 1024; counter++) {
    uint32_t a[4], b[4];
    philox(7, 0, counter, a);
    philox(7, 0, counter + 1, b);
    for (int i = 0; i < 4; i++) flips += __builtin_popcount(a[i] ^ b[i]);
  }
  assert_in_range(flips, 1024 * 64 - 1000, 1024 * 64 + 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_those_of_the_paper),
      cmocka_unit_test(neighbouring_counters_share_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
