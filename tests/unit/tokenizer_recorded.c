/*
 * tokenizer_recorded.c - the same ids as llama.cpp for difficult texts, on real
 * vocabularies: emoji, scripts, digits, blanks, contractions, special texts, and bytes
 * that are no UTF-8.  The records (tests/data/tokenizer) say where they are from; the
 * vocabularies stand beside the checkout, and a test is skipped where they do not.
 */
#include "testing.h"

#include "model/tokenizer.h"
#include "unit/gguf_making.h"

#include <jansson.h>

struct opened {
  uint8_t *data;
  struct making_host host;
  ridge_model_file file;
  struct tokenizer *tokenizer;
};

static bool open_vocabulary(const char *relative, struct opened *o) {
  char *path = testing_shared(relative);
  if (path == NULL) return false;
  size_t size = 0;
  o->data = making_load(path, &size);
  free(path);
  assert_non_null(o->data);
  making_host_new(&o->host);
  assert_int_equal(making_open(&o->host, o->data, size, &o->file), RIDGE_OK);
  struct why why = {{0}};
  if (tokenizer_new(&o->file, &o->tokenizer, &why) != RIDGE_OK) fail_msg("%s", why.text);
  return true;
}

static void close_vocabulary(struct opened *o) {
  tokenizer_free(o->tokenizer);
  making_format()->close(&o->file);
  assert_int_equal(o->host.alive, 0);
  free(o->data);
}

/* The case's text: "text", or "hex" when it is not UTF-8. */
static char *text_of(const json_t *record, size_t *size) {
  const json_t *text = json_object_get(record, "text");
  const json_t *hex = json_object_get(record, "hex");
  *size = text != NULL ? json_string_length(text) : json_string_length(hex) / 2;
  char *out = malloc(*size + 1);
  assert_non_null(out);
  if (text != NULL) {
    memcpy(out, json_string_value(text), *size);
    return out;
  }
  for (size_t i = 0; i < *size; i++) {
    char pair[3] = {json_string_value(hex)[2 * i], json_string_value(hex)[2 * i + 1], 0};
    out[i] = (char)strtol(pair, NULL, 16);
  }
  return out;
}

static void check_ids(const struct tokenizer *t, const char *text, size_t size,
                      unsigned flags, const json_t *wanted, size_t index) {
  struct tokens tokens = {0};
  struct why why = {{0}};
  if (tokenizer_encode(t, text, size, flags, &tokens, &why) != RIDGE_OK)
    fail_msg("case %zu: %s", index, why.text);
  bool same = tokens.n == json_array_size(wanted);
  for (size_t i = 0; same && i < tokens.n; i++)
    same = tokens.ids[i] == json_integer_value(json_array_get(wanted, i));
  if (!same) fail_msg("case %zu, flags %u: other ids than recorded", index, flags);
  free(tokens.ids);
}

static void check_record(const char *name) {
  char relative[64];
  snprintf(relative, sizeof relative, "tests/data/tokenizer/%s.json", name);
  char *path = testing_source(relative);
  json_error_t error;
  json_t *record = json_load_file(path, 0, &error);
  free(path);
  if (record == NULL) fail_msg("%s: %s", relative, error.text);
  const char *vocabulary = json_string_value(json_object_get(record, "vocabulary"));
  struct opened o = {0};
  if (!open_vocabulary(vocabulary, &o)) {
    char missing[128];
    snprintf(missing, sizeof missing, "%s", vocabulary);
    json_decref(record);
    testing_skip_without(missing);
  }
  json_t *cases = json_object_get(record, "cases");
  assert_true(json_array_size(cases) > 50);
  for (size_t i = 0; i < json_array_size(cases); i++) {
    const json_t *one = json_array_get(cases, i);
    size_t size = 0;
    char *text = text_of(one, &size);
    check_ids(o.tokenizer, text, size, 0, json_object_get(one, "plain"), i);
    check_ids(o.tokenizer, text, size, TOKENIZER_BOS | TOKENIZER_SPECIAL,
              json_object_get(one, "special"), i);
    free(text);
  }
  json_decref(record);
  close_vocabulary(&o);
}

static void byte_level_ids_are_those_recorded(void **state) {
  (void)state;
  check_record("ids_gpt2");
}
static void sentencepiece_ids_are_those_recorded(void **state) {
  (void)state;
  check_record("ids_llama");
}
static void a_small_models_ids_are_those_recorded(void **state) {
  (void)state;
  check_record("ids_stories260k");
}

static void a_character_outside_the_vocabulary_is_named(void **state) {
  (void)state;
  static const char vocabulary[] = "models/babyllama-tok105-f32.gguf";
  struct opened o = {0};
  if (!open_vocabulary(vocabulary, &o)) testing_skip_without(vocabulary);
  static const struct {
    const char *text, *wanted[2];
  } cases[] = {
      {"Once upon \xe6\x97\xa5", {"\xe6\x97\xa5\" (U+65E5)", "byte 10"}},
      {"one\ntwo", {"U+000A", "byte 3"}},
      {"a b \xff", {"byte 0xff", "byte 4"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tokens tokens = {0};
    struct why why = {{0}};
    assert_int_equal(tokenizer_encode(o.tokenizer, cases[i].text, strlen(cases[i].text), 0,
                                      &tokens, &why),
                     RIDGE_UNSUPPORTED);
    for (int j = 0; j < 2; j++)
      if (strstr(why.text, cases[i].wanted[j]) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", why.text, cases[i].wanted[j]);
    assert_null(tokens.ids);
  }
  close_vocabulary(&o);
}

/* Encoding a long text and decoding it gives the text; its parts are found again. */
static void a_long_text_comes_back(void **state) {
  (void)state;
  char *path = testing_shared("models/tinyshakespeare.txt");
  if (path == NULL) testing_skip_without("shared/models/tinyshakespeare.txt");
  size_t size = 0;
  char *text = (char *)making_load(path, &size);
  free(path);
  static const char *const vocabularies[] = {"models/ggml-vocab-gpt-2.gguf",
                                             "models/ggml-vocab-llama-spm.gguf",
                                             "models/stories260K-f32.gguf"};
  /* llama.cpp's counts for the same text, to which ids have to be equal in number */
  static const size_t wanted[] = {338025, 368633, 693363};
  for (size_t i = 0; i < 3; i++) {
    struct opened o = {0};
    if (!open_vocabulary(vocabularies[i], &o)) continue;
    struct tokens tokens = {0};
    struct why why = {{0}};
    assert_int_equal(tokenizer_encode(o.tokenizer, text, size, 0, &tokens, &why), RIDGE_OK);
    assert_int_equal(tokens.n, wanted[i]);
    size_t back_size = 0;
    char *back = tokenizer_decode(o.tokenizer, tokens.ids, tokens.n, false, &back_size);
    assert_int_equal(back_size, size);
    assert_memory_equal(back, text, size);
    free(back);
    free(tokens.ids);
    close_vocabulary(&o);
  }
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(byte_level_ids_are_those_recorded),
      cmocka_unit_test(sentencepiece_ids_are_those_recorded),
      cmocka_unit_test(a_small_models_ids_are_those_recorded),
      cmocka_unit_test(a_character_outside_the_vocabulary_is_named),
      cmocka_unit_test(a_long_text_comes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
