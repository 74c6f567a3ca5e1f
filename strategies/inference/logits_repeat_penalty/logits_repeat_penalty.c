/*
 * logits.repeat_penalty - make tokens of the recent text less likely.
 *
 * The penalized sampling of CTRL, arXiv 1909.05858 sec. 4.1: with g the tokens seen and
 * theta the penalty, a logit x_i is divided by I(i in g) theta.  As that would reward a
 * negative logit, those are multiplied instead.  Here g is the last `window` tokens,
 * prompt included; a token that stands there several times is penalized once.
 */
#include <ridge/seam/logits_shape.h>

#include <math.h>
#include <string.h>

struct penalty_params {
  int64_t window;
  double penalty;
};

enum { LOGITS_CHANGED };

/* Which tokens this call has seen: those whose mark is the call's number.  Scratch, so
 * that a call costs the window and not the vocabulary. */
struct penalty {
  const ridge_host *host;
  struct penalty_params params;
  uint32_t *marks; /* (vocab) */
  int64_t vocab;
  uint32_t call;
};

static ridge_status marks_ready(struct penalty *p, int64_t vocab) {
  if (vocab > p->vocab) {
    if (p->marks != NULL) p->host->free(p->host, p->marks);
    p->vocab = 0;
    p->marks =
        p->host->alloc(p->host, (size_t)vocab * sizeof *p->marks, _Alignof(uint32_t));
    if (p->marks == NULL) {
      return p->host->fail(p->host, RIDGE_NO_MEMORY, "no memory to mark %lld tokens",
                           (long long)vocab);
    }
    p->vocab = vocab;
    p->call = 0;
  }
  if (++p->call == 0) { /* the numbers went round: old marks would be taken for new */
    memset(p->marks, 0, (size_t)p->vocab * sizeof *p->marks);
    p->call = 1;
  }
  return RIDGE_OK;
}

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  struct penalty *p = self;
  ridge_status status = marks_ready(p, vocab);
  if (status != RIDGE_OK) return status;
  int64_t first = view->n > p->params.window ? view->n - p->params.window : 0;
  uint64_t changed = 0;
  for (int64_t i = first; i < view->n; i++) {
    int32_t token = view->tokens[i];
    if (token < 0 || token >= vocab || p->marks[token] == p->call) continue;
    p->marks[token] = p->call;
    float old = logits[token];
    double x = (double)old;
    logits[token] = (float)(x > 0 ? x / p->params.penalty : x * p->params.penalty);
    changed += logits[token] < old;
  }
  if (changed > 0) p->host->count(p->host, LOGITS_CHANGED, changed);
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct penalty *p = host->alloc(host, sizeof *p, _Alignof(struct penalty));
  if (p == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  p->host = host;
  p->params = *(const struct penalty_params *)params;
  *self = p;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(struct penalty_params, window, 64, 1, 1000000, "token",
              RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
              "Tokens back that count as repeated: longer keeps more from coming again, "
              "names and "
              "articles included."),
    RIDGE_REAL(
        struct penalty_params, penalty, 1.1, 1.001, 10.0, "", RIDGE_SWEEPABLE,
        "What the logit of a repeated token is divided by: higher repeats less, and strays "
        "more."),
};

static const ridge_logits_shape shaper = {.struct_size = sizeof(ridge_logits_shape),
                                          .shape = shape};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &shaper}};

static const ridge_evidence evidence[] = {
    [LOGITS_CHANGED] = {"logits changed", "logit",
                        "Logits of repeated tokens that were lowered.", 1},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_LOSSY,
    .id = "logits.repeat_penalty",
    .technique = "repetition-penalty",
    .version = "1.0.0",
    .summary = "tokens of the recent text become less likely",
    .doc = "Lowers the logits of the tokens among the last `window` by the factor "
           "`penalty`, before "
           "a token is picked; works greedy and sampled.\n\n"
           "*When*: small models that fall into loops.\n\n"
           "*When not*: text that has to repeat itself: code, tables, names. Where "
           "sampling is "
           "filtered too, write this line before logits.top_k, top_p and min_p: they then "
           "judge "
           "the lowered logits.\n",
    .license = "Apache-2.0",
    .source = "arXiv:1909.05858",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .params_size = sizeof(struct penalty_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
