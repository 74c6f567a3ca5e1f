/*
 * everything.c - a plugin for the tests of the registry and of instances: every type of
 * parameter, every table, every service of the host.
 */
#include <ridge/plugin.h>
#include <ridge/seam/logits_shape.h>
#include <ridge/seam/token_tap.h>
#include <string.h>

struct params {
  bool flag;
  int64_t count;
  double ratio;
  const char *text, *choice, *file;
};

static const char *const choices[] = {"one", "two", "three", NULL};

static const ridge_param params[] = {
    RIDGE_BOOL(struct params, flag, true, 0, "Off: every call is declined."),
    RIDGE_INT(struct params, count, 3, 1, 1000, "call", RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
              "How much each call counts."),
    RIDGE_REAL(struct params, ratio, 0.5, -1.0, 1.0, "", RIDGE_LIVE, "A ratio."),
    RIDGE_TEXT(struct params, text, "hello", 0, "A text."),
    RIDGE_CHOICE(struct params, choice, "two", choices, 0, "One of three."),
    RIDGE_TEXT(struct params, file, "", RIDGE_PATH | RIDGE_REQUIRED, "A file; not opened."),
};

static const ridge_relation relations[] = {
    {.kind = RIDGE_CLASHES,
     .target = "sample.temperature",
     .op = RIDGE_EQ,
     .value = {.r = 0},
     .why = "nothing is sampled at temperature 0"},
    {.kind = RIDGE_NEEDS,
     .target = "cap:kv.blocks",
     .param = "choice",
     .op = RIDGE_EQ,
     .value = {.t = "three"},
     .why = "three shares blocks"},
    {.kind = RIDGE_AFTER, .target = "weights.*", .why = "it edits what they leave"},
    {.kind = RIDGE_IDLE,
     .target = "ratio",
     .param = "count",
     .op = RIDGE_GE,
     .value = {.i = 500},
     .why = "so many calls need no ratio"},
};

static const char *const provides[] = {"test.things"};

enum { SEEN, SHOUTED };
static const ridge_evidence evidence[] = {
    {"calls seen", "call", "Counted at each call.", 5},
    {"times shouted", "shout", "Only for show.", 0},
};

static const ridge_metric metrics[] = {
    {"last ratio", "", "The ratio of the last call.", 1}};

static const ridge_claim claims[] = {
    {"faster", "It is faster.", "decode_tps", "always", "arXiv:0000.00000", 1.0, 2.0}};

struct state {
  const ridge_host *host;
  struct params params;
  uint64_t calls;
  unsigned char *big;
};

static ridge_status need(const ridge_host *host, const ridge_plan *plan, const void *given,
                         ridge_need *out) {
  (void)host, (void)plan, (void)given;
  *out = (ridge_need){.struct_size = sizeof *out, .state = sizeof(struct state) + 4096};
  return RIDGE_OK;
}

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *given) {
  (void)host, (void)plan, (void)given;
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *given, void **self) {
  const struct params *p = given;
  if (strcmp(p->text, "fail") == 0)
    return host->fail(host, RIDGE_IO, "%s could not be read\nafter all", p->file);
  if (strcmp(p->text, "strange") == 0) return (ridge_status)77;
  struct state *state = host->alloc(host, sizeof *state, _Alignof(struct state));
  if (state == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no room");
  *state = (struct state){.host = host, .params = *p};
  state->big = host->alloc(host, 4096, 256);
  *self = state;
  return RIDGE_OK;
}

static void destroy(void *self) {
  struct state *state = self;
  state->host->free(state->host, state->big);
}

static ridge_status save(void *self, ridge_status (*put)(void *, const void *, size_t),
                         void *to) {
  const struct state *state = self;
  return put(to, &state->calls, sizeof state->calls);
}

static ridge_status load(void *self, ridge_status (*get)(void *, void *, size_t),
                         void *from) {
  struct state *state = self;
  uint64_t calls;
  ridge_status status = get(from, &calls, sizeof calls);
  if (status != RIDGE_OK)
    return state->host->fail(state->host, status, "the state is cut short");
  state->calls = calls;
  return RIDGE_OK;
}

static ridge_status shape(void *self, const ridge_shape_view *view, float *logits,
                          int64_t vocab) {
  struct state *state = self;
  const ridge_host *host = state->host;
  (void)view, (void)logits, (void)vocab;
  if (!state->params.flag) return host->fail(host, RIDGE_DECLINED, "the flag is off");
  host->count(host, SEEN, (uint64_t)state->params.count);
  host->record(host, 0, state->params.ratio);
  return RIDGE_OK;
}

static void token(void *self, int64_t sequence, int64_t position, int32_t id,
                  const char *text, uint64_t bytes) {
  struct state *state = self;
  (void)sequence, (void)position, (void)id, (void)text, (void)bytes;
  state->calls++;
}

static const ridge_logits_shape shape_table = {sizeof shape_table, shape};
static const ridge_token_tap tap_table = {sizeof tap_table, token};
static const ridge_fill fills[] = {
    {.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &shape_table},
    {.seam = RIDGE_SEAM_TOKEN_TAP, .table = &tap_table},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_TRAIN | RIDGE_INFER,
    .effect = RIDGE_TOLERANT,
    .id = "test.everything",
    .technique = "kv-cache",
    .version = "1.2.3",
    .summary = "a plugin with everything",
    .doc = "Made for tests.\n\nIn two paragraphs.",
    .license = "MIT",
    .source = "arXiv:0000.00000",
    .params = RIDGE_ROWS(params),
    .relations = RIDGE_ROWS(relations),
    .fills = RIDGE_ROWS(fills),
    .provides = RIDGE_ROWS(provides),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct params),
    .tolerance = 1e-5,
    .need = need,
    .check = check,
    .create = create,
    .destroy = destroy,
    .save = save,
    .load = load,
};

const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
