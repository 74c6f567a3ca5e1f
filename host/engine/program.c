/* program.c - from a graph to calls: kernels, buffers by liveness, running a step. */
#include "engine/program.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64 };

static uint64_t rounded(uint64_t bytes) {
  return (bytes + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

static int64_t width(const ridge_tensor *t) { return graph_cols(t); }

static int64_t most_rows(const struct program *p, const ridge_tensor *t) {
  if (t->dims[0] == RIDGE_DIM_TOKENS) return p->bounds.max_rows;
  if (t->dims[0] == RIDGE_DIM_WANTED) return p->bounds.max_wanted;
  return t->dims[0];
}

/* --- choosing kernels ----------------------------------------------------------- */

static void fill_site(struct program *p, const ridge_node *node, ridge_kernel_site *site) {
  *site = (ridge_kernel_site){
      .struct_size = sizeof *site,
      .node = node,
      .max_rows = p->bounds.max_rows,
      .max_context = p->bounds.max_context,
      .block_tokens = p->bounds.block_tokens,
      .threads = p->bounds.threads,
  };
  for (uint32_t i = 0; i < node->n_in; i++) {
    if (node->in[i] < 0) continue;
    const ridge_tensor *t = p->graph->tensors[node->in[i]];
    site->in_codec[i] = p->codec_of[node->in[i]];
    site->in_dims[i][0] = graph_rows(t);
    site->in_dims[i][1] = width(t);
    if (t->rank < 2 && t->role == RIDGE_INPUT)
      site->in_dims[i][0] = t->dims[0], site->in_dims[i][1] = 1;
  }
  for (uint32_t i = 0; i < node->n_out; i++) {
    const ridge_tensor *t = p->graph->tensors[node->out[i]];
    site->out_dims[i][0] = t->dims[0];
    site->out_dims[i][1] = width(t);
  }
}

static int64_t rows_kind(const struct program *p, const ridge_node *node) {
  const ridge_tensor *t =
      node->n_out > 0 ? p->graph->tensors[node->out[0]] : p->graph->tensors[node->in[0]];
  return t->dims[0];
}

static ridge_status find_codecs(struct program *p, const struct provider_rules *rules,
                                struct why *why) {
  for (int32_t i = 0; i < p->graph->n_tensors; i++) {
    const ridge_tensor *t = p->graph->tensors[i];
    if (strcmp(t->codec, "i32") == 0) continue;
    p->codec_of[i] = provider_codec(rules, t->codec);
    if (p->codec_of[i] == NULL)
      return why_set(why, RIDGE_UNSUPPORTED,
                     "tensor `%s` is stored as `%s`, which no installed codec reads",
                     t->name, t->codec);
    int64_t row = t->role == RIDGE_CACHE ? t->dims[3] : width(t);
    if (row % p->codec_of[i]->block != 0)
      return why_set(why, RIDGE_INVALID,
                     "tensor `%s`: rows of %lld do not divide into `%s` blocks of %lld",
                     t->name, (long long)row, t->codec, (long long)p->codec_of[i]->block);
  }
  return RIDGE_OK;
}

/* An earlier `prepare` of the same input in the same form serves this node too. */
static int32_t shared_prepare(const struct program *p, int32_t tensor, const char *form) {
  for (int32_t i = 0; i < p->n_ops; i++) {
    const struct program_op *op = &p->ops[i];
    if (op->kind == PROGRAM_PREPARE && op->node->in[0] == tensor &&
        strcmp(op->verdict.choice.kernel->prepared_form, form) == 0)
      return op->prepared;
  }
  return -1;
}

static int32_t add_buffer(struct program *p, uint64_t bytes, int32_t op) {
  p->buffers[p->n_buffers] =
      (struct program_buffer){.bytes = rounded(bytes), .first = op, .last = op};
  return p->n_buffers++;
}

static void add_prepare(struct program *p, struct program_op *run) {
  const ridge_kernel *kernel = run->verdict.choice.kernel;
  run->prepared = -1;
  if (kernel->prepare == NULL || kernel->prepared_form == NULL) return;
  run->prepared = shared_prepare(p, run->node->in[0], kernel->prepared_form);
  if (run->prepared >= 0) return;
  struct program_op *op = &p->ops[p->n_ops];
  *op = *run;
  op->kind = PROGRAM_PREPARE;
  op->prepared = run->prepared =
      add_buffer(p, kernel->prepared_bytes(&run->site), p->n_ops);
  p->n_ops++;
}

static ridge_status choose_kernels(struct program *p, const struct provider_rules *rules,
                                   struct why *why) {
  for (int32_t i = 0; i < p->graph->n_order; i++) {
    const ridge_node *node = p->graph->nodes[p->graph->order[i]];
    if (node->op == RIDGE_OP_SLICE) continue; /* columns of its input's buffer */
    struct program_op op = {
        .kind = PROGRAM_RUN, .node = node, .rows_kind = rows_kind(p, node)};
    fill_site(p, node, &op.site);
    int keyed = provider_keyed_input(node->op);
    const char *codec = keyed < 0 ? NULL : p->graph->tensors[node->in[keyed]]->codec;
    ridge_status status = provider_kernel(rules, codec, &op.site, &op.verdict, why);
    if (status != RIDGE_OK) return status;
    const ridge_kernel *kernel = op.verdict.choice.kernel;
    op.scratch =
        kernel->scratch_bytes == NULL ? 0 : rounded(kernel->scratch_bytes(&op.site));
    if (op.scratch > p->scratch_bytes) p->scratch_bytes = op.scratch;
    add_prepare(p, &op);
    p->ops[p->n_ops++] = op;
  }
  return RIDGE_OK;
}

/* --- placing buffers ------------------------------------------------------------ */

static int64_t row_floats(const struct program *p, int32_t tensor) {
  const int64_t cols = width(p->graph->tensors[tensor]);
  if (tensor == p->graph->outputs[0]) return cols;
  return (int64_t)(ridge_row_stride(cols) / sizeof(float));
}

static void make_buffers(struct program *p) {
  for (int32_t i = 0; i < p->graph->n_order; i++) {
    const ridge_node *node = p->graph->nodes[p->graph->order[i]];
    if (node->op == RIDGE_OP_SLICE) {
      int32_t from = node->in[0], to = node->out[0];
      p->buffer_of[to] = p->buffer_of[from];
      p->column_of[to] = p->column_of[from] + node->attrs.from;
      p->row_floats_of[to] = p->row_floats_of[from];
      continue;
    }
    for (uint32_t k = 0; k < node->n_out; k++) {
      const ridge_tensor *t = p->graph->tensors[node->out[k]];
      const int64_t floats = row_floats(p, node->out[k]);
      uint64_t bytes = (uint64_t)most_rows(p, t) * (uint64_t)floats * sizeof(float);
      p->buffer_of[node->out[k]] = add_buffer(p, bytes, INT32_MAX);
      p->row_floats_of[node->out[k]] = floats;
    }
  }
}

static void touch(struct program *p, int32_t buffer, int32_t op) {
  if (buffer < 0) return;
  struct program_buffer *b = &p->buffers[buffer];
  if (op < b->first) b->first = op;
  if (b->last == INT32_MAX || op > b->last) b->last = op;
}

static void find_lifetimes(struct program *p) {
  for (int32_t i = 0; i < p->n_ops; i++) {
    const struct program_op *op = &p->ops[i];
    touch(p, op->prepared, i);
    for (uint32_t k = 0; k < op->node->n_in; k++)
      if (op->node->in[k] >= 0) touch(p, p->buffer_of[op->node->in[k]], i);
    for (uint32_t k = 0; op->kind == PROGRAM_RUN && k < op->node->n_out; k++)
      touch(p, p->buffer_of[op->node->out[k]], i);
  }
  for (uint32_t i = 0; i < p->graph->n_outputs; i++)
    touch(p, p->buffer_of[p->graph->outputs[i]], p->n_ops);
}

static int by_size(const void *a, const void *b, void *ctx) {
  const struct program_buffer *buffers = ctx;
  uint64_t x = buffers[*(const int32_t *)a].bytes, y = buffers[*(const int32_t *)b].bytes;
  if (x != y) return x > y ? -1 : 1;
  return *(const int32_t *)a < *(const int32_t *)b ? -1 : 1;
}

/* The lowest offset where the buffer meets no placed one that lives at the same time. */
static uint64_t lowest_gap(const struct program *p, const int32_t *placed, int32_t n,
                           int32_t which) {
  const struct program_buffer *mine = &p->buffers[which];
  uint64_t offset = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int32_t i = 0; i < n; i++) {
      const struct program_buffer *other = &p->buffers[placed[i]];
      bool together = mine->first <= other->last && other->first <= mine->last;
      bool overlap =
          offset < other->offset + other->bytes && other->offset < offset + mine->bytes;
      if (!together || !overlap) continue;
      offset = other->offset + other->bytes;
      moved = true;
    }
  }
  return offset;
}

/* Largest first, each at the lowest place that is free during its life. */
static void place_buffers(struct program *p) {
  int32_t *order = arena_array(&p->memory, (size_t)p->n_buffers + 1, sizeof *order);
  for (int32_t i = 0; i < p->n_buffers; i++) order[i] = i;
  qsort_r(order, (size_t)p->n_buffers, sizeof *order, by_size, p->buffers);
  for (int32_t i = 0; i < p->n_buffers; i++) {
    struct program_buffer *b = &p->buffers[order[i]];
    b->offset = lowest_gap(p, order, i, order[i]);
    if (b->offset + b->bytes > p->arena_bytes) p->arena_bytes = b->offset + b->bytes;
  }
}

ridge_status program_plan(struct ridge_graph *graph, const struct provider_rules *rules,
                          const struct program_bounds *bounds, struct program *out,
                          struct why *why) {
  *out = (struct program){.graph = graph, .bounds = *bounds};
  struct arena *memory = &out->memory;
  size_t tensors = (size_t)graph->n_tensors, nodes = (size_t)graph->n_order;
  out->ops = arena_array(memory, 2 * nodes + 1, sizeof *out->ops);
  out->buffers = arena_array(memory, tensors + nodes + 1, sizeof *out->buffers);
  out->buffer_of = arena_array(memory, tensors + 1, sizeof *out->buffer_of);
  out->column_of = arena_array(memory, tensors + 1, sizeof *out->column_of);
  out->row_floats_of = arena_array(memory, tensors + 1, sizeof *out->row_floats_of);
  out->codec_of = arena_array(memory, tensors + 1, sizeof *out->codec_of);
  out->bindings = arena_array(memory, tensors + 1, sizeof *out->bindings);
  for (size_t i = 0; i < tensors; i++) out->buffer_of[i] = -1;
  ridge_status status = find_codecs(out, rules, why);
  if (status == RIDGE_OK) make_buffers(out);
  if (status == RIDGE_OK) status = choose_kernels(out, rules, why);
  if (status != RIDGE_OK) {
    program_free(out);
    return status;
  }
  find_lifetimes(out);
  place_buffers(out);
  return RIDGE_OK;
}

/* Bytes moved and operations done, for one row and for one position it looks back on. */
static void weigh_op(const struct program *p, struct program_op *op) {
  const struct program_load one = {.tokens = 1, .wanted = 1};
  const struct program_load two = {.tokens = 1, .wanted = 1, .depth = 1, .reach = 1};
  const struct operator_cost row = program_cost(p, op, &one);
  const struct operator_cost deep = program_cost(p, op, &two);
  /* Of a preparation only what it reads is known; it writes less and rounds each number. */
  if (op->kind == PROGRAM_PREPARE) {
    op->row_work = 2 * sizeof(float) * (double)width(p->graph->tensors[op->node->in[0]]);
    return;
  }
  op->row_work = row.activation_bytes + row.weight_bytes + row.cache_bytes + row.flops;
  op->position_work = deep.cache_bytes + deep.flops - row.cache_bytes - row.flops;
}

uint64_t program_bytes(const struct program *p, int threads) {
  return p->arena_bytes + (uint64_t)threads * p->scratch_bytes;
}

/* --- calls ---------------------------------------------------------------------- */

static ridge_span span_of(const struct program *p, const struct program_op *op,
                          int32_t tensor, bool keyed) {
  const ridge_tensor *t = p->graph->tensors[tensor];
  int32_t buffer = p->buffer_of[tensor];
  ridge_span span = {.codec = p->codec_of[tensor], .cols = width(t)};
  if (buffer >= 0) {
    span.stride = (uint64_t)p->row_floats_of[tensor] * sizeof(float);
    span.data =
        p->arena + p->buffers[buffer].offset + (size_t)p->column_of[tensor] * sizeof(float);
    return span;
  }
  span.data = p->bindings[tensor].data;
  span.stride = p->bindings[tensor].stride;
  span.rows = graph_rows(t);
  if (t->role == RIDGE_CACHE) {
    span.rows = p->bounds.blocks * t->dims[1] * p->bounds.block_tokens;
    span.cols = t->dims[3];
  }
  if (keyed && op->packed != NULL) {
    span.packed = op->packed;
    span.data = NULL;
  }
  return span;
}

static void lay_out_call(struct program *p, const struct program_op *op, int thread,
                         ridge_kernel_call *call) {
  *call = (ridge_kernel_call){
      .struct_size = sizeof *call,
      .site = &op->site,
      .scratch = p->scratch + (size_t)thread * p->scratch_bytes,
      .self = op->verdict.choice.by->self,
      .taken = &p->turns[op - p->ops].taken,
  };
  if (op->prepared >= 0) call->prepared = p->arena + p->buffers[op->prepared].offset;
  for (uint32_t i = 0; i < op->node->n_in; i++)
    if (op->node->in[i] >= 0)
      call->in[i] =
          span_of(p, op, op->node->in[i], provider_keyed_input(op->node->op) == (int)i);
  for (uint32_t i = 0; i < op->node->n_out; i++)
    call->out[i] = span_of(p, op, op->node->out[i], false);
}

static void *map_zeroed(uint64_t bytes) {
  void *data =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return NULL;
  madvise(data, bytes, MADV_HUGEPAGE); /* fewer page walks; not everywhere allowed */
  return data;
}

ridge_status program_ready(struct program *p, struct why *why) {
  uint64_t threads = (uint64_t)p->bounds.threads;
  p->arena = map_zeroed(p->arena_bytes + ALIGN);
  p->scratch = map_zeroed(threads * p->scratch_bytes + ALIGN);
  p->calls = calloc(threads * (uint64_t)p->n_ops + 1, sizeof *p->calls);
  p->turns = aligned_alloc(sizeof *p->turns, sizeof *p->turns * (size_t)(p->n_ops + 1));
  if (p->arena == NULL || p->scratch == NULL || p->calls == NULL || p->turns == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for activations (%llu MiB)",
                   (unsigned long long)(program_bytes(p, p->bounds.threads) >> 20));
  memset(p->turns, 0, sizeof *p->turns * (size_t)p->n_ops);
  for (int32_t i = 0; i < p->n_ops; i++) weigh_op(p, &p->ops[i]);
  for (int t = 0; t < p->bounds.threads; t++)
    for (int32_t i = 0; i < p->n_ops; i++)
      lay_out_call(p, &p->ops[i], t, &p->calls[(size_t)t * (size_t)p->n_ops + (size_t)i]);
  return RIDGE_OK;
}

void program_take_weight(struct program *p, int32_t op) {
  for (int t = 0; t < p->bounds.threads; t++)
    lay_out_call(p, &p->ops[op], t, &p->calls[(size_t)t * (size_t)p->n_ops + (size_t)op]);
}

void program_free(struct program *p) {
  if (p->arena != NULL) munmap(p->arena, p->arena_bytes + ALIGN);
  if (p->scratch != NULL)
    munmap(p->scratch, (uint64_t)p->bounds.threads * p->scratch_bytes + ALIGN);
  free(p->calls);
  free(p->turns);
  arena_free(&p->memory);
  *p = (struct program){0};
}
