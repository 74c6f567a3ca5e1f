/*
 * prediction.c - how long the steps of this plan should take on this machine.
 *
 * For each stage of the workload (a prompt, a generated token, a scored chunk) every node
 * is laid against the measured roof, at the best rates for the bound and at typical ones
 * for what to expect.  A prompt longer than a step is the sum of its pieces.
 */
#include "engine/session_state.h"

#include "machine/roof.h"

#include <string.h>

enum { NO_WORKLOAD_TOKENS = 256, NO_WORKLOAD_DEPTH = 128 };

/* What a stage does: `tokens` of each of `sequences`, after `depth` positions. */
struct stage {
  enum program_phase phase;
  int64_t tokens, sequences, depth;
};

struct stage_time {
  double seconds, limit, flops, bytes, working_set;
  bool compute_bound;
};

/* A scored chunk wants its second half but for the last row, a prompt its last rows. */
static double wanted_rows(const struct stage *stage, int64_t from, int64_t n) {
  int64_t lo = stage->tokens / 2, hi = stage->tokens - 1;
  if (stage->phase != PROGRAM_SCORE)
    return from + n < stage->tokens ? 0 : (double)stage->sequences;
  if (from > lo) lo = from;
  if (from + n < hi) hi = from + n;
  return hi > lo ? (double)(hi - lo) : 0;
}

static struct program_load load_of(const struct stage *stage, int64_t from, int64_t n) {
  double sequences = (double)stage->sequences, rows = sequences * (double)n;
  double before = (double)(stage->depth + from);
  return (struct program_load){
      .tokens = rows,
      .wanted = wanted_rows(stage, from, n),
      .depth = before + ((double)n + 1) / 2,
      .reach = sequences * (before + (double)n),
  };
}

static double streamed_bytes(const struct program *p, const struct program_load *load) {
  double bytes = 0;
  for (int32_t i = 0; i < p->n_ops; i++) {
    struct operator_cost c = program_cost(p, &p->ops[i], load);
    bytes += c.weight_bytes + c.cache_bytes;
  }
  return bytes;
}

static void add_to(json_t *row, const char *key, double more) {
  double now = json_number_value(json_object_get(row, key));
  json_object_set_new(row, key, json_real(now + more));
}

/* The row of this kind, made when it is the first. */
static json_t *kind_row(json_t *kinds, const char *kind) {
  size_t i;
  json_t *row;
  json_array_foreach(kinds, i, row) {
    if (strcmp(json_string_value(json_object_get(row, "kind")), kind) == 0) return row;
  }
  row = json_pack("{s:s}", "kind", kind);
  json_array_append_new(kinds, row);
  return row;
}

static json_t *node_json(const struct program_op *op, const struct operator_cost *c,
                         const struct roof_time *time) {
  return json_pack("{s:s, s:s, s:f, s:f, s:f, s:s}", "name", op->node->name, "op",
                   operator_name(op->node->op), "flops", c->flops, "bytes",
                   c->weight_bytes + c->cache_bytes + c->activation_bytes, "us",
                   time->seconds * 1e6, "bound",
                   time->compute_bound ? "compute" : "memory");
}

/* Where the sums of one step go; both lists may be NULL. */
struct sums {
  struct stage_time *stage;
  json_t *kinds, *nodes;
  double compute; /* seconds of nodes that the peak bounds */
};

static void add_node(const struct program *p, const struct program_op *op,
                     const struct operator_cost *c, const struct roof_time *typical,
                     const struct roof_time *best, struct sums *sums) {
  double bytes = c->weight_bytes + c->cache_bytes + c->activation_bytes;
  char kind[PROGRAM_KIND_ROOM];
  sums->stage->seconds += typical->seconds;
  sums->stage->limit += best->seconds;
  sums->stage->flops += c->flops;
  sums->stage->bytes += bytes;
  if (typical->compute_bound) sums->compute += typical->seconds;
  if (sums->nodes != NULL) json_array_append_new(sums->nodes, node_json(op, c, best));
  program_kind_name(p, op, kind);
  json_t *row = kind_row(sums->kinds, kind);
  add_to(row, "calls", bytes > 0);
  add_to(row, "flops", c->flops);
  add_to(row, "bytes", bytes);
  add_to(row, "us", typical->seconds * 1e6);
  add_to(row, "compute_us", typical->compute * 1e6);
  add_to(row, "memory_us", typical->memory * 1e6);
  add_to(row, "limit_us", best->seconds * 1e6);
}

static void add_piece(const struct session *s, const struct program_load *load,
                      struct sums *sums) {
  const struct program *p = &s->main.program;
  struct roof typical = {s->job->speed, s->threads, RATE_TYPICAL, streamed_bytes(p, load)};
  struct roof best = typical;
  best.rate = RATE_BEST;
  if (typical.working_set > sums->stage->working_set)
    sums->stage->working_set = typical.working_set;
  for (int32_t i = 0; i < p->n_ops; i++) {
    const struct program_op *op = &p->ops[i];
    if (op->kind != PROGRAM_RUN) continue;
    struct operator_cost c = program_cost(p, op, load);
    struct roof_work work = {c.flops, c.weight_bytes + c.cache_bytes, c.activation_bytes,
                             program_is_narrow(p, op)};
    struct roof_time expected = roof_time(&typical, &work), limit = roof_time(&best, &work);
    add_node(p, op, &c, &expected, &limit, sums);
  }
}

/* Which of the two took longer, over all nodes of a kind. */
static void settle_bounds(json_t *kinds) {
  size_t i;
  json_t *row;
  json_array_foreach(kinds, i, row) {
    bool compute = json_number_value(json_object_get(row, "compute_us")) >
                   json_number_value(json_object_get(row, "memory_us"));
    json_object_del(row, "compute_us");
    json_object_del(row, "memory_us");
    json_object_set_new(row, "bound", json_string(compute ? "compute" : "memory"));
  }
}

/* `nodes` may be NULL. */
static json_t *stage_json(const struct session *s, const struct stage *stage, json_t *nodes,
                          struct stage_time *time) {
  *time = (struct stage_time){0};
  struct sums sums = {time, json_array(), nodes, 0};
  int64_t at_once = stage->tokens * stage->sequences <= s->rows
                        ? stage->tokens
                        : s->rows / stage->sequences;
  if (at_once < 1) at_once = 1;
  for (int64_t from = 0; from < stage->tokens; from += at_once) {
    int64_t n = stage->tokens - from < at_once ? stage->tokens - from : at_once;
    struct program_load load = load_of(stage, from, n);
    add_piece(s, &load, &sums);
  }
  settle_bounds(sums.kinds);
  time->compute_bound = sums.compute > time->seconds / 2;
  const struct roof roof = {s->job->speed, s->threads, RATE_TYPICAL, time->working_set};
  double tokens = (double)(stage->tokens * stage->sequences);
  return json_pack(
      "{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:o}",
      "stage", program_phase_name(stage->phase), "tokens", (json_int_t)stage->tokens,
      "sequences", (json_int_t)stage->sequences, "depth", (json_int_t)stage->depth,
      "seconds", time->seconds, "limit_seconds", time->limit, "tps",
      time->seconds > 0 ? tokens / time->seconds : 0.0, "limit_tps",
      time->limit > 0 ? tokens / time->limit : 0.0, "flops", time->flops, "bytes",
      time->bytes, "working_set", time->working_set, "bandwidth",
      roof_bandwidth(&roof, time->working_set), "peak", roof_peak(&roof, false), "bound",
      time->compute_bound ? "compute" : "memory", "kinds", sums.kinds);
}

/* --- the stages of the workload ------------------------------------------------------ */

static int64_t mean_prompt(const struct session *s) {
  int64_t all = 0;
  for (int64_t i = 0; i < s->n_prompts; i++) all += (int64_t)s->prompts[i].n;
  return s->n_prompts > 0 && all > 0 ? (all + s->n_prompts / 2) / s->n_prompts : 1;
}

static int64_t at_most(int64_t n, int64_t most) { return n < most ? n : most; }

/* How the workload begins, and what a generated token looks back on. */
static struct stage prompt_stage(const struct session *s) {
  struct stage stage = {PROGRAM_PROMPT, NO_WORKLOAD_TOKENS, 1, 0};
  if (session_has_word(s, "bench"))
    stage.tokens = session_int(s, "bench.prefill");
  else if (session_has_word(s, "prompts"))
    stage.tokens = mean_prompt(s);
  stage.tokens = at_most(stage.tokens, s->main.spec.context);
  return stage;
}

static struct stage decode_stage(const struct session *s) {
  struct stage stage = {PROGRAM_DECODE, 1, 1, NO_WORKLOAD_DEPTH};
  if (session_has_word(s, "bench")) {
    int64_t depth = session_int(s, "bench.depth");
    stage.sequences = session_int(s, "bench.batch");
    stage.depth = (depth > 0 ? depth : 1) + session_int(s, "bench.decode") / 2;
  } else if (session_has_word(s, "prompts")) {
    stage.sequences = at_most(s->slots, s->n_prompts);
    stage.depth = mean_prompt(s) + session_int(s, "sample.length") / 2;
  }
  if (stage.sequences < 1) stage.sequences = 1;
  stage.depth = at_most(stage.depth, s->main.spec.context - 1);
  return stage;
}

static struct stage score_stage(const struct session *s) {
  return (struct stage){PROGRAM_SCORE, session_int(s, "perplexity.context"), 1, 0};
}

json_t *session_prediction_json(const struct session *s) {
  if (s->job->speed == NULL) return json_null();
  const struct stage prompt = prompt_stage(s), decode = decode_stage(s);
  struct stage_time time;
  json_t *stages = json_array(), *nodes = json_array();
  double prefill_tps = 0, decode_tps = 0;
  if (prompt.tokens > 0) {
    json_array_append_new(stages, stage_json(s, &prompt, NULL, &time));
    prefill_tps = time.limit > 0 ? (double)prompt.tokens / time.limit : 0;
  }
  json_array_append_new(stages, stage_json(s, &decode, nodes, &time));
  decode_tps = time.limit > 0 ? (double)decode.sequences / time.limit : 0;
  if (session_has_word(s, "perplexity")) {
    const struct stage score = score_stage(s);
    json_array_append_new(stages, stage_json(s, &score, NULL, &time));
  }
  return json_pack(
      "{s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "decode_tps", decode_tps,
      "prefill_tps", prefill_tps, "decode_depth", (json_int_t)decode.depth,
      "decode_sequences", (json_int_t)decode.sequences, "prefill_tokens",
      (json_int_t)prompt.tokens, "calibration", (json_int_t)s->job->calibration, "measured",
      (json_int_t)s->job->calibrated, "stages", stages, "nodes", nodes);
}
