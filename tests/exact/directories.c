/*
 * directories.c - the same model as a directory of safetensors files: the logits are
 * those of the independent computation that the GGUF file of it is checked against, and
 * so are those of the GGUF file that `ridge convert` makes of the directory.
 *
 * Directories are written here, from the GGUF files in tests/data/models, by tables of
 * their own that go the other way: names, orders of rows and columns, experts taken
 * apart.
 */
#include "parts.h"

#include "engine/runtime.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, VOCAB = 64, SHARDS = 2 };

/* ---- tables ------------------------------------------------------------------------- */

enum how { SAME, HALVES, TURNED, BY_HEAD, LESS_ONE, APART };
struct name {
  const char *from, *to; /* "#": the layer, "%": which part */
  enum how how;
};

#define L "model.layers.#."
static const struct name llama[] = {
    {"token_embd", "model.embed_tokens", SAME},
    {"output_norm", "model.norm", SAME},
    {"output", "lm_head", SAME},
    {"blk.#.attn_norm", L "input_layernorm", SAME},
    {"blk.#.attn_q", L "self_attn.q_proj", SAME},
    {"blk.#.attn_k", L "self_attn.k_proj", SAME},
    {"blk.#.attn_v", L "self_attn.v_proj", SAME},
    {"blk.#.attn_qkv", L "self_attn.qkv_proj", SAME},
    {"blk.#.attn_q_norm", L "self_attn.q_norm", SAME},
    {"blk.#.attn_k_norm", L "self_attn.k_norm", SAME},
    {"blk.#.attn_output", L "self_attn.o_proj", SAME},
    {"blk.#.ffn_norm", L "post_attention_layernorm", SAME},
    {"blk.#.ffn_gate", L "mlp.gate_proj", SAME},
    {"blk.#.ffn_up", L "mlp.up_proj", SAME},
    {"blk.#.ffn_down", L "mlp.down_proj", SAME},
    {"blk.#.ffn_gate_inp", L "mlp.gate", SAME},
    {"blk.#.ffn_gate_exps", L "mlp.experts.%.gate_proj", APART},
    {"blk.#.ffn_up_exps", L "mlp.experts.%.up_proj", APART},
    {"blk.#.ffn_down_exps", L "mlp.experts.%.down_proj", APART},
    {"blk.#.ffn_gate_inp_shexp", L "mlp.shared_expert_gate", SAME},
    {"blk.#.ffn_gate_shexp", L "mlp.shared_expert.gate_proj", SAME},
    {"blk.#.ffn_up_shexp", L "mlp.shared_expert.up_proj", SAME},
    {"blk.#.ffn_down_shexp", L "mlp.shared_expert.down_proj", SAME},
    {NULL, NULL, SAME}};
static const struct name paired[] = {{"blk.#.attn_q", L "self_attn.q_proj", HALVES},
                                     {"blk.#.attn_k", L "self_attn.k_proj", HALVES},
                                     {NULL, NULL, SAME}};
static const struct name mixtral[] = {
    {"blk.#.ffn_gate_inp", L "block_sparse_moe.gate", SAME},
    {"blk.#.ffn_gate_exps", L "block_sparse_moe.experts.%.w1", APART},
    {"blk.#.ffn_up_exps", L "block_sparse_moe.experts.%.w3", APART},
    {"blk.#.ffn_down_exps", L "block_sparse_moe.experts.%.w2", APART},
    {NULL, NULL, SAME}};
static const struct name phi3[] = {{"blk.#.ffn_up", L "mlp.gate_up_proj", SAME},
                                   {NULL, NULL, SAME}};
static const struct name gemma[] = {
    {"output_norm", "model.norm", LESS_ONE},
    {"blk.#.attn_norm", L "input_layernorm", LESS_ONE},
    {"blk.#.attn_q_norm", L "self_attn.q_norm", LESS_ONE},
    {"blk.#.attn_k_norm", L "self_attn.k_norm", LESS_ONE},
    {"blk.#.post_attention_norm", L "post_attention_layernorm", LESS_ONE},
    {"blk.#.ffn_norm", L "pre_feedforward_layernorm", LESS_ONE},
    {"blk.#.post_ffw_norm", L "post_feedforward_layernorm", LESS_ONE},
    {NULL, NULL, SAME}};
static const struct name stablelm[] = {
    {"blk.#.attn_q_norm", L "self_attn.q_layernorm.norms.%", APART},
    {"blk.#.attn_k_norm", L "self_attn.k_layernorm.norms.%", APART},
    {NULL, NULL, SAME}};
static const struct name gpt2[] = {
    {"token_embd", "transformer.wte", SAME},
    {"position_embd", "transformer.wpe", SAME},
    {"output_norm", "transformer.ln_f", SAME},
    {"output", "lm_head", SAME},
    {"blk.#.attn_norm", "transformer.h.#.ln_1", SAME},
    {"blk.#.attn_qkv", "transformer.h.#.attn.c_attn", TURNED},
    {"blk.#.attn_output", "transformer.h.#.attn.c_proj", TURNED},
    {"blk.#.ffn_norm", "transformer.h.#.ln_2", SAME},
    {"blk.#.ffn_up", "transformer.h.#.mlp.c_fc", TURNED},
    {"blk.#.ffn_down", "transformer.h.#.mlp.c_proj", TURNED},
    {NULL, NULL, SAME}};
#define O "model.decoder.layers.#."
static const struct name opt[] = {{"token_embd", "model.decoder.embed_tokens", SAME},
                                  {"position_embd", "model.decoder.embed_positions", SAME},
                                  {"output_norm", "model.decoder.final_layer_norm", SAME},
                                  {"output", "lm_head", SAME},
                                  {"blk.#.attn_norm", O "self_attn_layer_norm", SAME},
                                  {"blk.#.attn_q", O "self_attn.q_proj", SAME},
                                  {"blk.#.attn_k", O "self_attn.k_proj", SAME},
                                  {"blk.#.attn_v", O "self_attn.v_proj", SAME},
                                  {"blk.#.attn_output", O "self_attn.out_proj", SAME},
                                  {"blk.#.ffn_norm", O "final_layer_norm", SAME},
                                  {"blk.#.ffn_up", O "fc1", SAME},
                                  {"blk.#.ffn_down", O "fc2", SAME},
                                  {NULL, NULL, SAME}};
#define N "gpt_neox.layers.#."
static const struct name neox[] = {
    {"token_embd", "gpt_neox.embed_in", SAME},
    {"output_norm", "gpt_neox.final_layer_norm", SAME},
    {"output", "embed_out", SAME},
    {"blk.#.attn_norm", N "input_layernorm", SAME},
    {"blk.#.attn_qkv", N "attention.query_key_value", BY_HEAD},
    {"blk.#.attn_output", N "attention.dense", SAME},
    {"blk.#.ffn_norm", N "post_attention_layernorm", SAME},
    {"blk.#.ffn_up", N "mlp.dense_h_to_4h", SAME},
    {"blk.#.ffn_down", N "mlp.dense_4h_to_h", SAME},
    {NULL, NULL, SAME}};
static const struct name phi[] = {{"output_norm", "model.final_layernorm", SAME},
                                  {"blk.#.attn_output", L "self_attn.dense", SAME},
                                  {"blk.#.ffn_up", L "mlp.fc1", SAME},
                                  {"blk.#.ffn_down", L "mlp.fc2", SAME},
                                  {NULL, NULL, SAME}};

/* `more`: what config.json says beyond what the facts tell. */
static const struct model {
  const char *file, *type;
  const struct name *names[3];
  const char *more;
} models[] = {
    {"tiny-llama", "llama", {paired, llama}, ""},
    {"tiny-llama-tied", "llama", {paired, llama}, ""},
    {"tiny-llama3",
     "llama",
     {paired, llama},
     ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,"
     "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":32}"},
    {"tiny-llama-linear", "llama", {paired, llama}, NULL},
    {"tiny-llama-yarn", "llama", {paired, llama}, NULL},
    {"tiny-llama-halves", "llama", {llama}, ""},
    {"tiny-mistral", "mistral", {paired, llama}, ""},
    {"tiny-mixtral", "mixtral", {paired, mixtral, llama}, ""},
    {"tiny-qwen2", "qwen2", {llama}, ""},
    {"tiny-qwen2moe", "qwen2_moe", {llama}, ",\"norm_topk_prob\":false"},
    {"tiny-qwen3", "qwen3", {llama}, ""},
    {"tiny-qwen3moe", "qwen3_moe", {llama}, ",\"norm_topk_prob\":true"},
    {"tiny-gpt2", "gpt2", {gpt2}, ",\"tie_word_embeddings\":false"},
    {"tiny-gpt2-tied", "gpt2", {gpt2}, ""},
    {"tiny-opt", "opt", {opt}, ""},
    {"tiny-neox", "gpt_neox", {neox}, ""},
    {"tiny-neox-sequential", "gpt_neox", {neox}, ""},
    {"tiny-phi2", "phi", {phi, llama}, ""},
    {"tiny-phi3", "phi3", {phi3, llama}, NULL},
    {"tiny-gemma2", "gemma2", {gemma, llama}, ",\"query_pre_attn_scalar\":12"},
    {"tiny-gemma3",
     "gemma3_text",
     {gemma, llama},
     ",\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":8.0},"
     "\"rope_local_base_freq\":10000.0,\"query_pre_attn_scalar\":16"},
    {"tiny-stablelm", "stablelm", {llama}, ",\"use_parallel_residual\":false"},
    {"tiny-stablelm2",
     "stablelm",
     {stablelm, llama},
     ",\"use_parallel_residual\":true,\"qk_layernorm\":true"},
};

static const struct {
  const char *fact, *config;
} numbers[] = {
    {"block_count", "num_hidden_layers"},
    {"embedding_length", "hidden_size"},
    {"context_length", "max_position_embeddings"},
    {"feed_forward_length", "intermediate_size"},
    {"feed_forward_length", "n_inner"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"attention.sliding_window", "sliding_window"},
    {"attn_logit_softcapping", "attn_logit_softcapping"},
    {"final_logit_softcapping", "final_logit_softcapping"},
    {"rope.freq_base", "rope_theta"},
    {"expert_count", "num_experts"},
    {"expert_count", "num_local_experts"},
    {"expert_used_count", "num_experts_per_tok"},
    {"expert_feed_forward_length", "moe_intermediate_size"},
    {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
};

/* ---- writing ------------------------------------------------------------------------- */

struct writing {
  const struct model *model;
  const struct source *source;
  const char *dir;
  json_t *map; /* of the index */
  struct {
    json_t *head;
    uint8_t *data;
    size_t size;
  } shards[SHARDS];
  int turn;
};

static const ridge_fact *fact_of(const struct writing *w, const char *field) {
  char key[128];
  const ridge_fact *arch = source_fact(w->source, "general.architecture");
  snprintf(key, sizeof key, "%.*s.%s", (int)arch->value.text.size,
           (const char *)arch->value.text.data, field);
  return source_fact(w->source, key);
}

static int64_t int_of(const struct writing *w, const char *field) {
  const ridge_fact *fact = fact_of(w, field);
  return fact == NULL ? 0 : fact->value.i;
}

static double real_of(const struct writing *w, const char *field) {
  const ridge_fact *fact = fact_of(w, field);
  assert_non_null(fact);
  return fact->value.r;
}

static json_t *factors(const struct writing *w, const char *name) {
  const ridge_file_tensor *t = source_tensor(w->source, name);
  json_t *list = json_array();
  for (int64_t i = 0; i < t->dims[0]; i++) {
    float value;
    memcpy(&value, source_data(w->source, t) + 4 * i, 4);
    json_array_append_new(list, json_real((double)value));
  }
  return list;
}

/* Where `more` is NULL: from the facts. */
static json_t *scaling(const struct writing *w) {
  const ridge_fact *type = fact_of(w, "rope.scaling.type");
  json_t *out = json_object();
  json_object_set_new(
      out, "rope_type",
      json_stringn((const char *)type->value.text.data, (size_t)type->value.text.size));
  if (fact_of(w, "rope.scaling.factor") != NULL)
    json_object_set_new(out, "factor", json_real(real_of(w, "rope.scaling.factor")));
  if (fact_of(w, "rope.scaling.original_context_length") != NULL)
    json_object_set_new(out, "original_max_position_embeddings",
                        json_integer(int_of(w, "rope.scaling.original_context_length")));
  if (source_tensor(w->source, "rope_factors_long.weight") != NULL) {
    json_object_set_new(out, "long_factor", factors(w, "rope_factors_long.weight"));
    json_object_set_new(out, "short_factor", factors(w, "rope_factors_short.weight"));
  }
  if (fact_of(w, "rope.scaling.attn_factor") == NULL) return out;
  double amplitude = real_of(w, "rope.scaling.attn_factor");
  if (fact_of(w, "rope.scaling.factor") != NULL)
    amplitude *= 1 + 0.1 * log(real_of(w, "rope.scaling.factor"));
  json_object_set_new(out, "attention_factor", json_real(amplitude));
  return out;
}

static void write_config(const struct writing *w) {
  char text[1024], path[400];
  snprintf(text, sizeof text, "{\"model_type\":\"%s\",\"tie_word_embeddings\":%s%s}",
           w->model->type,
           source_tensor(w->source, "output.weight") == NULL ? "true" : "false",
           w->model->more != NULL ? w->model->more : "");
  json_t *config = json_loads(text, 0, NULL);
  assert_non_null(config);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const ridge_fact *fact = fact_of(w, numbers[i].fact);
    if (fact == NULL) continue;
    json_object_set_new(config, numbers[i].config,
                        fact->type == RIDGE_FACT_INT ? json_integer(fact->value.i)
                                                     : json_real(fact->value.r));
  }
  const ridge_fact *parallel = fact_of(w, "use_parallel_residual");
  if (parallel != NULL)
    json_object_set_new(config, "use_parallel_residual", json_boolean(parallel->value.i));
  int64_t dims = int_of(w, "rope.dimension_count"),
          head = int_of(w, "attention.key_length");
  if (head == 0) head = int_of(w, "embedding_length") / int_of(w, "attention.head_count");
  if (dims > 0)
    json_object_set_new(config, "partial_rotary_factor",
                        json_real((double)dims / (double)head));
  if (w->model->more == NULL) json_object_set_new(config, "rope_scaling", scaling(w));
  snprintf(path, sizeof path, "%s/config.json", w->dir);
  assert_int_equal(json_dump_file(config, path, 0), 0);
  json_decref(config);
}

/* The files' vocabulary: unknown, begin, end, the blank, and sixty characters. */
static void write_tokenizer(const struct writing *w) {
  char path[400];
  const ridge_fact *tokens = source_fact(w->source, "tokenizer.ggml.tokens");
  json_t *vocab = json_object();
  for (uint64_t i = 0; i < tokens->count; i++) {
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)tokens->value.texts[i].size,
             (const char *)tokens->value.texts[i].data);
    json_object_set_new(vocab, text, json_integer((json_int_t)i));
  }
  json_t *all = json_pack("{s:[], s:{s:s, s:s, s:o, s:[]}}", "added_tokens", "model",
                          "type", "BPE", "unk_token", "<unk>", "vocab", vocab, "merges");
  snprintf(path, sizeof path, "%s/tokenizer.json", w->dir);
  assert_int_equal(json_dump_file(all, path, 0), 0);
  json_decref(all);
}

/* Takes turns between the files. */
static void put_tensor(struct writing *w, const char *name, const char *dtype,
                       const int64_t *dims, uint32_t rank, const void *data, size_t size) {
  int turn = w->turn++ % SHARDS;
  char file[64];
  json_t *shape = json_array();
  for (uint32_t i = 0; i < rank; i++) json_array_append_new(shape, json_integer(dims[i]));
  size_t at = w->shards[turn].size;
  json_object_set_new(w->shards[turn].head, name,
                      json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape,
                                "data_offsets", (json_int_t)at, (json_int_t)(at + size)));
  w->shards[turn].data = realloc(w->shards[turn].data, at + size + 1);
  memcpy(w->shards[turn].data + at, data, size);
  w->shards[turn].size += size;
  snprintf(file, sizeof file, "model-%05d-of-%05d.safetensors", turn + 1, SHARDS);
  json_object_set_new(w->map, name, json_string(file));
}

static void write_shards(struct writing *w) {
  char path[400];
  for (int i = 0; i < SHARDS; i++) {
    snprintf(path, sizeof path, "%s/model-%05d-of-%05d.safetensors", w->dir, i + 1, SHARDS);
    char *head = json_dumps(w->shards[i].head, JSON_COMPACT);
    uint64_t length = strlen(head);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(&length, 8, 1, file);
    fwrite(head, 1, length, file);
    fwrite(w->shards[i].data, 1, w->shards[i].size, file);
    fclose(file);
    free(head);
    free(w->shards[i].data);
    json_decref(w->shards[i].head);
  }
  json_t *index = json_pack("{s:{}, s:o}", "metadata", "weight_map", w->map);
  snprintf(path, sizeof path, "%s/model.safetensors.index.json", w->dir);
  assert_int_equal(json_dump_file(index, path, 0), 0);
  json_decref(index);
}

/* ---- the other order ------------------------------------------------------------------
 */

/* Row `to` of the directory's matrix is which row of the file's? */
static int64_t row_from(const struct writing *w, enum how how, const ridge_file_tensor *t,
                        int64_t to) {
  int64_t heads = int_of(w, "attention.head_count");
  if (how == HALVES) {
    int64_t dim = int_of(w, "embedding_length") / heads, in = to % dim;
    return to - in + (in < dim / 2 ? 2 * in : 2 * (in - dim / 2) + 1);
  }
  if (how != BY_HEAD) return to;
  int64_t dim = t->dims[0] / 3 / heads, h = to / (3 * dim), k = to / dim % 3;
  return k * heads * dim + h * dim + to % dim;
}

static void put_changed(struct writing *w, const char *name, const ridge_file_tensor *t,
                        enum how how) {
  const uint8_t *from = source_data(w->source, t);
  uint64_t count = 1;
  for (uint32_t i = 0; i < t->rank; i++) count *= (uint64_t)t->dims[i];
  uint64_t size = t->bytes / count;
  uint64_t rows = (uint64_t)t->dims[0], cols = count / rows;
  uint8_t *to = malloc(t->bytes);
  int64_t dims[4];
  memcpy(dims, t->dims, sizeof dims);
  bool turned = how == TURNED && t->rank == 2;
  for (uint64_t r = 0; r < rows; r++) {
    uint64_t row = (uint64_t)row_from(w, how, t, (int64_t)r);
    for (uint64_t c = 0; c < cols; c++)
      memcpy(to + (turned ? c * rows + r : r * cols + c) * size,
             from + (row * cols + c) * size, size);
  }
  if (turned) {
    dims[0] = t->dims[1];
    dims[1] = t->dims[0];
  }
  for (uint64_t i = 0; how == LESS_ONE && i < count; i++) {
    float value;
    memcpy(&value, to + 4 * i, 4);
    value -= 1;
    memcpy(to + 4 * i, &value, 4);
  }
  put_tensor(w, name, size == 4 ? "F32" : "F16", dims, t->rank, to, t->bytes);
  free(to);
}

static void put_apart(struct writing *w, const char *pattern, const ridge_file_tensor *t) {
  const uint8_t *from = source_data(w->source, t);
  uint64_t part = t->bytes / (uint64_t)t->dims[0];
  const char *mark = strchr(pattern, '%');
  bool wide = strcmp(t->codec, "f32") == 0;
  for (int64_t i = 0; i < t->dims[0]; i++) {
    char name[160];
    snprintf(name, sizeof name, "%.*s%lld%s", (int)(mark - pattern), pattern, (long long)i,
             mark + 1);
    put_tensor(w, name, wide ? "F32" : "F16", t->dims + 1, t->rank - 1,
               from + (uint64_t)i * part, part);
  }
}

/* "blk.#.x" against "blk.3.x.weight". */
static const char *fits(const char *name, const char *pattern, int *layer) {
  for (; *pattern != 0; pattern++) {
    if (*pattern != '#') {
      if (*pattern != *name++) return NULL;
      continue;
    }
    char *end;
    *layer = (int)strtol(name, &end, 10);
    name = end;
  }
  return *name == '.' ? name : NULL;
}

static void spell(const char *pattern, int layer, const char *suffix, char to[160]) {
  const char *mark = strchr(pattern, '#');
  if (mark == NULL)
    snprintf(to, 160, "%s%s", pattern, suffix);
  else
    snprintf(to, 160, "%.*s%d%s%s", (int)(mark - pattern), pattern, layer, mark + 1,
             suffix);
}

static void write_tensor(struct writing *w, const ridge_file_tensor *t) {
  if (strncmp(t->name, "rope_", 5) == 0) return; /* from config.json */
  for (int k = 0; k < 3 && w->model->names[k] != NULL; k++)
    for (const struct name *row = w->model->names[k]; row->from != NULL; row++) {
      int layer = 0;
      char name[160];
      const char *suffix = fits(t->name, row->from, &layer);
      if (suffix == NULL || strchr(suffix + 1, '.') != NULL) continue;
      spell(row->to, layer, suffix, name);
      if (row->how == APART)
        put_apart(w, name, t);
      else
        put_changed(w, name, t, row->how);
      return;
    }
  fail_msg("%s: no name for %s", w->model->file, t->name);
}

/* ---- running --------------------------------------------------------------------------
 */

static void write_directory(const struct model *model, struct instances *plugins,
                            const char *dir) {
  char name[128];
  struct source source;
  struct why why = {{0}};
  snprintf(name, sizeof name, "tests/data/models/%s.gguf", model->file);
  char *path = testing_source(name);
  if (source_open(path, plugins, &source, &why) != RIDGE_OK) fail_msg("%s", why.text);
  struct writing w = {.model = model, .source = &source, .dir = dir, .map = json_object()};
  for (int i = 0; i < SHARDS; i++) w.shards[i].head = json_object();
  for (uint64_t i = 0; i < source.file.n_tensors; i++)
    write_tensor(&w, &source.file.tensors[i]);
  write_shards(&w);
  write_config(&w);
  write_tokenizer(&w);
  source_close(&source);
  free(path);
}

static int64_t read_tokens(const char *model, json_t **all, int32_t *tokens) {
  char name[128];
  snprintf(name, sizeof name, "tests/data/models/%s.json", model);
  char *path = testing_source(name);
  *all = json_load_file(path, 0, NULL);
  assert_non_null(*all);
  free(path);
  json_t *list = json_object_get(*all, "tokens");
  for (size_t i = 0; i < json_array_size(list); i++)
    tokens[i] = (int32_t)json_integer_value(json_array_get(list, i));
  return (int64_t)json_array_size(list);
}

static double worst_difference(const float *logits, const json_t *all, int64_t n) {
  double worst = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < VOCAB; k++) {
      const json_t *row = json_array_get(json_object_get(all, "logits"), (size_t)i);
      double difference = fabs((double)logits[i * VOCAB + k] -
                               json_number_value(json_array_get(row, (size_t)k)));
      if (!(difference <= worst)) worst = difference;
    }
  return worst;
}

static double run(const char *model, struct instances *plugins, const char *dir) {
  int32_t token[MOST], position[MOST], sequence[MOST] = {0}, wanted[MOST];
  struct machine machine;
  struct pool *pool;
  struct runtime rt;
  struct why why = {{0}};
  json_t *all;
  int64_t n = read_tokens(model, &all, token);
  machine_read(&machine);
  assert_int_equal(pool_new(1, NULL, &pool, &why), RIDGE_OK);
  struct runtime_spec spec = {.path = dir,
                              .plugins = plugins,
                              .machine = &machine,
                              .cache_codec = "f32",
                              .slots = 1,
                              .rows = MOST,
                              .wanted = MOST,
                              .threads = 1};
  ridge_status status = runtime_open(&spec, &rt, &why);
  if (status == RIDGE_OK) status = runtime_plan(&rt, &why);
  if (status == RIDGE_OK) status = runtime_load(&rt, pool, NULL, NULL, &why);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
  const int32_t *blocks = cache_table(&rt.cache, 0);
  for (int32_t i = 0; i < n; i++) position[i] = wanted[i] = i;
  ridge_batch batch = {.struct_size = sizeof batch,
                       .token = token,
                       .position = position,
                       .sequence = sequence,
                       .blocks = &blocks,
                       .sequences = 1,
                       .block_tokens = rt.cache.layout.block_tokens,
                       .wanted = wanted,
                       .rows = n,
                       .wanted_rows = n,
                       .prompt_rows = n,
                       .wanted_prompt = n};
  const float *logits = runtime_step(&rt, &batch, &why);
  assert_non_null(logits);
  double worst = worst_difference(logits, all, n);
  json_decref(all);
  runtime_close(&rt);
  pool_free(pool);
  return worst;
}

/* What `ridge convert` writes of the directory has no fact that only ridge reads. */
static double run_converted(const char *model, struct instances *plugins, const char *dir) {
  char path[400];
  snprintf(path, sizeof path, "%s/whole.gguf", dir);
  struct testing_output o =
      testing_ridge((const char *[]){"convert", dir, path, "--to=f32", NULL});
  if (o.exit != 0) fail_msg("%s: exit %d: %s", model, o.exit, o.err);
  testing_output_free(&o);
  return run(model, plugins, path);
}

static void a_directory_and_its_conversion_compute_what_its_gguf_file_does(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    struct instances plugins = {.close_files = true};
    struct why why = {{0}};
    char *dir = testing_scratch();
    testing_add_part(&plugins, "gguf");
    testing_add_part(&plugins, "safetensors");
    testing_add_part(&plugins, "portable");
    assert_int_equal(instances_create(&plugins, &why), RIDGE_OK);
    write_directory(&models[i], &plugins, dir);
    double worst = run(models[i].file, &plugins, dir);
    double converted = run_converted(models[i].file, &plugins, dir);
    print_message("%-22s largest difference %.2e, as one GGUF file %.2e\n", models[i].file,
                  worst, converted);
    assert_true(worst < 1e-4);
    assert_true(converted < 1e-4);
    instances_free(&plugins);
    testing_remove(dir);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_directory_and_its_conversion_compute_what_its_gguf_file_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
