/* check_pass.c - a graph pass on small decoders: verified, and the same each time. */
#include "plugins/conformance/rig.h"

#include "model/builder.h"

#include <inttypes.h>
#include <ridge/seam/graph_pass.h>
#include <stdio.h>
#include <string.h>

/* As in the rig's plan. */
enum { LAYERS = 2, DIM = 256, KV = 128, FFN = 320, CONTEXT = 256, TENSORS_MOST = 64 };

/* A model that is nothing but its shapes: what the host's builder reads of a file. */
struct shapes {
  ridge_fact facts[16];
  ridge_file_tensor tensors[TENSORS_MOST];
  char names[TENSORS_MOST][48], keys[16][64];
  uint64_t n_facts, n_tensors;
};

static void fact_int(struct shapes *s, const char *arch, const char *field, int64_t value) {
  char *key = s->keys[s->n_facts];
  snprintf(key, sizeof s->keys[0], "%s.%s", arch, field);
  s->facts[s->n_facts++] = (ridge_fact){.struct_size = sizeof(ridge_fact),
                                        .key = key,
                                        .value.i = value,
                                        .type = RIDGE_FACT_INT};
}

static void fact_architecture(struct shapes *s, const char *arch) {
  s->facts[s->n_facts++] = (ridge_fact){
      .struct_size = sizeof(ridge_fact),
      .key = "general.architecture",
      .value.text = {(const uint8_t *)arch, strlen(arch)},
      .type = RIDGE_FACT_TEXT,
  };
}

static void fact_real(struct shapes *s, const char *arch, const char *field, double value) {
  fact_int(s, arch, field, 0);
  s->facts[s->n_facts - 1].type = RIDGE_FACT_REAL;
  s->facts[s->n_facts - 1].value.r = value;
}

/* rows 0: a vector. */
static void add_tensor(struct shapes *s, const char *name, int64_t rows, int64_t cols) {
  if (s->n_tensors == TENSORS_MOST) return; /* the builder then says what is missing */
  char *own = s->names[s->n_tensors];
  snprintf(own, sizeof s->names[0], "%s", name);
  s->tensors[s->n_tensors++] = (ridge_file_tensor){
      .struct_size = sizeof(ridge_file_tensor),
      .name = own,
      .codec = rows == 0 ? "f32" : "q8_0",
      .dims = {rows == 0 ? cols : rows, rows == 0 ? 1 : cols, 1, 1},
      .rank = rows == 0 ? 1 : 2,
  };
}

static void add_named(struct shapes *s, int layer, const char *what, int64_t rows,
                      int64_t cols) {
  char name[48];
  snprintf(name, sizeof name, "blk.%d.%s", layer, what);
  add_tensor(s, name, rows, cols);
}

static void add_experts(struct shapes *s, int layer, const char *what, int64_t n,
                        int64_t rows, int64_t cols) {
  if (s->n_tensors == TENSORS_MOST) return;
  add_named(s, layer, what, rows, cols);
  ridge_file_tensor *tensor = &s->tensors[s->n_tensors - 1];
  tensor->rank = 3;
  tensor->dims[0] = n, tensor->dims[1] = rows, tensor->dims[2] = cols;
}

struct matrix {
  const char *name;
  int64_t rows, cols;
};

static void add_layers(struct shapes *s, const struct matrix *rows, size_t n, bool biases) {
  for (int layer = 0; layer < LAYERS; layer++)
    for (size_t i = 0; i < n; i++) {
      char name[48];
      snprintf(name, sizeof name, "blk.%d.%s.weight", layer, rows[i].name);
      add_tensor(s, name, rows[i].rows, rows[i].cols);
      snprintf(name, sizeof name, "blk.%d.%s.bias", layer, rows[i].name);
      if (biases) add_tensor(s, name, 0, rows[i].rows == 0 ? rows[i].cols : rows[i].rows);
    }
}

static void common_facts(struct shapes *s, const char *arch) {
  fact_architecture(s, arch);
  fact_int(s, arch, "block_count", LAYERS);
  fact_int(s, arch, "embedding_length", DIM);
  fact_int(s, arch, "attention.head_count", 4);
  fact_int(s, arch, "feed_forward_length", FFN);
  fact_int(s, arch, "context_length", CONTEXT);
}

/* Rmsnorm, rotary positions, grouped heads, a gated ffn, no biases. */
static void fill_llama(struct shapes *s) {
  static const struct matrix rows[] = {
      {"attn_norm", 0, DIM},  {"attn_q", DIM, DIM},      {"attn_k", KV, DIM},
      {"attn_v", KV, DIM},    {"attn_output", DIM, DIM}, {"ffn_norm", 0, DIM},
      {"ffn_gate", FFN, DIM}, {"ffn_up", FFN, DIM},      {"ffn_down", DIM, FFN},
  };
  common_facts(s, "llama");
  fact_int(s, "llama", "attention.head_count_kv", 2);
  fact_real(s, "llama", "attention.layer_norm_rms_epsilon", 1e-5);
  add_tensor(s, "token_embd.weight", RIG_VOCAB, DIM);
  add_layers(s, rows, sizeof rows / sizeof *rows, false);
  add_tensor(s, "output_norm.weight", 0, DIM);
  add_tensor(s, "output.weight", RIG_VOCAB, DIM);
}

/* Layernorm, learned positions, one matrix for q, k and v, biases, a tied head. */
static void fill_gpt2(struct shapes *s) {
  static const struct matrix rows[] = {
      {"attn_norm", 0, DIM}, {"attn_qkv", 3 * DIM, DIM}, {"attn_output", DIM, DIM},
      {"ffn_norm", 0, DIM},  {"ffn_up", FFN, DIM},       {"ffn_down", DIM, FFN},
  };
  common_facts(s, "gpt2");
  fact_real(s, "gpt2", "attention.layer_norm_epsilon", 1e-5);
  add_tensor(s, "token_embd.weight", RIG_VOCAB, DIM);
  add_tensor(s, "position_embd.weight", CONTEXT, DIM);
  add_layers(s, rows, sizeof rows / sizeof *rows, true);
  add_tensor(s, "output_norm.weight", 0, DIM);
  add_tensor(s, "output_norm.bias", 0, DIM);
}

/* Norms of heads, biases of q, k and v, experts and a shared one with a gate. */
static void fill_mixture(struct shapes *s) {
  enum { EXPERTS = 4, HEAD = DIM / 4, WIDTH = 96 };
  static const struct matrix rows[] = {
      {"attn_norm", 0, DIM},
      {"attn_q", DIM, DIM},
      {"attn_k", KV, DIM},
      {"attn_v", KV, DIM},
      {"attn_q_norm", 0, HEAD},
      {"attn_k_norm", 0, HEAD},
      {"attn_output", DIM, DIM},
      {"ffn_norm", 0, DIM},
      {"ffn_gate_inp", EXPERTS, DIM},
      {"ffn_gate_inp_shexp", 0, DIM},
      {"ffn_gate_shexp", FFN, DIM},
      {"ffn_up_shexp", FFN, DIM},
      {"ffn_down_shexp", DIM, FFN},
  };
  common_facts(s, "qwen2moe");
  fact_int(s, "qwen2moe", "attention.head_count_kv", 2);
  fact_real(s, "qwen2moe", "attention.layer_norm_rms_epsilon", 1e-5);
  fact_int(s, "qwen2moe", "expert_count", EXPERTS);
  fact_int(s, "qwen2moe", "expert_used_count", 2);
  fact_int(s, "qwen2moe", "expert_feed_forward_length", WIDTH);
  add_tensor(s, "token_embd.weight", RIG_VOCAB, DIM);
  add_layers(s, rows, sizeof rows / sizeof *rows, false);
  for (int layer = 0; layer < LAYERS; layer++) {
    add_named(s, layer, "attn_q.bias", 0, DIM);
    add_named(s, layer, "attn_k.bias", 0, KV);
    add_named(s, layer, "attn_v.bias", 0, KV);
    add_experts(s, layer, "ffn_gate_exps.weight", EXPERTS, WIDTH, DIM);
    add_experts(s, layer, "ffn_up_exps.weight", EXPERTS, WIDTH, DIM);
    add_experts(s, layer, "ffn_down_exps.weight", EXPERTS, DIM, WIDTH);
  }
  add_tensor(s, "output_norm.weight", 0, DIM);
  add_tensor(s, "output.weight", RIG_VOCAB, DIM);
}

static ridge_status build(void (*fill)(struct shapes *), struct ridge_graph *graph,
                          struct why *why) {
  static const char path[] = "the kit's model";
  struct shapes shapes = {0};
  struct arch arch;
  fill(&shapes);
  struct source source = {.path = (char *)(uintptr_t)path};
  source.file = (ridge_model_file){.struct_size = sizeof source.file,
                                   .facts = shapes.facts,
                                   .tensors = shapes.tensors,
                                   .n_facts = shapes.n_facts,
                                   .n_tensors = shapes.n_tensors};
  ridge_status status = arch_read(&source, &arch, why);
  return status == RIDGE_OK
             ? builder_decoder(&source, &arch, arch.context, "f16", graph, why)
             : status;
}

/* One pass over one graph
 * ------------------------------------------------------------------ */

struct outcome {
  ridge_status status;
  uint64_t changes;
  int32_t census[RIDGE_OP_COUNT];
};

static struct outcome rewrite(struct rig *rig, const ridge_graph_pass *pass,
                              void (*fill)(struct shapes *), struct finding *finding) {
  struct ridge_graph graph;
  struct outcome outcome = {.status = RIDGE_INTERNAL};
  struct why why = {""};
  if (build(fill, &graph, &why) != RIDGE_OK) {
    finding_skip(finding, "the kit's own model does not build: %s", why.text);
    return outcome;
  }
  uint64_t before = graph.changes;
  graph.caller = &rig->instance->host;
  outcome.status = pass->rewrite(rig->instance->self, &graph);
  graph.caller = NULL;
  outcome.changes = graph.changes - before;
  graph_census(&graph, outcome.census);
  if (outcome.status == RIDGE_OK && graph_verify(&graph, &why) != RIDGE_OK)
    finding_fail(finding, "the graph that it leaves does not verify: %s", why.text);
  graph_free(&graph);
  return outcome;
}

static uint64_t try_pass(struct rig *rig, const ridge_graph_pass *pass,
                         struct finding *finding) {
  static void (*const models[])(struct shapes *) = {fill_llama, fill_gpt2, fill_mixture};
  uint64_t changes = 0;
  for (size_t i = 0; i < sizeof models / sizeof *models && finding->verdict == VERDICT_OK;
       i++) {
    struct outcome first = rewrite(rig, pass, models[i], finding);
    struct outcome second = rewrite(rig, pass, models[i], finding);
    changes += first.changes;
    if (finding->verdict != VERDICT_OK) break;
    if (first.status != second.status || first.changes != second.changes ||
        memcmp(first.census, second.census, sizeof first.census) != 0)
      finding_fail(finding, "the same graph is rewritten in two ways");
    if (first.status == RIDGE_OK || first.status == RIDGE_DECLINED) continue;
    (void)rig_passed(rig, first.status, "`rewrite`", finding);
  }
  return changes;
}

void check_pass(struct vetting *v, struct finding *finding) {
  const ridge_table *fills = &v->plugin->fills;
  struct rig rig;
  uint64_t changes = 0;
  if (!rig_ready(&rig, v, finding)) return;
  for (size_t i = 0; i < fills->count; i++) {
    const void *row = (const char *)fills->rows + i * fills->stride;
    const ridge_fill *fill = row;
    if (strcmp(fill->seam, RIDGE_SEAM_GRAPH_PASS) == 0)
      changes += try_pass(&rig, fill->table, finding);
  }
  finding_note(finding, "%" PRIu64 " changes to three small decoders", changes);
  rig_close(&rig);
}
