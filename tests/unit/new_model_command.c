/*
 * new_model_command.c - `ridge new-model`: what it makes runs, hangs on the seed alone,
 * and has the shape that was asked for.
 */
#include "testing.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAKE(...) testing_ridge((const char *[]){"new-model", __VA_ARGS__, NULL})

static char *under(const char *folder, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", folder, name) < 0) abort();
  return path;
}

static void expect(struct testing_output o, int exit, const char *wanted) {
  if (o.exit != exit || (strstr(o.out, wanted) == NULL && strstr(o.err, wanted) == NULL))
    fail_msg("exit %d, \"%s\", \"%s\"; wanted %d, \"%s\"", o.exit, o.out, o.err, exit,
             wanted);
  testing_output_free(&o);
}

static bool same_files(const char *a, const char *b) {
  FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
  assert_non_null(x);
  assert_non_null(y);
  int p, q;
  do {
    p = getc(x);
    q = getc(y);
  } while (p == q && p != EOF);
  fclose(x);
  fclose(y);
  return p == q;
}

/* A text of all printable characters and some that are none. */
static void write_text(const char *path) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  for (int i = 0; i < 60; i++)
    fprintf(file, "the %c quick fox, %d times: caf\xc3\xa9 \xe2\x82\xac\n", 33 + i, i * 7);
  fclose(file);
}

static double perplexity_of(const char *folder, const char *model) {
  char *recipe = under(folder, "p.lua"), *text = under(folder, "t.txt"), *catalog;
  if (asprintf(&catalog, "--catalog=%s/c.db", folder) < 0) abort();
  write_text(text);
  FILE *file = fopen(recipe, "w");
  assert_non_null(file);
  fprintf(
      file,
      "return infer { name = \"p\", model \"%s\", perplexity { file = \"%s\", context = "
      "64, chunks = 4 } }\n",
      model, text);
  fclose(file);
  struct testing_output o =
      testing_ridge((const char *[]){"run", recipe, "--json", catalog, NULL});
  if (o.exit != 0) fail_msg("exit %d: %s", o.exit, o.err);
  json_t *json = json_loads(o.out, 0, NULL);
  assert_non_null(json);
  const double value =
      json_number_value(json_object_get(json_object_get(json, "metrics"), "perplexity"));
  json_decref(json);
  testing_output_free(&o);
  free(catalog);
  free(recipe);
  free(text);
  return value;
}

/* What knows nothing is about as surprised as by drawing tokens blindly: activations
 * that had grown or died away would show here. */
static void each_architecture_runs_and_knows_nothing(void **state) {
  (void)state;
  static const char *const shapes[] = {"tiny-llama",
                                       "tiny-qwen2",
                                       "tiny-qwen2moe",
                                       "tiny-qwen3",
                                       "tiny-qwen3moe",
                                       "tiny-gpt2",
                                       "tiny-opt",
                                       "tiny-gptneox",
                                       "tiny-phi2",
                                       "tiny-phi3",
                                       "tiny-gemma2",
                                       "tiny-gemma3",
                                       "tiny-stablelm",
                                       "arch=llama,experts=4,used=2",
                                       "tiny-llama,layers=24,dim=64,ffn=64,vocab=400"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    char *folder = testing_scratch(), *path = under(folder, "m.gguf");
    expect(MAKE(path, "--shape", shapes[i], "--random", "--codec=q8_0"), 0, "at random");
    const double value = perplexity_of(folder, path);
    if (!(value > 300 && value < 5000)) fail_msg("%s: perplexity %g", shapes[i], value);
    testing_remove(folder);
    free(path);
  }
}

static void numbers_hang_on_the_seed_and_not_on_the_threads(void **state) {
  (void)state;
  char *folder = testing_scratch(), *a = under(folder, "a.gguf"),
       *b = under(folder, "b.gguf"), *c = under(folder, "c.gguf");
  expect(MAKE(a, "--shape=tiny-qwen2", "--random", "--seed=7", "--threads=1"), 0, "seed 7");
  expect(MAKE(b, "--shape=tiny-qwen2", "--random", "--seed=7", "--threads=3"), 0, "seed 7");
  expect(MAKE(c, "--shape=tiny-qwen2", "--random", "--seed=8"), 0, "seed 8");
  assert_true(same_files(a, b));
  assert_false(same_files(a, c));
  testing_remove(folder);
  free(a);
  free(b);
  free(c);
}

static void the_shape_is_the_one_asked_for(void **state) {
  (void)state;
  char *folder = testing_scratch(), *path = under(folder, "m.gguf"),
       *copy = under(folder, "n.gguf");
  expect(MAKE(path,
              "--shape=arch=llama,layers=3,dim=128,heads=8,kv_heads=2,ffn=96,vocab=333",
              "--random"),
         0, "made");
  struct testing_output o =
      testing_ridge((const char *[]){"convert", path, copy, "--dry-run", "--json", NULL});
  json_t *json = json_loads(o.out, 0, NULL), *row;
  assert_non_null(json);
  size_t i, layers = 0;
  json_array_foreach(json_object_get(json, "tensors"), i, row) {
    const char *name = json_string_value(json_object_get(row, "name"));
    json_t *shape = json_object_get(row, "shape");
    layers += strstr(name, ".attn_k.weight") != NULL;
    if (strstr(name, ".attn_k.weight") != NULL)
      assert_int_equal(json_integer_value(json_array_get(shape, 0)), 2 * 16);
    if (strcmp(name, "token_embd.weight") == 0)
      assert_int_equal(json_integer_value(json_array_get(shape, 0)), 333);
  }
  assert_int_equal(layers, 3);
  json_decref(json);
  testing_output_free(&o);
  testing_remove(folder);
  free(path);
  free(copy);
}

static void each_refusal_names_the_fix(void **state) {
  (void)state;
  char *folder = testing_scratch(), *path = under(folder, "m.gguf");
  expect(MAKE(path, "--shape=tiny-llama"), 2, "--random");
  expect(MAKE(path, "--random"), 2, "--shape is missing");
  expect(MAKE("--shape=tiny-llama", "--random"), 2, "OUT is missing");
  expect(MAKE(path, "--random", "--shape=tiny-lama"), 2, "did you mean `tiny-llama`");
  expect(MAKE(path, "--random", "--shape=layer=3"), 2, "did you mean `layers`");
  expect(MAKE(path, "--random", "--shape=arch=bert"), 2, "llama, qwen2, qwen2moe");
  expect(MAKE(path, "--random", "--shape=layers=0"), 2, "between 1 and 1024");
  expect(MAKE(path, "--random", "--shape=heads=4,kv_heads=3"), 2, "has to divide heads");
  expect(MAKE(path, "--random", "--shape=arch=gpt2,kv_heads=1"), 2, "gpt2 has as many");
  expect(MAKE(path, "--random", "--shape=arch=qwen3,experts=4"), 2, "has no experts");
  expect(MAKE(path, "--random", "--shape=experts=4,used=5"), 2, "between 1 and experts");
  expect(MAKE(path, "--random", "--shape=arch=qwen3moe,shared_ffn=64"), 2, "shared expert");
  expect(MAKE(path, "--random", "--shape=layers=1,layers=2"), 2, "given twice");
  expect(MAKE(path, "--random", "--shape=dim=64,heads=3"), 2, "does not divide into 3");
  expect(MAKE(path, "--random", "--shape=vocab=100"), 2, "between 320 and");
  expect(MAKE(path, "--random", "--shape=tiny-llama", "--codec=q7"), 2, "no mix `q7`");
  struct stat facts;
  assert_int_not_equal(stat(path, &facts), 0);
  expect(MAKE("--list"), 0, "tinyllama-1.1b");
  expect(MAKE(path, "--random", "--shape=tiny-opt"), 0,
         "note: llama.cpp has no architecture `opt`");
  testing_remove(folder);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_architecture_runs_and_knows_nothing),
      cmocka_unit_test(numbers_hang_on_the_seed_and_not_on_the_threads),
      cmocka_unit_test(the_shape_is_the_one_asked_for),
      cmocka_unit_test(each_refusal_names_the_fix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
