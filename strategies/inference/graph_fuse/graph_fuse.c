/*
 * graph.fuse - join neighbouring operators, so that activations cross memory less
 * often and a step has fewer barriers.
 *
 * The fusions of DeepSpeed Inference (arXiv 2207.00032, sec. III), as far as they are
 * a matter of the graph.  x (T, K); W one weight matrix; y = x W^T:
 *   bias      (x W^T) + b                     -> MATMUL with bias
 *   act       act(x W^T)                      -> MATMUL with act
 *   gate_up   act(x Wg^T) * (x Wu^T)          -> MATMUL of [Wg; Wu], paired
 *   residual  r + x W^T                       -> MATMUL with residual
 *   norm      s = a + b; norm(s)              -> ADD_RMSNORM, ADD_LAYERNORM
 *   qkv       x Wq^T, x Wk^T, x Wv^T          -> one MATMUL of [Wq; Wk; Wv], and slices
 * Each removes whole nodes and computes the same sums; a fused kernel may round an
 * activation or a norm in another order, so the effect is tolerant.  Does not change
 * what is multiplied: no folding of norms into weights, no other precision.
 */
#include "graph_fuse.h"

/* In this order: what joins a single matmul first, what stacks matmuls last. */
static const struct {
  size_t wanted; /* offset of the parameter */
  ridge_status (*join)(struct fuse *, int32_t node, bool *joined);
  uint32_t evidence;
} fusions[] = {
    {offsetof(struct fuse_params, bias), fuse_bias, EPILOGUES_JOINED},
    {offsetof(struct fuse_params, act), fuse_act, EPILOGUES_JOINED},
    {offsetof(struct fuse_params, gate_up), fuse_gate_up, PAIRS_JOINED},
    {offsetof(struct fuse_params, residual), fuse_residual, EPILOGUES_JOINED},
    {offsetof(struct fuse_params, norm), fuse_norm, NORMS_JOINED},
    {offsetof(struct fuse_params, qkv), fuse_stack, STACKS_MADE},
};

static bool is_wanted(const struct fuse *fuse, size_t i) {
  return *(const bool *)((const char *)&fuse->params + fusions[i].wanted);
}

/* Try one fusion at every node; nodes it adds come later in the list and are seen too. */
static ridge_status sweep(struct fuse *fuse, size_t i) {
  for (int32_t node = 0; node < fuse->api->node_count(fuse->graph); node++) {
    if (fuse->api->node(fuse->graph, node)->gone != 0) continue;
    bool joined = false;
    ridge_status status = fusions[i].join(fuse, node, &joined);
    if (status != RIDGE_OK) return status;
    if (joined) fuse->host->count(fuse->host, fusions[i].evidence, 1);
  }
  return RIDGE_OK;
}

static ridge_status rewrite(void *self, ridge_graph *graph) {
  struct fuse *fuse = self;
  fuse->graph = graph;
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; i < sizeof fusions / sizeof *fusions && status == RIDGE_OK; i++) {
    if (is_wanted(fuse, i)) status = sweep(fuse, i);
  }
  fuse->graph = NULL;
  return status;
}

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)plan;
  struct fuse fuse = {.params = *(const struct fuse_params *)params};
  for (size_t i = 0; i < sizeof fusions / sizeof *fusions; i++) {
    if (is_wanted(&fuse, i)) return RIDGE_OK;
  }
  return host->fail(
      host, RIDGE_INVALID,
      "every fusion is switched off, so nothing would be fused; leave one on or "
      "drop the line");
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct fuse *fuse = host->alloc(host, sizeof *fuse, _Alignof(struct fuse));
  if (fuse == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  fuse->host = host;
  fuse->params = *(const struct fuse_params *)params;
  fuse->api = host->service(host, RIDGE_SERVICE_GRAPH);
  *self = fuse;
  if (fuse->api != NULL) return RIDGE_OK;
  return host->fail(host, RIDGE_UNSUPPORTED,
                    "the host has no service " RIDGE_SERVICE_GRAPH);
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_BOOL(
        struct fuse_params, qkv, true, RIDGE_SWEEPABLE,
        "Stack matmuls that read one input (query, key, value) into one: fewer and longer "
        "matmuls, for a copy of their weights where they were used as mapped."),
    RIDGE_BOOL(
        struct fuse_params, gate_up, true, RIDGE_SWEEPABLE,
        "Gate, up and their product in one matmul: neither half is written to memory."),
    RIDGE_BOOL(struct fuse_params, norm, true, RIDGE_SWEEPABLE,
               "A sum and the norm behind it in one pass over the row."),
    RIDGE_BOOL(struct fuse_params, bias, true, RIDGE_SWEEPABLE,
               "A bias is added while the matmul writes its result."),
    RIDGE_BOOL(struct fuse_params, act, true, RIDGE_SWEEPABLE,
               "An activation function is applied while the matmul writes its result."),
    RIDGE_BOOL(
        struct fuse_params, residual, true, RIDGE_SWEEPABLE,
        "The residual stream is added while the matmul writes its result; leaves fewer "
        "sums for `norm` to join."),
};

static const ridge_graph_pass pass = {
    .struct_size = sizeof(ridge_graph_pass), .stage = RIDGE_STAGE_FUSE, .rewrite = rewrite};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_GRAPH_PASS, .table = &pass}};

static const ridge_evidence evidence[] = {
    [NODES_REMOVED] = {"nodes removed", "node",
                       "Nodes of the graph that became part of another.", 1},
    [EPILOGUES_JOINED] = {"epilogues joined", "matmul",
                          "Biases, activations and residuals taken into a matmul.", 0},
    [PAIRS_JOINED] = {"pairs joined", "matmul", "Gates and ups in one matmul.", 0},
    [NORMS_JOINED] = {"norms joined", "node", "Sums joined with their norm.", 0},
    [STACKS_MADE] = {"stacks made", "matmul",
                     "Matmuls that read one input, stacked into one.", 0},
};

static const ridge_claim claims[] = {
    {.id = "deep-fusion-latency",
     .statement =
         "fused kernels lower the latency of small batches; up to 7.3 times together "
         "with parallelism over many GPUs",
     .metric = "decode_tps",
     .conditions = "batch 1; the figure is not for fusion alone",
     .source = "arXiv:2207.00032, abstract",
     .ratio_lo = 1.0,
     .ratio_hi = 7.3},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_TOLERANT,
    .id = "graph.fuse",
    .technique = "deepspeed-inference",
    .version = "1.0.0",
    .summary = "neighbouring operators in one: QKV, gate and up, norm, bias, residual",
    .doc = "Rewrites the graph so that what follows a matmul is done while it writes, and "
           "matmuls "
           "of one input become one.\n\n"
           "*When*: small batches, where passes over activations and barriers between "
           "nodes are "
           "a visible share of a step.\n\n"
           "*When not*: when weights have to stay mapped from the file: stacked ones are "
           "copied.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2207.00032",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct fuse_params),
    .tolerance = 1e-3,
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
