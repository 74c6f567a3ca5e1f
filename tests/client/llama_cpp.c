/*
 * llama_cpp.c - llama.cpp opens what ridge writes, and is as surprised by a text as ridge
 * is: every mix of a trained model, other architectures, and pieces.
 *
 * Needs node and a folder with node_modules/node-llama-cpp, named by RIDGE_PEER_DIR;
 * skips without.
 */
#include "testing.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONTEXT = 256, CHUNKS = 4 };

struct bench {
  char *folder, *text, *script;
  const char *peer;
};

static char *format(const char *fmt, const char *a, const char *b) {
  char *text = NULL;
  if (asprintf(&text, fmt, a, b) < 0) abort();
  return text;
}

static int open_bench(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  assert_non_null(b);
  b->peer = getenv("RIDGE_PEER_DIR");
  b->folder = testing_scratch();
  b->text = testing_source("models/kjv-valid.txt");
  b->script = testing_source("tests/client/llama_cpp.mjs");
  *state = b;
  return 0;
}

static int close_bench(void **state) {
  struct bench *b = *state;
  testing_remove(b->folder);
  free(b->text);
  free(b->script);
  free(b);
  return 0;
}

static bool is_ready(const struct bench *b) {
  char entry[1024];
  snprintf(entry, sizeof entry, "%s/node_modules/node-llama-cpp/dist/index.js",
           b->peer != NULL ? b->peer : "");
  if (b->peer != NULL && access(entry, R_OK) == 0) return true;
  testing_skip_without("node-llama-cpp (RIDGE_PEER_DIR names the folder of node_modules)");
  return false;
}

/* The member `name` of the JSON a command prints last. */
static double number_of(json_t *json, const char *name) {
  json_t *metrics = json_object_get(json, "metrics");
  return json_number_value(json_object_get(metrics != NULL ? metrics : json, name));
}

static double by_llama(const struct bench *b, const char *model) {
  char command[4096], line[4096] = "", last[4096] = "";
  snprintf(command, sizeof command, "node '%s' '%s' '%s' '%s' %d %d 2>/dev/null", b->script,
           b->peer, model, b->text, CONTEXT, CHUNKS);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  while (fgets(line, sizeof line, pipe) != NULL) memcpy(last, line, sizeof last);
  if (pclose(pipe) != 0) fail_msg("%s: llama.cpp does not read it: %s", model, last);
  json_t *json = json_loads(last, 0, NULL);
  if (json == NULL) fail_msg("%s: llama.cpp says %s", model, last);
  const double value = number_of(json, "perplexity");
  json_decref(json);
  return value;
}

static double by_ridge(const struct bench *b, const char *model) {
  char *recipe = format("%s/p.lua%s", b->folder, ""),
       *catalog = format("--catalog=%s/c.db%s", b->folder, "");
  FILE *file = fopen(recipe, "w");
  assert_non_null(file);
  fprintf(
      file,
      "return infer { name = \"p\", model \"%s\", perplexity { file = \"%s\", context = "
      "%d, chunks = %d } }\n",
      model, b->text, CONTEXT, CHUNKS);
  fclose(file);
  struct testing_output o =
      testing_ridge((const char *[]){"run", recipe, "--json", catalog, NULL});
  if (o.exit != 0) fail_msg("%s: exit %d: %s", model, o.exit, o.err);
  json_t *json = json_loads(o.out, 0, NULL);
  assert_non_null(json);
  const double value = number_of(json, "perplexity");
  json_decref(json);
  testing_output_free(&o);
  free(recipe);
  free(catalog);
  return value;
}

static void compare(const struct bench *b, const char *what, const char *model) {
  const double theirs = by_llama(b, model), ours = by_ridge(b, model);
  const double off = fabs(ours / theirs - 1);
  print_message("%-28s llama.cpp %.4f, ridge %.4f (%+.3f %%)\n", what, theirs, ours,
                100 * (ours / theirs - 1));
  if (!(off < 0.005)) fail_msg("%s: off by %.2f %%", what, 100 * off);
}

static void write_with(const char *const *words) {
  struct testing_output o = testing_ridge(words);
  if (o.exit != 0) fail_msg("exit %d: %s", o.exit, o.err);
  testing_output_free(&o);
}

static void every_mix_is_read_and_means_the_same(void **state) {
  static const char *const mixes[] = {
      "f32",    "f16",    "bf16",   "q8_0",   "q4_0",   "q4_1",   "q5_0",
      "q5_1",   "q2_k",   "q2_k_s", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s",
      "q4_k_m", "q5_k_s", "q5_k_m", "q6_k",   "iq4_nl", "iq4_xs", "mxfp4"};
  const struct bench *b = *state;
  if (!is_ready(b)) return;
  char *from = testing_source("models/kjv-2m-f16.gguf"),
       *to = format("%s/m.gguf%s", b->folder, "");
  for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++) {
    write_with((const char *[]){"convert", from, to, "--force", "--to", mixes[i], NULL});
    compare(b, mixes[i], to);
  }
  free(from);
  free(to);
}

static void made_models_of_each_architecture_are_read(void **state) {
  static const char *const shapes[] = {"tiny-llama",    "tiny-gpt2",   "tiny-qwen2",
                                       "tiny-qwen2moe", "tiny-qwen3",  "tiny-phi2",
                                       "tiny-gptneox",  "tiny-phi3",   "tiny-qwen3moe",
                                       "tiny-gemma2",   "tiny-gemma3", "tiny-stablelm"};
  const struct bench *b = *state;
  if (!is_ready(b)) return;
  char *to = format("%s/n.gguf%s", b->folder, "");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    write_with((const char *[]){"new-model", to, "--force", "--random", "--shape",
                                shapes[i], NULL});
    compare(b, shapes[i], to);
  }
  free(to);
}

static void pieces_are_read(void **state) {
  const struct bench *b = *state;
  if (!is_ready(b)) return;
  char *from = testing_source("models/kjv-2m-f16.gguf"),
       *to = format("%s/s.gguf%s", b->folder, ""),
       *first = format("%s/s-00001-of-00003.gguf%s", b->folder, "");
  write_with(
      (const char *[]){"convert", from, to, "--to=q4_k_m", "--split-tensors=10", NULL});
  compare(b, "q4_k_m in three pieces", first);
  free(from);
  free(to);
  free(first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_mix_is_read_and_means_the_same),
      cmocka_unit_test(made_models_of_each_architecture_are_read),
      cmocka_unit_test(pieces_are_read),
  };
  return cmocka_run_group_tests(tests, open_bench, close_bench);
}
