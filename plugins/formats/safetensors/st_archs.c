/*
 * st_archs.c - the model types known and their numbers, as tables.
 *
 * Names on the left are those of config.json and of the weights (huggingface.co's
 * transformers library, modeling_NAME.py); names on the right are GGUF's, as
 * llama.cpp's gguf-py/gguf/constants.py lists them.
 */
#include "st_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------- */

#define INT_KEY(from, to)                                                                  \
  { from, "." to, RIDGE_FACT_INT, true, 0 }
#define MAY_INT(from, to)                                                                  \
  { from, "." to, RIDGE_FACT_INT, false, 0 }
#define REAL_KEY(from, to, else_)                                                          \
  { from, "." to, RIDGE_FACT_REAL, false, else_ }
#define LAST_KEY                                                                           \
  { NULL, NULL, 0, false, 0 }

static const struct st_key common[] = {
    INT_KEY("num_hidden_layers n_layer", "block_count"),
    INT_KEY("hidden_size n_embd", "embedding_length"),
    INT_KEY("num_attention_heads n_head", "attention.head_count"),
    INT_KEY("max_position_embeddings n_positions n_ctx", "context_length"),
    MAY_INT("num_key_value_heads", "attention.head_count_kv"),
    MAY_INT("head_dim", "attention.key_length"),
    MAY_INT("head_dim", "attention.value_length"),
    MAY_INT("vocab_size", "vocab_size"),
    LAST_KEY};

#define FFN      INT_KEY("intermediate_size ffn_dim", "feed_forward_length")
#define RMS(eps) REAL_KEY("rms_norm_eps", "attention.layer_norm_rms_epsilon", eps)
#define NORM(eps)                                                                          \
  REAL_KEY("layer_norm_eps layer_norm_epsilon", "attention.layer_norm_epsilon", eps)

/* clang-format off */
/* Gemma's files leave out what is as the library has it anyway. */
#define ELSE_INT(from, to, else_) {from, "." to, RIDGE_FACT_INT, false, else_}
#define GEMMA_KEYS(context, window)                                                        \
  ELSE_INT("num_attention_heads", "attention.head_count", 8),                              \
  ELSE_INT("num_key_value_heads", "attention.head_count_kv", 4),                           \
  ELSE_INT("head_dim", "attention.key_length", 256),                                       \
  ELSE_INT("head_dim", "attention.value_length", 256),                                     \
  ELSE_INT("max_position_embeddings", "context_length", context),                          \
  ELSE_INT("sliding_window", "attention.sliding_window", window), FFN, RMS(1e-6),          \
  REAL_KEY("attn_logit_softcapping", "attn_logit_softcapping", 0),                         \
  REAL_KEY("final_logit_softcapping", "final_logit_softcapping", 0)
static const struct st_key gemma2_keys[] = {GEMMA_KEYS(8192, 4096), LAST_KEY};
static const struct st_key gemma3_keys[] = {GEMMA_KEYS(131072, 4096), LAST_KEY};

static const struct st_key llama_keys[] = {FFN, RMS(1e-6), LAST_KEY};
static const struct st_key window_keys[] = {
    FFN, RMS(1e-6), MAY_INT("sliding_window", "attention.sliding_window"), LAST_KEY};
static const struct st_key phi3_keys[] = {
    FFN, RMS(1e-5), MAY_INT("sliding_window", "attention.sliding_window"), LAST_KEY};
static const struct st_key mixtral_keys[] = {
    FFN, RMS(1e-5), MAY_INT("sliding_window", "attention.sliding_window"),
    INT_KEY("num_local_experts", "expert_count"),
    INT_KEY("num_experts_per_tok", "expert_used_count"), LAST_KEY};
static const struct st_key qwen_moe_keys[] = {
    FFN, RMS(1e-6),
    INT_KEY("num_experts", "expert_count"),
    INT_KEY("num_experts_per_tok", "expert_used_count"),
    INT_KEY("moe_intermediate_size", "expert_feed_forward_length"),
    MAY_INT("shared_expert_intermediate_size", "expert_shared_feed_forward_length"),
    MAY_INT("norm_topk_prob", "expert_weights_norm"), LAST_KEY};
static const struct st_key norm_keys[] = {FFN, NORM(1e-5), LAST_KEY};
static const struct st_key opt_keys[] = {
    FFN, REAL_KEY("layer_norm_eps", "attention.layer_norm_epsilon", 1e-5), LAST_KEY};
static const struct st_key neox_keys[] = {
    FFN, NORM(1e-5),
    MAY_INT("use_parallel_residual", "use_parallel_residual"), LAST_KEY};
static const struct st_key gpt2_keys[] = {NORM(1e-5), LAST_KEY};
/* ---- what has to be so --------------------------------------------------------- */

#define LAST_WANTED {NULL, NULL}
#define SILU        {"hidden_act", "silu swish"}

static const struct st_wanted llama_wanted[] = {SILU, LAST_WANTED};
static const struct st_wanted qwen_wanted[] = {
    SILU, {"use_sliding_window", "false"}, LAST_WANTED};
static const struct st_wanted qwen_moe_wanted[] = {
    SILU, {"use_sliding_window", "false"}, {"decoder_sparse_step", "1"},
    {"mlp_only_layers", "[]"}, LAST_WANTED};
static const struct st_wanted gpt2_wanted[] = {
    {"activation_function", "gelu_new gelu_pytorch_tanh"},
    {"scale_attn_weights", "true"}, {"scale_attn_by_inverse_layer_idx", "false"},
    {"add_cross_attention", "false"}, LAST_WANTED};
static const struct st_wanted opt_wanted[] = {
    {"activation_function", "relu"}, {"do_layer_norm_before", "true"},
    {"_remove_final_layer_norm", "false"}, {"enable_bias", "true"},
    {"layer_norm_elementwise_affine", "true"}, LAST_WANTED};
static const struct st_wanted neox_wanted[] = {
    {"hidden_act", "gelu"}, {"attention_bias", "true"}, LAST_WANTED};
static const struct st_wanted phi_wanted[] = {
    {"hidden_act", "gelu_new gelu_pytorch_tanh"}, {"qk_layernorm", "false"}, LAST_WANTED};
static const struct st_wanted stablelm_wanted[] = {
    SILU, LAST_WANTED};
static const struct st_wanted gemma_wanted[] = {
    {"hidden_activation", "gelu_pytorch_tanh"}, {"attention_bias", "false"},
    {"use_bidirectional_attention", "false"}, LAST_WANTED};

/* clang-format on */

/* ---- what no table says -------------------------------------------------------- */

static int64_t number_of(const struct st_model *model, const char *key) {
  const ridge_fact *fact = st_fact(model, key);
  return fact != NULL && fact->type == RIDGE_FACT_INT ? fact->value.i : 0;
}

/* n_inner, or four times the width. */
static ridge_status gpt2_more(struct st_model *model) {
  const struct st_value *inner = st_get_set(&model->config, "n_inner");
  int64_t width = number_of(model, ".embedding_length");
  if (inner != NULL && inner->kind != ST_INT)
    return st_fail(model, RIDGE_CORRUPT, "config.json: `n_inner` is no whole number");
  return st_fact_int(model, ".feed_forward_length",
                     inner != NULL ? inner->is.i : 4 * width);
}

/* The smallest one has embeddings of another width, and two matrices more for it. */
static ridge_status opt_more(struct st_model *model) {
  const struct st_value *width = st_get_set(&model->config, "word_embed_proj_dim");
  if (width == NULL ||
      (width->kind == ST_INT && width->is.i == number_of(model, ".embedding_length")))
    return st_fact_int(model, ".do_layer_norm_before", 1);
  return st_fail(model, RIDGE_UNSUPPORTED,
                 "config.json: `word_embed_proj_dim` is not `hidden_size`; embeddings of "
                 "another width than the model's are not known here");
}

/* Which layers have a window: from a list, or every n-th has none. */
static ridge_status window_layers(struct st_model *model) {
  const struct st_value *types = st_get_set(&model->config, "layer_types"),
                        *every = st_get_set(&model->config, "sliding_window_pattern");
  int64_t layers = number_of(model, ".block_count");
  if (types == NULL && every == NULL) return RIDGE_OK;
  if (types == NULL && every->kind == ST_INT && every->is.i >= 0)
    return st_fact_int(model, ".attention.sliding_window_pattern", every->is.i);
  if (types == NULL || types->kind != ST_ARRAY || (int64_t)types->n != layers)
    return st_fail(model, RIDGE_CORRUPT,
                   "config.json: `layer_types` does not name each of the %lld layers",
                   (long long)layers);
  int64_t *local = st_alloc(&model->arena, types->n, sizeof *local);
  if (local == NULL) return st_no_memory(model->host);
  for (uint64_t i = 0; i < types->n; i++) {
    local[i] = st_is(&types->is.items[i], "sliding_attention");
    if (!local[i] && !st_is(&types->is.items[i], "full_attention"))
      return st_fail(model, RIDGE_UNSUPPORTED,
                     "config.json: layer %llu of `layer_types` is neither "
                     "sliding_attention nor full_attention",
                     (unsigned long long)i);
  }
  return st_fact_array(model, ".attention.sliding_window_pattern", RIDGE_FACT_INTS, local,
                       types->n);
}

static ridge_status gemma_more(struct st_model *model) {
  double scalar = 256;
  const struct st_value *given = st_get_set(&model->config, "query_pre_attn_scalar");
  if (given != NULL && (!st_number(given, &scalar) || !(scalar > 0)))
    return st_fail(model, RIDGE_CORRUPT,
                   "config.json: `query_pre_attn_scalar` is no number above 0");
  ridge_status status = st_fact_real(model, ".attention.scale", 1 / sqrt(scalar));
  return status != RIDGE_OK ? status : window_layers(model);
}

/* ---- the rows ------------------------------------------------------------------ */

static const struct st_arch archs[] = {
    {.type = "llama",
     .name = "llama",
     .names = {st_llama_names},
     .keys = {common, llama_keys},
     .wanted = llama_wanted,
     .turning = 1,
     .base = 10000},
    {.type = "mistral",
     .name = "llama",
     .names = {st_llama_names},
     .keys = {common, window_keys},
     .wanted = llama_wanted,
     .turning = 1,
     .base = 10000},
    {.type = "mixtral",
     .name = "llama",
     .names = {st_mixtral_names, st_llama_names},
     .keys = {common, mixtral_keys},
     .wanted = llama_wanted,
     .turning = 1,
     .base = 1e6},
    {.type = "qwen2",
     .name = "qwen2",
     .names = {st_llama_names},
     .keys = {common, llama_keys},
     .wanted = qwen_wanted,
     .turning = 1,
     .base = 10000},
    {.type = "qwen2_moe",
     .name = "qwen2moe",
     .names = {st_qwen_moe_names, st_llama_names},
     .keys = {common, qwen_moe_keys},
     .wanted = qwen_moe_wanted,
     .turning = 1,
     .base = 10000},
    {.type = "qwen3",
     .name = "qwen3",
     .names = {st_llama_names},
     .keys = {common, llama_keys},
     .wanted = qwen_wanted,
     .turning = 1,
     .base = 10000},
    {.type = "qwen3_moe",
     .name = "qwen3moe",
     .names = {st_qwen_moe_names, st_llama_names},
     .keys = {common, qwen_moe_keys},
     .wanted = qwen_moe_wanted,
     .turning = 1,
     .base = 10000},
    {.type = "gpt2",
     .name = "gpt2",
     .names = {st_gpt2_names},
     .keys = {common, gpt2_keys},
     .wanted = gpt2_wanted,
     .tied = true,
     .more = gpt2_more},
    {.type = "opt",
     .name = "opt",
     .names = {st_opt_names},
     .keys = {common, opt_keys},
     .wanted = opt_wanted,
     .tied = true,
     .more = opt_more},
    {.type = "gpt_neox",
     .name = "gptneox",
     .names = {st_neox_names},
     .keys = {common, neox_keys},
     .wanted = neox_wanted,
     .turning = 0.25,
     .base = 10000},
    {.type = "phi",
     .name = "phi2",
     .names = {st_phi_names},
     .keys = {common, norm_keys},
     .wanted = phi_wanted,
     .turning = 0.5,
     .base = 10000},
    {.type = "phi3",
     .name = "phi3",
     .names = {st_phi3_names, st_llama_names},
     .keys = {common, phi3_keys},
     .wanted = llama_wanted,
     .turning = 1,
     .base = 10000,
     .stretched = true},
    {.type = "gemma2",
     .name = "gemma2",
     .names = {st_gemma_names, st_llama_names},
     .keys = {gemma2_keys, common},
     .wanted = gemma_wanted,
     .turning = 1,
     .base = 10000,
     .tied = true,
     .more = gemma_more},
    {.type = "gemma3_text gemma3",
     .name = "gemma3",
     .names = {st_gemma_names, st_llama_names},
     .keys = {gemma3_keys, common},
     .wanted = gemma_wanted,
     .turning = 1,
     .base = 1e6,
     .tied = true,
     .more = gemma_more},
    {.type = "stablelm",
     .name = "stablelm",
     .names = {st_stablelm_names, st_llama_names},
     .keys = {common, norm_keys},
     .wanted = stablelm_wanted,
     .turning = 0.25,
     .base = 10000},
};

static bool lists(const char *names, const struct st_value *name) {
  for (const char *at = names; *at != 0;) {
    uint64_t n = strcspn(at, " ");
    if (n == name->n && memcmp(at, name->is.text, (size_t)n) == 0) return true;
    at += n;
    at += *at == ' ';
  }
  return false;
}

const struct st_arch *st_arch_find(const struct st_value *type) {
  for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
    if (lists(archs[i].type, type)) return &archs[i];
  return NULL;
}

void st_arch_list(char *to, uint64_t room) {
  to[0] = 0;
  for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
    size_t used = strlen(to);
    snprintf(to + used, (size_t)room - used, "%s%s", i > 0 ? ", " : "", archs[i].type);
  }
}
