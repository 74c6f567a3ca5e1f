/*
 * directory_fuzz.c - a model's directory with damage in any of its files: it is opened,
 * planned, its text cut and its conversation written, or it is refused with one sentence;
 * whoever tells a lie in config.json is told which number it was.
 *
 * Works on copies of tests/data/models/tiny-directory.
 */
#include "parts.h"
#include "random.h"

#include "engine/runtime.h"
#include "model/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 6, ROUNDS = 400, MOST_BYTES = 1 << 20 };

static const char *const names[FILES] = {
    "config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
};

struct bytes {
  uint8_t *data;
  size_t size;
};

struct setting_up {
  struct instances plugins;
  struct machine machine;
  struct bytes good[FILES];
  char *dir;
};

/* ---- files ----------------------------------------------------------------------------
 */

static struct bytes load(const char *name) {
  char relative[128];
  snprintf(relative, sizeof relative, "tests/data/models/tiny-directory/%s", name);
  char *path = testing_source(relative);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  struct bytes bytes = {malloc(MOST_BYTES), 0};
  assert_non_null(bytes.data);
  bytes.size = fread(bytes.data, 1, MOST_BYTES, file);
  fclose(file);
  free(path);
  return bytes;
}

static void path_of(const struct setting_up *s, const char *name, char to[512]) {
  snprintf(to, 512, "%s/%s", s->dir, name);
}

static void save(const struct setting_up *s, const char *name, const void *data,
                 size_t size) {
  char path[512];
  path_of(s, name, path);
  (void)unlink(path);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  fclose(file);
}

static void restore(const struct setting_up *s, int which) {
  save(s, names[which], s->good[which].data, s->good[which].size);
}

static int set_up(void **state) {
  static const char *const parts[] = {"gguf", "safetensors", "portable"};
  struct setting_up *s = calloc(1, sizeof *s);
  struct why why = {{0}};
  machine_read(&s->machine);
  s->plugins.close_files = true;
  for (size_t i = 0; i < 3; i++) testing_add_part(&s->plugins, parts[i]);
  assert_int_equal(instances_create(&s->plugins, &why), RIDGE_OK);
  s->dir = testing_scratch();
  for (int i = 0; i < FILES; i++) {
    s->good[i] = load(names[i]);
    restore(s, i);
  }
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct setting_up *s = *state;
  for (int i = 0; i < FILES; i++) free(s->good[i].data);
  instances_free(&s->plugins);
  testing_remove(s->dir);
  free(s);
  return 0;
}

/* ---- one directory --------------------------------------------------------------------
 */

static ridge_status talk(const struct runtime *rt, struct why *why) {
  static const char said[] = "In the beginning <|user|> was \xe6\x97\xa5 1234 the word";
  const struct chat_message message = {CHAT_USER, said, sizeof said - 1};
  const struct chat_family *family = NULL;
  struct tokens tokens = {0};
  ridge_status status = chat_of_model(&rt->source.file, &family, why);
  if (status == RIDGE_OK)
    status = chat_encode(family, rt->tokenizer, &message, 1, &tokens, why);
  for (size_t i = 0; status == RIDGE_OK && i < tokens.n; i++)
    assert_true(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer_vocab(rt->tokenizer));
  free(tokens.ids);
  return status;
}

/* Opened and planned; `why` is what was said, or of what the conversation failed. */
static ridge_status examine(struct setting_up *s, struct why *why) {
  struct runtime rt;
  const struct runtime_spec spec = {
      .path = s->dir,
      .plugins = &s->plugins,
      .machine = &s->machine,
      .cache_codec = "f32",
      .context = 32,
      .slots = 1,
      .rows = 8,
      .wanted = 8,
      .threads = 1,
  };
  ridge_status status = runtime_open(&spec, &rt, why);
  if (status == RIDGE_OK) {
    status = runtime_plan(&rt, why);
    if (status == RIDGE_OK && talk(&rt, why) != RIDGE_OK)
      assert_true(strlen(why->text) > 20);
    runtime_close(&rt);
  }
  if (status == RIDGE_OK) return status;
  if (strlen(why->text) < 20 || strchr(why->text, '\n') != NULL ||
      strstr(why->text, s->dir) == NULL)
    fail_msg("status %d: \"%s\"", (int)status, why->text);
  return status;
}

static void the_directory_as_it_is_is_believed(void **state) {
  struct setting_up *s = *state;
  struct why why = {{0}};
  if (examine(s, &why) != RIDGE_OK) fail_msg("%s", why.text);
}

/* ---- lies -----------------------------------------------------------------------------
 */

struct lie {
  const char *file, *from, *to; /* "X": 1 is replaced by "X": 2 */
  const char *names;            /* what the sentence speaks of  */
};
static const struct lie lies[] = {
    {"config.json", "\"hidden_size\": 32", "\"hidden_size\": 0", "hidden_size"},
    {"config.json", "\"hidden_size\": 32", "\"hidden_size\": 33", "embedding_length"},
    {"config.json", "\"hidden_size\": 32", "\"hidden_size\": 1e400", "too large"},
    {"config.json", "\"hidden_size\": 32", "\"hidden_size\": 36893488147419103232",
     "3.68935e+19; a whole number below 2^63"},
    {"config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 0", "0 heads"},
    {"config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": -4",
     "-4 heads"},
    {"config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 3", "heads"},
    {"config.json", "\"num_key_value_heads\": 1", "\"num_key_value_heads\": 0", "kv"},
    {"config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 0", "block_count"},
    {"config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 1000000000",
     "block_count"},
    {"config.json", "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2", "blk.1."},
    {"config.json", "\"intermediate_size\": 64", "\"intermediate_size\": 65", "ffn"},
    {"config.json", "\"max_position_embeddings\": 32",
     "\"max_position_embeddings\": 2147483648", "context_length"},
    {"config.json", "\"max_position_embeddings\": 32", "\"max_position_embeddings\": -1",
     "context_length"},
    {"config.json", "\"rms_norm_eps\": 9", "\"rms_norm_eps\": -9", "epsilon"},
    {"config.json", "\"rms_norm_eps\": 9", "\"rms_norm_eps\": NaN, \"x\": 9", "no value"},
    {"config.json", "\"rope_theta\": 5", "\"rope_theta\": -5", "rope_theta"},
    {"config.json", "\"rope_theta\": 5", "\"partial_rotary_factor\": 1.5, \"x\": 5",
     "1.5 times"},
    {"config.json", "\"rope_theta\": 5", "\"head_dim\": 1000000000, \"x\": 5",
     "dimensions"},
    {"config.json", "\"rope_scaling\": null", "\"rope_scaling\": [1]",
     "`rope_scaling` is an array"},
    {"config.json", "\"rope_scaling\": null", "\"rope_parameters\": 7",
     "`rope_parameters` is a whole number"},
    {"config.json", "\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"warp\"}",
     "`warp`"},
    {"config.json", "\"rope_scaling\": null",
     "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}", "factor"},
    {"config.json", "\"model_type\": \"llama\"",
     "\"model_type\": \"mistral\", \"sliding_window\": -1", "sliding_window"},
    {"config.json", "\"model_type\": \"llama\"",
     "\"model_type\": \"mixtral\", \"num_local_experts\": 2, \"num_experts_per_tok\": 3",
     "expert_used_count"},
    {"config.json", "\"model_type\": \"llama\"", "\"model_type\": \"\\u001b[2Jx\"",
     "known"},
    {"config.json", "\"model_type\"", "\"model_type\": \"llama\", \"model_type\"", "twice"},
    {"tokenizer_config.json", "{", "[{", "tokenizer_config.json"},
    {"tokenizer_config.json", "\"chat_template\": \"", "\"chat_template\": 7, \"x\": \"",
     "`chat_template` is a whole"},
    {"tokenizer.json", "\"added_tokens\"",
     "\"added_tokens\": [{\"id\": 16777215, \"content\": \"<far>\"}], \"x\"",
     "greatest number is 16777215"},
};

/* The first `from` of the file becomes `to`. */
static void tell(const struct setting_up *s, int which, const char *from, const char *to) {
  const struct bytes *good = &s->good[which];
  const uint8_t *at = memmem(good->data, good->size, from, strlen(from));
  if (at == NULL) fail_msg("%s has no %s", names[which], from);
  size_t before = (size_t)(at - good->data), after = before + strlen(from);
  uint8_t *told = malloc(good->size + strlen(to));
  assert_non_null(told);
  memcpy(told, good->data, before);
  memcpy(told + before, to, strlen(to));
  memcpy(told + before + strlen(to), good->data + after, good->size - after);
  save(s, names[which], told, good->size - strlen(from) + strlen(to));
  free(told);
}

static int number_of(const char *name) {
  for (int i = 0; i < FILES; i++)
    if (strcmp(names[i], name) == 0) return i;
  fail_msg("no file %s", name);
  return -1;
}

static void each_lie_of_a_directory_is_refused_by_name(void **state) {
  struct setting_up *s = *state;
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    struct why why = {{0}};
    int which = number_of(lies[i].file);
    tell(s, which, lies[i].from, lies[i].to);
    if (examine(s, &why) == RIDGE_OK) fail_msg("%s is believed", lies[i].to);
    if (strstr(why.text, lies[i].names) == NULL) fail_msg("%s: %s", lies[i].to, why.text);
    restore(s, which);
  }
}

/* What is no file is neither waited for nor read. */
static void a_pipe_a_link_to_itself_and_a_folder_are_no_files(void **state) {
  struct setting_up *s = *state;
  for (int i = 0; i < FILES; i++)
    for (int kind = 0; kind < 4; kind++) {
      char path[512];
      struct why why = {{0}};
      path_of(s, names[i], path);
      assert_int_equal(unlink(path), 0);
      int made = kind == 0   ? mkfifo(path, 0600)
                 : kind == 1 ? symlink(names[i], path)
                 : kind == 2 ? mkdir(path, 0700)
                             : symlink("/dev/zero", path);
      assert_int_equal(made, 0);
      assert_int_not_equal(examine(s, &why), RIDGE_OK);
      assert_non_null(strstr(why.text, names[i]));
      assert_int_equal(kind == 2 ? rmdir(path) : unlink(path), 0);
      restore(s, i);
    }
}

static void an_empty_file_is_said_to_be_empty(void **state) {
  struct setting_up *s = *state;
  for (int i = 0; i < FILES; i++) {
    struct why why = {{0}};
    save(s, names[i], "", 0);
    assert_int_not_equal(examine(s, &why), RIDGE_OK);
    assert_non_null(strstr(why.text, "is empty"));
    restore(s, i);
  }
}

static void an_empty_directory_is_no_model(void **state) {
  struct setting_up *s = *state;
  struct why why = {{0}};
  for (int i = 0; i < FILES; i++) {
    char path[512];
    path_of(s, names[i], path);
    assert_int_equal(unlink(path), 0);
  }
  assert_int_not_equal(examine(s, &why), RIDGE_OK);
  assert_non_null(strstr(why.text, "without a model"));
  for (int i = 0; i < FILES; i++) restore(s, i);
}

static void nesting_is_bounded_in_every_file(void **state) {
  enum { DEEP = 100000 };
  struct setting_up *s = *state;
  static const char *const opens[] = {"[", "{\"a\":"};
  for (int i = 0; i < 4; i++)
    for (size_t k = 0; k < 2; k++) {
      struct why why = {{0}};
      size_t n = strlen(opens[k]);
      char *text = malloc(DEEP * n);
      assert_non_null(text);
      for (size_t j = 0; j < DEEP; j++) memcpy(text + j * n, opens[k], n);
      save(s, names[i], text, DEEP * n);
      free(text);
      assert_int_not_equal(examine(s, &why), RIDGE_OK);
      restore(s, i);
    }
}

/* ---- damage ---------------------------------------------------------------------------
 */

static const char *const pieces[] = {
    "0",
    "-1",
    "1",
    "2147483648",
    "9223372036854775807",
    "1e308",
    "\"\"",
    "null",
    "true",
    "[]",
    "{}",
    "[[",
    "}",
    "\"",
    "\\u0000",
    "\\ud83d",
    "\xff",
    ",",
    ":",
    "\"a\":",
    "BPE",
    "Unigram",
    "<|im_start|>",
    "{{",
    "F16",
    "BF16",
    "I8",
    "..",
    "/",
    "\n",
};

/* A copy of a good file with a few places changed, one in four cut or with a part
 * repeated. */
static struct bytes damaged(const struct bytes *good, uint64_t *seed) {
  struct bytes b = {malloc(2 * good->size + 64), good->size};
  assert_non_null(b.data);
  memcpy(b.data, good->data, good->size);
  for (uint64_t n = 1 + random_next(seed) % 3; n > 0 && b.size > 0; n--) {
    uint64_t how = random_next(seed);
    size_t at = how / 16 % b.size, left = b.size - at;
    if (how % 16 == 0) b.size = at;
    if (how % 16 == 1 && b.size + left <= 2 * good->size) {
      memmove(b.data + b.size, b.data + at, left);
      b.size += left;
    }
    if (how % 16 >= 2 && how % 16 < 6) b.data[at] = (uint8_t)(how >> 48);
    if (how % 16 < 6) continue;
    const char *piece = pieces[(how >> 32) % (sizeof pieces / sizeof *pieces)];
    size_t size = strlen(piece);
    if (size > left) size = left;
    memcpy(b.data + at, piece, size);
  }
  return b;
}

static void damage_in_any_file_does_no_harm(void **state) {
  struct setting_up *s = *state;
  uint64_t seed = random_seed();
  const uint64_t rounds = random_rounds(ROUNDS);
  int believed = 0, refused = 0;
  for (uint64_t i = 0; i < rounds; i++) {
    struct why why = {{0}};
    int which = (int)(i % FILES);
    struct bytes b = damaged(&s->good[which], &seed);
    save(s, names[which], b.data, b.size);
    free(b.data);
    *(examine(s, &why) == RIDGE_OK ? &believed : &refused) += 1;
    restore(s, which);
  }
  print_message("%d opened, %d refused\n", believed, refused);
  assert_true(refused > 0);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      FRESH(the_directory_as_it_is_is_believed),
      FRESH(each_lie_of_a_directory_is_refused_by_name),
      FRESH(a_pipe_a_link_to_itself_and_a_folder_are_no_files),
      FRESH(an_empty_file_is_said_to_be_empty),
      FRESH(an_empty_directory_is_no_model),
      FRESH(nesting_is_bounded_in_every_file),
      FRESH(damage_in_any_file_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
