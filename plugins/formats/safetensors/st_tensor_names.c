/*
 * st_tensor_names.c - how the tensors of each model type are called, there and in GGUF.
 *
 * On the left transformers' names (modeling_NAME.py), on the right those of llama.cpp's
 * gguf-py/gguf/constants.py.  Of two rows that fit, the first counts.
 */
#include "st_parts.h"

/* clang-format off */
#define LAST_NAME {NULL, NULL, ST_KEEP}
#define LAYER     "model.layers.#."

const struct st_name st_llama_names[] = {
    {"model.embed_tokens", "token_embd", ST_KEEP},
    {"model.norm", "output_norm", ST_KEEP},
    {"lm_head", "output", ST_KEEP},
    {LAYER "input_layernorm", "blk.#.attn_norm", ST_KEEP},
    {LAYER "self_attn.q_proj", "blk.#.attn_q", ST_KEEP},
    {LAYER "self_attn.k_proj", "blk.#.attn_k", ST_KEEP},
    {LAYER "self_attn.v_proj", "blk.#.attn_v", ST_KEEP},
    {LAYER "self_attn.o_proj", "blk.#.attn_output", ST_KEEP},
    {LAYER "self_attn.q_norm", "blk.#.attn_q_norm", ST_KEEP},
    {LAYER "self_attn.k_norm", "blk.#.attn_k_norm", ST_KEEP},
    {LAYER "post_attention_layernorm", "blk.#.ffn_norm", ST_KEEP},
    {LAYER "mlp.gate_proj", "blk.#.ffn_gate", ST_KEEP},
    {LAYER "mlp.up_proj", "blk.#.ffn_up", ST_KEEP},
    {LAYER "mlp.down_proj", "blk.#.ffn_down", ST_KEEP},
    {LAYER "self_attn.rotary_emb.inv_freq", NULL, ST_DROP},
    LAST_NAME};
const struct st_name st_mixtral_names[] = {
    {LAYER "block_sparse_moe.gate", "blk.#.ffn_gate_inp", ST_KEEP},
    {LAYER "block_sparse_moe.experts.%.w1", "blk.#.ffn_gate_exps", ST_STACK},
    {LAYER "block_sparse_moe.experts.%.w3", "blk.#.ffn_up_exps", ST_STACK},
    {LAYER "block_sparse_moe.experts.%.w2", "blk.#.ffn_down_exps", ST_STACK},
    LAST_NAME};
const struct st_name st_stablelm_names[] = { /* a norm for each head */
    {LAYER "self_attn.q_layernorm.norms.%", "blk.#.attn_q_norm", ST_STACK},
    {LAYER "self_attn.k_layernorm.norms.%", "blk.#.attn_k_norm", ST_STACK},
    LAST_NAME};
const struct st_name st_qwen_moe_names[] = {
    {LAYER "mlp.gate", "blk.#.ffn_gate_inp", ST_KEEP},
    {LAYER "mlp.experts.%.gate_proj", "blk.#.ffn_gate_exps", ST_STACK},
    {LAYER "mlp.experts.%.up_proj", "blk.#.ffn_up_exps", ST_STACK},
    {LAYER "mlp.experts.%.down_proj", "blk.#.ffn_down_exps", ST_STACK},
    {LAYER "mlp.shared_expert_gate", "blk.#.ffn_gate_inp_shexp", ST_FLAT},
    {LAYER "mlp.shared_expert.gate_proj", "blk.#.ffn_gate_shexp", ST_KEEP},
    {LAYER "mlp.shared_expert.up_proj", "blk.#.ffn_up_shexp", ST_KEEP},
    {LAYER "mlp.shared_expert.down_proj", "blk.#.ffn_down_shexp", ST_KEEP},
    LAST_NAME};
const struct st_name st_gemma_names[] = { /* before st_llama_names: they differ */
    {"model.norm", "output_norm", ST_PLUS_ONE},
    {LAYER "input_layernorm", "blk.#.attn_norm", ST_PLUS_ONE},
    {LAYER "self_attn.q_norm", "blk.#.attn_q_norm", ST_PLUS_ONE},
    {LAYER "self_attn.k_norm", "blk.#.attn_k_norm", ST_PLUS_ONE},
    {LAYER "post_attention_layernorm", "blk.#.post_attention_norm", ST_PLUS_ONE},
    {LAYER "pre_feedforward_layernorm", "blk.#.ffn_norm", ST_PLUS_ONE},
    {LAYER "post_feedforward_layernorm", "blk.#.post_ffw_norm", ST_PLUS_ONE},
    LAST_NAME};
const struct st_name st_phi3_names[] = {
    {LAYER "self_attn.qkv_proj", "blk.#.attn_qkv", ST_KEEP},
    {LAYER "mlp.gate_up_proj", "blk.#.ffn_up", ST_KEEP},
    LAST_NAME};
const struct st_name st_phi_names[] = {
    {"model.embed_tokens", "token_embd", ST_KEEP},
    {"model.final_layernorm", "output_norm", ST_KEEP},
    {"lm_head", "output", ST_KEEP},
    {LAYER "input_layernorm", "blk.#.attn_norm", ST_KEEP},
    {LAYER "self_attn.q_proj", "blk.#.attn_q", ST_KEEP},
    {LAYER "self_attn.k_proj", "blk.#.attn_k", ST_KEEP},
    {LAYER "self_attn.v_proj", "blk.#.attn_v", ST_KEEP},
    {LAYER "self_attn.dense", "blk.#.attn_output", ST_KEEP},
    {LAYER "mlp.fc1", "blk.#.ffn_up", ST_KEEP},
    {LAYER "mlp.fc2", "blk.#.ffn_down", ST_KEEP},
    {LAYER "self_attn.rotary_emb.inv_freq", NULL, ST_DROP},
    LAST_NAME};
const struct st_name st_gpt2_names[] = { /* older files leave "transformer." out */
    {"wte", "token_embd", ST_KEEP},
    {"wpe", "position_embd", ST_KEEP},
    {"ln_f", "output_norm", ST_KEEP},
    {"lm_head", "output", ST_KEEP},
    {"h.#.ln_1", "blk.#.attn_norm", ST_KEEP},
    {"h.#.attn.c_attn", "blk.#.attn_qkv", ST_TRANSPOSE},
    {"h.#.attn.c_proj", "blk.#.attn_output", ST_TRANSPOSE},
    {"h.#.ln_2", "blk.#.ffn_norm", ST_KEEP},
    {"h.#.mlp.c_fc", "blk.#.ffn_up", ST_TRANSPOSE},
    {"h.#.mlp.c_proj", "blk.#.ffn_down", ST_TRANSPOSE},
    {"h.#.attn", NULL, ST_DROP},             /* .bias: the causal mask */
    {"h.#.attn.masked_bias", NULL, ST_DROP},
    LAST_NAME};
#define OPT_LAYER "decoder.layers.#."
const struct st_name st_opt_names[] = {
    {"decoder.embed_tokens", "token_embd", ST_KEEP},
    {"decoder.embed_positions", "position_embd", ST_KEEP},
    {"decoder.final_layer_norm", "output_norm", ST_KEEP},
    {"lm_head", "output", ST_KEEP},
    {OPT_LAYER "self_attn_layer_norm", "blk.#.attn_norm", ST_KEEP},
    {OPT_LAYER "self_attn.q_proj", "blk.#.attn_q", ST_KEEP},
    {OPT_LAYER "self_attn.k_proj", "blk.#.attn_k", ST_KEEP},
    {OPT_LAYER "self_attn.v_proj", "blk.#.attn_v", ST_KEEP},
    {OPT_LAYER "self_attn.out_proj", "blk.#.attn_output", ST_KEEP},
    {OPT_LAYER "final_layer_norm", "blk.#.ffn_norm", ST_KEEP},
    {OPT_LAYER "fc1", "blk.#.ffn_up", ST_KEEP},
    {OPT_LAYER "fc2", "blk.#.ffn_down", ST_KEEP},
    LAST_NAME};
#define NEOX_LAYER "gpt_neox.layers.#."
const struct st_name st_neox_names[] = {
    {"gpt_neox.embed_in", "token_embd", ST_KEEP},
    {"gpt_neox.final_layer_norm", "output_norm", ST_KEEP},
    {"embed_out", "output", ST_KEEP},
    {NEOX_LAYER "input_layernorm", "blk.#.attn_norm", ST_KEEP},
    {NEOX_LAYER "attention.query_key_value", "blk.#.attn_qkv", ST_SPLIT_QKV},
    {NEOX_LAYER "attention.dense", "blk.#.attn_output", ST_KEEP},
    {NEOX_LAYER "post_attention_layernorm", "blk.#.ffn_norm", ST_KEEP},
    {NEOX_LAYER "mlp.dense_h_to_4h", "blk.#.ffn_up", ST_KEEP},
    {NEOX_LAYER "mlp.dense_4h_to_h", "blk.#.ffn_down", ST_KEEP},
    {NEOX_LAYER "attention", NULL, ST_DROP}, /* .bias: the causal mask */
    {NEOX_LAYER "attention.masked_bias", NULL, ST_DROP},
    {NEOX_LAYER "attention.rotary_emb.inv_freq", NULL, ST_DROP},
    LAST_NAME};
/* clang-format on */
