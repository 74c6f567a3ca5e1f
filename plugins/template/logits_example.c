/*
 * logits.example - make one token likelier, or rule it out: logit[token] += bias.
 *
 * The smallest complete strategy: typed parameters, a relation, state, evidence.
 */
#include <math.h>
#include <ridge/plugin.h>
#include <ridge/seam/logits_shape.h>

struct params {
  int64_t token;
  double bias;
  bool ban;
};

static const ridge_param params[] = {
    RIDGE_INT(struct params, token, 0, 0, INT32_MAX, "", RIDGE_SWEEPABLE,
              "Which token is edited, by its id."),
    RIDGE_REAL(struct params, bias, 1.0, -100.0, 100.0, "", RIDGE_SWEEPABLE,
               "Added to its logit: more makes it likelier, and the text less natural."),
    RIDGE_BOOL(struct params, ban, false, 0, "Rule the token out altogether."),
};

static const ridge_relation relations[] = {
    {.kind = RIDGE_IDLE,
     .target = "bias",
     .param = "ban",
     .op = RIDGE_EQ,
     .value = {.b = true},
     .why = "a banned token gets minus infinity, whatever would be added to it"},
};

enum { EDITED }; /* rows of `evidence` */
static const ridge_evidence evidence[] = {
    {"logits edited", "logit", "Positions at which the token's logit was changed.", 1},
};

struct state {
  const ridge_host *host;
  struct params params;
};

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *given) {
  const struct params *p = given;
  if (p->token < plan->vocab) return RIDGE_OK;
  return host->fail(host, RIDGE_INVALID, "`token` is %lld; the vocabulary ends at %lld",
                    (long long)p->token, (long long)plan->vocab - 1);
}

static ridge_status create(const ridge_host *host, const void *given, void **self) {
  struct state *state = host->alloc(host, sizeof *state, _Alignof(struct state));
  if (state == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no room for the state");
  *state = (struct state){host, *(const struct params *)given};
  *self = state; /* what `alloc` gave goes with the instance: no `destroy` is needed */
  return RIDGE_OK;
}

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  const struct state *state = self;
  const struct params *p = &state->params;
  (void)view; /* the text so far: view->tokens[0 .. view->n) */
  if (p->token >= vocab) return RIDGE_DECLINED;
  float edited = p->ban ? -INFINITY : logits[p->token] + (float)p->bias;
  if (edited == logits[p->token]) return RIDGE_OK; /* nothing done, nothing counted */
  logits[p->token] = edited;
  state->host->count(state->host, EDITED, 1);
  return RIDGE_OK;
}

static const ridge_logits_shape table = {.struct_size = sizeof table, .shape = shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &table}};

static const ridge_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_LOSSY,
    .id = "logits.example",
    .version = "0.1.0",
    .summary = "add a bias to one token, or ban it",
    .doc = "Edits the logit of one token at every position.\n\n"
           "When not: to steer a text; the model does not know why the token is likelier.",
    .license = "MIT",
    .params = RIDGE_ROWS(params),
    .relations = RIDGE_ROWS(relations),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .params_size = sizeof(struct params),
    .check = check,
    .create = create,
};

const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
