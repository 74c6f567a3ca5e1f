/*
 * architectures_fast.c - every architecture runs on the kernels of its machine: `ridge
 * plan` of each tiny model names no other provider, with and without fused operators,
 * whatever its weights are stored in.
 */
#include "testing.h"

#include "machine/machine.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_recipe(const char *path, const char *model, bool fused) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file,
          "return infer { name = \"p\", model \"%s\",%s engine { threads = 2 },\n"
          "  bench { prefill = 16, decode = 4 } }\n",
          model, fused ? " use \"graph.fuse\" {}," : "");
  fclose(file);
}

static void each_node_is_fast(const char *folder, const char *model, bool fused) {
  char recipe[512];
  snprintf(recipe, sizeof recipe, "%s/p.lua", folder);
  write_recipe(recipe, model, fused);
  struct testing_output o = testing_ridge((const char *[]){"plan", recipe, "--json", NULL});
  json_t *json = json_loads(o.out, 0, NULL), *row;
  if (o.exit != 0 || json == NULL) fail_msg("%s: exit %d: %s", model, o.exit, o.err);
  json_t *kernels = json_object_get(json_object_get(json, "detail"), "kernels");
  assert_true(json_array_size(kernels) > 5);
  size_t i;
  json_array_foreach(kernels, i, row) {
    const char *by = json_string_value(json_object_get(row, "provider"));
    if (strcmp(by, "kernels.portable") == 0)
      fail_msg("%s%s: `%s` is left to %s", model, fused ? ", fused" : "",
               json_string_value(json_object_get(row, "key")), by);
  }
  json_decref(json);
  testing_output_free(&o);
}

static bool is_model(const char *name) {
  const size_t n = strlen(name);
  return n > 5 && strcmp(name + n - 5, ".gguf") == 0;
}

static bool without_kernels(void) {
  struct machine machine;
  char missing[64];
  machine_read(&machine);
  if (machine_has(&machine, "avx2 fma f16c", missing, sizeof missing)) return false;
  testing_skip_without("AVX2, FMA and F16C");
  return true;
}

static void no_node_of_a_tiny_model_is_left_to_the_portable_kernels(void **state) {
  (void)state;
  if (without_kernels()) return;
  char *models = testing_source("tests/data/models"), *folder = testing_scratch();
  DIR *dir = opendir(models);
  assert_non_null(dir);
  int seen = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (!is_model(entry->d_name)) continue;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", models, entry->d_name);
    each_node_is_fast(folder, path, false);
    each_node_is_fast(folder, path, true);
    seen++;
  }
  closedir(dir);
  assert_true(seen >= 26);
  free(models);
  testing_remove(folder);
}

/* Every architecture that can be made, in codecs of each form of products. */
static void quantized_models_of_every_architecture_are_fast_too(void **state) {
  (void)state;
  if (without_kernels()) return;
  static const char *const archs[] = {"llama", "qwen2moe", "qwen3",  "qwen3moe",
                                      "gpt2",  "gptneox",  "phi2",   "phi3",
                                      "opt",   "gemma2",   "gemma3", "stablelm"};
  static const char *const codecs[] = {"q4_0", "q4_k_m"};
  char *folder = testing_scratch(), path[512], shape[64];
  for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
    snprintf(path, sizeof path, "%s/%s.gguf", folder, archs[i]);
    snprintf(shape, sizeof shape, "tiny-%s,layers=1", archs[i]);
    struct testing_output o = testing_ridge((const char *[]){
        "new-model", path, "--shape", shape, "--random", "--codec", codecs[i % 2], NULL});
    if (o.exit != 0) fail_msg("%s: exit %d: %s", shape, o.exit, o.err);
    testing_output_free(&o);
    each_node_is_fast(folder, path, i % 4 < 2);
  }
  testing_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_node_of_a_tiny_model_is_left_to_the_portable_kernels),
      cmocka_unit_test(quantized_models_of_every_architecture_are_fast_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
