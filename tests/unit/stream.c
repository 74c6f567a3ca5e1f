/* stream.c - weights by a ring: the right bytes, in order, through a ring that is too
 * small for all of them. */
#include "testing.h"

#include "engine/stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS = 9, ROUNDS = 20, LARGEST = 40000 };

static size_t size_of(int item) { return (size_t)(3000 + item * 4099 % (LARGEST - 3000)); }

static void fill(uint8_t *bytes, int item) {
  for (size_t i = 0; i < size_of(item); i++)
    bytes[i] = (uint8_t)(i * 31 + (size_t)item * 7);
}

static void what_comes_is_what_was_put_round_after_round(void **state) {
  (void)state;
  struct stream *stream;
  struct why why = {{0}};
  uint8_t *bytes = malloc(LARGEST);
  assert_int_equal(stream_new(2 * LARGEST, &stream, &why), RIDGE_OK);
  for (int i = 0; i < ITEMS; i++) {
    fill(bytes, i);
    assert_int_equal(stream_add(stream, -1, 0, bytes, size_of(i), &why), RIDGE_OK);
  }
  assert_int_equal(stream_start(stream, &why), RIDGE_OK);
  uint64_t moved = 0;
  for (uint64_t r = 0; r < ROUNDS; r++)
    for (int i = 0; i < ITEMS; i++) {
      const void *at = stream_take(stream, r, (uint64_t)i, true);
      assert_non_null(at);
      fill(bytes, i);
      assert_memory_equal(at, bytes, size_of(i));
      stream_give(stream, r, (uint64_t)i);
      moved += size_of(i);
    }
  assert_true(stream_totals(stream).bytes >= moved);
  assert_false(stream_failed(stream, &why));
  stream_free(stream);
  free(bytes);
}

static void a_file_that_became_shorter_is_an_error_not_a_wait(void **state) {
  (void)state;
  struct stream *stream;
  struct why why = {{0}};
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(ftruncate(fileno(file), 100), 0);
  assert_int_equal(stream_new(LARGEST, &stream, &why), RIDGE_OK);
  assert_int_equal(stream_add(stream, fileno(file), 0, NULL, 5000, &why), RIDGE_OK);
  assert_int_equal(stream_start(stream, &why), RIDGE_OK);
  assert_null(stream_take(stream, 0, 0, true));
  assert_true(stream_failed(stream, &why));
  assert_non_null(strstr(why.text, "shorter"));
  stream_free(stream);
  fclose(file);
}

static void a_weight_larger_than_the_ring_is_refused(void **state) {
  (void)state;
  struct stream *stream;
  struct why why = {{0}};
  uint8_t *bytes = calloc(1, 10 * LARGEST);
  assert_int_equal(stream_new(LARGEST, &stream, &why), RIDGE_OK);
  assert_int_equal(stream_add(stream, -1, 0, bytes, 10 * LARGEST, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "ring"));
  stream_free(stream);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_comes_is_what_was_put_round_after_round),
      cmocka_unit_test(a_file_that_became_shorter_is_an_error_not_a_wait),
      cmocka_unit_test(a_weight_larger_than_the_ring_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
