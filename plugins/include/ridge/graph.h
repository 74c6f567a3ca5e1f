/*
 * ridge/graph.h - the language that strategies share: tensors, operators, nodes.
 *
 * A graph is a list of nodes in an order that can be executed.  Activations are
 * f32, row-major, one row for each token of the step; weights are (out, in) in
 * some codec.  The first dimension of an activation is symbolic: a plan is built
 * once and runs for any number of rows up to its bound.
 *
 * Ownership: tensors and nodes belong to the graph and stay valid, and at the
 *            same index, as long as it lives; what a pass hands in is copied.
 * Threads:   a pass is [main]; everything a kernel reads of a graph is constant.
 */
#ifndef RIDGE_GRAPH_H
#define RIDGE_GRAPH_H

#include <ridge/plugin.h>

/* Symbolic sizes of dims[0]. */
#define RIDGE_DIM_TOKENS (-1) /* T: all rows of this step                     */
#define RIDGE_DIM_WANTED (-2) /* R: the rows whose logits are asked for       */

/* Every operator: enum, name, one line.  T rows; D, N, K widths; x is (T, K).
 * Shape rules, costs and gradient rules stand in host/graph/operators.c; the
 * reference kernels in plugins/kernels/portable. */
#define RIDGE_OP_MAP(X)                                                                    \
  X(EMBED, "embed", "y(T,D) = rows of table(V,D) picked by tokens or positions")           \
  X(RMSNORM, "rmsnorm", "y = x / sqrt(mean(x^2) + eps) * w; arXiv 1910.07467 eq. 4")       \
  X(LAYERNORM, "layernorm", "y = (x - mean) / sqrt(var + eps) * w + b; arXiv 1607.06450")  \
  X(MATMUL, "matmul", "y(T,N) = x(T,K) w(N,K)^T [+ bias(N)] [act, glu] [+ residual(T,N)]") \
  X(ADD, "add", "y = a + b; b may be one row, added to each")                              \
  X(MUL, "mul", "y = a * b, element by element; b may be one row")                         \
  X(SCALE, "scale", "y = a * attrs.scale")                                                 \
  X(ACT, "act", "y = act(x)")                                                              \
  X(GLU, "glu", "y(T,N) = act(gate) * up; arXiv 2002.05202")                               \
  X(ROPE_TABLE, "rope_table", "y(T,dims) = cos, sin of position * frequency, in pairs")    \
  X(ROPE, "rope", "y = x with pairs of each head turned by the table; arXiv 2104.09864")   \
  X(CACHE_PUT, "cache_put", "write rows of k or v into the cache tensor")                  \
  X(ATTENTION, "attention", "y = softmax(q k^T scale) v over the cache; arXiv 1706.03762") \
  X(ROWS, "rows", "y(R,D) = the wanted rows of x(T,D)")                                    \
  X(SLICE, "slice", "y(T,N) = columns [attrs.from, attrs.from + N) of x")                  \
  X(SOFTCAP, "softcap", "y = cap * tanh(x / cap), cap = attrs.scale")                      \
  X(ADD_RMSNORM, "add_rmsnorm", "s = a + b; y = rmsnorm(s, w); out: s, y")                 \
  X(ADD_LAYERNORM, "add_layernorm", "s = a + b; y = layernorm(s, w, b'); out: s, y")       \
  X(ROUTE, "route", "the J largest of softmax(x(T,E)); out: experts(T,J), weights(T,J)")   \
  X(EXPERT_MATMUL, "expert_matmul", "y(T,J,N) = x w[expert_j](N,K)^T, w(E,N,K)")           \
  X(WEIGHTED_SUM, "weighted_sum", "y(T,N) = sum over j of weights(T,J)[j] x(T,J,N)[j]")
enum ridge_op {
#define X(id, name, doc) RIDGE_OP_##id,
  RIDGE_OP_MAP(X)
#undef X
      RIDGE_OP_COUNT
};

/* Element-wise functions. */
#define RIDGE_ACT_MAP(X)                                                                   \
  X(NONE, "none")                                                                          \
  X(SILU, "silu")           /* x / (1 + exp(-x))                               */          \
  X(GELU, "gelu")           /* x/2 (1 + erf(x / sqrt 2))                       */          \
  X(GELU_TANH, "gelu_tanh") /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))   */          \
  X(RELU, "relu")                                                                          \
  X(SIGMOID, "sigmoid") /* 1 / (1 + exp(-x))                                   */
enum ridge_act {
#define X(id, name) RIDGE_ACT_##id,
  RIDGE_ACT_MAP(X)
#undef X
      RIDGE_ACT_COUNT
};

enum ridge_role {
  RIDGE_INPUT = 1, /* tokens, positions: int32 (T)                             */
  RIDGE_WEIGHT,    /* (out, in) in a codec, a vector (n), or (experts, out, in)   */
  RIDGE_ACTIVATION,
  RIDGE_CACHE, /* keys or values of one layer; blocks, see kernel.h            */
  RIDGE_GRADIENT,
  RIDGE_OPTIMIZER,
};

enum ridge_node_flag {
  RIDGE_ROPE_NEOX = 1,   /* pairs are (i, i + dims/2), else (2i, 2i + 1)         */
  RIDGE_GLU_PAIRED = 2,  /* MATMUL: w stacks gate(N,K) on up(N,K), y is (T,N)   */
  RIDGE_CACHE_VALUE = 4, /* CACHE_PUT: values, else keys                       */
  RIDGE_ROUTE_NORM = 8,  /* ROUTE: the chosen weights are divided by their sum  */
};

/* Facts of a node that are no tensors.  A field is zero where it says nothing.
 *
 * heads > 0 in RMSNORM and LAYERNORM: each head of head_dim columns is a row of its
 *   own; w is (head_dim), or (heads * head_dim).
 * window > 0 in ATTENTION: a row at position p sees positions above p - window.
 * softcap > 0 in ATTENTION: scores s become softcap * tanh(s / softcap).
 * from in EMBED: added to every id; in SLICE: the first column.
 * ROPE_TABLE, with f_i = base^(-2i/dims) / factor_i:  the angle of pair i is
 *   position * f_i * (m_i freq_scale + 1 - m_i), where the share m_i rises from 0 at
 *   i = blend_from to 1 at i = blend_to (arXiv 2309.00071 sec. 3.2); both 0: m_i = 1.
 *   Cosines and sines are multiplied by amplitude (0: by 1).
 * scale in ROUTE: multiplies the weights (0: 1). */
typedef struct ridge_attrs {
  uint64_t struct_size;
  double eps, scale; /* norms; ATTENTION, SCALE, SOFTCAP                      */
  double base;       /* ROPE_TABLE: frequency_i = base^(-2i/dims) * freq scale */
  double freq_scale; /* ROPE_TABLE: linear scaling of positions; 0 means 1    */
  int64_t layer, heads, kv_heads, head_dim, dims, window, from;
  uint32_t act, flags;
  double softcap;                         /* ATTENTION                         */
  double blend_from, blend_to, amplitude; /* ROPE_TABLE                        */
  int64_t experts, used;                  /* E and J of the expert operators   */
} ridge_attrs;
RIDGE_SEALED(ridge_attrs, used);

/* How a step reads a weight: what a chain over weights decides by, rather than by name. */
enum ridge_use {
  RIDGE_USE_ROWS = 1,  /* a table of which EMBED reads single rows               */
  RIDGE_USE_WHOLE = 2, /* all of it, in every step: a matrix of MATMUL, a norm   */
};

#define RIDGE_MAX_PARTS 4
typedef struct ridge_tensor {
  uint64_t struct_size;
  const char *name;  /* where it lives: "blk.3.attn_q.weight"                  */
  const char *codec; /* "f32", "i32", or a weight's or a cache's codec         */
  int64_t dims[4];   /* outermost first; dims[0] may be symbolic               */
  /* A weight stacked from others along its first dimension, in this order. */
  int32_t parts[RIDGE_MAX_PARTS];
  uint32_t n_parts, rank, role;
  int32_t producer; /* node index; -1: comes from outside                      */
  uint64_t uses;    /* of a weight, while the weights chain chooses: ridge_use bits;
                       both for a table that is the output head too              */
} ridge_tensor;
RIDGE_SEALED(ridge_tensor, uses);

#define RIDGE_MAX_IN  8
#define RIDGE_MAX_OUT 2
/* Inputs by position; -1 where an optional one is missing:
 *   EMBED table, ids            RMSNORM x, w          LAYERNORM x, w, b
 *   MATMUL x, w, bias, residual ADD, MUL a, b         SCALE, ACT, SLICE, SOFTCAP x
 *   GLU gate, up                ROPE_TABLE positions, factors(dims/2)
 *   ROPE x, table               CACHE_PUT x, cache    ATTENTION q, cache k, cache v
 *   ROWS x                      ADD_RMSNORM a, b, w   ADD_LAYERNORM a, b, w, b'
 *   ROUTE x                     WEIGHTED_SUM x, weights
 *   EXPERT_MATMUL x, w, experts
 * The experts that ROUTE chooses are i32, largest weight first.  EXPERT_MATMUL's x is
 * (T,K), one for all that were chosen, or (T,J,K), one for each.
 * CACHE_PUT has no output: nodes after it in the list see what it wrote. */
typedef struct ridge_node {
  uint64_t struct_size;
  const char *name; /* "blk.3.attn_q"                                          */
  ridge_attrs attrs;
  int32_t in[RIDGE_MAX_IN], out[RIDGE_MAX_OUT];
  uint32_t op, n_in, n_out;
  uint32_t gone; /* 1: a pass removed it                                       */
} ridge_node;
RIDGE_SEALED(ridge_node, gone);

typedef struct ridge_graph ridge_graph;

/* Service "ridge.graph/1": how a pass reads and rewrites.  Functions that return
 * an index return -1 after `fail` was told why.  [main] */
#define RIDGE_SERVICE_GRAPH "ridge.graph/1"
typedef struct ridge_graph_api {
  uint64_t struct_size;
  int32_t (*node_count)(const ridge_graph *); /* removed ones included         */
  int32_t (*tensor_count)(const ridge_graph *);
  const ridge_node *(*node)(const ridge_graph *, int32_t index);
  const ridge_tensor *(*tensor)(const ridge_graph *, int32_t index);
  /* The order of execution: position 0.. of live nodes; -1 past the end. */
  int32_t (*at)(const ridge_graph *, int32_t position);
  /* Live nodes that read the tensor: their number, the first `room` in `nodes`. */
  int32_t (*readers)(const ridge_graph *, int32_t tensor, int32_t *nodes, int32_t room);
  int32_t (*find_tensor)(const ridge_graph *, const char *name);
  bool (*is_output)(const ridge_graph *, int32_t tensor);

  int32_t (*add_tensor)(ridge_graph *, const ridge_tensor *proto);
  /* Stack weights of one codec and width along their first dimension. */
  int32_t (*stack)(ridge_graph *, const char *name, const int32_t *weights, uint32_t n);
  /* Insert before the node at index `before` (-1: at the end). */
  int32_t (*add_node)(ridge_graph *, const ridge_node *proto, int32_t before);
  ridge_status (*remove_node)(ridge_graph *, int32_t node);
  ridge_status (*set_input)(ridge_graph *, int32_t node, uint32_t slot, int32_t tensor);
  /* Every reader of `from` reads `to` instead. */
  ridge_status (*replace)(ridge_graph *, int32_t from, int32_t to);
  ridge_status (*set_codec)(ridge_graph *, int32_t tensor, const char *codec);
} ridge_graph_api;
RIDGE_SEALED(ridge_graph_api, set_codec);

#endif
