/* why_sentence.c - a sentence is one line of plain UTF-8, whatever it quotes. */
#include "testing.h"

#include "base/why.h"

#include <string.h>

static void what_a_sentence_quotes_moves_no_cursor(void **state) {
  (void)state;
  struct why why;
  assert_int_equal(
      why_set(&why, RIDGE_CORRUPT, "token \"%s\" is there twice", "a\x1b[2J\n\x7f\xc2\x9b"),
      RIDGE_CORRUPT);
  assert_string_equal(why.text, "token \"a [2J    \" is there twice");
  (void)why_prefix(&why, RIDGE_IO, "%s", "b\r\t");
  assert_string_equal(why.text, "b  : token \"a [2J    \" is there twice");
}

static void what_is_no_utf_8_is_a_question_mark(void **state) {
  (void)state;
  struct why why;
  (void)why_set(&why, RIDGE_CORRUPT, "%.*s", 4, "\xe6\x97\xa5\xe6\x9c");
  assert_string_equal(why.text, "\xe6\x97\xa5?");
}

static void a_long_sentence_is_cut_between_characters(void **state) {
  (void)state;
  struct why why;
  char text[3000];
  for (size_t i = 0; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xe6\x97\xa5", 4);
  (void)why_set(&why, RIDGE_CORRUPT, "%s", text);
  assert_int_equal(strlen(why.text), sizeof why.text - 1);
  (void)why_prefix(&why, RIDGE_CORRUPT, "%s", text);
  for (const char *at = why.text; *at != 0; at++)
    assert_true((signed char)*at < 0 || *at == '?' || *at == ':' || *at == ' ');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_sentence_quotes_moves_no_cursor),
      cmocka_unit_test(what_is_no_utf_8_is_a_question_mark),
      cmocka_unit_test(a_long_sentence_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
