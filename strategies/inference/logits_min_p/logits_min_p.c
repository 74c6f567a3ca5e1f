/*
 * logits.min_p - rule out tokens that are much less likely than the most likely one.
 *
 * Min-p sampling, arXiv 2407.01082 sec. 3: tokens with P(x) < p max P are ruled out.
 * P is the softmax of the logits as they come, before the temperature, which the pick
 * applies; its denominator cancels, so the rule is  logit < max logit + ln p,  and one
 * comparison for each token is all it takes.
 */
#include <ridge/logits.h>
#include <ridge/seam/logits_shape.h>

struct min_p_params {
  double p;
};

enum { TOKENS_RULED_OUT };

struct min_p {
  const ridge_host *host;
  double distance; /* ln p */
};

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  const struct min_p *min = self;
  float top;
  (void)view;
  ridge_status status = ridge_logits_top(min->host, logits, vocab, &top);
  if (status != RIDGE_OK) return status;
  if (isinf(top)) return RIDGE_OK; /* everything is ruled out, or one token is certain */
  double least = (double)top + min->distance;
  uint64_t ruled_out = 0;
  for (int64_t i = 0; i < vocab; i++) {
    if ((double)logits[i] >= least || logits[i] == -INFINITY) continue;
    logits[i] = -INFINITY;
    ruled_out++;
  }
  if (ruled_out > 0) min->host->count(min->host, TOKENS_RULED_OUT, ruled_out);
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct min_p *min = host->alloc(host, sizeof *min, _Alignof(struct min_p));
  if (min == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  min->host = host;
  min->distance = log(((const struct min_p_params *)params)->p);
  *self = min;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_REAL(
        struct min_p_params, p, 0.05, 1e-9, 1.0, "", RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Least probability, as a share of the most likely token's: higher is safer and "
        "duller, 1 leaves the most likely only."),
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
    .id = "logits.min_p",
    .technique = "min-p-sampling",
    .version = "1.0.0",
    .summary = "rule out tokens far less likely than the most likely one",
    .doc =
        "Rules out tokens whose probability is below `p` times that of the most likely.\n\n"
        "*When*: sampled text at high temperature: the sharper the model, the fewer tokens "
        "are left.\n\n"
        "*When not*: greedy decoding.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2407.01082",
    .params = RIDGE_ROWS(params),
    .relations = RIDGE_ROWS(relations),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .params_size = sizeof(struct min_p_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
