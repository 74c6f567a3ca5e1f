/* builder_nodes.c - the builder's small parts: weights checked, the usual nodes. */
#include "model/builder_inside.h"

#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 96, FULL_ROOM = 128 };

/* "blk.3.attn_q" inside a layer, "output_norm" outside. */
static const char *name_of(const struct building *b, const char *what,
                           char room[NAME_ROOM]) {
  if (b->layer < 0)
    snprintf(room, NAME_ROOM, "%s", what);
  else
    snprintf(room, NAME_ROOM, "blk.%lld.%s", (long long)b->layer, what);
  return room;
}

static const char *full_name(const struct building *b, const char *what, const char *suffix,
                             char room[FULL_ROOM]) {
  char base[NAME_ROOM];
  snprintf(room, FULL_ROOM, "%s.%s", name_of(b, what, base), suffix);
  return room;
}

static int32_t failed(struct building *b) {
  if (b->status == RIDGE_OK) {
    b->status = RIDGE_INVALID;
    memcpy(b->why->text, b->graph->why.text, sizeof b->why->text);
  }
  return -1;
}

const ridge_file_tensor *builder_file_tensor(const struct building *b, const char *what,
                                             const char *suffix) {
  char name[FULL_ROOM];
  return source_tensor(b->source, full_name(b, what, suffix, name));
}

/* --- weights ----------------------------------------------------------------------- */

static struct shape without_leading_ones(const int64_t *dims, uint32_t rank) {
  while (rank > 1 && dims[0] == 1) dims++, rank--;
  struct shape shape = {.rank = rank};
  for (uint32_t i = 0; i < rank && i < 3; i++) shape.dims[i] = dims[i];
  return shape;
}

static bool same_shape(struct shape a, struct shape b) {
  if (a.rank != b.rank) return false;
  for (uint32_t i = 0; i < a.rank && i < 3; i++)
    if (a.dims[i] != b.dims[i]) return false;
  return true;
}

static void shape_text(const int64_t *dims, uint32_t rank, char room[96]) {
  size_t at = 0;
  for (uint32_t i = 0; i < rank && at < 96; i++)
    at += (size_t)snprintf(room + at, 96 - at, "%s%lld", i == 0 ? "(" : ", ",
                           (long long)dims[i]);
  if (at < 96) snprintf(room + at, 96 - at, ")");
}

static int32_t refuse_shape(struct building *b, const ridge_file_tensor *file,
                            struct shape shape) {
  char found[96], wanted[96];
  shape_text(file->dims, file->rank, found);
  shape_text(shape.dims, shape.rank, wanted);
  b->status = why_set(b->why, RIDGE_CORRUPT,
                      "%s: tensor `%s` has shape %s; by the model's own numbers it must be "
                      "%s",
                      b->source->path, file->name, found, wanted);
  return -1;
}

/* A tensor of `shape` in the file, seen as `as` in the graph. */
static int32_t add_weight(struct building *b, const char *what, const char *suffix,
                          struct shape shape, struct shape as) {
  char name[FULL_ROOM];
  if (b->status != RIDGE_OK) return -1;
  full_name(b, what, suffix, name);
  int32_t known = b->api->find_tensor(b->graph, name);
  if (known >= 0) return known;
  const ridge_file_tensor *file = source_tensor(b->source, name);
  if (file == NULL) {
    b->status =
        why_set(b->why, RIDGE_CORRUPT, "%s: has no tensor `%s`, which a %s model needs",
                b->source->path, name, b->arch->row->name);
    return -1;
  }
  if (!same_shape(without_leading_ones(file->dims, file->rank),
                  without_leading_ones(shape.dims, shape.rank)))
    return refuse_shape(b, file, shape);
  ridge_tensor proto = {.name = name,
                        .codec = file->codec,
                        .dims = {as.dims[0], as.dims[1], as.dims[2], 1},
                        .rank = as.rank,
                        .role = RIDGE_WEIGHT};
  int32_t made = b->api->add_tensor(b->graph, &proto);
  return made < 0 ? failed(b) : made;
}

int32_t builder_weight(struct building *b, const char *what, const char *suffix,
                       struct shape shape) {
  return add_weight(b, what, suffix, shape, shape);
}

int32_t builder_flat_weight(struct building *b, const char *what, int64_t rows,
                            int64_t cols) {
  return add_weight(b, what, "weight", MATRIX(rows, cols), VECTOR(rows * cols));
}

int32_t builder_bias(struct building *b, const char *what, int64_t n) {
  bool there = b->arch->row->biases || builder_file_tensor(b, what, "bias") != NULL;
  return there ? builder_weight(b, what, "bias", VECTOR(n)) : -1;
}

/* --- tensors and nodes --------------------------------------------------------------- */

int32_t builder_activation(struct building *b, const char *what, int64_t rows,
                           int64_t cols) {
  char name[NAME_ROOM];
  if (b->status != RIDGE_OK) return -1;
  int32_t made = graph_activation(b->graph, name_of(b, what, name), rows, cols);
  return made < 0 ? failed(b) : made;
}

int32_t builder_tensor(struct building *b, const char *what, ridge_tensor proto) {
  char name[NAME_ROOM];
  if (b->status != RIDGE_OK) return -1;
  proto.name = name_of(b, what, name);
  int32_t made = b->api->add_tensor(b->graph, &proto);
  return made < 0 ? failed(b) : made;
}

void builder_node(struct building *b, uint32_t op, const char *what, const int32_t *in,
                  uint32_t n_in, const int32_t *out, uint32_t n_out, ridge_attrs attrs) {
  if (b->status != RIDGE_OK) return;
  char name[NAME_ROOM];
  ridge_node proto = {.op = op,
                      .name = name_of(b, what, name),
                      .n_in = n_in,
                      .n_out = n_out,
                      .attrs = attrs};
  proto.attrs.layer = b->layer;
  memcpy(proto.in, in, n_in * sizeof *in);
  memcpy(proto.out, out, n_out * sizeof *out);
  while (proto.n_in > 0 && proto.in[proto.n_in - 1] == -1) proto.n_in--;
  if (b->api->add_node(b->graph, &proto, -1) < 0) failed(b);
}

int32_t builder_norm(struct building *b, const char *what, int32_t x) {
  char out_name[NAME_ROOM];
  snprintf(out_name, sizeof out_name, "%s_out", what);
  int64_t dim = b->arch->dim;
  int32_t y = builder_activation(b, out_name, b->rows, dim);
  int32_t w = builder_weight(b, what, "weight", VECTOR(dim));
  ridge_attrs attrs = {.eps = b->arch->eps};
  if (b->arch->row->norm == ARCH_RMSNORM)
    NODE(RIDGE_OP_RMSNORM, what, y, attrs, x, w);
  else
    NODE(RIDGE_OP_LAYERNORM, what, y, attrs, x, w, builder_bias(b, what, dim));
  return y;
}

int32_t builder_project(struct building *b, const char *what, int32_t x, int64_t out,
                        int64_t in) {
  char out_name[NAME_ROOM];
  snprintf(out_name, sizeof out_name, "%s_out", what);
  int32_t y = builder_activation(b, out_name, b->rows, out);
  int32_t w = builder_weight(b, what, "weight", MATRIX(out, in));
  NODE(RIDGE_OP_MATMUL, what, y, (ridge_attrs){0}, x, w, builder_bias(b, what, out), -1);
  return y;
}

int32_t builder_add(struct building *b, const char *what, int32_t one, int32_t other) {
  int32_t y = builder_activation(b, what, b->rows, b->arch->dim);
  NODE(RIDGE_OP_ADD, what, y, (ridge_attrs){0}, one, other);
  return y;
}

int32_t builder_wanted(struct building *b, const char *what, int32_t x) {
  if (b->status != RIDGE_OK) return -1;
  int64_t cols = b->graph->tensors[x]->dims[1];
  int32_t y = builder_activation(b, what, RIDGE_DIM_WANTED, cols);
  NODE(RIDGE_OP_ROWS, what, y, (ridge_attrs){0}, x);
  return y;
}
