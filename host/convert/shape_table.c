/* shape_table.c - well-known shapes, and what the kinds of models have in common. */
#include "convert/shape.h"

#include <string.h>

static const struct shape_kind kinds[] = {
    {"llama", "llama", 1e4, 1e-5, .gated = true},
    {"qwen2", "qwen2", 1e6, 1e-6, .tied = true, .gated = true, .qkv_bias = true},
    {"qwen2moe", "qwen2", 1e6, 1e-6, .gated = true, .qkv_bias = true, .experts = true},
    {"qwen3", "qwen2", 1e6, 1e-6, .tied = true, .gated = true, .head_norms = true},
    {"qwen3moe", "qwen2", 1e6, 1e-6, .gated = true, .head_norms = true, .experts = true},
    {"gpt2", "gpt-2", 1e4, 1e-5, .tied = true, .layernorm = true, .positions = true,
     .joined_qkv = true, .qkv_bias = true, .out_bias = true},
    {"opt", "gpt-2", 1e4, 1e-5, .tied = true, .layernorm = true, .positions = true,
     .first_row = 2, .qkv_bias = true, .out_bias = true},
    {"gptneox", "olmo", 1e4, 1e-5, .layernorm = true, .rope_parts = 4, .joined_qkv = true,
     .qkv_bias = true, .out_bias = true},
    {"phi2", "gpt-2", 1e4, 1e-5, .layernorm = true, .rope_parts = 2, .joined_qkv = true,
     .qkv_bias = true, .out_bias = true, .one_norm = true, .head_bias = true},
    {"phi3", "llama", 1e4, 1e-5, .gated = true, .joined_qkv = true, .joined_gate = true},
    {"gemma2", "llama", 1e4, 1e-6, .tied = true, .gated = true, .post_norms = true},
    {"gemma3", "llama", 1e6, 1e-6, .tied = true, .gated = true, .post_norms = true,
     .head_norms = true},
    {"stablelm", "gpt-2", 1e4, 1e-5, .layernorm = true, .rope_parts = 4, .gated = true,
     .qkv_bias = true},
};

/* From the models' own config.json.  llama-3.2-1b is without its rope scaling, phi-3-mini
 * without its window's list of layers, which changes no speed. */
/* clang-format off */
static const struct shape shapes[] = {
    {"tinyllama-1.1b", "llama", "llama", 22, 2048, 32, 4, 64, 5632, 32000, 2048, 1e4, 1e-5, false, .used = 0},
    {"llama-160m", "llama", "llama", 12, 768, 12, 12, 64, 3072, 32000, 2048, 1e4, 1e-6, false, .used = 0},
    {"llama-3.2-1b", "llama", "llama-bpe", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 5e5, 1e-5, true, .used = 0},
    {"mixtral-8x7b", "llama", "llama", 32, 4096, 32, 8, 128, 14336, 32000, 32768, 1e6, 1e-5, false, .experts = 8, .used = 2},
    {"smollm2-135m", "llama", "smollm", 30, 576, 9, 3, 64, 1536, 49152, 8192, 1e5, 1e-5, true, .used = 0},
    {"smollm2-360m", "llama", "smollm", 32, 960, 15, 5, 64, 2560, 49152, 8192, 1e5, 1e-5, true, .used = 0},
    {"qwen2.5-0.5b", "qwen2", "qwen2", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1e6, 1e-6, true, .used = 0},
    {"qwen1.5-moe-a2.7b", "qwen2moe", "qwen2", 24, 2048, 16, 16, 128, 5632, 151936, 8192, 1e6, 1e-6, false, .experts = 60, .used = 4, .expert_ffn = 1408, .shared_ffn = 5632},
    {"qwen3-0.6b", "qwen3", "qwen2", 28, 1024, 16, 8, 128, 3072, 151936, 40960, 1e6, 1e-6, true, .used = 0},
    {"qwen3-30b-a3b", "qwen3moe", "qwen2", 48, 2048, 32, 4, 128, 6144, 151936, 40960, 1e6, 1e-6, false, .experts = 128, .used = 8, .expert_ffn = 768},
    {"gpt2-124m", "gpt2", "gpt-2", 12, 768, 12, 12, 64, 3072, 50257, 1024, 1e4, 1e-5, true, .used = 0},
    {"opt-125m", "opt", "gpt-2", 12, 768, 12, 12, 64, 3072, 50272, 2048, 1e4, 1e-5, true, .used = 0},
    {"pythia-160m", "gptneox", "olmo", 12, 768, 12, 12, 64, 3072, 50304, 2048, 1e4, 1e-5, false, .used = 0},
    {"phi-2", "phi2", "gpt-2", 32, 2560, 32, 32, 80, 10240, 51200, 2048, 1e4, 1e-5, false, .rope_dims = 32},
    {"phi-3-mini", "phi3", "llama", 32, 3072, 32, 32, 96, 8192, 32064, 4096, 1e4, 1e-5, false, .window = 2047},
    {"gemma-2-2b", "gemma2", "llama", 26, 2304, 8, 4, 256, 9216, 256000, 8192, 1e4, 1e-6, true, .window = 4096},
    {"gemma-3-270m", "gemma3", "llama", 18, 640, 4, 1, 256, 2048, 262144, 32768, 1e6, 1e-6, true, .window = 512},
    {"gemma-3-1b", "gemma3", "llama", 26, 1152, 4, 1, 256, 6912, 262144, 32768, 1e6, 1e-6, true, .window = 512},
    {"stablelm-2-1.6b", "stablelm", "gpt-2", 24, 2048, 32, 32, 64, 5632, 100352, 4096, 1e4, 1e-5, false, .used = 0},
#define TINY(arch, words, heads, ffn, base, eps, tied) \
    "tiny-" arch, arch, words, 2, 256, 4, heads, 64, ffn, 1000, 512, base, eps, tied
    {TINY("llama", "llama", 2, 512, 1e4, 1e-5, false), .used = 0},
    {TINY("qwen2", "qwen2", 2, 512, 1e6, 1e-6, true), .used = 0},
    {TINY("qwen2moe", "qwen2", 2, 512, 1e6, 1e-6, false), .experts = 8, .used = 2, .expert_ffn = 128, .shared_ffn = 256},
    {TINY("qwen3", "qwen2", 2, 512, 1e6, 1e-6, true), .used = 0},
    {TINY("qwen3moe", "qwen2", 2, 512, 1e6, 1e-6, false), .experts = 8, .used = 2, .expert_ffn = 128},
    {TINY("gpt2", "gpt-2", 4, 1024, 1e4, 1e-5, true), .used = 0},
    {TINY("opt", "gpt-2", 4, 1024, 1e4, 1e-5, true), .used = 0},
    {TINY("gptneox", "olmo", 4, 1024, 1e4, 1e-5, false), .used = 0},
    {TINY("phi2", "gpt-2", 4, 1024, 1e4, 1e-5, false), .used = 0},
    {TINY("phi3", "llama", 4, 512, 1e4, 1e-5, false), .used = 0},
    {TINY("gemma2", "llama", 2, 512, 1e4, 1e-6, true), .window = 128},
    {TINY("gemma3", "llama", 1, 512, 1e6, 1e-6, true), .window = 128},
    {TINY("stablelm", "gpt-2", 4, 512, 1e4, 1e-5, false), .used = 0},
};
/* clang-format on */

const struct shape *shape_at(size_t i) {
  return i < sizeof shapes / sizeof *shapes ? &shapes[i] : NULL;
}

const struct shape_kind *shape_kind_at(size_t i) {
  return i < sizeof kinds / sizeof *kinds ? &kinds[i] : NULL;
}

const struct shape_kind *shape_kind_of(const char *arch) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].arch, arch) == 0) return &kinds[i];
  return NULL;
}

/* ---- how many numbers ---- */

static int64_t layer_weights(const struct shape *s, const struct shape_kind *kind) {
  const int64_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
  const int64_t gates = kind->gated ? 3 : 2;
  const int64_t width = s->expert_ffn > 0 ? s->expert_ffn : s->ffn;
  const int64_t ffn = s->experts > 0
                          ? s->experts * (gates * width + 1) + gates * s->shared_ffn
                          : gates * s->ffn;
  return s->dim * (2 * q + 2 * kv + ffn);
}

int64_t shape_weights(const struct shape *s) {
  return s->layers * layer_weights(s, shape_kind_of(s->arch)) +
         s->vocab * s->dim * (s->tied ? 1 : 2);
}
