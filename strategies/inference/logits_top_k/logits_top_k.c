/*
 * logits.top_k - leave the k most likely tokens and rule out the others.
 *
 * Top-k sampling, arXiv 1805.04833 sec. 5.4: the next token is drawn from the k largest
 * logits, renormalized.  The k-th largest is found without sorting (ridge/logits.h).  Of
 * equal logits the lower token stays.
 */
#include <ridge/logits.h>
#include <ridge/seam/logits_shape.h>

struct top_k_params {
  int64_t k;
};

enum { TOKENS_RULED_OUT };

struct top_k {
  const ridge_host *host;
  int64_t k;
};

static double one_each(float logit, float top) {
  (void)logit, (void)top;
  return 1;
}

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  const struct top_k *top = self;
  float largest;
  (void)view;
  ridge_status status = ridge_logits_top(top->host, logits, vocab, &largest);
  if (status != RIDGE_OK) return status;
  int64_t possible = 0;
  for (int64_t i = 0; i < vocab; i++) possible += logits[i] > -INFINITY;
  if (possible <= top->k) return RIDGE_OK;
  ridge_logits_end end =
      ridge_logits_find_end(logits, vocab, largest, one_each, (double)top->k);
  top->host->count(top->host, TOKENS_RULED_OUT, ridge_logits_keep(logits, vocab, end));
  return RIDGE_OK;
}

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  const struct top_k_params *p = params;
  if (plan == NULL || p->k < plan->vocab) return RIDGE_OK;
  return host->fail(
      host, RIDGE_INVALID,
      "`k` is %lld, and this model has %lld tokens in all: none would be ruled out",
      (long long)p->k, (long long)plan->vocab);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct top_k *top = host->alloc(host, sizeof *top, _Alignof(struct top_k));
  if (top == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  top->host = host;
  top->k = ((const struct top_k_params *)params)->k;
  *self = top;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(struct top_k_params, k, 40, 1, 1000000, "token",
              RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
              "Tokens that may be drawn: fewer is safer and duller, 1 is greedy."),
};

static const ridge_relation relations[] = {
    {.target = "sample.temperature",
     .why = "at temperature 0 the most likely token is taken, and that one is never ruled "
            "out; "
            "set a temperature above 0 or drop the line",
     .value = {.r = 0},
     .kind = RIDGE_CLASHES,
     .op = RIDGE_EQ},
};

static const ridge_logits_shape shaper = {.struct_size = sizeof(ridge_logits_shape),
                                          .shape = shape};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &shaper}};

static const ridge_evidence evidence[] = {
    [TOKENS_RULED_OUT] = {"tokens ruled out", "token",
                          "Tokens that could not be drawn any more.", 1},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_LOSSY,
    .id = "logits.top_k",
    .technique = "top-k-sampling",
    .version = "1.0.0",
    .summary = "draw from the k most likely tokens only",
    .doc =
        "Rules out all but the `k` largest logits before a token is drawn.\n\n"
        "*When*: sampled text that must not wander off into unlikely tokens.\n\n"
        "*When not*: greedy decoding; distributions that are sometimes flat and sometimes "
        "sharp, where a fixed number is too few or too many (logits.top_p, "
        "logits.min_p).\n",
    .license = "Apache-2.0",
    .source = "arXiv:1805.04833",
    .params = RIDGE_ROWS(params),
    .relations = RIDGE_ROWS(relations),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .params_size = sizeof(struct top_k_params),
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
