/*
 * model_facts.c - model files whose parts are well-formed and whose numbers lie: each is
 * refused with one sentence that names the file, none is believed, none crashes.
 *
 * Works on copies of tests/data/models/tiny-*.gguf with bytes changed in place.
 */
#include "parts.h"
#include "random.h"

#include "engine/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
  uint8_t *data;
  size_t size;
};

static struct bytes original(const char *model) {
  char name[128];
  snprintf(name, sizeof name, "tests/data/models/%s.gguf", model);
  char *path = testing_source(name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  struct bytes bytes = {malloc(1 << 20), 0};
  bytes.size = fread(bytes.data, 1, 1 << 20, file);
  fclose(file);
  free(path);
  return bytes;
}

static uint8_t *find(const struct bytes *bytes, const char *text) {
  uint8_t *at = memmem(bytes->data, bytes->size, text, strlen(text));
  assert_non_null(at);
  return at;
}

/* A value of four bytes after a key and its type. */
static void set_value(struct bytes *bytes, const char *key, const void *value) {
  memcpy(find(bytes, key) + strlen(key) + 4, value, 4);
}

static void set_int(struct bytes *bytes, const char *key, uint32_t value) {
  set_value(bytes, key, &value);
}

static void set_real(struct bytes *bytes, const char *key, float value) {
  set_value(bytes, key, &value);
}

static void rename_text(struct bytes *bytes, const char *from, const char *to) {
  assert_int_equal(strlen(from), strlen(to));
  memcpy(find(bytes, from), to, strlen(to));
}

struct setting_up {
  struct instances plugins;
  struct machine machine;
  char *dir, path[256];
};

static int set_up(void **state) {
  static const char *const parts[] = {"gguf", "portable"};
  struct setting_up *s = calloc(1, sizeof *s);
  struct why why = {{0}};
  machine_read(&s->machine);
  s->plugins.close_files = true;
  for (size_t i = 0; i < 2; i++) testing_add_part(&s->plugins, parts[i]);
  assert_int_equal(instances_create(&s->plugins, &why), RIDGE_OK);
  s->dir = testing_scratch();
  snprintf(s->path, sizeof s->path, "%s/model.gguf", s->dir);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  struct setting_up *s = *state;
  instances_free(&s->plugins);
  testing_remove(s->dir);
  free(s);
  return 0;
}

/* Open and plan the file; what was said. */
static ridge_status try_model(struct setting_up *s, const struct bytes *bytes,
                              struct why *why) {
  FILE *file = fopen(s->path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes->data, 1, bytes->size, file), bytes->size);
  fclose(file);
  struct runtime rt;
  struct runtime_spec spec = {
      .path = s->path,
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
  if (status != RIDGE_OK) return status;
  status = runtime_plan(&rt, why);
  runtime_close(&rt);
  return status;
}

enum kind { INT, REAL, RENAME, TEXT };
struct lie {
  enum kind kind;
  const char *where;
  double value;
  const char *text;  /* RENAME: the new text; TEXT: the new value, as long as the old */
  const char *names; /* what the sentence has to speak of   */
  const char *model; /* NULL: tiny-llama                    */
};
static const struct lie lies[] = {
    {INT, "llama.attention.head_count", 0, NULL, "head_count", NULL},
    {INT, "llama.attention.head_count", 3, NULL, "heads", NULL},
    {INT, "llama.attention.head_count", 4294967295.0, NULL, "head_count", NULL},
    {INT, "llama.attention.head_count_kv", 3, NULL, "heads", NULL},
    {INT, "llama.attention.head_count_kv", 0, NULL, "head_count_kv", NULL},
    {INT, "llama.embedding_length", 0, NULL, "embedding_length", NULL},
    {INT, "llama.embedding_length", 63, NULL, "embedding_length", NULL},
    {INT, "llama.embedding_length", 32, NULL, "dimension_count", NULL},
    {INT, "llama.embedding_length", 2147483648.0, NULL, "embedding_length", NULL},
    {INT, "llama.block_count", 0, NULL, "block_count", NULL},
    {INT, "llama.block_count", 3, NULL, "blk.2.", NULL},
    {INT, "llama.block_count", 1, NULL, "blk.1.", NULL},
    {INT, "llama.block_count", 4294967295.0, NULL, "block_count", NULL},
    {INT, "llama.feed_forward_length", 97, NULL, "ffn", NULL},
    {INT, "llama.feed_forward_length", 0, NULL, "feed_forward", NULL},
    {INT, "llama.context_length", 0, NULL, "context_length", NULL},
    {INT, "llama.rope.dimension_count", 15, NULL, "dimension_count", NULL},
    {INT, "llama.rope.dimension_count", 18, NULL, "dimension_count", NULL},
    {REAL, "llama.rope.freq_base", -1, NULL, "freq_base", NULL},
    {REAL, "llama.rope.freq_base", 1e38, NULL, "freq_base", NULL},
    {REAL, "llama.rope.freq_base", 0.5, NULL, "at least 1", NULL},
    {REAL, "llama.attention.layer_norm_rms_epsilon", 1e38, NULL, "epsilon", NULL},
    {INT, "tokenizer.ggml.bos_token_id", 1000, NULL, "bos_token_id", NULL},
    {RENAME, "blk.1.ffn_up.weight", 0, "blk.1.ffn_uq.weight", "blk.1.ffn_up.weight", NULL},
    {RENAME, "blk.1.ffn_up.weight", 0, "blk.1.ffn_up.weighs", "blk.1.ffn_up.weight", NULL},
    {RENAME, "output_norm.weight", 0, "output_norm.height", "output_norm.weight", NULL},
    {RENAME, "token_embd.weight", 0, "token_emb0.weight", "token_embd.weight", NULL},
    {RENAME, "llama.block_count", 0, "llame.block_count", "block_count", NULL},
    {RENAME, "general.architecture", 0, "general.architektur_", "architecture", NULL},
    {TEXT, "general.architecture", 0, "lloma", "lloma", NULL},
    {INT, "llama.expert_count", 4, NULL, "ffn_gate_inp", "tiny-mixtral"},
    {INT, "llama.expert_count", 0, NULL, "expert_count", "tiny-mixtral"},
    {INT, "llama.expert_count", 4294967295.0, NULL, "expert_count", "tiny-mixtral"},
    {INT, "llama.expert_used_count", 0, NULL, "expert_used_count", "tiny-mixtral"},
    {INT, "llama.expert_used_count", 6, NULL, "expert_used_count", "tiny-mixtral"},
    {INT, "llama.feed_forward_length", 31, NULL, "ffn_gate_exps", "tiny-mixtral"},
    {RENAME, "blk.1.ffn_down_exps", 0, "blk.1.ffn_dawn_exps", "ffn_down_exps",
     "tiny-mixtral"},
    {RENAME, "llama.expert_count", 0, "llama.expert_cuont", "expert_count", "tiny-mixtral"},
    {INT, "qwen2moe.expert_feed_forward_length", 33, NULL, "ffn_gate_exps",
     "tiny-qwen2moe"},
    {INT, "qwen2moe.expert_feed_forward_length", 0, NULL, "expert_feed_forward_length",
     "tiny-qwen2moe"},
    {INT, "qwen2moe.expert_shared_feed_forward_length", 1, NULL, "ffn_gate_shexp",
     "tiny-qwen2moe"},
    {RENAME, "blk.0.ffn_gate_inp_shexp", 0, "blk.0.ffn_gate_inq_shexp",
     "ffn_gate_inq_shexp", "tiny-qwen2moe"},
    {REAL, "gemma2.attn_logit_softcapping", -1, NULL, "attn_logit_softcapping",
     "tiny-gemma2"},
    {REAL, "gemma2.final_logit_softcapping", -30, NULL, "final_logit_softcapping",
     "tiny-gemma2"},
    {INT, "gemma2.attention.sliding_window", 4294967295.0, NULL, "sliding_window",
     "tiny-gemma2"},
    {INT, "gemma2.attention.value_length", 11, NULL, "value_length", "tiny-gemma2"},
    {INT, "gemma2.attention.key_length", 11, NULL, "value_length", "tiny-gemma2"},
    {INT, "gemma2.attention.key_length", 0, NULL, "key_length", "tiny-gemma2"},
    {RENAME, "blk.1.post_ffw_norm", 0, "blk.1.post_fww_norm", "post_fww_norm",
     "tiny-gemma2"},
    {INT, "gemma3.block_count", 4, NULL, "sliding_window_pattern", "tiny-gemma3-list"},
    {REAL, "gemma3.rope.freq_base_swa", 0, NULL, "freq_base_swa", "tiny-gemma3-list"},
    {REAL, "llama.rope.scaling.factor", 0, NULL, "scaling.factor", "tiny-llama-yarn"},
    {REAL, "llama.rope.scaling.factor", -4, NULL, "scaling.factor", "tiny-llama-linear"},
    {REAL, "llama.rope.scaling.attn_factor", 0, NULL, "attn_factor", "tiny-llama-yarn"},
    {REAL, "llama.rope.freq_base", 1, NULL, "yarn", "tiny-llama-yarn"},
    {INT, "llama.rope.scaling.original_context_length", 0, NULL, "original_context_length",
     "tiny-llama-yarn"},
    {TEXT, "llama.rope.scaling.type", 0, "yarm", "yarm", "tiny-llama-yarn"},
    {RENAME, "llama.rope.scaling.factor", 0, "llama.rope.scaling.fuctor", "scaling.factor",
     "tiny-llama-linear"},
    {TEXT, "ridge.rope.pairing", 0, "halved", "pairing", "tiny-llama-halves"},
    {INT, "phi3.rope.dimension_count", 6, NULL, "rope_factors", "tiny-phi3"},
    {INT, "phi3.feed_forward_length", 47, NULL, "ffn_up", "tiny-phi3"},
    {INT, "opt.context_length", 47, NULL, "position_embd", "tiny-opt"},
    {RENAME, "blk.0.attn_q_norm", 0, "blk.0.attn_q_nurm", "attn_q_nurm", "tiny-qwen3"},
    {INT, "stablelm.attention.head_count_kv", 4, NULL, "attn_k", "tiny-stablelm2"},
};

static void tell_lie(struct bytes *bytes, const struct lie *lie) {
  if (lie->kind == INT) set_int(bytes, lie->where, (uint32_t)lie->value);
  if (lie->kind == REAL) set_real(bytes, lie->where, (float)lie->value);
  if (lie->kind == RENAME) rename_text(bytes, lie->where, lie->text);
  if (lie->kind == TEXT) /* behind the type and the length */
    memcpy(find(bytes, lie->where) + strlen(lie->where) + 12, lie->text, strlen(lie->text));
}

static void the_model_as_it_is_is_believed(void **state) {
  struct bytes bytes = original("tiny-llama");
  struct why why = {{0}};
  ridge_status status = try_model(*state, &bytes, &why);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  free(bytes.data);
}

static void each_lie_is_refused_by_name(void **state) {
  struct setting_up *s = *state;
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    struct bytes bytes = original(lies[i].model == NULL ? "tiny-llama" : lies[i].model);
    struct why why = {{0}};
    tell_lie(&bytes, &lies[i]);
    assert_int_not_equal(try_model(s, &bytes, &why), RIDGE_OK);
    if (strstr(why.text, lies[i].names) == NULL || strstr(why.text, s->path) == NULL)
      fail_msg("%s set to %g: \"%s\"", lies[i].where, lies[i].value, why.text);
    free(bytes.data);
  }
}

/* NaN passes most comparisons unharmed; it must not pass these. */
static void numbers_that_are_none_are_refused(void **state) {
  static const struct {
    const char *key, *model;
  } rows[] = {{"llama.rope.freq_base", "tiny-llama"},
              {"llama.attention.layer_norm_rms_epsilon", "tiny-llama"},
              {"llama.rope.scaling.factor", "tiny-llama-yarn"},
              {"llama.rope.scaling.attn_factor", "tiny-llama-yarn"},
              {"gemma2.attn_logit_softcapping", "tiny-gemma2"},
              {"gemma2.final_logit_softcapping", "tiny-gemma2"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct bytes bytes = original(rows[i].model);
    struct why why = {{0}};
    set_int(&bytes, rows[i].key, 0x7fc00000);
    assert_int_not_equal(try_model(*state, &bytes, &why), RIDGE_OK);
    assert_non_null(strstr(why.text, rows[i].key));
    free(bytes.data);
  }
}

static void flipped_bytes_are_opened_or_refused_never_worse(void **state) {
  static const char *const models[] = {"tiny-llama", "tiny-mixtral", "tiny-gemma3-list",
                                       "tiny-phi3", "tiny-stablelm2"};
  uint64_t seed = random_seed();
  int believed = 0, refused = 0;
  const int rounds = (int)random_rounds(1500);
  for (int i = 0; i < rounds; i++) {
    struct bytes bytes = original(models[i % 5]);
    struct why why = {{0}};
    size_t head = 4000; /* facts and tensor descriptions */
    for (uint64_t n = random_next(&seed) % 4 + 1; n > 0; n--)
      bytes.data[random_next(&seed) % head] ^= (uint8_t)(1u << (random_next(&seed) % 8));
    ridge_status status = try_model(*state, &bytes, &why);
    if (status == RIDGE_OK)
      believed++;
    else {
      refused++;
      assert_true(strlen(why.text) > 10);
    }
    free(bytes.data);
  }
  print_message("%d opened, %d refused\n", believed, refused);
  assert_true(refused > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_model_as_it_is_is_believed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(each_lie_is_refused_by_name, set_up, tear_down),
      cmocka_unit_test_setup_teardown(numbers_that_are_none_are_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(flipped_bytes_are_opened_or_refused_never_worse,
                                      set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
