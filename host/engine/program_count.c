/*
 * program_count.c - what the steps of a program were, and what its operators cost.
 *
 * Bytes and operations come from the operators' rules; they are sums that grow with rows
 * and positions, so that the mean load of a phase gives the phase's totals; only weights
 * of experts do not grow evenly, and are as many as in the mean step.
 */
#include "engine/program.h"

#include <stdio.h>
#include <string.h>

const char *program_phase_name(enum program_phase phase) {
  static const char *const names[PROGRAM_PHASES] = {
#define X(id, name) name,
      PROGRAM_PHASE_MAP(X)
#undef X
  };
  return phase < PROGRAM_PHASES ? names[phase] : "?";
}

enum program_phase program_phase_of(const struct program *p, const ridge_batch *batch) {
  if (p->scores) return PROGRAM_SCORE;
  if (batch->prompt_rows == 0) return PROGRAM_DECODE;
  if (p->only_decode) return PROGRAM_PHASES;
  return batch->prompt_rows == batch->rows ? PROGRAM_PROMPT : PROGRAM_MIXED;
}

void program_count(struct program *p, enum program_phase phase, const ridge_batch *batch,
                   uint64_t ns, bool timed) {
  if (phase == PROGRAM_PHASES) return;
  struct program_stage *stage = &p->stage[phase];
  stage->steps++;
  stage->rows += (uint64_t)batch->rows;
  stage->wanted += (uint64_t)batch->wanted_rows;
  stage->wanting += batch->wanted_rows > 0;
  stage->model_ns += ns;
  if (timed) stage->timed_ns += ns;
  for (int64_t i = 0; i < batch->rows; i++) {
    uint64_t positions = (uint64_t)batch->position[i] + 1;
    bool last = i + 1 == batch->rows || batch->sequence[i + 1] != batch->sequence[i];
    stage->depth += positions;
    if (last) stage->reach += positions; /* rows of a sequence are in order */
  }
}

void program_add_step(struct program *p, enum program_phase phase, uint64_t ns) {
  if (phase < PROGRAM_PHASES) p->stage[phase].step_ns += ns;
}

double program_op_ns(const struct program *p, const struct program_op *op,
                     enum program_phase phase) {
  const struct program_stage *stage = &p->stage[phase];
  if (stage->timed_ns == 0) return 0;
  return (double)op->count[phase].ns * (double)stage->model_ns / (double)stage->timed_ns;
}

void program_forget(struct program *p) {
  memset(p->stage, 0, sizeof p->stage);
  for (int32_t i = 0; i < p->n_ops; i++) memset(p->ops[i].count, 0, sizeof p->ops[i].count);
}

struct program_load program_mean_load(const struct program_stage *stage) {
  double steps = (double)stage->steps, rows = (double)stage->rows;
  if (stage->steps == 0 || stage->rows == 0) return (struct program_load){0};
  return (struct program_load){
      .tokens = rows / steps,
      .wanted = stage->wanting > 0 ? (double)stage->wanted / (double)stage->wanting : 0,
      .depth = (double)stage->depth / rows,
      .reach = (double)stage->reach / steps,
  };
}

/* --- costs -------------------------------------------------------------------------- */

static double bits_of(const ridge_codec *codec) {
  return codec == NULL ? 32 : 8.0 * (double)codec->block_bytes / (double)codec->block;
}

struct operator_cost program_cost(const struct program *p, const struct program_op *op,
                                  const struct program_load *load) {
  const ridge_node *n = op->node;
  struct cost_query q = {.tokens = load->tokens,
                         .wanted = load->wanted,
                         .depth = load->depth,
                         .reach = load->reach,
                         .weight_bits = 32,
                         .cache_bits = 32};
  if (op->kind == PROGRAM_PREPARE) return (struct operator_cost){0};
  if (op->rows_kind == RIDGE_DIM_WANTED && load->wanted <= 0)
    return (struct operator_cost){0}; /* left out of the step: not even weights are read */
  if (graph_is_product(n)) q.weight_bits = bits_of(p->codec_of[n->in[1]]);
  if (n->op == RIDGE_OP_EMBED) q.weight_bits = bits_of(p->codec_of[n->in[0]]);
  if (n->op == RIDGE_OP_CACHE_PUT) q.cache_bits = bits_of(p->codec_of[n->in[1]]);
  if (n->op == RIDGE_OP_ATTENTION)
    q.cache_bits = (bits_of(p->codec_of[n->in[1]]) + bits_of(p->codec_of[n->in[2]])) / 2;
  return operator_facts(n->op)->cost(p->graph, n, &q);
}

/* A kernel that prepares its input for weights this narrow makes bytes of it. */
bool program_is_narrow(const struct program *p, const struct program_op *op) {
  int keyed = provider_keyed_input(op->node->op);
  if (keyed < 0 || op->kind != PROGRAM_RUN || op->prepared < 0) return false;
  return bits_of(p->codec_of[op->node->in[keyed]]) < 10; /* eight, scales and a sum */
}

/* The product whose result, as it is or capped, is the logits. */
static bool is_head(const struct program *p, const ridge_node *n) {
  if (n->op != RIDGE_OP_MATMUL) return false;
  const struct ridge_graph *graph = p->graph;
  const int32_t logits = graph->outputs[0], maker = graph->tensors[logits]->producer;
  return n->out[0] == logits ||
         (maker >= 0 && graph->nodes[maker]->op == RIDGE_OP_SOFTCAP &&
          graph->nodes[maker]->in[0] == n->out[0]);
}

void program_kind_name(const struct program *p, const struct program_op *op,
                       char room[PROGRAM_KIND_ROOM]) {
  const ridge_node *n = op->node;
  int keyed = provider_keyed_input(n->op);
  if (op->kind == PROGRAM_PREPARE) {
    snprintf(room, PROGRAM_KIND_ROOM, "prepare");
    return;
  }
  provider_key(n, keyed < 0 ? NULL : p->graph->tensors[n->in[keyed]]->codec, room);
  size_t size = strlen(room);
  if (is_head(p, n)) snprintf(room + size, PROGRAM_KIND_ROOM - size, " head");
}
