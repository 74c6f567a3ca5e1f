/*
 * tokenizer_cutting.c - every pre-tokenizer cuts difficult texts where it should
 * (tests/data/tokenizer/words.json, which says where the offsets are from), its words
 * always add up to the text, and an unknown one is refused by name.
 */
#include "testing.h"

#include "model/pretokenize.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct seen {
  size_t ends[4096];
  size_t n, at;
};

static ridge_status see(void *ctx, size_t start, size_t end) {
  struct seen *seen = ctx;
  assert_int_equal(start, seen->at);
  assert_true(end > start);
  if (seen->n < 4096) seen->ends[seen->n++] = end;
  seen->at = end;
  return RIDGE_OK;
}

static void cut_with(const struct pretokenizer *pre, const char *text, size_t size,
                     struct seen *seen) {
  struct cutter *cutter = NULL;
  struct why why = {{0}};
  *seen = (struct seen){.n = 0};
  assert_int_equal(cutter_new(pre, &cutter, &why), RIDGE_OK);
  if (cutter_run(cutter, text, 0, size, see, seen, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
  assert_int_equal(seen->at, size);
  cutter_free(cutter);
}

static struct pretokenizer *open_named(const char *name) {
  struct pretokenizer *pre = NULL;
  struct why why = {{0}};
  if (pretokenizer_new(name, strlen(name), &pre, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
  return pre;
}

static void check_words(const char *name, const char *text, size_t size,
                        const json_t *wanted, const struct seen *seen) {
  bool same = seen->n == json_array_size(wanted);
  for (size_t i = 0; same && i < seen->n; i++)
    same = (json_int_t)seen->ends[i] == json_integer_value(json_array_get(wanted, i));
  if (!same) fail_msg("%s cuts \"%.*s\" elsewhere", name, (int)size, text);
}

static void words_end_where_recorded(void **state) {
  (void)state;
  char *path = testing_source("tests/data/tokenizer/words.json");
  json_error_t error;
  json_t *record = json_load_file(path, 0, &error);
  free(path);
  if (record == NULL) fail_msg("%s", error.text);
  json_t *texts = json_object_get(record, "texts"),
         *rows = json_object_get(record, "words");
  const char *name;
  json_t *row;
  json_object_foreach(rows, name, row) {
    struct pretokenizer *pre = open_named(name);
    assert_int_equal(json_array_size(row), json_array_size(texts));
    for (size_t i = 0; i < json_array_size(texts); i++) {
      const char *text = json_string_value(json_array_get(texts, i));
      size_t size = json_string_length(json_array_get(texts, i));
      struct seen seen;
      cut_with(pre, text, size, &seen);
      check_words(name, text, size, json_array_get(row, i), &seen);
    }
    pretokenizer_free(pre);
  }
  size_t n = 0;
  pretokenize_list(&n);
  assert_int_equal(json_object_size(rows), n); /* no row goes unrecorded */
  json_decref(record);
}

static void every_alias_leads_to_its_row(void **state) {
  (void)state;
  static const char *const names[] = {
      "gpt-2",     "gpt2",   "llama-bpe", "llama3",         "qwen2",        "smollm",
      "starcoder", "refact", "olmo",      "command-r",      "deepseek-llm", "stablelm2",
      "falcon",    "tekken", "gpt-4o",    "deepseek-coder", "default"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_non_null(pretokenize_find(names[i], strlen(names[i])));
  assert_ptr_equal(pretokenize_find("llama-bpe", 9), pretokenize_find("llama3", 6));
  assert_null(pretokenize_find("llama", 5));
  assert_null(pretokenize_find("gpt-2 gpt2", 10));
  assert_null(pretokenize_find("", 0));
}

static void an_unknown_name_is_refused_with_those_known(void **state) {
  (void)state;
  struct pretokenizer *pre = NULL;
  struct why why = {{0}};
  assert_int_equal(pretokenizer_new("kimi-k2", 7, &pre, &why), RIDGE_UNSUPPORTED);
  assert_non_null(strstr(why.text, "\"kimi-k2\""));
  assert_non_null(strstr(why.text, "llama-bpe"));
  assert_non_null(strstr(why.text, "default"));
}

/* A text of one kind, long enough to exhaust what a backtracking matcher has. */
static void long_runs_are_cut_without_fail(void **state) {
  (void)state;
  static const char *const units[] = {
      "a", " ", "7", "\n", "A", "a ", "\xcc\x81", "\xe4\xbd\xa0", "!"};
  size_t n = 0;
  const struct pretokenize_row *rows = pretokenize_list(&n);
  for (size_t r = 0; r < n; r++) {
    char name[32] = {0};
    memcpy(name, rows[r].names, strcspn(rows[r].names, " "));
    struct pretokenizer *pre = open_named(name);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
      enum { TIMES = 30000 };
      size_t size = strlen(units[u]);
      char *text = malloc(TIMES * size);
      assert_non_null(text);
      for (size_t i = 0; i < TIMES; i++) memcpy(text + i * size, units[u], size);
      struct seen seen;
      cut_with(pre, text, TIMES * size, &seen);
      free(text);
    }
    pretokenizer_free(pre);
  }
}

static void a_part_of_a_text_is_cut_as_if_it_were_alone(void **state) {
  (void)state;
  struct pretokenizer *pre = open_named("gpt-2");
  struct cutter *cutter = NULL;
  struct why why = {{0}};
  assert_int_equal(cutter_new(pre, &cutter, &why), RIDGE_OK);
  struct seen seen = {.at = 2};
  /* "  " before "x" would leave one blank to the word; at the end it does not. */
  assert_int_equal(cutter_run(cutter, "ab  x", 2, 4, see, &seen, &why), RIDGE_OK);
  assert_int_equal(seen.n, 1);
  assert_int_equal(seen.ends[0], 4);
  cutter_free(cutter);
  pretokenizer_free(pre);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_end_where_recorded),
      cmocka_unit_test(every_alias_leads_to_its_row),
      cmocka_unit_test(an_unknown_name_is_refused_with_those_known),
      cmocka_unit_test(long_runs_are_cut_without_fail),
      cmocka_unit_test(a_part_of_a_text_is_cut_as_if_it_were_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
