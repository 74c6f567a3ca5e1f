/* no_repeats.c - no run of tokens comes twice, even where one token alone is left. */
#include <math.h>
#include <ridge/seam/logits_shape.h>
#include <string.h>

struct params {
  int64_t n;
};
static const ridge_param params[] = {
    RIDGE_INT(struct params, n, 3, 1, 64, "token", RIDGE_SWEEPABLE,
              "Length of a run: a shorter one forbids more."),
};
static const ridge_evidence evidence[] = {
    {"tokens ruled out", "token", "Tokens that would have repeated a run.", 1},
};

struct state {
  const ridge_host *host;
  struct params params;
};

static ridge_status create(const ridge_host *host, const void *given, void **self) {
  struct state *state = host->alloc(host, sizeof *state, _Alignof(struct state));
  if (state == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no room for the state");
  *state = (struct state){host, *(const struct params *)given};
  *self = state;
  return RIDGE_OK;
}

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  const struct state *state = self;
  int64_t before = state->params.n - 1;
  for (int64_t i = 0; i + before < view->n; i++) {
    size_t bytes = (size_t)before * sizeof *view->tokens;
    if (memcmp(view->tokens + i, view->tokens + view->n - before, bytes) != 0) continue;
    int32_t next = view->tokens[i + before];
    if (next >= vocab || logits[next] == -INFINITY) continue;
    logits[next] = -INFINITY;
    state->host->count(state->host, 0, 1);
  }
  return RIDGE_OK;
}

static const ridge_logits_shape table = {.struct_size = sizeof table, .shape = shape};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &table}};

static const ridge_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER,
    .effect = RIDGE_LOSSY,
    .id = "good.no_repeats",
    .version = "0.1.0",
    .summary = "no run of tokens comes twice",
    .doc = "Looks for the last n - 1 tokens in the text and forbids what followed them.",
    .license = "MIT",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .params_size = sizeof(struct params),
    .create = create,
};

const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
