/* pages.c - memory cut from mappings on huge pages. */
#include "testing.h"

#include "engine/pages.h"

#include <string.h>

#define HUGE ((uint64_t)2 << 20)

static bool are_zeros(const uint8_t *p, uint64_t n) {
  for (uint64_t i = 0; i < n; i++)
    if (p[i] != 0) return false;
  return true;
}

static void what_was_expected_comes_from_one_mapping(void **state) {
  (void)state;
  static const uint64_t sizes[] = {1, 64, 4095, 3 * HUGE + 5, 700000, 63};
  struct pages pages = {0};
  uint8_t *last = NULL;
  for (size_t i = 0; i < 6; i++) pages_expect(&pages, sizes[i]);
  for (size_t i = 0; i < 6; i++) {
    uint8_t *p = pages_take(&pages, sizes[i]);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    assert_true(are_zeros(p, sizes[i] + 64));
    memset(p, 0xff, sizes[i]);
    if (last != NULL) assert_true(p >= last + sizes[i - 1] + 64);
    last = p;
  }
  assert_int_equal(pages.n, 1);
  assert_int_equal((uintptr_t)pages.chunks[0].data % HUGE, 0);
  pages_free(&pages);
  assert_int_equal(pages.n, 0);
}

static void what_nobody_expected_is_found_too(void **state) {
  (void)state;
  struct pages pages = {0};
  for (int i = 0; i < 2000; i++) {
    uint8_t *p = pages_take(&pages, 100000);
    assert_non_null(p);
    p[0] = p[99999] = 1;
  }
  assert_in_range(pages.n, 1, 12);
  assert_null(pages_take(&pages, UINT64_MAX - 5));
  pages_free(&pages);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_expected_comes_from_one_mapping),
      cmocka_unit_test(what_nobody_expected_is_found_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
