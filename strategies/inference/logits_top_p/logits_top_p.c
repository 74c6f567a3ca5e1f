/*
 * logits.top_p - leave the fewest tokens that together are likely enough, and rule out
 * the others.
 *
 * Nucleus sampling, arXiv 1904.09751 sec. 3.1: the smallest set V of most likely tokens
 * with  sum over V of P(x) >= p.  P is the softmax of the logits as they come, that is
 * before the temperature, which the pick applies.  The boundary is found without
 * sorting (ridge/logits.h).  Of equal logits the lower token stays.
 */
#include <ridge/logits.h>
#include <ridge/seam/logits_shape.h>

struct top_p_params {
  double p;
};

enum { TOKENS_RULED_OUT };

struct top_p {
  const ridge_host *host;
  double p;
};

static double mass_of(float logit, float top) { return exp((double)logit - (double)top); }

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  const struct top_p *nucleus = self;
  float top;
  (void)view;
  ridge_status status = ridge_logits_top(nucleus->host, logits, vocab, &top);
  if (status != RIDGE_OK) return status;
  if (isinf(top)) return RIDGE_OK; /* everything is ruled out, or one token is certain */
  double all = 0;
  for (int64_t i = 0; i < vocab; i++) all += mass_of(logits[i], top);
  ridge_logits_end end =
      ridge_logits_find_end(logits, vocab, top, mass_of, nucleus->p * all);
  uint64_t ruled_out = ridge_logits_keep(logits, vocab, end);
  if (ruled_out > 0) nucleus->host->count(nucleus->host, TOKENS_RULED_OUT, ruled_out);
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct top_p *nucleus = host->alloc(host, sizeof *nucleus, _Alignof(struct top_p));
  if (nucleus == NULL)
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  nucleus->host = host;
  nucleus->p = ((const struct top_p_params *)params)->p;
  *self = nucleus;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_REAL(
        struct top_p_params, p, 0.9, 0.001, 0.9999, "", RIDGE_SWEEPABLE,
        "Probability that the tokens left must have together: lower is safer and duller, "
        "higher leaves more of the tail."),
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
    .id = "logits.top_p",
    .technique = "nucleus-sampling",
    .version = "1.0.0",
    .summary = "draw from the fewest tokens that together are likely enough",
    .doc =
        "Leaves the most likely tokens until their probabilities add up to `p`, and rules "
        "out "
        "the others before a token is drawn.\n\n"
        "*When*: sampled text; the number of tokens left follows how sure the model is.\n\n"
        "*When not*: greedy decoding; high temperatures, where the tail that is left "
        "weighs "
        "much (logits.min_p).\n",
    .license = "Apache-2.0",
    .source = "arXiv:1904.09751",
    .params = RIDGE_ROWS(params),
    .relations = RIDGE_ROWS(relations),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .params_size = sizeof(struct top_p_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
