/*
 * kv.quant - store keys and values of the cache in 8 or 4 bits, each as asked for.
 *
 * Blocks of 32 neighbours of a head's row share one 16-bit scale d, and a number x is
 * kept as q = round(x / d): q8_0 with d = max |x| / 127, q4_0 with d = (the x of largest
 * magnitude) / -8.  Per-token groups for both, simpler than KIVI (arXiv 2402.02750),
 * which finds that keys want their groups along a channel: so keys suffer first, and
 * the two are separate choices here.  This pass only names the codec of each cache
 * tensor; codecs encode when a row is put, kernels decode.  Keeps no tail of recent
 * tokens in full precision.
 */
#include <ridge/seam/graph_pass.h>

#include <string.h>

struct quant_params {
  const char *keys, *values;
};

enum { CACHE_TENSORS_CHANGED };

struct quant {
  const ridge_host *host;
  const ridge_graph_api *api;
  const char *keys, *values;
};

/* The lists of a choice live as long as the plugin; a parameter's text need not. */
static const char *const codecs[] = {"f16", "q8_0", "q4_0", NULL};

static const char *codec_of(const char *name) {
  for (size_t i = 0; codecs[i] != NULL; i++) {
    if (strcmp(codecs[i], name) == 0) return codecs[i];
  }
  return NULL;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

static const char *wanted(const struct quant *quant, const ridge_tensor *tensor) {
  if (tensor->role != RIDGE_CACHE) return NULL;
  if (ends_with(tensor->name, ".cache_k")) return quant->keys;
  if (ends_with(tensor->name, ".cache_v")) return quant->values;
  return NULL;
}

static ridge_status rewrite(void *self, ridge_graph *graph) {
  const struct quant *quant = self;
  for (int32_t i = 0; i < quant->api->tensor_count(graph); i++) {
    const ridge_tensor *tensor = quant->api->tensor(graph, i);
    const char *codec = wanted(quant, tensor);
    if (codec == NULL || strcmp(codec, tensor->codec) == 0) continue;
    ridge_status status = quant->api->set_codec(graph, i, codec);
    if (status != RIDGE_OK) return status;
    quant->host->count(quant->host, CACHE_TENSORS_CHANGED, 1);
  }
  return RIDGE_OK;
}

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  const struct quant_params *p = params;
  if (strcmp(p->keys, "f16") == 0 && strcmp(p->values, "f16") == 0) {
    return host->fail(
        host, RIDGE_INVALID,
        "`keys` and `values` are both f16, which is no quantization; choose q8_0 or "
        "q4_0 for one of them, or drop the line");
  }
  if (plan == NULL || plan->head_dim % 32 == 0) return RIDGE_OK;
  return host->fail(
      host, RIDGE_UNSUPPORTED,
      "this model's heads have %lld dimensions, and 32 share a scale; %lld does not "
      "divide by 32",
      (long long)plan->head_dim, (long long)plan->head_dim);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  const struct quant_params *p = params;
  ridge_status status = check(host, NULL, params);
  if (status != RIDGE_OK) return status;
  struct quant *quant = host->alloc(host, sizeof *quant, _Alignof(struct quant));
  if (quant == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  quant->host = host;
  quant->keys = codec_of(p->keys);
  quant->values = codec_of(p->values);
  quant->api = host->service(host, RIDGE_SERVICE_GRAPH);
  *self = quant;
  if (quant->api != NULL) return RIDGE_OK;
  return host->fail(host, RIDGE_UNSUPPORTED,
                    "the host has no service " RIDGE_SERVICE_GRAPH);
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_CHOICE(
        struct quant_params, keys, "q8_0", codecs, RIDGE_SWEEPABLE,
        "Storage of keys: fewer bits hold more tokens; 4-bit keys cost quality first."),
    RIDGE_CHOICE(
        struct quant_params, values, "q8_0", codecs, RIDGE_SWEEPABLE,
        "Storage of values: fewer bits hold more tokens, and blur what is attended to."),
};

static const ridge_graph_pass pass = {.struct_size = sizeof(ridge_graph_pass),
                                      .stage = RIDGE_STAGE_PRECISION,
                                      .rewrite = rewrite};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_GRAPH_PASS, .table = &pass}};

static const ridge_evidence evidence[] = {
    [CACHE_TENSORS_CHANGED] = {"cache tensors changed", "tensor",
                               "Key and value caches stored in another codec.", 1},
};

static const ridge_claim claims[] = {
    {.id = "kv-quant-memory",
     .statement =
         "a cache at few bits lets the same memory hold a longer context or a larger "
         "batch: peak memory falls by 2.6 at 2 bits, weights included",
     .metric = "peak_rss_bytes",
     .conditions = "long contexts or large batches, where the cache outweighs the weights",
     .source = "arXiv:2402.02750, abstract",
     .ratio_lo = 0.38,
     .ratio_hi = 1.0},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_LOSSY,
    .id = "kv.quant",
    .technique = "kv-quant",
    .version = "1.0.0",
    .summary = "keys and values of the cache in 8 or 4 bits, chosen separately",
    .doc =
        "Stores keys as `keys` and values as `values`: f16 as usual, q8_0 at 8.5 bits, "
        "q4_0 at "
        "4.5 bits a number.\n\n"
        "*When*: long contexts or many sequences, where the cache is what fills memory and "
        "what "
        "attention waits for.\n\n"
        "*When not*: short contexts, where it saves little; 4-bit keys on small models.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2402.02750",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct quant_params),
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
