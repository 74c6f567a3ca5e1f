/* asks_window.c - refuses a model by its facts, and says which it was told. */
#include <ridge/seam/token_tap.h>

static const ridge_evidence evidence[] = {{"tokens seen", "token", "Tokens.", 1}};

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)params;
  return host->fail(host, RIDGE_INVALID, "%s with a window of %lld", plan->architecture,
                    (long long)plan->window);
}

static void token(void *self, int64_t sequence, int64_t position, int32_t id,
                  const char *text, uint64_t bytes) {
  (void)self, (void)sequence, (void)position, (void)id, (void)text, (void)bytes;
}

static const ridge_token_tap table = {.struct_size = sizeof table, .token = token};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_TOKEN_TAP, .table = &table}};

static const ridge_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER,
    .effect = RIDGE_EXACT,
    .id = "good.asks_window",
    .version = "0.1.0",
    .summary = "refuses every model",
    .doc = "Says what it was told of it.",
    .license = "MIT",
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .check = check,
};

const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
