/*
 * st_tokenizers.c - tokenizer files of model directories: the ids are those of the
 * library that such files are made for (tests/data/tokenizer/made, recorded by
 * tools/oracle/record_ids.mjs), and what is not known is refused by name.
 */
#include "testing.h"

#include "model/tokenizer.h"
#include "unit/st_making.h"

#include <jansson.h>

static char *load(const char *relative, size_t *size) {
  char *path = testing_source(relative);
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_msg("%s is not there", path);
  char *text = malloc(1 << 20);
  *size = fread(text, 1, (1 << 20) - 1, file);
  text[*size] = 0;
  fclose(file);
  free(path);
  return text;
}

/* A directory with next to no weights. */
static void bare(struct made_dir *d) {
  made_new(d);
  made_counting(d, "model.embed_tokens.weight", 2, 4);
  made_counting(d, "lm_head.weight", 2, 4);
  made_weights(d, "model.safetensors");
  made_text(d, "config.json",
            "{\"model_type\":\"llama\",\"num_hidden_layers\":1,\"hidden_size\":4,"
            "\"num_attention_heads\":1,\"max_position_embeddings\":32,"
            "\"intermediate_size\":6}");
}

static struct tokenizer *open_made(struct made_dir *d, const char *name) {
  char relative[96];
  size_t size;
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  snprintf(relative, sizeof relative, "tests/data/tokenizer/made/%s.json", name);
  char *text = load(relative, &size);
  bare(d);
  made_file(d, "tokenizer.json", text, size);
  free(text);
  if (made_open(d) != RIDGE_OK) fail_msg("%s: %s", name, d->text);
  if (tokenizer_new(&d->model, &t, &why) != RIDGE_OK) fail_msg("%s: %s", name, why.text);
  return t;
}

static void close_made(struct made_dir *d, struct tokenizer *t) {
  tokenizer_free(t);
  made_close(d);
  assert_int_equal(d->alive, 0);
  made_drop(d);
}

static void check_ids(const struct tokenizer *t, const char *name, const json_t *text,
                      unsigned flags, const json_t *wanted) {
  struct tokens tokens = {0};
  struct why why = {{0}};
  if (tokenizer_encode(t, json_string_value(text), json_string_length(text), flags, &tokens,
                       &why) != RIDGE_OK)
    fail_msg("%s: %s", name, why.text);
  bool same = tokens.n == json_array_size(wanted);
  for (size_t i = 0; same && i < tokens.n; i++)
    same = tokens.ids[i] == json_integer_value(json_array_get(wanted, i));
  if (!same) {
    char *list = json_dumps(wanted, JSON_COMPACT);
    print_error("wanted %s\ngot    ", list);
    for (size_t i = 0; i < tokens.n; i++) print_error("%d,", tokens.ids[i]);
    free(list);
    fail_msg("\n%s, flags %u: \"%s\"", name, flags, json_string_value(text));
  }
  free(tokens.ids);
}

/* Where SentencePiece, which unigram models come from, is followed and the library
 * differs: it takes the letters "<0x0A>" for a line end, and a U+2581 in a text for the
 * mark it puts before words. */
static bool differs(const char *name, const json_t *text) {
  const char *marks = strcmp(name, "unigram-bytes") == 0    ? "<0x"
                      : strcmp(name, "unigram-mapped") == 0 ? "\xe2\x96\x81"
                                                            : NULL;
  return marks != NULL && strstr(json_string_value(text), marks) != NULL;
}

static void ids_are_recorded(const char *name) {
  char relative[96];
  size_t size;
  struct made_dir d;
  snprintf(relative, sizeof relative, "tests/data/tokenizer/made/%s.ids.json", name);
  char *text = load(relative, &size);
  json_t *record = json_loads(text, JSON_ALLOW_NUL, NULL);
  free(text);
  assert_non_null(record);
  struct tokenizer *t = open_made(&d, name);
  json_t *cases = json_object_get(record, "cases");
  assert_true(json_array_size(cases) > 50);
  for (size_t i = 0; i < json_array_size(cases); i++) {
    const json_t *one = json_array_get(cases, i), *said = json_object_get(one, "text");
    if (differs(name, said)) continue;
    check_ids(t, name, said, TOKENIZER_SPECIAL, json_object_get(one, "plain"));
    check_ids(t, name, said, TOKENIZER_SPECIAL | TOKENIZER_BOS,
              json_object_get(one, "whole"));
  }
  json_decref(record);
  close_made(&d, t);
}

static void bytes_by_gpt2s_pattern(void **state) {
  (void)state;
  ids_are_recorded("bytes-gpt2");
}
static void bytes_after_composing(void **state) {
  (void)state;
  ids_are_recorded("bytes-nfc");
}
static void bytes_with_words_looked_up_whole(void **state) {
  (void)state;
  ids_are_recorded("bytes-whole");
}
static void bytes_with_digits_apart(void **state) {
  (void)state;
  ids_are_recorded("bytes-digits");
}
static void characters_with_a_blank_before(void **state) {
  (void)state;
  ids_are_recorded("characters-prepend");
}
static void characters_with_a_blank_before_the_first(void **state) {
  (void)state;
  ids_are_recorded("characters-first");
}
static void characters_as_they_stand(void **state) {
  (void)state;
  ids_are_recorded("characters-never");
}
static void unigram_after_a_table_of_characters(void **state) {
  (void)state;
  ids_are_recorded("unigram-mapped");
}
static void unigram_with_bytes(void **state) {
  (void)state;
  ids_are_recorded("unigram-bytes");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_by_gpt2s_pattern),
      cmocka_unit_test(bytes_after_composing),
      cmocka_unit_test(bytes_with_words_looked_up_whole),
      cmocka_unit_test(bytes_with_digits_apart),
      cmocka_unit_test(characters_with_a_blank_before),
      cmocka_unit_test(characters_with_a_blank_before_the_first),
      cmocka_unit_test(characters_as_they_stand),
      cmocka_unit_test(unigram_after_a_table_of_characters),
      cmocka_unit_test(unigram_with_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
