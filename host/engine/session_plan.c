/* session_plan.c - the plan as data: what will execute, what it takes, how long. */
#include "engine/session_state.h"
#include "machine/features.h"

#include <string.h>

static json_t *files_json(const struct source *source) {
  json_t *files = json_array();
  for (uint32_t i = 0; i < source->n_files; i++)
    json_array_append_new(files,
                          json_pack("{s:s, s:I}", "name", source->files[i].name, "bytes",
                                    (json_int_t)source->files[i].bytes.size));
  return files;
}

static json_t *model_json(const struct session *s) {
  const struct arch *a = &s->main.arch;
  const struct source *source = &s->main.source;
  return json_pack(
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:b, s:I}", "path",
      source->path, "format", source->format_name, "architecture", a->row->name, "layers",
      (json_int_t)a->layers, "dim", (json_int_t)a->dim, "heads", (json_int_t)a->heads,
      "kv_heads", (json_int_t)a->kv_heads, "head_dim", (json_int_t)a->head_dim, "ffn",
      (json_int_t)a->ffn, "vocab", (json_int_t)a->vocab, "trained_context",
      (json_int_t)a->context, "file_bytes", (json_int_t)source_bytes(source), "files",
      files_json(source), "tied", (int)a->tied, "context",
      (json_int_t)s->main.spec.context);
}

static json_t *by_op(const int32_t counts[RIDGE_OP_COUNT]) {
  json_t *ops = json_object();
  for (uint32_t i = 0; i < RIDGE_OP_COUNT; i++)
    if (counts[i] > 0) json_object_set_new(ops, operator_name(i), json_integer(counts[i]));
  return ops;
}

static json_t *graph_json(const struct session *s) {
  int32_t after[RIDGE_OP_COUNT];
  graph_census(&s->main.graph, after);
  json_t *passes = json_array();
  for (int32_t i = 0; i < s->main.n_passes; i++) {
    const struct pass_count *p = &s->main.passes[i];
    json_array_append_new(passes, json_pack("{s:s, s:I, s:i, s:i}", "id", p->id, "changed",
                                            (json_int_t)p->changes, "before",
                                            p->nodes_before, "after", p->nodes_after));
  }
  return json_pack("{s:{s:i, s:o}, s:{s:i, s:o}, s:o}", "before", "nodes",
                   s->main.nodes_before, "by_op", by_op(s->main.census_before), "after",
                   "nodes", s->main.graph.n_order, "by_op", by_op(after), "passes", passes);
}

/* --- kernels ------------------------------------------------------------------------ */

static const char *key_of_op(const struct program *p, const struct program_op *op,
                             char *room) {
  const ridge_node *n = op->node;
  int keyed = provider_keyed_input(n->op);
  return provider_key(n, keyed < 0 ? NULL : p->graph->tensors[n->in[keyed]]->codec, room);
}

static json_t *kernel_row(json_t *rows, const char *key, const struct program_op *op) {
  const char *provider = op->verdict.choice.by->plugin->id;
  for (size_t i = 0; i < json_array_size(rows); i++) {
    json_t *row = json_array_get(rows, i);
    if (strcmp(json_string_value(json_object_get(row, "key")), key) == 0 &&
        strcmp(json_string_value(json_object_get(row, "provider")), provider) == 0)
      return row;
  }
  json_t *passed = json_array();
  for (int i = 0; i < op->verdict.n_passed; i++)
    json_array_append_new(passed, json_pack("{s:s, s:s}", "provider",
                                            op->verdict.passed[i].provider, "reason",
                                            op->verdict.passed[i].reason));
  json_t *row = json_pack("{s:s, s:s, s:I, s:i, s:o}", "key", key, "provider", provider,
                          "score", (json_int_t)op->verdict.choice.fill->score, "nodes", 0,
                          "passed_over", passed);
  json_array_append_new(rows, row);
  return row;
}

static json_t *kernels_json(const struct session *s) {
  json_t *rows = json_array();
  const struct program *p = &s->main.program;
  for (int32_t i = 0; i < p->n_ops; i++) {
    char room[96];
    if (p->ops[i].kind != PROGRAM_RUN) continue;
    json_t *row = kernel_row(rows, key_of_op(p, &p->ops[i], room), &p->ops[i]);
    json_int_t nodes = json_integer_value(json_object_get(row, "nodes"));
    json_object_set_new(row, "nodes", json_integer(nodes + 1));
  }
  return rows;
}

/* --- weights ------------------------------------------------------------------------ */

static const char *why_left(const ridge_tensor *t) {
  if (t->rank < 2) return "a vector";
  if ((t->uses & RIDGE_USE_WHOLE) == 0) return "single rows are read";
  return "no strategy chose it";
}

/* The row of tensors with the same fate, made when it is not there. */
static json_t *fate_row(json_t *rows, const char *from, const char *to, const char *why) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row)
    if (strcmp(json_string_value(json_object_get(row, "from")), from) == 0 &&
        strcmp(json_string_value(json_object_get(row, "to")), to) == 0 &&
        strcmp(json_string_value(json_object_get(row, "why")), why) == 0)
      return row;
  row = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:[]}", "from", from, "to", to, "why",
                  why, "tensors", 0, "bytes_before", 0, "bytes_after", 0, "names");
  json_array_append_new(rows, row);
  return row;
}

static void add_to(json_t *row, const char *key, uint64_t n) {
  json_int_t before = json_integer_value(json_object_get(row, key));
  json_object_set_new(row, key, json_integer(before + (json_int_t)n));
}

/* What the weights chain made of which tensors, and what it left and why; null where
 * there is no chain. */
static json_t *weights_json(const struct session *s) {
  const struct weights *w = &s->main.weights;
  if (w->n_chain == 0) return json_null();
  json_t *rows = json_array();
  for (int32_t i = 0; i < w->n; i++) {
    const struct weight *one = &w->items[i];
    const ridge_tensor *t = s->main.graph.tensors[one->tensor];
    bool left = t->rank < 2 || !one->changed;
    json_t *row =
        fate_row(rows, one->file_codec->name, one->codec->name, left ? why_left(t) : "");
    add_to(row, "tensors", 1);
    add_to(row, "bytes_before", one->file->bytes);
    add_to(row, "bytes_after", weights_tensor_bytes(one->codec, t));
    json_array_append_new(json_object_get(row, "names"), json_string(t->name));
  }
  return rows;
}

/* --- memory ------------------------------------------------------------------------- */

struct session_memory session_memory(const struct session *s) {
  struct session_memory memory = {.model = runtime_memory(&s->main)};
  memory.drafts = draft_models_memory(s).total;
  if (s->has_base) memory.unmodified = runtime_memory(&s->base).total;
  memory.strategies = s->need_bytes;
  memory.total = memory.model.total + memory.drafts + memory.unmodified + memory.strategies;
  int64_t asked = session_int(s, "engine.memory");
  memory.limit = asked > 0 ? (uint64_t)asked : s->job->machine->memory_bytes;
  return memory;
}

static json_t *memory_json(const struct session *s) {
  struct session_memory m = session_memory(s);
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "weights",
                   (json_int_t)m.model.weights, "weights_in_file",
                   (json_int_t)s->main.weights.file_bytes, "cache",
                   (json_int_t)m.model.cache, "cache_token",
                   (json_int_t)s->main.cache.token_bytes, "activations",
                   (json_int_t)m.model.activations, "scratch", (json_int_t)m.model.scratch,
                   "draft_model", (json_int_t)m.drafts, "unmodified_model",
                   (json_int_t)m.unmodified, "strategies", (json_int_t)m.strategies,
                   "total", (json_int_t)m.total, "limit", (json_int_t)m.limit);
}

/* --- what 0 became -------------------------------------------------------------------- */

static void settle(json_t *out, const char *name, int64_t value, const char *from) {
  json_object_set_new(out, name,
                      json_pack("{s:I, s:s}", "value", (json_int_t)value, "from", from));
}

/* Settings that leave it to the host, and what it made of them. */
static json_t *settled_json(const struct session *s) {
  json_t *out = json_object();
  int64_t own = s->main.arch.context, context = s->main.spec.context;
  if (session_int(s, "engine.threads") == 0)
    settle(out, "engine.threads", s->threads, "the machine");
  if (session_int(s, "engine.context") == 0)
    settle(out, "engine.context", context,
           context == own ? "the model" : "what the work needs");
  if (session_int(s, "engine.memory") == 0)
    settle(out, "engine.memory", (int64_t)session_memory(s).limit, "the machine");
  if (session_int(s, "engine.rows") != s->rows)
    settle(out, "engine.rows", s->rows, "the schedule");
  if (s->chat != NULL && strcmp(session_text(s, "prompts.chat"), "model") == 0)
    json_object_set_new(
        out, "prompts.chat",
        json_pack("{s:s, s:s}", "value", s->chat->name, "from", "the model's template"));
  return out;
}

/* --- all ------------------------------------------------------------------------------ */

static json_t *threads_json(const struct session *s) {
  json_t *cpus = json_array();
  for (int i = 0; i < s->threads && i < s->job->machine->n_cpus; i++)
    json_array_append_new(cpus, json_integer(s->job->machine->cpus[i]));
  char left_out[512];
  features_left_out(left_out, sizeof left_out);
  return json_pack("{s:i, s:o, s:s}", "n", s->threads, "cpus", cpus, "features_left_out",
                   left_out);
}

json_t *session_plan_json(const struct session *s) {
  const ridge_kv_layout *kv = &s->main.cache.layout;
  return json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:b}",
      "model", model_json(s), "graph", graph_json(s), "kernels", kernels_json(s), "weights",
      weights_json(s), "memory", memory_json(s), "threads", threads_json(s), "predicted",
      session_prediction_json(s), "settled", settled_json(s), "steps", "rows",
      (json_int_t)s->rows, "sequences", (json_int_t)s->slots, "drafts",
      (json_int_t)s->depth, "context", (json_int_t)s->main.spec.context, "block_tokens",
      (json_int_t)kv->block_tokens, "blocks", (json_int_t)kv->blocks, "beside_unmodified",
      (int)s->has_base);
}
