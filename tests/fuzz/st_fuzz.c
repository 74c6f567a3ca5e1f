/*
 * st_fuzz.c - format.safetensors under damage: whatever bytes a directory's files have,
 * it opens or is refused with one sentence; what it then points to is there.
 *
 * The ordinary run cuts, turns and damages good directories.  With -DRIDGE_LIBFUZZER the
 * input is the weights' file beside a good config.json.
 */
#include "random.h"
#include "testing.h"

#include "model/charsmap.h"
#include "model/tokenizer.h"
#include "unit/st_making.h"

/* Touches all that the model points to, so that a sanitizer sees what is not there. */
static uint64_t walk(const struct made_dir *d) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < d->model.n_facts; i++) {
    const ridge_fact *fact = &d->model.facts[i];
    sum += strlen(fact->key);
    if (fact->type == RIDGE_FACT_TEXT)
      for (uint64_t k = 0; k < fact->value.text.size; k++) sum += fact->value.text.data[k];
    for (uint64_t k = 0; k < fact->count; k++) {
      if (fact->type == RIDGE_FACT_INTS) sum += (uint64_t)fact->value.ints[k];
      if (fact->type == RIDGE_FACT_REALS) sum += fact->value.reals[k] > 0;
      if (fact->type == RIDGE_FACT_TEXTS)
        for (uint64_t b = 0; b < fact->value.texts[k].size; b++)
          sum += fact->value.texts[k].data[b];
    }
  }
  for (uint64_t i = 0; i < d->model.n_tensors; i++) {
    const ridge_file_tensor *t = &d->model.tensors[i];
    const uint8_t *at = made_at(d, t);
    assert_true(t->rank >= 1 && t->rank <= 4);
    assert_true(t->data != NULL || t->file < d->n);
    for (uint64_t b = 0; b < t->bytes; b++) sum += at[b];
  }
  return sum;
}

static bool examine(struct made_dir *d) {
  ridge_status status = made_open(d);
  if (status == RIDGE_OK) {
    volatile uint64_t seen = walk(d);
    (void)seen;
    made_close(d);
  } else {
    assert_true(strlen(d->text) > 20);
  }
  assert_int_equal(d->alive, 0);
  return status == RIDGE_OK;
}

static const char plain_config[] =
    "{\"model_type\":\"llama\",\"num_hidden_layers\":1,\"hidden_size\":4,"
    "\"num_attention_heads\":1,\"max_position_embeddings\":32,\"intermediate_size\":6,"
    "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,"
    "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":100}}";

#ifdef RIDGE_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct made_dir d;
  made_new(&d);
  made_file(&d, "model.safetensors", data, size);
  made_text(&d, "config.json", plain_config);
  examine(&d);
  made_drop(&d);
  return 0;
}

#else

static void one_file(struct made_dir *d) {
  made_new(d);
  made_counting(d, "model.embed_tokens.weight", 2, 4);
  made_counting(d, "model.norm.weight", 0, 4);
  made_counting(d, "lm_head.weight", 2, 4);
  made_weights(d, "model.safetensors");
  made_text(d, "config.json", plain_config);
}

static void several_files(struct made_dir *d) {
  made_new(d);
  made_text(d, "model.safetensors.index.json",
            "{\"metadata\":{\"total_size\":1},\"weight_map\":{"
            "\"model.embed_tokens.weight\":\"model-1.safetensors\","
            "\"lm_head.weight\":\"model-2.safetensors\"}}");
  made_counting(d, "model.embed_tokens.weight", 2, 4);
  made_weights(d, "model-1.safetensors");
  made_counting(d, "lm_head.weight", 2, 4);
  made_weights(d, "model-2.safetensors");
  made_text(d, "config.json", plain_config);
}

/* Every change there is: stacks, rows by head, matrices turned. */
static void changed_weights(struct made_dir *d, bool experts) {
  made_new(d);
  if (experts) {
    made_counting(d, "model.embed_tokens.weight", 2, 4);
    for (int i = 0; i < 2; i++) {
      char name[80];
      snprintf(name, sizeof name, "model.layers.0.block_sparse_moe.experts.%d.w1.weight",
               i);
      made_counting(d, name, 2, 4);
    }
    made_weights(d, "model.safetensors");
    made_text(d, "config.json",
              "{\"model_type\":\"mixtral\",\"num_hidden_layers\":1,\"hidden_size\":4,"
              "\"num_attention_heads\":1,\"max_position_embeddings\":32,"
              "\"intermediate_size\":6,\"num_local_experts\":2,\"num_experts_per_tok\":1,"
              "\"tie_word_embeddings\":true}");
    return;
  }
  made_counting(d, "gpt_neox.embed_in.weight", 2, 4);
  made_counting(d, "gpt_neox.layers.0.attention.query_key_value.weight", 12, 4);
  made_counting(d, "gpt_neox.layers.0.attention.query_key_value.bias", 0, 12);
  made_weights(d, "model.safetensors");
  made_text(d, "config.json",
            "{\"model_type\":\"gpt_neox\",\"num_hidden_layers\":1,\"hidden_size\":4,"
            "\"num_attention_heads\":2,\"max_position_embeddings\":32,\"rotary_pct\":1.0,"
            "\"intermediate_size\":6,\"tie_word_embeddings\":true}");
}

enum { KINDS = 4 };
static void good(struct made_dir *d, int which) {
  if (which == 0) one_file(d);
  if (which == 1) several_files(d);
  if (which >= 2) changed_weights(d, which == 2);
}

static void good_directories_open(void **state) {
  (void)state;
  for (int i = 0; i < KINDS; i++) {
    struct made_dir d;
    good(&d, i);
    if (!examine(&d)) fail_msg("%d: %s", i, d.text);
    made_drop(&d);
  }
}

static void cut_anywhere_a_directory_is_refused(void **state) {
  (void)state;
  for (int i = 0; i < KINDS; i++) {
    struct made_dir whole;
    good(&whole, i);
    for (size_t f = 0; f < whole.n; f++)
      for (size_t size = 0; size < whole.files[f].bytes.size; size++) {
        struct made_dir d;
        good(&d, i);
        d.files[f].bytes.size = size;
        assert_false(examine(&d));
        made_drop(&d);
      }
    made_drop(&whole);
  }
}

/* Numbers and words that have led programs astray. */
static const char *const pieces[] = {
    "0",
    "-1",
    "9007199254740993",
    "18446744073709551615",
    "1e999",
    "{",
    "[",
    "]",
    "}",
    "\"",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    ",",
    ":",
    "F16",
    "BF16",
    "[0,0]",
    "..",
};

static void damage(struct made_bytes *b, uint64_t *seed) {
  uint64_t how = random_next(seed);
  size_t at = b->size > 0 ? how / 8 % b->size : 0;
  if (b->size == 0) return;
  if (how % 8 < 2) b->data[at] ^= (uint8_t)(1 << (how / 64 % 8));
  if (how % 8 == 2) b->data[at] = (uint8_t)(how >> 40);
  if (how % 8 == 3) b->size = at;
  if (how % 8 > 3) {
    const char *piece = pieces[(how >> 32) % (sizeof pieces / sizeof *pieces)];
    size_t n = strlen(piece);
    if (n > b->size - at) n = b->size - at;
    memcpy(b->data + at, piece, n);
  }
}

static void random_damage_does_no_harm(void **state) {
  (void)state;
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(20000);
  for (int round = 0; round < rounds; round++) {
    struct made_dir d;
    good(&d, round % KINDS);
    for (uint64_t n = 1 + random_next(&seed) % 4; n > 0; n--)
      damage(&d.files[random_next(&seed) % d.n].bytes, &seed);
    examine(&d);
    made_drop(&d);
  }
}

/* ---- tokenizers ------------------------------------------------------------------------
 */

static struct made_bytes load(const char *name) {
  char relative[96], chunk[4096];
  struct made_bytes out = {0};
  snprintf(relative, sizeof relative, "tests/data/tokenizer/made/%s.json", name);
  char *path = testing_source(relative);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) made_put(&out, chunk, n);
  fclose(file);
  free(path);
  return out;
}

/* A small tokenizer.model: fields as SentencePiece writes them. */
static const uint8_t pieces_model[] = {
    10, 14, 10, 5, '<',  'u',  'n',  'k', '>',  21,   0,    0,    0, 0, 24, 2, /* unknown */
    10, 10, 10, 3, 0xe2, 0x96, 0x81, 21,  0,    0,    0xa0, 0xc0, /* the blank, -5 */
    10, 8,  10, 1, 'a',  21,   0,    0,   0xc0, 0xc0,             /* a, -6 */
    10, 9,  10, 2, 'a',  'a',  21,   0,   0,    0x80, 0xbf,       /* aa, -1 */
    18, 2,  24, 1, 26,   4,    24,   1,   32,   1};

/* The tokenizer works on whatever the file said, or is refused. */
static void use(struct made_dir *d) {
  static const char *const texts[] = {"In the beginning  a\n",
                                      "\xe6\x97\xa5\xe6\x9c\xac <s></s>\xef\xbd\x81",
                                      "\xff\x80 1234 '\xc3\xa9\xcc\x81"};
  struct tokenizer *t = NULL;
  struct why why = {{0}};
  if (made_open(d) != RIDGE_OK) {
    assert_true(strlen(d->text) > 10);
    assert_int_equal(d->alive, 0);
    return;
  }
  ridge_status status = tokenizer_new(&d->model, &t, &why);
  for (size_t i = 0; status == RIDGE_OK && i < 3; i++) {
    struct tokens tokens = {0};
    if (tokenizer_encode(t, texts[i], strlen(texts[i]), TOKENIZER_SPECIAL, &tokens, &why) !=
        RIDGE_OK)
      continue;
    for (size_t k = 0; k < tokens.n; k++)
      assert_true(tokens.ids[k] >= 0 && tokens.ids[k] < tokenizer_vocab(t));
    free(tokens.ids);
  }
  if (status == RIDGE_OK)
    tokenizer_free(t);
  else
    assert_true(strlen(why.text) > 10);
  made_close(d);
  assert_int_equal(d->alive, 0);
}

static void damaged_tokenizers_do_no_harm(void **state) {
  (void)state;
  static const char *const names[] = {"unigram-mapped", "characters-first", "bytes-whole",
                                      NULL};
  uint64_t seed = random_seed();
  const int rounds = (int)random_rounds(2000);
  for (int round = 0; round < rounds; round++) {
    const char *name = names[round % 4];
    struct made_dir d;
    struct made_bytes file = {0};
    one_file(&d);
    if (name != NULL)
      file = load(name);
    else
      made_put(&file, pieces_model, sizeof pieces_model);
    for (uint64_t n = random_next(&seed) % 3; n > 0; n--) damage(&file, &seed);
    made_file(&d, name != NULL ? "tokenizer.json" : "tokenizer.model", file.data,
              file.size);
    use(&d);
    made_drop(&d);
    free(file.data);
  }
}

/* Tables of characters of random units: whatever they lead to is inside them. */
static void tables_of_characters_lead_nowhere_outside(void **state) {
  (void)state;
  uint64_t seed = 77;
  volatile size_t seen = 0;
  for (int round = 0; round < 3000; round++) {
    enum { UNITS = 64, TEXTS = 12, BYTES = 4 + 4 * UNITS + TEXTS };
    int64_t bytes[BYTES] = {0};
    struct charsmap map;
    struct why why = {{0}};
    bytes[0] = round % 9 == 0 ? (int64_t)(random_next(&seed) & 0xff) : 4 * UNITS % 256;
    bytes[1] = 4 * UNITS / 256;
    for (int i = 0; i < UNITS; i++) {
      uint64_t r = random_next(&seed);
      uint32_t unit = (uint32_t)(r & 0x7f) | (uint32_t)(r >> 8 & 0x3f) << 10;
      if (r >> 20 & 1) unit |= 0x100;
      if (r >> 21 % 8 == 0) unit |= (uint32_t)(r >> 32);
      for (int k = 0; k < 4; k++) bytes[4 + 4 * i + k] = unit >> (8 * k) & 0xff;
    }
    for (int i = 0; i < TEXTS - 1; i++) bytes[4 + 4 * UNITS + i] = "ab\0 \0xyz\0q"[i % 10];
    ridge_fact fact = {.key = "k", .type = RIDGE_FACT_INTS, .count = BYTES};
    fact.value.ints = bytes;
    if (charsmap_new(&fact, &map, &why) != RIDGE_OK) {
      assert_true(strlen(why.text) > 10);
      continue;
    }
    for (int i = 0; i < 50; i++) {
      char text[8];
      const char *to;
      size_t size;
      uint64_t r = random_next(&seed);
      memcpy(text, &r, sizeof text);
      for (int k = 0; k < 4; k++) text[k] &= 0x7f;
      size_t used = charsmap_step(&map, text, sizeof text, &to, &size);
      assert_true(used >= 1 && used <= sizeof text);
      seen += strnlen(to, size);
    }
    charsmap_free(&map);
  }
  assert_true(seen > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_directories_open),
      cmocka_unit_test(cut_anywhere_a_directory_is_refused),
      cmocka_unit_test(random_damage_does_no_harm),
      cmocka_unit_test(damaged_tokenizers_do_no_harm),
      cmocka_unit_test(tables_of_characters_lead_nowhere_outside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
