/*
 * convert_fuzz.c - whatever is damaged in a model, in one of its pieces or in a directory:
 * it is converted to what opens again, or one sentence says why not, and then nothing is
 * left of it.
 */
#include "parts.h"
#include "random.h"

#include "convert/convert.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bench {
  struct instances plugins;
  uint64_t seed;
  int converted, refused;
};

struct bytes {
  uint8_t *data;
  size_t size;
};

/* ---- files ---- */

static struct bytes load(const char *path) {
  struct bytes out = {.data = malloc(1 << 20)};
  FILE *file = fopen(path, "rb");
  assert_non_null(out.data);
  if (file == NULL) fail_msg("%s: cannot be opened", path);
  out.size = fread(out.data, 1, 1 << 20, file);
  assert_true(out.size > 0 && out.size < 1 << 20);
  fclose(file);
  return out;
}

static struct bytes load_tiny(const char *name) {
  char path[200];
  snprintf(path, sizeof path, "tests/data/models/%s", name);
  char *full = testing_source(path);
  struct bytes out = load(full);
  free(full);
  return out;
}

static void store(const char *path, const struct bytes *bytes) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes->data, 1, bytes->size, file), bytes->size);
  assert_int_equal(fclose(file), 0);
}

/* Up to four bytes of the first `reach`, and now and then an end that is missing. */
static void damage(struct bench *b, struct bytes *bytes, size_t reach) {
  const uint64_t hits = random_next(&b->seed) % 4 + 1;
  if (reach > bytes->size) reach = bytes->size;
  for (uint64_t i = 0; i < hits; i++) {
    uint8_t *at = &bytes->data[random_next(&b->seed) % reach];
    *at = random_next(&b->seed) % 2 == 0 ? (uint8_t)random_next(&b->seed)
                                         : (uint8_t)(*at ^ 1);
  }
  if (random_next(&b->seed) % 16 == 0) bytes->size -= random_next(&b->seed) % bytes->size;
}

/* Names in the folder that begin with "out". */
static int count_outputs(const char *folder) {
  DIR *dir = opendir(folder);
  int n = 0;
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;)
    n += strncmp(e->d_name, "out", 3) == 0;
  closedir(dir);
  return n;
}

/* ---- one conversion ---- */

static void check_written(struct bench *b, const struct output_result *result,
                          uint64_t n_tensors) {
  struct source source;
  struct why why = {{0}};
  if (source_open(result->paths[0], &b->plugins, &source, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
  assert_int_equal(source.file.n_tensors, n_tensors);
  source_close(&source);
  for (size_t i = 0; i < result->n; i++) assert_int_equal(unlink(result->paths[i]), 0);
}

static ridge_status convert(struct bench *b, const char *from, const char *to,
                            struct why *why) {
  static const char *const mixes[] = {NULL, "q8_0", "q4_k_m", "f16"};
  struct source source;
  struct convert_plan plan = {0};
  struct output_result result = {0};
  const struct convert_spec spec = {.source = &source,
                                    .plugins = &b->plugins,
                                    .path = to,
                                    .format = "gguf",
                                    .mix = mixes[random_next(&b->seed) % 4],
                                    .split_tensors = random_next(&b->seed) % 3 * 5,
                                    .threads = 1};
  ridge_status status = source_open(from, &b->plugins, &source, why);
  if (status != RIDGE_OK) return status;
  status = convert_plan(&spec, &plan, why);
  if (status == RIDGE_OK) status = convert_write(&plan, &result, why);
  if (status == RIDGE_OK) check_written(b, &result, source.file.n_tensors);
  output_result_free(&result);
  convert_free(&plan);
  source_close(&source);
  return status;
}

static void examine(struct bench *b, const char *from, const char *folder) {
  char to[300];
  struct why why = {{0}};
  snprintf(to, sizeof to, "%s/out.gguf", folder);
  if (convert(b, from, to, &why) == RIDGE_OK) {
    b->converted++;
  } else {
    b->refused++;
    if (strlen(why.text) < 20 || strchr(why.text, '\n') != NULL)
      fail_msg("no sentence: \"%s\"", why.text);
  }
  assert_int_equal(count_outputs(folder), 0);
}

/* ---- the bench ---- */

static int open_bench(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  struct why why = {{0}};
  assert_non_null(b);
  b->plugins.close_files = true;
  b->seed = random_seed();
  testing_add_part(&b->plugins, "gguf");
  testing_add_part(&b->plugins, "safetensors");
  testing_add_part(&b->plugins, "portable");
  assert_int_equal(instances_create(&b->plugins, &why), RIDGE_OK);
  *state = b;
  return 0;
}

static int close_bench(void **state) {
  struct bench *b = *state;
  instances_free(&b->plugins);
  free(b);
  return 0;
}

static void report(struct bench *b) {
  print_message("%d converted, %d refused\n", b->converted, b->refused);
  assert_true(b->converted > 0 && b->refused > 0);
  b->converted = b->refused = 0;
}

/* ---- what is damaged ---- */

static void a_damaged_file_becomes_a_model_or_a_sentence(void **state) {
  static const char *const models[] = {"tiny-llama-tied.gguf", "tiny-llama3.gguf",
                                       "tiny-qwen3moe.gguf", "tiny-phi3.gguf",
                                       "tiny-gpt2.gguf"};
  struct bench *b = *state;
  char *folder = testing_scratch(), from[300];
  snprintf(from, sizeof from, "%s/in.gguf", folder);
  const int rounds = (int)random_rounds(400);
  for (int round = 0; round < rounds; round++) {
    struct bytes bytes = load_tiny(models[round % 5]);
    damage(b, &bytes, 6000); /* facts and places; numbers of weights may be any */
    store(from, &bytes);
    free(bytes.data);
    examine(b, from, folder);
  }
  report(b);
  testing_remove(folder);
}

static void name_piece(char path[300], const char *folder, int piece) {
  snprintf(path, 300, "%s/in-%05d-of-00003.gguf", folder, piece + 1);
}

static void split_tiny(struct bench *b, const char *folder) {
  char to[300];
  char *from = testing_source("tests/data/models/tiny-llama-tied.gguf");
  struct source source;
  struct convert_plan plan = {0};
  struct output_result result = {0};
  struct why why = {{0}};
  snprintf(to, sizeof to, "%s/in.gguf", folder);
  assert_int_equal(source_open(from, &b->plugins, &source, &why), RIDGE_OK);
  const struct convert_spec spec = {.source = &source,
                                    .plugins = &b->plugins,
                                    .path = to,
                                    .format = "gguf",
                                    .split_tensors = (source.file.n_tensors + 2) / 3,
                                    .force = true,
                                    .threads = 1};
  if (convert_plan(&spec, &plan, &why) != RIDGE_OK ||
      convert_write(&plan, &result, &why) != RIDGE_OK)
    fail_msg("%s", why.text);
  assert_int_equal(result.n, 3);
  output_result_free(&result);
  convert_free(&plan);
  source_close(&source);
  free(from);
}

/* A piece lies, is missing, is another's or a piece twice. */
static void damage_pieces(struct bench *b, const char *folder, struct bytes pieces[3]) {
  char path[300];
  const int piece = (int)(random_next(&b->seed) % 3),
            other = (int)(random_next(&b->seed) % 3);
  name_piece(path, folder, piece);
  switch (random_next(&b->seed) % 6) {
  case 0: assert_int_equal(unlink(path), 0); return;
  case 1: store(path, &pieces[other]); return;
  default: break;
  }
  struct bytes copy = {malloc(pieces[piece].size), pieces[piece].size};
  assert_non_null(copy.data);
  memcpy(copy.data, pieces[piece].data, copy.size);
  damage(b, &copy, 3000);
  store(path, &copy);
  free(copy.data);
}

static void damaged_pieces_are_joined_or_refused(void **state) {
  struct bench *b = *state;
  char *folder = testing_scratch(), path[300];
  struct bytes pieces[3];
  split_tiny(b, folder);
  for (int i = 0; i < 3; i++) {
    name_piece(path, folder, i);
    pieces[i] = load(path);
  }
  const int rounds = (int)random_rounds(400);
  for (int round = 0; round < rounds; round++) {
    damage_pieces(b, folder, pieces);
    name_piece(path, folder, (int)(random_next(&b->seed) % 3));
    examine(b, path, folder);
    for (int i = 0; i < 3; i++) {
      name_piece(path, folder, i);
      store(path, &pieces[i]);
    }
  }
  for (int i = 0; i < 3; i++) free(pieces[i].data);
  report(b);
  testing_remove(folder);
}

static void a_damaged_directory_becomes_a_model_or_a_sentence(void **state) {
  static const char *const names[] = {"config.json",
                                      "tokenizer.json",
                                      "tokenizer_config.json",
                                      "model.safetensors.index.json",
                                      "model-00001-of-00002.safetensors",
                                      "model-00002-of-00002.safetensors"};
  enum { N = sizeof names / sizeof *names };
  struct bench *b = *state;
  char *folder = testing_scratch(), *in = testing_scratch();
  const int rounds = (int)random_rounds(400);
  for (int round = 0; round < rounds; round++) {
    const size_t hit = random_next(&b->seed) % N;
    for (size_t i = 0; i < N; i++) {
      char name[100], path[300];
      snprintf(name, sizeof name, "tiny-directory/%s", names[i]);
      snprintf(path, sizeof path, "%s/%s", in, names[i]);
      struct bytes bytes = load_tiny(name);
      if (i == hit) damage(b, &bytes, 3000);
      store(path, &bytes);
      free(bytes.data);
    }
    examine(b, in, folder);
  }
  report(b);
  testing_remove(in);
  testing_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_damaged_file_becomes_a_model_or_a_sentence),
      cmocka_unit_test(damaged_pieces_are_joined_or_refused),
      cmocka_unit_test(a_damaged_directory_becomes_a_model_or_a_sentence),
  };
  return cmocka_run_group_tests(tests, open_bench, close_bench);
}
