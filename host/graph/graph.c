/* graph.c - storage of graphs and the functions that rewrite them. */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 256 };

void graph_init(struct ridge_graph *graph) { *graph = (struct ridge_graph){0}; }

void graph_free(struct ridge_graph *graph) {
  arena_free(&graph->arena);
  free(graph->tensors);
  free(graph->nodes);
  free(graph->order);
  *graph = (struct ridge_graph){0};
}

/* Note a caller's mistake where it will be read. */
static int32_t refuse(struct ridge_graph *graph, const char *text, const char *name) {
  why_set(&graph->why, RIDGE_INVALID, "graph: %s `%s`", text, name == NULL ? "" : name);
  if (graph->caller != NULL)
    graph->caller->fail(graph->caller, RIDGE_INVALID, "%s", graph->why.text);
  return -1;
}

static void *grown(void *array, int32_t *room, int32_t wanted, size_t size) {
  if (wanted <= *room) return array;
  int32_t next = *room == 0 ? ROOM : *room * 2;
  void *bigger = realloc(array, (size_t)next * size);
  if (bigger == NULL) abort();
  *room = next;
  return bigger;
}

static bool has_tensor(const struct ridge_graph *graph, int32_t tensor) {
  return tensor >= 0 && tensor < graph->n_tensors;
}

static bool has_node(const struct ridge_graph *graph, int32_t node) {
  return node >= 0 && node < graph->n_nodes && graph->nodes[node]->gone == 0;
}

static int32_t node_count(const struct ridge_graph *graph) { return graph->n_nodes; }
static int32_t tensor_count(const struct ridge_graph *graph) { return graph->n_tensors; }

static const ridge_node *node_at(const struct ridge_graph *graph, int32_t index) {
  return index >= 0 && index < graph->n_nodes ? graph->nodes[index] : NULL;
}

static const ridge_tensor *tensor_at(const struct ridge_graph *graph, int32_t index) {
  return has_tensor(graph, index) ? graph->tensors[index] : NULL;
}

static int32_t at(const struct ridge_graph *graph, int32_t position) {
  return position >= 0 && position < graph->n_order ? graph->order[position] : -1;
}

static int32_t readers(const struct ridge_graph *graph, int32_t tensor, int32_t *nodes,
                       int32_t room) {
  int32_t found = 0;
  for (int32_t i = 0; i < graph->n_order; i++) {
    const ridge_node *node = graph->nodes[graph->order[i]];
    for (uint32_t k = 0; k < node->n_in; k++) {
      if (node->in[k] != tensor) continue;
      if (found < room) nodes[found] = graph->order[i];
      found++;
      break;
    }
  }
  return found;
}

static int32_t find_tensor(const struct ridge_graph *graph, const char *name) {
  for (int32_t i = 0; i < graph->n_tensors; i++)
    if (strcmp(graph->tensors[i]->name, name) == 0) return i;
  return -1;
}

static bool is_output(const struct ridge_graph *graph, int32_t tensor) {
  for (uint32_t i = 0; i < graph->n_outputs; i++)
    if (graph->outputs[i] == tensor) return true;
  return false;
}

static int32_t add_tensor(struct ridge_graph *graph, const ridge_tensor *proto) {
  if (proto->name == NULL || proto->codec == NULL || proto->rank < 1 || proto->rank > 4)
    return refuse(graph,
                  "a tensor needs a name, a codec and 1 to 4 dimensions:", proto->name);
  if (find_tensor(graph, proto->name) >= 0)
    return refuse(graph, "there is already a tensor named", proto->name);
  graph->tensors = grown(graph->tensors, &graph->room_tensors, graph->n_tensors + 1,
                         sizeof *graph->tensors);
  ridge_tensor *tensor = arena_alloc(&graph->arena, sizeof *tensor);
  *tensor = *proto;
  tensor->struct_size = sizeof *tensor;
  tensor->name = arena_text(&graph->arena, proto->name);
  tensor->codec = arena_text(&graph->arena, proto->codec);
  tensor->producer = -1;
  graph->tensors[graph->n_tensors] = tensor;
  return graph->n_tensors++;
}

static int32_t stack(struct ridge_graph *graph, const char *name, const int32_t *weights,
                     uint32_t n) {
  if (n < 2 || n > RIDGE_MAX_PARTS)
    return refuse(graph, "two to four weights can be stacked:", name);
  ridge_tensor proto = {.struct_size = sizeof proto, .name = name, .n_parts = n};
  for (uint32_t i = 0; i < n; i++) {
    const ridge_tensor *part = tensor_at(graph, weights[i]);
    if (part == NULL || part->role != RIDGE_WEIGHT || part->n_parts > 0 || part->rank > 2)
      return refuse(graph, "only plain vectors and matrices can be stacked:", name);
    if (i == 0) {
      proto.codec = part->codec;
      proto.rank = part->rank;
      proto.role = RIDGE_WEIGHT;
      memcpy(proto.dims, part->dims, sizeof proto.dims);
      proto.dims[0] = 0;
    }
    bool same_width =
        part->rank == proto.rank && (part->rank < 2 || part->dims[1] == proto.dims[1]);
    if (strcmp(part->codec, proto.codec) != 0 || !same_width)
      return refuse(graph, "stacked weights need one codec and one width:", name);
    proto.dims[0] += part->dims[0];
    proto.parts[i] = weights[i];
  }
  return add_tensor(graph, &proto);
}

static int32_t add_node(struct ridge_graph *graph, const ridge_node *proto,
                        int32_t before) {
  if (proto->op >= RIDGE_OP_COUNT || proto->n_in > RIDGE_MAX_IN ||
      proto->n_out > RIDGE_MAX_OUT)
    return refuse(graph, "no such operator, or too many inputs or outputs:", proto->name);
  for (uint32_t i = 0; i < proto->n_in; i++)
    if (proto->in[i] != -1 && !has_tensor(graph, proto->in[i]))
      return refuse(graph, "an input that is no tensor in node", proto->name);
  for (uint32_t i = 0; i < proto->n_out; i++)
    if (!has_tensor(graph, proto->out[i]))
      return refuse(graph, "an output that is no tensor in node", proto->name);
  int32_t place = graph->n_order;
  if (before != -1) {
    for (place = 0; place < graph->n_order && graph->order[place] != before;) place++;
    if (place == graph->n_order)
      return refuse(graph, "no live node to stand before for", proto->name);
  }
  int32_t room = graph->room_nodes;
  graph->nodes =
      grown(graph->nodes, &graph->room_nodes, graph->n_nodes + 1, sizeof *graph->nodes);
  graph->order = grown(graph->order, &room, graph->n_nodes + 1, sizeof *graph->order);
  ridge_node *node = arena_alloc(&graph->arena, sizeof *node);
  *node = *proto;
  node->struct_size = sizeof *node;
  node->attrs.struct_size = sizeof node->attrs;
  node->name = arena_text(&graph->arena, proto->name == NULL ? "" : proto->name);
  node->gone = 0;
  int32_t index = graph->n_nodes++;
  graph->nodes[index] = node;
  memmove(graph->order + place + 1, graph->order + place,
          (size_t)(graph->n_order - place) * sizeof *graph->order);
  graph->order[place] = index;
  graph->n_order++;
  for (uint32_t i = 0; i < node->n_out; i++) graph->tensors[node->out[i]]->producer = index;
  graph->changes++;
  return index;
}

static ridge_status remove_node(struct ridge_graph *graph, int32_t index) {
  if (!has_node(graph, index)) {
    refuse(graph, "the node to remove is not there", NULL);
    return RIDGE_INVALID;
  }
  ridge_node *node = graph->nodes[index];
  node->gone = 1;
  for (uint32_t i = 0; i < node->n_out; i++)
    if (graph->tensors[node->out[i]]->producer == index)
      graph->tensors[node->out[i]]->producer = -1;
  int32_t place = 0;
  while (graph->order[place] != index) place++;
  graph->n_order--;
  memmove(graph->order + place, graph->order + place + 1,
          (size_t)(graph->n_order - place) * sizeof *graph->order);
  graph->changes++;
  return RIDGE_OK;
}

static ridge_status set_input(struct ridge_graph *graph, int32_t node, uint32_t slot,
                              int32_t tensor) {
  if (!has_node(graph, node) || slot >= RIDGE_MAX_IN ||
      (tensor != -1 && !has_tensor(graph, tensor))) {
    refuse(graph, "no such node, input or tensor", NULL);
    return RIDGE_INVALID;
  }
  ridge_node *to = graph->nodes[node];
  while (to->n_in <= slot) to->in[to->n_in++] = -1;
  to->in[slot] = tensor;
  graph->changes++;
  return RIDGE_OK;
}

static ridge_status replace(struct ridge_graph *graph, int32_t from, int32_t to) {
  if (!has_tensor(graph, from) || !has_tensor(graph, to)) {
    refuse(graph, "no such tensor to replace", NULL);
    return RIDGE_INVALID;
  }
  for (int32_t i = 0; i < graph->n_order; i++) {
    ridge_node *node = graph->nodes[graph->order[i]];
    for (uint32_t k = 0; k < node->n_in; k++)
      if (node->in[k] == from) node->in[k] = to;
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++)
    if (graph->outputs[i] == from) graph->outputs[i] = to;
  graph->changes++;
  return RIDGE_OK;
}

static ridge_status set_codec(struct ridge_graph *graph, int32_t tensor,
                              const char *codec) {
  if (!has_tensor(graph, tensor) || codec == NULL) {
    refuse(graph, "no such tensor, or no codec", NULL);
    return RIDGE_INVALID;
  }
  graph->tensors[tensor]->codec = arena_text(&graph->arena, codec);
  graph->changes++;
  return RIDGE_OK;
}

const ridge_graph_api *graph_api(void) {
  static const ridge_graph_api api = {
      .struct_size = sizeof api,
      .node_count = node_count,
      .tensor_count = tensor_count,
      .node = node_at,
      .tensor = tensor_at,
      .at = at,
      .readers = readers,
      .find_tensor = find_tensor,
      .is_output = is_output,
      .add_tensor = add_tensor,
      .stack = stack,
      .add_node = add_node,
      .remove_node = remove_node,
      .set_input = set_input,
      .replace = replace,
      .set_codec = set_codec,
  };
  return &api;
}

void graph_add_output(struct ridge_graph *graph, int32_t tensor) {
  graph->outputs[graph->n_outputs++] = tensor;
}

int32_t graph_weight(struct ridge_graph *graph, const char *name, const char *codec,
                     int64_t rows, int64_t cols, uint32_t rank) {
  return add_tensor(graph, &(ridge_tensor){
                               .name = name,
                               .codec = codec,
                               .dims = {rows, cols, 1, 1},
                               .rank = rank,
                               .role = RIDGE_WEIGHT,
                           });
}

int32_t graph_activation(struct ridge_graph *graph, const char *name, int64_t rows,
                         int64_t cols) {
  return add_tensor(graph, &(ridge_tensor){
                               .name = name,
                               .codec = "f32",
                               .dims = {rows, cols, 1, 1},
                               .rank = 2,
                               .role = RIDGE_ACTIVATION,
                           });
}

void graph_census(const struct ridge_graph *graph, int32_t counts[RIDGE_OP_COUNT]) {
  memset(counts, 0, RIDGE_OP_COUNT * sizeof *counts);
  for (int32_t i = 0; i < graph->n_order; i++) counts[graph->nodes[graph->order[i]]->op]++;
}
