/* recipe_vocabulary.c - the tables of words agree with each other. */
#include "testing.h"

#include "base/settings.h"
#include "recipe/recipe_words.h"

#include <stdio.h>
#include <string.h>

static void every_word_of_a_setting_is_a_word_of_infer(void **state) {
  (void)state;
  size_t n;
  const struct setting_word *words = setting_words(&n);
  for (size_t i = 0; i < n; i++) {
    const struct recipe_keyword *word = recipe_keyword_find(words[i].name);
    assert_non_null(word);
    assert_true((word->roots & ROOT_INFER) != 0);
    assert_true(word->example[0] != 0);
    if (words[i].needs != NULL) assert_non_null(recipe_keyword_find(words[i].needs));
  }
}

static void every_setting_belongs_to_a_word(void **state) {
  (void)state;
  size_t n, n_words;
  const struct setting *rows = setting_list(&n);
  const struct setting_word *words = setting_words(&n_words);
  for (size_t i = 0; i < n; i++) {
    char name[128];
    size_t found = 0;
    for (size_t k = 0; k < n_words; k++) found += strcmp(words[k].name, rows[i].word) == 0;
    assert_int_equal(found, 1);
    snprintf(name, sizeof name, "%s.%s", rows[i].word, rows[i].field);
    assert_ptr_equal(setting_find(name), &rows[i]);
    assert_true(strlen(rows[i].doc) > 0);
  }
}

/* A text argument needs a setting that takes it. */
static void a_word_takes_a_text_if_a_setting_is_positional(void **state) {
  (void)state;
  size_t n, n_words;
  const struct setting *rows = setting_list(&n);
  const struct setting_word *words = setting_words(&n_words);
  for (size_t i = 0; i < n_words; i++) {
    bool positional = false;
    for (size_t k = 0; k < n; k++)
      positional |= strcmp(rows[k].word, words[i].name) == 0 &&
                    (rows[k].flags & SETTING_POSITIONAL) != 0;
    bool text = (recipe_keyword_find(words[i].name)->shapes & SHAPE_TEXT) != 0;
    assert_int_equal(positional, text);
  }
}

static void words_have_one_meaning(void **state) {
  (void)state;
  for (size_t i = 0; i < recipe_keyword_count(); i++) {
    assert_ptr_equal(recipe_keyword_find(recipe_keyword(i)->name), recipe_keyword(i));
    assert_null(recipe_absent_reason(recipe_keyword(i)->name));
    assert_true(recipe_keyword(i)->shapes != 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_word_of_a_setting_is_a_word_of_infer),
      cmocka_unit_test(every_setting_belongs_to_a_word),
      cmocka_unit_test(a_word_takes_a_text_if_a_setting_is_positional),
      cmocka_unit_test(words_have_one_meaning),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
