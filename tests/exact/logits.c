/*
 * logits.c - the engine's logits against an independent computation, and against
 * itself: whatever the cut into steps, the threads and the neighbours, the same bits.
 *
 * The expected values are float64, made by tools/oracle/tiny_models.py.
 */
#include "parts.h"

#include "engine/runtime.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64, VOCAB = 64 };
static const char *const models[] = {"tiny-llama",          "tiny-llama-tied",
                                     "tiny-llama3",         "tiny-llama-linear",
                                     "tiny-llama-yarn",     "tiny-llama-halves",
                                     "tiny-mistral",        "tiny-mixtral",
                                     "tiny-qwen2",          "tiny-qwen2moe",
                                     "tiny-qwen3",          "tiny-qwen3moe",
                                     "tiny-qwen3moe-mixed", "tiny-gpt2",
                                     "tiny-gpt2-tied",      "tiny-opt",
                                     "tiny-neox",           "tiny-neox-sequential",
                                     "tiny-phi2",           "tiny-phi3",
                                     "tiny-phi3-short",     "tiny-gemma2",
                                     "tiny-gemma3",         "tiny-gemma3-list",
                                     "tiny-stablelm",       "tiny-stablelm2"};
enum { N_MODELS = sizeof models / sizeof *models };

struct expected {
  int32_t tokens[MOST];
  double logits[MOST][VOCAB];
  int64_t n;
};

struct opened {
  struct instances plugins;
  struct machine machine;
  struct pool *pool;
  struct runtime rt;
  int64_t every; /* logits are wanted at each so many-th position; 0: at all */
};

static void read_expected(const char *model, struct expected *out) {
  char name[128];
  snprintf(name, sizeof name, "tests/data/models/%s.json", model);
  char *path = testing_source(name);
  json_t *all = json_load_file(path, 0, NULL);
  assert_non_null(all);
  json_t *tokens = json_object_get(all, "tokens"), *rows = json_object_get(all, "logits");
  out->n = (int64_t)json_array_size(tokens);
  for (size_t i = 0; i < (size_t)out->n; i++) {
    out->tokens[i] = (int32_t)json_integer_value(json_array_get(tokens, i));
    for (size_t k = 0; k < VOCAB; k++)
      out->logits[i][k] = json_number_value(json_array_get(json_array_get(rows, i), k));
  }
  json_decref(all);
  free(path);
}

/* Not NULL: the file to open in a model's place. */
static const char *written;

/* The part for this machine, where there is one: elsewhere portable does it all. */
static bool x86_is_built(void) {
  return access(TEST_BUILD_DIR "/plugins/x86.so", R_OK) == 0;
}

static void open_model(const char *model, bool plain, int threads, int64_t slots,
                       struct opened *o) {
  char name[128];
  struct why why = {{0}};
  memset(o, 0, sizeof *o);
  machine_read(&o->machine);
  o->plugins.close_files = true;
  testing_add_part(&o->plugins, "gguf");
  testing_add_part(&o->plugins, "portable");
  if (x86_is_built()) testing_add_part(&o->plugins, "x86");
  assert_int_equal(instances_create(&o->plugins, &why), RIDGE_OK);
  assert_int_equal(pool_new(threads, NULL, &o->pool, &why), RIDGE_OK);
  snprintf(name, sizeof name, "tests/data/models/%s.gguf", model);
  char *path = written != NULL ? strdup(written) : testing_source(name);
  struct runtime_spec spec = {
      .path = path,
      .plugins = &o->plugins,
      .machine = &o->machine,
      .plain_kernels = plain,
      .cache_codec = "f32",
      .slots = slots,
      .rows = MOST,
      .wanted = MOST,
      .threads = threads,
  };
  ridge_status status = runtime_open(&spec, &o->rt, &why);
  if (status == RIDGE_OK) status = runtime_plan(&o->rt, &why);
  if (status == RIDGE_OK) status = runtime_load(&o->rt, o->pool, NULL, NULL, &why);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  free(path);
}

static void close_model(struct opened *o) {
  runtime_close(&o->rt);
  pool_free(o->pool);
  instances_free(&o->plugins);
}

static bool is_wanted(const struct opened *o, int64_t position) {
  return o->every == 0 || position % o->every == o->every - 1;
}

/* Rows [from, from + n) of the text in `slots` sequences at once; the logits of the
 * first sequence go to their places in out. */
static void step(struct opened *o, const struct expected *text, int64_t from, int64_t n,
                 int64_t slots, bool generated, float *out) {
  int32_t token[MOST], position[MOST], sequence[MOST], wanted[MOST];
  const int32_t *blocks[MOST];
  struct why why = {{0}};
  ridge_batch batch = {
      .struct_size = sizeof batch,
      .token = token,
      .position = position,
      .sequence = sequence,
      .blocks = blocks,
      .sequences = slots,
      .block_tokens = o->rt.cache.layout.block_tokens,
      .wanted = wanted,
  };
  for (int64_t s = 0; s < slots; s++) {
    blocks[s] = cache_table(&o->rt.cache, s);
    for (int64_t i = 0; i < n; i++) {
      /* The neighbours say other things. */
      token[batch.rows] =
          s == 0 ? text->tokens[from + i] : (int32_t)((from + i * 7 + s) % VOCAB);
      position[batch.rows] = (int32_t)(from + i);
      sequence[batch.rows] = (int32_t)s;
      if (is_wanted(o, from + i)) wanted[batch.wanted_rows++] = (int32_t)batch.rows;
      batch.rows++;
    }
  }
  batch.prompt_rows = generated ? 0 : batch.rows;
  batch.wanted_prompt = generated ? 0 : batch.wanted_rows;
  const float *logits = runtime_step(&o->rt, &batch, &why);
  assert_non_null(logits);
  for (int64_t i = 0, at = 0; i < n; i++)
    if (is_wanted(o, from + i))
      memcpy(out + i * VOCAB, logits + at++ * VOCAB, VOCAB * sizeof *out);
}

static void run(const char *model, bool plain, int threads, int64_t slots, int64_t piece,
                bool generated, float *out) {
  struct expected text;
  struct opened o;
  read_expected(model, &text);
  open_model(model, plain, threads, slots, &o);
  for (int64_t from = 0; from < text.n; from += piece) {
    int64_t n = text.n - from < piece ? text.n - from : piece;
    step(&o, &text, from, n, slots, generated, out + from * VOCAB);
  }
  close_model(&o);
}

static double worst_difference(const char *model, bool plain, bool generated) {
  struct expected text;
  static float logits[MOST * VOCAB];
  double worst = 0;
  read_expected(model, &text);
  run(model, plain, 1, 1, MOST, generated, logits);
  for (int64_t i = 0; i < text.n; i++)
    for (int64_t k = 0; k < VOCAB; k++) {
      double difference = fabs((double)logits[i * VOCAB + k] - text.logits[i][k]);
      if (!(difference <= worst)) worst = difference;
    }
  return worst;
}

static void logits_of_each_architecture_match_the_oracle(void **state) {
  (void)state;
  for (int i = 0; i < N_MODELS; i++)
    for (int plain = 0; plain < 2; plain++)
      for (int generated = 0; generated < 2; generated++) {
        double worst = worst_difference(models[i], plain == 1, generated == 1);
        print_message("%-16s %-9s %-9s largest difference %.2e\n", models[i],
                      plain == 1 ? "reference" : "best",
                      generated == 1 ? "generated" : "prompt", worst);
        assert_true(worst < 1e-4);
      }
}

/* Rows of queries and keys are put into GGUF's order where they were in another. */
static void a_model_written_by_convert_says_the_same(void **state) {
  (void)state;
  for (int i = 0; i < N_MODELS; i++) {
    char name[128], path[512], *folder = testing_scratch();
    snprintf(name, sizeof name, "tests/data/models/%s.gguf", models[i]);
    snprintf(path, sizeof path, "%s/m.gguf", folder);
    char *from = testing_source(name);
    struct testing_output output =
        testing_ridge((const char *[]){"convert", from, path, "--to=f32", NULL});
    if (output.exit != 0) fail_msg("%s: %s", models[i], output.err);
    written = path;
    const double worst = worst_difference(models[i], true, false);
    written = NULL;
    if (!(worst < 1e-4)) fail_msg("%s: off by %g", models[i], worst);
    testing_output_free(&output);
    testing_remove(folder);
    free(from);
  }
}

static void must_equal(const char *model, bool plain, int threads, int64_t slots,
                       int64_t piece, bool generated, const float *wanted, int64_t n) {
  static float logits[MOST * VOCAB];
  memset(logits, 0, sizeof logits);
  run(model, plain, threads, slots, piece, generated, logits);
  if (memcmp(logits, wanted, (size_t)n * VOCAB * sizeof *logits) == 0) return;
  fail_msg("%s, %s kernels, %d threads, %lld sequences, pieces of %lld: other bits", model,
           plain ? "reference" : "best", threads, (long long)slots, (long long)piece);
}

static void neither_pieces_nor_threads_nor_neighbours_change_a_bit(void **state) {
  (void)state;
  static float wanted[MOST * VOCAB];
  static const int64_t pieces[] = {1, 3, 7, 16};
  for (int i = 0; i < N_MODELS; i++)
    for (int kind = 0; kind < 4; kind++) {
      bool plain = (kind & 1) != 0, generated = (kind & 2) != 0;
      struct expected text;
      read_expected(models[i], &text);
      run(models[i], plain, 1, 1, MOST, generated, wanted);
      for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
        must_equal(models[i], plain, 1, 1, pieces[k], generated, wanted, text.n);
      must_equal(models[i], plain, 2, 1, 5, generated, wanted, text.n);
      must_equal(models[i], plain, 3, 3, 4, generated, wanted, text.n);
    }
}

/* Behind the last layer's attention only rows whose logits are wanted are computed. */
static void the_last_layer_does_no_more_than_is_wanted(const struct runtime *rt) {
  char last[32];
  snprintf(last, sizeof last, "blk.%lld.", (long long)rt->arch.layers - 1);
  int64_t wanted = 0;
  for (int32_t i = 0; i < rt->graph.n_order; i++) {
    const ridge_node *node = rt->graph.nodes[rt->graph.order[i]];
    if (strstr(node->name, ".ffn_") == NULL || node->n_out == 0) continue;
    const bool is_last = strncmp(node->name, last, strlen(last)) == 0;
    const int64_t rows = rt->graph.tensors[node->out[0]]->dims[0];
    assert_int_equal(rows, is_last ? RIDGE_DIM_WANTED : RIDGE_DIM_TOKENS);
    wanted += is_last;
  }
  assert_true(wanted >= 3);
}

static void rows_that_want_no_logits_change_no_bit_of_those_that_do(void **state) {
  (void)state;
  static float wanted[MOST * VOCAB], some[MOST * VOCAB];
  for (int i = 0; i < N_MODELS; i++)
    for (int generated = 0; generated < 2; generated++) {
      struct expected text;
      struct opened o;
      read_expected(models[i], &text);
      run(models[i], false, 1, 1, MOST, generated == 1, wanted);
      open_model(models[i], false, 2, 2, &o);
      o.every = 5;
      the_last_layer_does_no_more_than_is_wanted(&o.rt);
      for (int64_t from = 0; from < text.n; from += 4) { /* some steps want nothing */
        const int64_t n = text.n - from < 4 ? text.n - from : 4;
        step(&o, &text, from, n, 2, generated == 1, some + from * VOCAB);
      }
      for (int64_t at = o.every - 1; at < text.n; at += o.every)
        if (memcmp(some + at * VOCAB, wanted + at * VOCAB, VOCAB * sizeof *some) != 0)
          fail_msg("%s: position %lld has other bits", models[i], (long long)at);
      close_model(&o);
    }
}

/* At a power of two apart, as widths are, rows would push each other out of the caches. */
static void rows_of_activations_lie_an_odd_number_of_cache_lines_apart(void **state) {
  (void)state;
  struct opened o;
  open_model("tiny-llama", false, 1, 1, &o);
  const struct program *p = &o.rt.program;
  const int32_t logits = p->graph->outputs[0];
  int64_t seen = 0;
  for (int32_t t = 0; t < p->graph->n_tensors; t++)
    if (p->buffer_of[t] >= 0 && t != logits) {
      assert_int_equal(p->row_floats_of[t] * (int64_t)sizeof(float) % 128, 64);
      seen++;
    }
  assert_true(seen > 10);
  assert_int_equal(p->row_floats_of[logits], VOCAB);
  close_model(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_activations_lie_an_odd_number_of_cache_lines_apart),
      cmocka_unit_test(logits_of_each_architecture_match_the_oracle),
      cmocka_unit_test(a_model_written_by_convert_says_the_same),
      cmocka_unit_test(rows_that_want_no_logits_change_no_bit_of_those_that_do),
      cmocka_unit_test(neither_pieces_nor_threads_nor_neighbours_change_a_bit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
