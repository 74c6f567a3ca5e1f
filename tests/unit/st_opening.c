/*
 * st_opening.c - format.safetensors: which facts and tensors a directory gives, for
 * each type of model, and that each way of being damaged has its sentence.
 */
#include "testing.h"

#include "unit/st_making.h"

#include <math.h>

/* ---- a small model of each type ------------------------------------------------ */

static void config(struct made_dir *d, const char *type, const char *more) {
  char text[2048];
  snprintf(text, sizeof text,
           "{\"model_type\": \"%s\", \"num_hidden_layers\": 1, \"hidden_size\": 8, "
           "\"num_attention_heads\": 2, \"max_position_embeddings\": 32, "
           "\"intermediate_size\": 12, \"vocab_size\": 5%s%s}",
           type, more[0] != 0 ? ", " : "", more);
  made_text(d, "config.json", text);
}

static void llama_like(struct made_dir *d, bool head) {
  static const struct {
    const char *name;
    size_t rows, cols;
  } rows[] = {
      {"model.embed_tokens.weight", 5, 8},
      {"model.norm.weight", 0, 8},
      {"model.layers.0.input_layernorm.weight", 0, 8},
      {"model.layers.0.self_attn.q_proj.weight", 8, 8},
      {"model.layers.0.self_attn.k_proj.weight", 8, 8},
      {"model.layers.0.self_attn.v_proj.weight", 8, 8},
      {"model.layers.0.self_attn.o_proj.weight", 8, 8},
      {"model.layers.0.post_attention_layernorm.weight", 0, 8},
      {"model.layers.0.mlp.gate_proj.weight", 12, 8},
      {"model.layers.0.mlp.up_proj.weight", 12, 8},
      {"model.layers.0.mlp.down_proj.weight", 8, 12},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    made_counting(d, rows[i].name, rows[i].rows, rows[i].cols);
  if (head) made_counting(d, "lm_head.weight", 5, 8);
}

static void small(struct made_dir *d, const char *type, const char *more) {
  made_new(d);
  llama_like(d, true);
  made_weights(d, "model.safetensors");
  config(d, type, more);
}

static void opens(struct made_dir *d) {
  if (made_open(d) != RIDGE_OK) fail_msg("%s", d->text);
}

static int64_t whole(const struct made_dir *d, const char *key) {
  const ridge_fact *fact = made_fact(d, key);
  if (fact == NULL) fail_msg("no %s", key);
  assert_int_equal(fact->type, RIDGE_FACT_INT);
  return fact->value.i;
}

static void is_real(const struct made_dir *d, const char *key, double wanted) {
  const ridge_fact *fact = made_fact(d, key);
  if (fact == NULL) fail_msg("no %s", key);
  assert_int_equal(fact->type, RIDGE_FACT_REAL);
  if (fabs(fact->value.r - wanted) > 1e-6 * fabs(wanted))
    fail_msg("%s is %g, not %g", key, fact->value.r, wanted);
}

static void is_text(const struct made_dir *d, const char *key, const char *wanted) {
  const ridge_fact *fact = made_fact(d, key);
  if (fact == NULL) fail_msg("no %s", key);
  assert_int_equal(fact->type, RIDGE_FACT_TEXT);
  assert_int_equal(fact->value.text.size, strlen(wanted));
  assert_memory_equal(fact->value.text.data, wanted, strlen(wanted));
}

static float value(const struct made_dir *d, const char *name, size_t i) {
  const ridge_file_tensor *t = made_named(d, name);
  float out;
  if (t == NULL) fail_msg("no %s", name);
  assert_string_equal(t->codec, "f32");
  assert_true(4 * i + 4 <= t->bytes);
  memcpy(&out, made_at(d, t) + 4 * i, 4);
  return out;
}

static void done(struct made_dir *d) {
  made_close(d);
  assert_int_equal(d->alive, 0);
  made_drop(d);
}

static void a_llama_directory_has_gguf_names_and_keys(void **state) {
  (void)state;
  struct made_dir d;
  small(&d, "llama", "\"num_key_value_heads\": 2, \"rms_norm_eps\": 1e-5");
  opens(&d);
  is_text(&d, "general.architecture", "llama");
  is_text(&d, "general.name", "made");
  is_text(&d, "ridge.rope.pairing", "halves");
  assert_int_equal(whole(&d, "llama.block_count"), 1);
  assert_int_equal(whole(&d, "llama.embedding_length"), 8);
  assert_int_equal(whole(&d, "llama.feed_forward_length"), 12);
  assert_int_equal(whole(&d, "llama.attention.head_count"), 2);
  assert_int_equal(whole(&d, "llama.attention.head_count_kv"), 2);
  assert_int_equal(whole(&d, "llama.context_length"), 32);
  assert_int_equal(whole(&d, "llama.rope.dimension_count"), 4);
  is_real(&d, "llama.attention.layer_norm_rms_epsilon", 1e-5);
  is_real(&d, "llama.rope.freq_base", 10000);
  assert_int_equal(d.model.n_tensors, 12);
  const ridge_file_tensor *down = made_named(&d, "blk.0.ffn_down.weight");
  assert_null(down->data); /* where it is mapped */
  assert_int_equal(down->file, 0);
  assert_int_equal(down->dims[0], 8);
  assert_int_equal(down->dims[1], 12);
  assert_true(value(&d, "blk.0.attn_q.weight", 63) == 64);
  assert_true(value(&d, "output.weight", 39) == 40);
  assert_null(made_fact(&d, "llama.attention.sliding_window"));
  done(&d);
}

static void a_tied_head_is_left_out_and_a_missing_one_is_refused(void **state) {
  (void)state;
  struct made_dir d;
  small(&d, "llama", "\"tie_word_embeddings\": true");
  opens(&d);
  assert_null(made_named(&d, "output.weight"));
  done(&d);
  made_new(&d);
  llama_like(&d, false);
  made_weights(&d, "model.safetensors");
  config(&d, "llama", "");
  assert_int_equal(made_open(&d), RIDGE_CORRUPT);
  assert_non_null(strstr(d.text, "tie_word_embeddings"));
  made_drop(&d);
}

static void a_window_is_a_fact_where_the_type_has_one(void **state) {
  (void)state;
  struct made_dir d;
  small(&d, "mistral", "\"sliding_window\": 16");
  opens(&d);
  assert_int_equal(whole(&d, "llama.attention.sliding_window"), 16);
  done(&d);
  small(&d, "mistral", "\"sliding_window\": null");
  opens(&d);
  assert_null(made_fact(&d, "llama.attention.sliding_window"));
  done(&d);
  small(&d, "qwen2", "\"sliding_window\": 16, \"use_sliding_window\": false");
  opens(&d);
  assert_null(made_fact(&d, "qwen2.attention.sliding_window"));
  done(&d);
  small(&d, "qwen2", "\"use_sliding_window\": true");
  assert_int_equal(made_open(&d), RIDGE_UNSUPPORTED);
  assert_non_null(strstr(d.text, "use_sliding_window"));
  made_drop(&d);
}

/* ---- positions ----------------------------------------------------------------- */

static void scaling_is_told_in_ggufs_words(void **state) {
  (void)state;
  struct made_dir d;
  small(&d, "llama", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}");
  opens(&d);
  is_text(&d, "llama.rope.scaling.type", "linear");
  is_real(&d, "llama.rope.scaling.factor", 4);
  done(&d);
  small(&d, "qwen2",
        "\"rope_theta\": 1000000.0, \"rope_scaling\": {\"rope_type\": \"yarn\", "
        "\"factor\": 4.0, \"original_max_position_embeddings\": 8, "
        "\"attention_factor\": 2.0}");
  opens(&d);
  is_text(&d, "qwen2.rope.scaling.type", "yarn");
  is_real(&d, "qwen2.rope.freq_base", 1e6);
  is_real(&d, "qwen2.rope.scaling.attn_factor", 2 / (1 + 0.1 * log(4)));
  assert_int_equal(whole(&d, "qwen2.rope.scaling.original_context_length"), 8);
  done(&d);
  small(&d, "llama",
        "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 500.0}");
  opens(&d);
  is_real(&d, "llama.rope.freq_base", 500);
  assert_null(made_fact(&d, "llama.rope.scaling.type"));
  done(&d);
  small(&d, "llama", "\"rope_scaling\": {\"type\": \"spiral\", \"factor\": 4}");
  assert_int_equal(made_open(&d), RIDGE_UNSUPPORTED);
  assert_non_null(strstr(d.text, "`spiral`"));
  made_drop(&d);
}

/* By Llama 3.1's rule: base 10000, 4 dimensions: waves of 6.28 and 628 positions; in
 * 100 positions they turn 15.9 and 0.159 times. */
static void llama3_factors_become_a_tensor(void **state) {
  (void)state;
  struct made_dir d;
  small(&d, "llama",
        "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, "
        "\"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
        "\"original_max_position_embeddings\": 100}");
  opens(&d);
  const ridge_file_tensor *t = made_named(&d, "rope_freqs.weight");
  assert_non_null(t);
  assert_int_equal(t->dims[0], 2);
  assert_true(value(&d, "rope_freqs.weight", 0) == 1);
  assert_true(value(&d, "rope_freqs.weight", 1) == 8);
  done(&d);
  small(&d, "llama",
        "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, "
        "\"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
        "\"original_max_position_embeddings\": 1256.6370614359173}");
  opens(&d); /* the second turns twice: a third of the way from 1 to 4 */
  double wanted = 1 / ((1 - 1.0 / 3) / 8 + 1.0 / 3);
  assert_true(fabs(value(&d, "rope_freqs.weight", 1) - wanted) < 1e-5);
  done(&d);
}

static void phi3_factors_become_two_tensors(void **state) {
  (void)state;
  struct made_dir d;
  made_new(&d);
  made_counting(&d, "model.embed_tokens.weight", 5, 8);
  made_counting(&d, "model.layers.0.self_attn.qkv_proj.weight", 24, 8);
  made_counting(&d, "model.layers.0.mlp.gate_up_proj.weight", 24, 8);
  made_counting(&d, "lm_head.weight", 5, 8);
  made_weights(&d, "model.safetensors");
  config(&d, "phi3",
         "\"original_max_position_embeddings\": 8, \"sliding_window\": 7, "
         "\"rope_scaling\": {\"type\": \"longrope\", \"long_factor\": [1.5, 2.5], "
         "\"short_factor\": [1, 1.25]}");
  opens(&d);
  is_text(&d, "phi3.rope.scaling.type", "longrope");
  is_real(&d, "phi3.rope.scaling.attn_factor", sqrt(1 + log(4) / log(8)));
  assert_int_equal(whole(&d, "phi3.attention.sliding_window"), 7);
  assert_true(value(&d, "rope_factors_long.weight", 1) == 2.5f);
  assert_true(value(&d, "rope_factors_short.weight", 1) == 1.25f);
  assert_non_null(made_named(&d, "blk.0.attn_qkv.weight"));
  assert_int_equal(made_named(&d, "blk.0.ffn_up.weight")->dims[0], 24);
  done(&d);
}

/* ---- weights of another form --------------------------------------------------- */

static void gpt2_matrices_are_turned(void **state) {
  (void)state;
  for (int head = 0; head < 2; head++) {
    struct made_dir d;
    made_new(&d);
    made_counting(&d, head ? "transformer.wte.weight" : "wte.weight", 5, 8);
    made_counting(
        &d, head ? "transformer.h.0.attn.c_attn.weight" : "h.0.attn.c_attn.weight", 8, 24);
    made_counting(&d, head ? "transformer.h.0.attn.c_attn.bias" : "h.0.attn.c_attn.bias", 0,
                  24);
    made_counting(&d, head ? "transformer.h.0.attn.bias" : "h.0.attn.bias", 4, 4);
    made_weights(&d, "model.safetensors");
    made_text(&d, "config.json",
              "{\"model_type\":\"gpt2\",\"n_layer\":1,\"n_embd\":8,\"n_head\":2,"
              "\"n_positions\":32,\"layer_norm_epsilon\":1e-5}");
    opens(&d);
    assert_int_equal(whole(&d, "gpt2.feed_forward_length"), 32);
    assert_int_equal(whole(&d, "gpt2.context_length"), 32);
    is_real(&d, "gpt2.attention.layer_norm_epsilon", 1e-5);
    assert_null(made_fact(&d, "ridge.rope.pairing"));
    const ridge_file_tensor *qkv = made_named(&d, "blk.0.attn_qkv.weight");
    assert_int_equal(qkv->dims[0], 24);
    assert_int_equal(qkv->dims[1], 8);
    assert_true(value(&d, "blk.0.attn_qkv.weight", 1) == 25); /* was row 1, column 0 */
    assert_true(value(&d, "blk.0.attn_qkv.bias", 23) == 24);
    assert_int_equal(d.model.n_tensors, 3);
    done(&d);
  }
}

static void neox_rows_are_sorted_by_what_they_are(void **state) {
  (void)state;
  struct made_dir d;
  made_new(&d);
  made_counting(&d, "gpt_neox.embed_in.weight", 5, 8);
  made_counting(&d, "gpt_neox.layers.0.attention.query_key_value.weight", 24, 8);
  made_counting(&d, "gpt_neox.layers.0.attention.query_key_value.bias", 0, 24);
  made_counting(&d, "embed_out.weight", 5, 8);
  made_weights(&d, "model.safetensors");
  config(&d, "gpt_neox", "\"rotary_pct\": 0.5, \"use_parallel_residual\": false");
  opens(&d);
  is_text(&d, "general.architecture", "gptneox");
  assert_int_equal(whole(&d, "gptneox.rope.dimension_count"), 2);
  assert_int_equal(whole(&d, "gptneox.use_parallel_residual"), 0);
  /* head 1's queries were rows 12 to 15, head 0's keys rows 4 to 7 */
  assert_true(value(&d, "blk.0.attn_qkv.weight", 4 * 8) == 12 * 8 + 1);
  assert_true(value(&d, "blk.0.attn_qkv.weight", 8 * 8) == 4 * 8 + 1);
  assert_true(value(&d, "blk.0.attn_qkv.bias", 4) == 13);
  assert_true(value(&d, "blk.0.attn_qkv.bias", 8) == 5);
  done(&d);
}

static void gemmas_norms_count_from_one(void **state) {
  (void)state;
  struct made_dir d;
  made_new(&d);
  made_counting(&d, "language_model.model.embed_tokens.weight", 5, 8);
  made_counting(&d, "language_model.model.layers.0.input_layernorm.weight", 0, 8);
  made_counting(&d, "language_model.model.layers.0.post_attention_layernorm.weight", 0, 8);
  made_counting(&d, "language_model.model.layers.0.pre_feedforward_layernorm.weight", 0, 8);
  made_counting(&d, "language_model.model.layers.0.mlp.up_proj.weight", 12, 8);
  made_counting(&d, "vision_tower.vision_model.embeddings.weight", 3, 3);
  made_weights(&d, "model.safetensors");
  made_text(&d, "config.json",
            "{\"model_type\":\"gemma3\",\"text_config\":{\"model_type\":\"gemma3_text\","
            "\"num_hidden_layers\":2,\"hidden_size\":8,\"intermediate_size\":12,"
            "\"rope_scaling\":{\"factor\":8.0,\"rope_type\":\"linear\"},"
            "\"rope_local_base_freq\":10000.0,\"sliding_window\":1024,"
            "\"layer_types\":[\"sliding_attention\",\"full_attention\"],"
            "\"query_pre_attn_scalar\":64,\"head_dim\":4}}");
  opens(&d);
  is_text(&d, "general.architecture", "gemma3");
  assert_int_equal(whole(&d, "gemma3.attention.head_count"), 8);
  assert_int_equal(whole(&d, "gemma3.attention.key_length"), 4);
  assert_int_equal(whole(&d, "gemma3.context_length"), 131072);
  is_real(&d, "gemma3.attention.scale", 1.0 / 8);
  is_real(&d, "gemma3.rope.freq_base", 1e6);
  is_real(&d, "gemma3.rope.freq_base_swa", 1e4);
  const ridge_fact *pattern = made_fact(&d, "gemma3.attention.sliding_window_pattern");
  assert_int_equal(pattern->count, 2);
  assert_int_equal(pattern->value.ints[0], 1);
  assert_int_equal(pattern->value.ints[1], 0);
  assert_true(value(&d, "blk.0.attn_norm.weight", 0) == 2);
  assert_true(value(&d, "blk.0.post_attention_norm.weight", 1) == 3);
  assert_true(value(&d, "blk.0.ffn_norm.weight", 7) == 9);
  assert_true(value(&d, "blk.0.ffn_up.weight", 0) == 1);
  assert_int_equal(d.model.n_tensors, 5);
  done(&d);
}

static void experts(struct made_dir *d, int n, const char *type) {
  bool mixtral = strcmp(type, "mixtral") == 0;
  made_new(d);
  made_counting(d, "model.embed_tokens.weight", 5, 8);
  made_counting(d, "lm_head.weight", 5, 8);
  for (int i = 0; i < n; i++) {
    char name[96];
    float values[6];
    for (int k = 0; k < 6; k++) values[k] = (float)(100 * i + k);
    snprintf(name, sizeof name,
             mixtral ? "model.layers.0.block_sparse_moe.experts.%d.w1.weight"
                     : "model.layers.0.mlp.experts.%d.gate_proj.weight",
             i);
    made_tensor(d, name, "F32", "2, 3", values, sizeof values);
  }
  if (!mixtral) made_counting(d, "model.layers.0.mlp.shared_expert_gate.weight", 1, 8);
  made_weights(d, "model.safetensors");
}

static void experts_are_put_together(void **state) {
  (void)state;
  struct made_dir d;
  experts(&d, 12, "mixtral");
  config(&d, "mixtral", "\"num_local_experts\": 12, \"num_experts_per_tok\": 2");
  opens(&d);
  const ridge_file_tensor *stack = made_named(&d, "blk.0.ffn_gate_exps.weight");
  assert_int_equal(stack->rank, 3);
  assert_int_equal(stack->dims[0], 12);
  assert_int_equal(stack->dims[1], 2);
  assert_int_equal(stack->dims[2], 3);
  for (size_t i = 0; i < 12; i++)
    assert_true(value(&d, "blk.0.ffn_gate_exps.weight", 6 * i + 5) == (float)(100 * i + 5));
  assert_int_equal(whole(&d, "llama.expert_count"), 12);
  is_real(&d, "llama.rope.freq_base", 1e6);
  done(&d);
  experts(&d, 3, "qwen2_moe");
  config(&d, "qwen2_moe",
         "\"num_experts\": 3, \"num_experts_per_tok\": 2, \"moe_intermediate_size\": 2, "
         "\"shared_expert_intermediate_size\": 20, \"norm_topk_prob\": false");
  opens(&d);
  assert_int_equal(whole(&d, "qwen2moe.expert_feed_forward_length"), 2);
  assert_int_equal(whole(&d, "qwen2moe.expert_shared_feed_forward_length"), 20);
  assert_int_equal(whole(&d, "qwen2moe.expert_weights_norm"), 0);
  assert_int_equal(made_named(&d, "blk.0.ffn_gate_inp_shexp.weight")->rank, 1);
  done(&d);
}

static void experts_have_to_be_as_many_as_the_config_says(void **state) {
  (void)state;
  static const int there[] = {3, 5};
  for (size_t i = 0; i < 2; i++) {
    struct made_dir d;
    experts(&d, there[i], "mixtral");
    config(&d, "mixtral", "\"num_local_experts\": 4, \"num_experts_per_tok\": 2");
    assert_int_equal(made_open(&d), RIDGE_CORRUPT);
    assert_non_null(strstr(d.text, i == 0 ? "experts.3." : "experts.4."));
    assert_int_equal(d.alive, 0);
    made_drop(&d);
  }
}

/* Vectors of narrow types become F32; matrices stay, of whatever type. */
static void narrow_vectors_are_widened_exactly(void **state) {
  (void)state;
  static const uint16_t halves[8] = {0x3c00, 0xc000, 0x0001, 0x7bff,
                                     0x8000, 0x03ff, 0x0400, 0x3555};
  static const uint16_t brains[8] = {0x3f80, 0xc000, 0x0001, 0x7f7f,
                                     0x8000, 0x3eab, 0x4049, 0x0080};
  static const float wide[2][8] = {
      {1, -2, 0x1p-24f, 65504, -0.0f, 0x3ffp-24f, 0x1p-14f, 0x1.554p-2f},
      {1, -2, 0x1p-133f, 0x1.fep127f, -0.0f, 0x1.56p-2f, 0x1.92p1f, 0x1p-126f}};
  for (int brain = 0; brain < 2; brain++) {
    struct made_dir d;
    made_new(&d);
    made_counting(&d, "model.embed_tokens.weight", 5, 8);
    made_tensor(&d, "model.norm.weight", brain ? "BF16" : "F16", "8",
                brain ? brains : halves, 16);
    made_tensor(&d, "lm_head.weight", brain ? "BF16" : "F16", "1, 8",
                brain ? brains : halves, 16);
    made_weights(&d, "model.safetensors");
    config(&d, "llama", "");
    opens(&d);
    for (size_t i = 0; i < 8; i++) {
      float got = value(&d, "output_norm.weight", i);
      assert_memory_equal(&got, &wide[brain][i], 4);
    }
    assert_string_equal(made_named(&d, "output.weight")->codec, brain ? "bf16" : "f16");
    assert_null(made_named(&d, "output.weight")->data);
    done(&d);
  }
}

/* ---- several files ------------------------------------------------------------- */

static void two_files(struct made_dir *d) {
  made_new(d);
  made_text(d, "model.safetensors.index.json",
            "{\"metadata\":{\"total_size\":1},\"weight_map\":{"
            "\"model.embed_tokens.weight\":\"model-00001-of-00002.safetensors\","
            "\"lm_head.weight\":\"model-00002-of-00002.safetensors\"}}");
  made_counting(d, "model.embed_tokens.weight", 5, 8);
  made_weights(d, "model-00001-of-00002.safetensors");
  made_counting(d, "lm_head.weight", 5, 8);
  made_weights(d, "model-00002-of-00002.safetensors");
  config(d, "llama", "");
}

static void an_index_leads_to_all_files(void **state) {
  (void)state;
  struct made_dir d;
  two_files(&d);
  opens(&d);
  assert_int_equal(made_named(&d, "token_embd.weight")->file, 1);
  assert_int_equal(made_named(&d, "output.weight")->file, 2);
  assert_true(value(&d, "output.weight", 39) == 40);
  done(&d);
}

static void an_index_and_its_files_have_to_agree(void **state) {
  (void)state;
  static const struct {
    const char *index, *says;
  } rows[] = {
      {"{\"weight_map\":{\"model.embed_tokens.weight\":\"model-00003.safetensors\"}}",
       "not beside it"},
      {"{\"weight_map\":{\"a\":\"../model.safetensors\"}}", "leads out"},
      {"{\"weight_map\":{\"a\":\"config.json\"}}", "*.safetensors"},
      {"{\"weight_map\":{\"a\":7}}", "*.safetensors"},
      {"{\"weight_map\":{}}", "weight_map"},
      {"{\"map\":{}}", "weight_map"},
      {"{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\"}}", "tensor a"},
      {"{\"weight_map\":{\"a\":\"b\\u0000.safetensors\"}}", "NUL"},
      {"{\"weight_map\":{\"model.embed_tokens.weight\":\"model-00001-of-00002."
       "safetensors\","
       "\"model.embed_tokens.weight\":\"model-00002-of-00002.safetensors\"}}",
       "twice"},
      {"{\"a\":1", "closed"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct made_dir d;
    two_files(&d);
    made_text(&d, "model.safetensors.index.json", rows[i].index);
    assert_int_not_equal(made_open(&d), RIDGE_OK);
    if (strstr(d.text, rows[i].says) == NULL) fail_msg("%s: %s", rows[i].index, d.text);
    assert_int_equal(d.alive, 0);
    made_drop(&d);
  }
}

/* ---- damage -------------------------------------------------------------------- */

/* Headers with 16 bytes of data behind them. */
static void each_damage_of_a_header_has_its_sentence(void **state) {
  (void)state;
#define T(name, dtype, shape, place)                                                       \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" place "}"
  static const struct {
    const char *header, *says;
  } rows[] = {
      {"{" T("a", "F32", "[4]", "[0,16]") "} x", "after the end"},
      {"[]", "an array"},
      {"{\"a\":1}", "no object"},
      {"{" T("a", "F4", "[4]", "[0,16]") "}", "`F4`"},
      {"{" T("a", "F32", "[5]", "[0,16]") "}", "need 20"},
      {"{" T("a", "F32", "[4]", "[0,20]") "}", "cut short"},
      {"{" T("a", "F32", "[4]", "[16,0]") "}", "16 to 0"},
      {"{" T("a", "F32", "[2]", "[0,8]") "}", "belong to none"},
      {"{" T("a", "F32", "[2]", "[8,16]") "}", "beyond the end"},
      {"{" T("a", "F32", "[3]", "[0,12]") "," T("b", "F32", "[3]", "[4,16]") "}",
       "starts before"},
      {"{" T("a", "F32", "[4]", "[0,16]") "," T("a", "F32", "[0]", "[0,0]") "}", "twice"},
      {"{" T("a", "F32", "[-1]", "[0,16]") "}", "dimension"},
      {"{" T("a", "F32", "[1.5]", "[0,16]") "}", "dimension"},
      {"{" T("a", "F32", "[9007199254740993]", "[0,16]") "}", "2^53"},
      {"{" T("a", "F32", "[4294967296,4294967296,4]", "[0,16]") "}", "counted"},
      {"{" T("a", "F32", "[4]", "[0,9007199254740993]") "}", "2^53"},
      {"{" T("a", "F32", "[4]", "[0]") "}", "data_offsets"},
      {"{" T("a", "F32", "4", "[0,16]") "}", "shape"},
      {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]") "}", "8 dimensions"},
      {"{\"a\":{\"shape\":[4],\"data_offsets\":[0,16]}}", "dtype"},
      {"{" T("", "F32", "[4]", "[0,16]") "}", "a name has"},
      {"{" T("a\\u0000b", "F32", "[4]", "[0,16]") "}", "control byte"},
      {"{" T("a\xff", "F32", "[4]", "[0,16]") "}", "UTF-8"},
      {"{" T("a\xc0\x80", "F32", "[4]", "[0,16]") "}", "UTF-8"},
      {"{" T("\\ud800", "F32", "[4]", "[0,16]") "}", "escape"},
      {"{\"__metadata__\":{\"a\":1}," T("a", "F32", "[4]", "[0,16]") "}", "__metadata__"},
      {"{" T("nowhere.weight", "F32", "[4]", "[0,16]") "}", "nowhere.weight"},
      {"{" T("model.norm.weight", "F64", "[2]", "[0,16]") "}", "stored as F64"},
      {"{" T("model.norm.weight", "F32", "[]", "[0,4]") "," T("lm_head.weight", "F32",
                                                              "[1,3]", "[4,16]") "}",
       "0 dimensions"},
  };
  static const uint8_t data[16];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct made_dir d;
    made_new(&d);
    made_whole(&d, "model.safetensors", rows[i].header, strlen(rows[i].header), data, 16);
    config(&d, "llama", "");
    assert_int_not_equal(made_open(&d), RIDGE_OK);
    if (strstr(d.text, rows[i].says) == NULL) fail_msg("%s: %s", rows[i].header, d.text);
    assert_int_equal(d.alive, 0);
    made_drop(&d);
  }
}

static void a_headers_length_is_not_believed(void **state) {
  (void)state;
  static const uint64_t lengths[] = {0,         1,          17,         1u << 20,
                                     100000001, 0xffffffff, UINT64_MAX, UINT64_MAX - 7};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct made_dir d;
    uint8_t bytes[24] = {0};
    made_new(&d);
    memcpy(bytes, &lengths[i], 8);
    bytes[8] = '{';
    bytes[9] = '}';
    made_file(&d, "model.safetensors", bytes, sizeof bytes);
    config(&d, "llama", "");
    assert_int_equal(made_open(&d), RIDGE_CORRUPT);
    assert_int_equal(d.alive, 0);
    made_drop(&d);
  }
}

static void nesting_has_a_bound(void **state) {
  (void)state;
  struct made_dir d;
  char deep[40000];
  made_new(&d);
  memset(deep, '[', sizeof deep);
  memcpy(deep, "{\"a\":", 5);
  made_whole(&d, "model.safetensors", deep, sizeof deep, "", 0);
  config(&d, "llama", "");
  assert_int_equal(made_open(&d), RIDGE_CORRUPT);
  assert_non_null(strstr(d.text, "64 deep"));
  made_drop(&d);
}

static void what_config_lacks_or_has_wrong_is_named(void **state) {
  (void)state;
  static const struct {
    const char *config, *says;
  } rows[] = {
      {"{}", "model_type"},
      {"[]", "an array"},
      {"", "ends where a value"},
      {"{\"model_type\":\"mamba\"}", "`mamba`"},
      {"{\"model_type\":\"llama\"}", "num_hidden_layers"},
      {"{\"model_type\":\"llama\",\"num_hidden_layers\":\"1\"}",
       "is a text; a whole number"},
      {"{\"model_type\":\"llama\",\"hidden_act\":\"gelu\"}", "`hidden_act` is gelu"},
      {"{\"model_type\":\"opt\",\"do_layer_norm_before\":false}", "do_layer_norm_before"},
      {"{\"model_type\":\"llama\",\"quantization_config\":{\"quant_method\":\"awq\"}}",
       "(awq)"},
      {"{\"model_type\":\"llama\",\"num_hidden_layers\":1,\"hidden_size\":8,"
       "\"num_attention_heads\":0,\"max_position_embeddings\":9,\"intermediate_size\":9}",
       "0 heads"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct made_dir d;
    small(&d, "llama", "");
    made_text(&d, "config.json", rows[i].config);
    assert_int_not_equal(made_open(&d), RIDGE_OK);
    if (strstr(d.text, rows[i].says) == NULL) fail_msg("%s: %s", rows[i].config, d.text);
    made_drop(&d);
  }
  struct made_dir d;
  made_new(&d);
  llama_like(&d, true);
  made_weights(&d, "model.safetensors");
  assert_int_equal(made_open(&d), RIDGE_IO);
  assert_non_null(strstr(d.text, "config.json"));
  made_drop(&d);
}

static void any_allocation_may_fail(void **state) {
  (void)state;
  bool opened = false;
  for (int64_t n = 0; !opened; n++) {
    struct made_dir d;
    small(&d, "llama", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}");
    d.fail_from = n;
    ridge_status status = made_open(&d);
    opened = status == RIDGE_OK;
    if (opened) made_close(&d);
    if (!opened) {
      assert_int_equal(status, RIDGE_NO_MEMORY);
      assert_true(d.text[0] != 0);
    }
    assert_int_equal(d.alive, 0);
    made_drop(&d);
    assert_true(n < 1000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_llama_directory_has_gguf_names_and_keys),
      cmocka_unit_test(a_tied_head_is_left_out_and_a_missing_one_is_refused),
      cmocka_unit_test(a_window_is_a_fact_where_the_type_has_one),
      cmocka_unit_test(scaling_is_told_in_ggufs_words),
      cmocka_unit_test(llama3_factors_become_a_tensor),
      cmocka_unit_test(phi3_factors_become_two_tensors),
      cmocka_unit_test(gpt2_matrices_are_turned),
      cmocka_unit_test(neox_rows_are_sorted_by_what_they_are),
      cmocka_unit_test(gemmas_norms_count_from_one),
      cmocka_unit_test(experts_are_put_together),
      cmocka_unit_test(experts_have_to_be_as_many_as_the_config_says),
      cmocka_unit_test(narrow_vectors_are_widened_exactly),
      cmocka_unit_test(an_index_leads_to_all_files),
      cmocka_unit_test(an_index_and_its_files_have_to_agree),
      cmocka_unit_test(each_damage_of_a_header_has_its_sentence),
      cmocka_unit_test(a_headers_length_is_not_believed),
      cmocka_unit_test(nesting_has_a_bound),
      cmocka_unit_test(what_config_lacks_or_has_wrong_is_named),
      cmocka_unit_test(any_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
