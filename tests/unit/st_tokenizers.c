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

/* ---- other files ----------------------------------------------------------------------
 */

static void check_record(const struct tokenizer *t, const char *name) {
  char relative[96];
  size_t size;
  snprintf(relative, sizeof relative, "tests/data/tokenizer/made/%s.ids.json", name);
  char *text = load(relative, &size);
  json_t *record = json_loads(text, JSON_ALLOW_NUL, NULL);
  free(text);
  json_t *cases = json_object_get(record, "cases"), *one;
  size_t i;
  json_array_foreach(cases, i, one) {
    const json_t *said = json_object_get(one, "text");
    if (differs(name, said)) continue;
    check_ids(t, name, said, TOKENIZER_SPECIAL, json_object_get(one, "plain"));
  }
  json_decref(record);
}

static json_t *load_made(const char *name) {
  char relative[96];
  size_t size;
  snprintf(relative, sizeof relative, "tests/data/tokenizer/made/%s.json", name);
  char *text = load(relative, &size);
  json_t *json = json_loads(text, 0, NULL);
  free(text);
  assert_non_null(json);
  return json;
}

static void open_and_check(struct made_dir *d, const char *name) {
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  if (made_open(d) != RIDGE_OK) fail_msg("%s", d->text);
  if (tokenizer_new(&d->model, &t, &why) != RIDGE_OK) fail_msg("%s", why.text);
  check_record(t, name);
  close_made(d, t);
}

static void the_older_pair_of_files_says_the_same(void **state) {
  (void)state;
  struct made_dir d;
  struct made_bytes merges = {0};
  json_t *json = load_made("bytes-gpt2"), *model = json_object_get(json, "model"), *merge;
  json_t *vocab = json_object_get(model, "vocab");
  size_t i;
  json_object_set_new(vocab, "<|endoftext|>",
                      json_integer((json_int_t)json_object_size(vocab)));
  made_print(&merges, "#version: 0.2\n");
  json_array_foreach(json_object_get(model, "merges"), i, merge)
    made_print(&merges, "%s%s", json_string_value(merge), i % 2 == 0 ? "\n" : "\r\n");
  char *text = json_dumps(vocab, JSON_COMPACT);
  bare(&d);
  made_text(&d, "vocab.json", text);
  made_file(&d, "merges.txt", merges.data, merges.size);
  made_text(&d, "tokenizer_config.json",
            "{\"added_tokens_decoder\":{\"456\":{\"content\":\"<|endoftext|>\","
            "\"special\":true}},\"add_bos_token\":false}");
  open_and_check(&d, "bytes-gpt2");
  free(text);
  free(merges.data);
  json_decref(json);
}

/* ---- SentencePiece's own file ---------------------------------------------------------
 */

static void put_varint(struct made_bytes *b, uint64_t value) {
  for (; value >= 0x80; value >>= 7) made_put(b, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
  made_put(b, &(uint8_t){(uint8_t)value}, 1);
}

static void put_message(struct made_bytes *b, unsigned number, const void *data,
                        size_t size) {
  put_varint(b, number << 3 | 2);
  put_varint(b, size);
  made_put(b, data, size);
}

static void put_piece(struct made_bytes *b, const char *text, size_t size, float score,
                      unsigned type) {
  struct made_bytes piece = {0};
  put_message(&piece, 1, text, size);
  put_varint(&piece, 2 << 3 | 5);
  made_put(&piece, &score, 4);
  if (type != 1) {
    put_varint(&piece, 3 << 3);
    put_varint(&piece, type);
  }
  put_message(b, 1, piece.data, piece.size);
  free(piece.data);
}

static void put_kind(struct made_bytes *b, unsigned kind, const void *map, size_t map_size,
                     bool squeeze) {
  struct made_bytes trainer = {0}, normalizer = {0};
  put_varint(&trainer, 3 << 3);
  put_varint(&trainer, kind);
  put_message(b, 2, trainer.data, trainer.size);
  if (map_size > 0) put_message(&normalizer, 2, map, map_size);
  put_varint(&normalizer, 4 << 3);
  put_varint(&normalizer, squeeze);
  put_message(b, 3, normalizer.data, normalizer.size);
  free(trainer.data);
  free(normalizer.data);
}

static void a_unigram_model_file_says_the_same(void **state) {
  (void)state;
  struct made_dir from, d;
  struct made_bytes file = {0};
  struct tokenizer *t = open_made(&from, "unigram-mapped");
  const ridge_fact *tokens = made_fact(&from, "tokenizer.ggml.tokens"),
                   *scores = made_fact(&from, "tokenizer.ggml.scores"),
                   *types = made_fact(&from, "tokenizer.ggml.token_type"),
                   *map = made_fact(&from, "tokenizer.ggml.precompiled_charsmap");
  uint8_t *bytes = malloc(map->count);
  for (uint64_t i = 0; i < map->count; i++) bytes[i] = (uint8_t)map->value.ints[i];
  for (uint64_t i = 0; i < tokens->count; i++)
    put_piece(&file, (const char *)tokens->value.texts[i].data, tokens->value.texts[i].size,
              (float)scores->value.reals[i], (unsigned)types->value.ints[i]);
  put_kind(&file, 1, bytes, map->count, true);
  bare(&d);
  made_file(&d, "tokenizer.model", file.data, file.size);
  assert_int_equal(made_open(&d), RIDGE_OK);
  assert_null(made_fact(&d, "ridge.tokenizer.white_space"));
  made_close(&d);
  /* The library's way of cutting also takes rarer white space for blanks: as SentencePiece
   * has it, U+0085 and U+2029 are characters like others. */
  struct tokenizer *own = NULL;
  struct why why = {{0}};
  assert_int_equal(made_open(&d), RIDGE_OK);
  assert_int_equal(tokenizer_new(&d.model, &own, &why), RIDGE_OK);
  static const char *const texts[] = {"",
                                      " ",
                                      "In the  beginning\tGod ",
                                      "\xef\xbd\x81\xef\xac\x81",
                                      "\xe6\x97\xa5\xe6\x9c\xac 1\xc2\xbd",
                                      "a\xff\x80z"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct tokens a = {0}, b = {0};
    assert_int_equal(tokenizer_encode(t, texts[i], strlen(texts[i]), 0, &a, &why), 0);
    assert_int_equal(tokenizer_encode(own, texts[i], strlen(texts[i]), 0, &b, &why), 0);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
    free(a.ids);
    free(b.ids);
  }
  close_made(&d, own);
  close_made(&from, t);
  free(bytes);
  free(file.data);
}

static void bpe_file(struct made_bytes *file, bool squeeze) {
  static const struct {
    const char *text;
    float score;
    unsigned type;
  } rows[] = {{"<unk>", 0, 2},
              {"<s>", 0, 3},
              {"</s>", 0, 3},
              {"\xe2\x96\x81", -5, 1},
              {"a", -6, 1},
              {"b", -7, 1},
              {"ab", -1, 1},
              {"\xe2\x96\x81\xe2\x96\x81\xe2\x96\x81", 0, 4},
              {"\xe2\x96\x81"
               "ab",
               -2, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    put_piece(file, rows[i].text, strlen(rows[i].text), rows[i].score, rows[i].type);
  put_kind(file, 2, NULL, 0, squeeze);
}

static void a_bpe_model_file_is_ggufs_llama(void **state) {
  (void)state;
  static const int32_t wanted[] = {1, 8, 8, 7, 3, 4};
  struct made_dir d;
  struct made_bytes file = {0};
  struct tokenizer *t = NULL;
  struct tokens tokens = {0};
  struct why why = {{0}};
  bpe_file(&file, false);
  bare(&d);
  made_file(&d, "tokenizer.model", file.data, file.size);
  if (made_open(&d) != RIDGE_OK) fail_msg("%s", d.text);
  assert_int_equal(tokenizer_new(&d.model, &t, &why), RIDGE_OK);
  assert_int_equal(tokenizer_encode(t, "ab ab   a", 9, TOKENIZER_BOS, &tokens, &why),
                   RIDGE_OK);
  assert_int_equal(tokens.n, 6);
  assert_memory_equal(tokens.ids, wanted, sizeof wanted);
  free(tokens.ids);
  close_made(&d, t);
  free(file.data);
}

static void a_bpe_model_that_squeezes_blanks_is_refused(void **state) {
  (void)state;
  struct made_dir d;
  struct made_bytes file = {0};
  bpe_file(&file, true);
  bare(&d);
  made_file(&d, "tokenizer.model", file.data, file.size);
  assert_int_equal(made_open(&d), RIDGE_UNSUPPORTED);
  assert_non_null(strstr(d.text, "runs of blanks"));
  assert_int_equal(d.alive, 0);
  made_drop(&d);
  free(file.data);
}

/* ---- which tokens begin and end ----------------------------------------------------- */

static int64_t whole(const struct made_dir *d, const char *key) {
  const ridge_fact *fact = made_fact(d, key);
  return fact == NULL ? -1 : fact->value.i;
}

static void special_tokens_are_found_wherever_they_are_said(void **state) {
  (void)state;
  struct made_dir d;
  json_t *json = load_made("bytes-whole");
  char *text = json_dumps(json, JSON_COMPACT);
  json_decref(json);
  bare(&d);
  made_text(&d, "tokenizer.json", text);
  made_text(
      &d, "tokenizer_config.json",
      "{\"eos_token\":{\"content\":\"<|end|>\"},\"chat_template\":[{\"name\":\"tools\","
      "\"template\":\"no\"},{\"name\":\"default\",\"template\":\"yes\"}]}");
  made_text(&d, "generation_config.json", "{\"eos_token_id\":[460,461]}");
  if (made_open(&d) != RIDGE_OK) fail_msg("%s", d.text);
  int64_t begin = whole(&d, "tokenizer.ggml.bos_token_id");
  assert_int_equal(whole(&d, "tokenizer.ggml.add_bos_token"), 1);
  assert_int_equal(whole(&d, "tokenizer.ggml.eos_token_id"), begin + 1);
  const ridge_fact *ends = made_fact(&d, "ridge.tokenizer.ends");
  assert_int_equal(ends->count, 2);
  assert_int_equal(ends->value.ints[1], 461);
  const ridge_fact *strips = made_fact(&d, "ridge.tokenizer.strips_right");
  assert_int_equal(strips->count, 1);
  assert_int_equal(strips->value.ints[0], begin + 2);
  const ridge_fact *chat = made_fact(&d, "tokenizer.chat_template");
  assert_int_equal(chat->value.text.size, 3);
  assert_memory_equal(chat->value.text.data, "yes", 3);
  made_close(&d);
  made_text(&d, "tokenizer_config.json", "{\"add_bos_token\":false}");
  made_text(&d, "chat_template.jinja", "{{ messages }}");
  assert_int_equal(made_open(&d), RIDGE_OK);
  assert_int_equal(whole(&d, "tokenizer.ggml.add_bos_token"), 0);
  assert_int_equal(made_fact(&d, "tokenizer.chat_template")->value.text.size, 14);
  made_close(&d);
  made_drop(&d);
  free(text);
}

/* ---- what is not known ----------------------------------------------------------------
 */

static void what_a_tokenizer_has_beyond_is_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *json, *says;
  } rows[] = {
      {"{}", "`model`"},
      {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{}}}", "`WordPiece`"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}}", "`vocab`"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", "0 tokens"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", "number"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":99999999},\"merges\":[]}}", "number"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}",
       "both number 0"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", "fall back on"},
      {"{\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,\"vocab\":{\"a\":0},"
       "\"merges\":[\"a b\"]}}",
       "joins or makes"},
      {"{\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,\"vocab\":{\"a\":0},"
       "\"merges\":[[\"a\"]]}}",
       "pair of two"},
      {"{\"model\":{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{\"a\":0},\"merges\":[]}}",
       "luck"},
      {"{\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"a\":0},"
       "\"merges\":[]}}",
       "where they stand"},
      {"{\"normalizer\":{\"type\":\"Lowercase\"},\"model\":{\"type\":\"BPE\",\"vocab\":{"
       "\"a\":0},\"merges\":[]}}",
       "`Lowercase`"},
      {"{\"pre_tokenizer\":{\"type\":\"Punctuation\"},\"model\":{\"type\":\"BPE\","
       "\"vocab\":"
       "{\"a\":0},\"merges\":[]}}",
       "`Punctuation`"},
      {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
       "\"pattern\":{\"Regex\":\"my own\"},\"behavior\":\"Isolated\",\"invert\":false},"
       "{\"type\":\"ByteLevel\",\"use_regex\":false,\"add_prefix_space\":false}]},"
       "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}",
       "`my own`"},
      {"{\"post_processor\":{\"type\":\"BertProcessing\"},\"model\":{\"type\":\"BPE\","
       "\"byte_fallback\":true,\"vocab\":{\"a\":0},\"merges\":[]}}",
       "post-processor"},
      {"{\"added_tokens\":[{\"id\":0,\"content\":\"b\"}],\"model\":{\"type\":\"BPE\","
       "\"byte_fallback\":true,\"vocab\":{\"a\":0},\"merges\":[]}}",
       "of another one"},
      {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":7,\"vocab\":[[\"a\",0.5]]}}", "unk_id"},
      {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]}}", "text and score"},
      {"{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!!!\"},"
       "\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0.5]]}}",
       "base64"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct made_dir d;
    bare(&d);
    made_text(&d, "tokenizer.json", rows[i].json);
    assert_int_not_equal(made_open(&d), RIDGE_OK);
    if (strstr(d.text, rows[i].says) == NULL) fail_msg("%s: %s", rows[i].json, d.text);
    assert_int_equal(d.alive, 0);
    made_drop(&d);
  }
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
      cmocka_unit_test(the_older_pair_of_files_says_the_same),
      cmocka_unit_test(a_unigram_model_file_says_the_same),
      cmocka_unit_test(a_bpe_model_file_is_ggufs_llama),
      cmocka_unit_test(a_bpe_model_that_squeezes_blanks_is_refused),
      cmocka_unit_test(special_tokens_are_found_wherever_they_are_said),
      cmocka_unit_test(what_a_tokenizer_has_beyond_is_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
