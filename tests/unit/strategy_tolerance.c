/*
 * strategy_tolerance.c - tolerant strategies stay within the tolerance they declare, on
 * the logits of whole models, and are exact with respect to how a batch is cut; exact
 * ones change no bit of the logits of any architecture.
 *
 * The reference is the same composition without the tolerant members.  A composition
 * may differ by the sum of its members' tolerances: |a - b| <= t (1 + |b|).
 */
#include "testing.h"

#include "engine/runtime.h"

#include <ridge/seam/kv_store.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 48, POSITIONS = 32 };

struct member {
  const char *file, *params;
};

static const struct member flash = {"attention_flash", "{\"tile\": 16}"};
static const struct member fuse = {"graph_fuse",
                                   "{\"qkv\": true, \"gate_up\": true, \"norm\": true,"
                                   " \"bias\": true, \"act\": true,"
                                   " \"residual\": true}"};
static const struct member fuse_norms = {
    "graph_fuse", "{\"qkv\": true, \"gate_up\": true, \"norm\": true,"
                  " \"bias\": true, \"act\": true, \"residual\": false}"};
static const struct member paged = {"kv_paged", "{\"block\": 4, \"budget\": 0}"};
static const struct member quant = {"kv_quant",
                                    "{\"keys\": \"q8_0\", \"values\": \"q4_0\"}"};
static const struct member rtn = {"weights_rtn",
                                  "{\"bits\": 8, \"group\": 32, \"only\": \"\","
                                  " \"except\": \"\"}"};

/* Members in order, the tolerant ones in `with`; at most three of each. */
struct composition {
  const struct member *base[3], *with[3];
};

struct opened {
  struct instances plugins;
  struct machine machine;
  struct pool *pool;
  struct runtime rt;
  double tolerance;
};

static void copy_block(const ridge_host *host, int32_t from, int32_t to) {
  struct opened *o = ((struct instance *)host->ctx)->set->ctx;
  cache_copy_block(&o->rt.cache, from, to);
}

static void planned(const ridge_host *host, ridge_kv_layout *out) {
  *out = ((struct opened *)((struct instance *)host->ctx)->set->ctx)->rt.cache.layout;
}

static const void *service(void *ctx, struct instance *caller, const char *id) {
  static const ridge_kv_api kv = {sizeof kv, copy_block, planned};
  (void)ctx, (void)caller;
  if (strcmp(id, RIDGE_SERVICE_GRAPH) == 0) return graph_api();
  return strcmp(id, RIDGE_SERVICE_KV) == 0 ? &kv : NULL;
}

static void add(struct opened *o, const char *file, const char *params) {
  char path[512];
  struct why why = {{0}};
  struct instance *made;
  snprintf(path, sizeof path, "%s/plugins/%s.so", TEST_BUILD_DIR, file);
  json_t *values = json_loads(params, 0, NULL);
  assert_non_null(values);
  ridge_status status = instances_add(&o->plugins, path, values, false, &made, &why);
  json_decref(values);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  bool strategy = made->plugin->kind == RIDGE_STRATEGY; /* parts are in both arms */
  if (strategy && made->plugin->effect == RIDGE_TOLERANT)
    o->tolerance += made->plugin->tolerance;
}

static void open_model(const char *path, const struct composition *c, bool with,
                       int threads, struct opened *o) {
  struct why why = {{0}};
  memset(o, 0, sizeof *o);
  machine_read(&o->machine);
  o->plugins.close_files = true;
  o->plugins.ctx = o;
  o->plugins.service = service;
  for (int i = 0; i < 3 && c->base[i] != NULL; i++)
    add(o, c->base[i]->file, c->base[i]->params);
  for (int i = 0; with && i < 3 && c->with[i] != NULL; i++) {
    add(o, c->with[i]->file, c->with[i]->params);
  }
  add(o, "gguf", "{}");
  add(o, "portable", "{}");
  if (access(TEST_BUILD_DIR "/plugins/x86.so", R_OK) == 0) add(o, "x86", "{}");
  ridge_status status = instances_create(&o->plugins, &why);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  assert_int_equal(pool_new(threads, NULL, &o->pool, &why), RIDGE_OK);
  struct runtime_spec spec = {
      .path = path,
      .plugins = &o->plugins,
      .machine = &o->machine,
      .cache_codec = "f16",
      .context = POSITIONS,
      .slots = 2,
      .rows = ROWS,
      .wanted = ROWS,
      .threads = threads,
  };
  status = runtime_open(&spec, &o->rt, &why);
  if (status == RIDGE_OK) status = runtime_plan(&o->rt, &why);
  if (status == RIDGE_OK) status = runtime_load(&o->rt, o->pool, NULL, NULL, &why);
  if (status != RIDGE_OK) fail_msg("%s: %s", path, why.text);
}

static void close_model(struct opened *o) {
  runtime_close(&o->rt);
  pool_free(o->pool);
  instances_free(&o->plugins);
}

/* Positions [from, from + n) of one text in the first slot, of another in the second. */
static void step(struct opened *o, int64_t from, int64_t n, int64_t slots, bool generated,
                 float *out) {
  int32_t token[ROWS], position[ROWS], sequence[ROWS], wanted[ROWS];
  const int32_t *blocks[2];
  struct why why = {{0}};
  int64_t vocab = o->rt.arch.vocab;
  ridge_batch batch = {.struct_size = sizeof batch,
                       .token = token,
                       .position = position,
                       .sequence = sequence,
                       .blocks = blocks,
                       .sequences = slots,
                       .block_tokens = o->rt.cache.layout.block_tokens,
                       .wanted = wanted};
  for (int64_t s = 0; s < slots; s++) {
    assert_int_equal(cache_reserve(&o->rt.cache, s, from + n, &why), RIDGE_OK);
  }
  for (int64_t s = 0; s < slots; s++) {
    blocks[s] = cache_table(&o->rt.cache, s);
    for (int64_t p = from; p < from + n; p++) {
      token[batch.rows] =
          (int32_t)((p * p * 7 + p * 3 + s * 11 + 5) % (vocab < 300 ? vocab : 300));
      position[batch.rows] = (int32_t)p;
      sequence[batch.rows] = (int32_t)s;
      wanted[batch.rows] = (int32_t)batch.rows;
      batch.rows++;
    }
  }
  batch.wanted_rows = batch.rows;
  batch.prompt_rows = batch.wanted_prompt = generated ? 0 : batch.rows;
  const float *logits = runtime_step(&o->rt, &batch, &why);
  assert_non_null(logits);
  memcpy(out + from * vocab, logits, (size_t)(n * vocab) * sizeof *out);
}

/* Logits of the first text; the caller frees. */
static float *logits_of(const char *path, const struct composition *c, bool with,
                        int threads, int64_t piece, int64_t slots, bool generated,
                        int64_t *n, double *tolerance) {
  struct opened o;
  open_model(path, c, with, threads, &o);
  *n = POSITIONS * o.rt.arch.vocab;
  *tolerance = o.tolerance;
  float *out = calloc((size_t)*n, sizeof *out);
  assert_non_null(out);
  for (int64_t from = 0; from < POSITIONS; from += piece) {
    int64_t size = POSITIONS - from < piece ? POSITIONS - from : piece;
    step(&o, from, size, slots, generated, out);
  }
  close_model(&o);
  return out;
}

static const struct composition compositions[] = {
    {.with = {&flash}},
    {.with = {&fuse}},
    {.with = {&fuse_norms}},
    {.with = {&flash, &fuse}},
    {.base = {&paged}, .with = {&flash, &fuse}},
    {.base = {&quant}, .with = {&flash}},
    {.base = {&rtn}, .with = {&fuse}},
};

static void names_of(const struct composition *c, char *text, size_t room) {
  size_t at = 0;
  for (int i = 0; i < 3 && c->base[i] != NULL; i++) {
    at += (size_t)snprintf(text + at, room - at, "(%s) ", c->base[i]->file);
  }
  for (int i = 0; i < 3 && c->with[i] != NULL; i++) {
    at += (size_t)snprintf(text + at, room - at, "%s ", c->with[i]->file);
  }
}

/* Heads that blocks of 32 do not divide, or rows that groups do not, are refused. */
static bool fits(const char *path, const struct composition *c) {
  struct opened o;
  const struct composition none = {.base = {NULL}};
  open_model(path, &none, false, 1, &o);
  bool heads = o.rt.arch.head_dim % 32 == 0,
       rows = o.rt.arch.dim % 32 == 0 && o.rt.arch.ffn % 32 == 0 &&
              o.rt.arch.expert_ffn % 32 == 0 && o.rt.arch.head_dim % 8 == 0;
  close_model(&o);
  return (c->base[0] != &quant || heads) && (c->base[0] != &rtn || rows);
}

static void check_tolerance(const char *path) {
  for (size_t i = 0; i < sizeof compositions / sizeof *compositions; i++) {
    const struct composition *c = &compositions[i];
    if (!fits(path, c)) continue;
    for (int generated = 0; generated < 2; generated++) {
      int64_t n;
      double tolerance, none, worst = 0;
      float *plain = logits_of(path, c, false, 1, 10, 1, generated == 1, &n, &none);
      float *changed = logits_of(path, c, true, 1, 10, 1, generated == 1, &n, &tolerance);
      for (int64_t k = 0; k < n; k++) {
        double difference =
            fabs((double)changed[k] - (double)plain[k]) / (1 + fabs((double)plain[k]));
        if (!(difference <= worst)) worst = difference;
      }
      char names[128] = "";
      names_of(c, names, sizeof names);
      print_message("%-20s %-36s %-9s worst %.1e of %.1e\n", strrchr(path, '/') + 1, names,
                    generated == 1 ? "generated" : "prompt", worst, tolerance);
      assert_true(tolerance > 0 && worst <= tolerance);
      free(plain);
      free(changed);
    }
  }
}

static void check_cuts(const char *path) {
  const struct {
    int threads;
    int64_t piece, slots;
  } cuts[] = {{1, 1, 1}, {2, 7, 1}, {3, 16, 2}, {2, 1, 2}};
  const struct composition together[] = {{.with = {&flash, &fuse}},
                                         {.base = {&paged}, .with = {&flash, &fuse}}};
  for (int generated = 0; generated < 2; generated++) {
    int64_t n;
    double tolerance;
    float *whole = logits_of(path, &together[0], true, 1, POSITIONS, 1, generated == 1, &n,
                             &tolerance);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
      for (size_t c = 0; c < 2; c++) {
        float *cut = logits_of(path, &together[c], true, cuts[i].threads, cuts[i].piece,
                               cuts[i].slots, generated == 1, &n, &tolerance);
        assert_memory_equal(cut, whole, (size_t)n * sizeof *cut);
        free(cut);
      }
    }
    free(whole);
  }
}

/* Nine tenths of what the weights take, so that something has to be streamed. */
static void weight_budget(const char *path, char params[64]) {
  struct opened o;
  const struct composition none = {.base = {NULL}};
  open_model(path, &none, false, 1, &o);
  snprintf(params, 64, "{\"budget\": %llu}",
           (unsigned long long)(o.rt.weights.resident_bytes / 10 * 9));
  close_model(&o);
}

static void check_exact(const char *path) {
  char budget[64];
  weight_budget(path, budget);
  const struct member streamed = {"placement_stream", budget};
  const struct composition exact[] = {{.with = {&paged, &streamed}},
                                      {.base = {&fuse}, .with = {&paged, &streamed}}};
  for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
    for (int generated = 0; generated < 2; generated++) {
      int64_t n;
      double tolerance;
      float *plain =
          logits_of(path, &exact[i], false, 2, 10, 2, generated == 1, &n, &tolerance);
      float *changed =
          logits_of(path, &exact[i], true, 2, 10, 2, generated == 1, &n, &tolerance);
      assert_memory_equal(changed, plain, (size_t)n * sizeof *plain);
      free(plain);
      free(changed);
    }
}

static const char *const tiny[] = {
    "tiny-llama",   "tiny-llama-tied", "tiny-gpt2",        "tiny-gpt2-tied", "tiny-mistral",
    "tiny-mixtral", "tiny-qwen2moe",   "tiny-qwen3",       "tiny-neox",      "tiny-phi2",
    "tiny-phi3",    "tiny-gemma2",     "tiny-gemma3-list", "tiny-stablelm2", "tiny-qwen2",
    "tiny-opt",     "tiny-qwen3moe"};

static void over_models(void (*check)(const char *path)) {
  for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
    char name[128];
    snprintf(name, sizeof name, "tests/data/models/%s.gguf", tiny[i]);
    char *path = testing_source(name);
    check(path);
    free(path);
  }
  char *shipped = testing_source("models/kjv-2m-f16.gguf");
  if (access(shipped, R_OK) == 0) check(shipped);
  free(shipped);
}

static void logits_stay_within_the_declared_tolerance(void **state) {
  (void)state;
  over_models(check_tolerance);
}

static void cuts_of_the_batch_change_no_bit_under_tolerant_strategies(void **state) {
  (void)state;
  over_models(check_cuts);
}

static void exact_strategies_change_no_bit(void **state) {
  (void)state;
  over_models(check_exact);
}

/* The matrices of experts go by the ring like any other. */
static void experts_are_streamed(void **state) {
  (void)state;
  char *path = testing_source("tests/data/models/tiny-mixtral.gguf"), budget[64];
  weight_budget(path, budget);
  const struct member streamed = {"placement_stream", budget};
  const struct composition c = {.with = {&streamed}};
  struct opened o;
  open_model(path, &c, true, 1, &o);
  int found = 0;
  for (int32_t i = 0; i < o.rt.program.n_ops; i++) {
    const struct program_op *op = &o.rt.program.ops[i];
    found += op->node->op == RIDGE_OP_EXPERT_MATMUL && op->streamed;
  }
  assert_true(found > 0);
  close_model(&o);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(logits_stay_within_the_declared_tolerance),
      cmocka_unit_test(cuts_of_the_batch_change_no_bit_under_tolerant_strategies),
      cmocka_unit_test(exact_strategies_change_no_bit),
      cmocka_unit_test(experts_are_streamed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
