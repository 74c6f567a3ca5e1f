/*
 * weights.rtn - store weights as integers of 8 or 4 bits, rounded to the nearest
 * point of a grid that each group of neighbours in a row has for itself.
 *
 * The affine scheme of arXiv 1712.05877 eq. 1, r = S (q - Z), with Z = 0: for the
 * reals r of one group
 *     8 bits: S = max |r| / 127,                      q = round(r / S)
 *     4 bits: S = (the r of largest magnitude) / -8,  q = round(r / S), at most 7,
 * so that zero stays zero and one 16-bit scale is stored for each group.  This
 * strategy decides which tensors are stored so; the codec ("i8g32": 8 bits, groups of
 * 32) rounds, the kernels multiply.  Does not look at activations and does not correct
 * the error of one weight in its neighbours, as GPTQ does.
 */
#include <ridge/seam/weights.h>

#include <string.h>

struct rtn_params {
  int64_t bits, group;
  const char *only, *except;
};

enum { TENSORS_CHANGED, BYTES_SAVED };
enum { BITS_PER_WEIGHT };

/* One pattern of a list: a range of the list's text, and whether it ever matched. */
struct pattern {
  const char *text;
  size_t length;
  bool matched;
};

struct rtn {
  const ridge_host *host;
  const char *codec;
  int64_t bits, group;
  struct pattern *only, *except;
  size_t n_only, n_except;
  uint64_t elements, bytes; /* of what was stored */
};

/* ---- which codec ---- */

static const char *const codecs[][5] = {
    {"i8g32", "i8g64", "i8g128", "i8g256", NULL},
    {"i4g32", "i4g64", "i4g128", "i4g256", NULL},
};

static const char *codec_name(int64_t bits, int64_t group) {
  if (bits != 8 && bits != 4) return NULL;
  size_t row = bits == 4;
  for (size_t i = 0; codecs[row][i] != NULL; i++) {
    if (group == (int64_t)32 << i) return codecs[row][i];
  }
  return NULL;
}

/* Bits of storage for a weight in the codecs that model files use, scales included. */
static const struct stored {
  const char *codec;
  double bits;
} stored_as[] = {
    {"f32", 32},      {"f16", 16},   {"bf16", 16},  {"q8_0", 8.5},
    {"q6_k", 6.5625}, {"q5_1", 6},   {"q5_0", 5.5}, {"q5_k", 5.5},
    {"q4_1", 5},      {"q4_0", 4.5}, {"q4_k", 4.5},
};

static double bits_of(const char *codec) {
  for (size_t i = 0; i < sizeof stored_as / sizeof *stored_as; i++) {
    if (strcmp(stored_as[i].codec, codec) == 0) return stored_as[i].bits;
  }
  return 0;
}

/* ---- which tensors ---- */

/* Does the whole of `name` fit text[0..n), where * is any run and ? any one byte? */
static bool glob(const char *text, size_t n, const char *name) {
  size_t at = 0, star = n, retry = 0, i = 0;
  while (name[i] != 0) {
    if (at < n && text[at] == '*') {
      star = at++;
      retry = i;
    } else if (at < n && (text[at] == '?' || text[at] == name[i])) {
      at++;
      i++;
    } else if (star < n) { /* let the last * take one byte more */
      at = star + 1;
      i = ++retry;
    } else {
      return false;
    }
  }
  while (at < n && text[at] == '*') at++;
  return at == n;
}

static bool any_matches(struct pattern *patterns, size_t n, const char *name) {
  bool hit = false;
  for (size_t i = 0; i < n; i++) {
    if (!glob(patterns[i].text, patterns[i].length, name)) continue;
    patterns[i].matched = true;
    hit = true;
  }
  return hit;
}

/* Every matrix that a step reads whole, the output head among them; not a table from
 * which single rows are read, and not the small ones that choose experts.  A table that
 * is the head too is read whole, and is the largest matrix of a small model: left as it
 * is, it would take back what is won. */
static bool is_default(const ridge_tensor *weight) {
  if (strstr(weight->name, ".ffn_gate_inp") != NULL) return false;
  return (weight->uses & RIDGE_USE_WHOLE) != 0;
}

static bool is_wanted(struct rtn *rtn, const ridge_tensor *weight) {
  /* Both lists are always walked, so that every pattern learns of its matches. */
  const char *name = weight->name;
  bool in =
      rtn->n_only > 0 ? any_matches(rtn->only, rtn->n_only, name) : is_default(weight);
  bool out = any_matches(rtn->except, rtn->n_except, name);
  return in && !out;
}

static ridge_status choose(void *self, const ridge_tensor *weight, const char **codec,
                           bool *edits) {
  (void)edits;
  struct rtn *rtn = self;
  const ridge_host *host = rtn->host;
  if (weight->rank < 2 || !is_wanted(rtn, weight)) return RIDGE_OK;

  int64_t width = weight->dims[weight->rank - 1];
  if (width % rtn->group != 0) {
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "rows of %s have %lld weights, which groups of %lld do not divide; "
                      "choose a smaller `group`, or leave the tensor out with `except`",
                      weight->name, (long long)width, (long long)rtn->group);
  }
  double before = bits_of(*codec), after = (double)rtn->bits + 16.0 / (double)rtn->group;
  if (before <= after) {
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "%s is stored as %s already: rounding it again to %s would add error "
                      "and save nothing; take a model file with f16 weights, or leave the "
                      "tensor out with `except`",
                      weight->name, *codec, rtn->codec);
  }
  *codec = rtn->codec;
  return RIDGE_OK;
}

static ridge_status chosen(void *self) {
  const struct rtn *rtn = self;
  for (size_t i = 0; i < rtn->n_only + rtn->n_except; i++) {
    bool first = i < rtn->n_only;
    const struct pattern *p = first ? &rtn->only[i] : &rtn->except[i - rtn->n_only];
    if (p->matched) continue;
    return rtn->host->fail(
        rtn->host, RIDGE_INVALID,
        "`%s` has the pattern \"%.*s\", which fits no matrix of this model",
        first ? "only" : "except", (int)p->length, p->text);
  }
  return RIDGE_OK;
}

static void stored(void *self, const ridge_tensor *weight, uint64_t before,
                   uint64_t after) {
  struct rtn *rtn = self;
  if (weight->rank < 2 || !is_wanted(rtn, weight)) return; /* another member's work */
  uint64_t elements = 1;
  for (uint32_t i = 0; i < weight->rank; i++) elements *= (uint64_t)weight->dims[i];
  rtn->elements += elements;
  rtn->bytes += after;
  rtn->host->count(rtn->host, TENSORS_CHANGED, 1);
  if (before > after) rtn->host->count(rtn->host, BYTES_SAVED, before - after);
  rtn->host->record(rtn->host, BITS_PER_WEIGHT,
                    8.0 * (double)rtn->bytes / (double)rtn->elements);
}

/* ---- life ---- */

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)plan;
  const struct rtn_params *p = params;
  if (p->bits != 8 && p->bits != 4) {
    return host->fail(host, RIDGE_INVALID, "`bits` is %lld; it must be 8 or 4",
                      (long long)p->bits);
  }
  if (codec_name(p->bits, p->group) == NULL) {
    return host->fail(host, RIDGE_INVALID, "`group` is %lld; it must be 32, 64, 128 or 256",
                      (long long)p->group);
  }
  return RIDGE_OK;
}

/* Split "a, b*" at commas and blanks; the text is copied, for it is the caller's. */
static ridge_status patterns_read(const ridge_host *host, const char *list,
                                  struct pattern **out, size_t *n_out) {
  size_t size = strlen(list) + 1, n = 1;
  for (const char *c = list; *c != 0; c++) n += *c == ',' || *c == ' ';
  char *text = host->alloc(host, size, 1);
  struct pattern *patterns =
      host->alloc(host, n * sizeof *patterns, _Alignof(struct pattern));
  *out = patterns;
  *n_out = 0;
  if (text == NULL || patterns == NULL) {
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for the patterns \"%s\"", list);
  }
  memcpy(text, list, size);
  for (char *at = text; *at != 0;) {
    at += strspn(at, " ,");
    size_t length = strcspn(at, " ,");
    if (length > 0) patterns[(*n_out)++] = (struct pattern){.text = at, .length = length};
    at += length;
  }
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  const struct rtn_params *p = params;
  ridge_status status = check(host, NULL, params);
  if (status != RIDGE_OK) return status;
  struct rtn *rtn = host->alloc(host, sizeof *rtn, _Alignof(struct rtn));
  if (rtn == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  *rtn = (struct rtn){.host = host,
                      .codec = codec_name(p->bits, p->group),
                      .bits = p->bits,
                      .group = p->group};
  *self = rtn;
  status = patterns_read(host, p->only, &rtn->only, &rtn->n_only);
  if (status != RIDGE_OK) return status;
  return patterns_read(host, p->except, &rtn->except, &rtn->n_except);
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct rtn_params, bits, 8, 4, 8, "bit", RIDGE_SWEEPABLE,
        "Bits of a weight, 8 or 4: fewer is smaller and faster to read, and less exact."),
    RIDGE_INT(struct rtn_params, group, 32, 32, 256, "weight",
              RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
              "Weights that share one scale, 32, 64, 128 or 256: smaller is more exact and "
              "larger in memory."),
    RIDGE_TEXT(struct rtn_params, only, "", 0,
               "Patterns (* and ?, comma-separated) of the tensors to round; empty: every "
               "matrix that a step reads whole, so also a token table that is the output "
               "head too."),
    RIDGE_TEXT(struct rtn_params, except, "", 0,
               "Patterns of tensors to leave as they are, though `only` has them: keeps "
               "quality where it is lost most, at their full size and time "
               "(token_embd.weight: a head that is tied to the token table)."),
};

static const ridge_weights weights = {.struct_size = sizeof(ridge_weights),
                                      .choose = choose,
                                      .stored = stored,
                                      .chosen = chosen};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_WEIGHTS, .table = &weights}};

static const ridge_evidence evidence[] = {
    [TENSORS_CHANGED] = {"tensors changed", "tensor", "Weights stored in the chosen codec.",
                         1},
    [BYTES_SAVED] = {"bytes saved", "byte", "Bytes in the model file less bytes in memory.",
                     1},
};

static const ridge_metric metrics[] = {
    [BITS_PER_WEIGHT] = {"bits_per_weight", "bit",
                         "Stored bits, scales included, per weight "
                         "of the tensors changed.",
                         -1},
};

static const ridge_claim claims[] = {
    {.id = "rtn-4bit-perplexity",
     .statement =
         "4-bit round-to-nearest raises the perplexity of LLaMA-7B from 5.68 to 6.29; "
         "groups shorter than a row stay below that",
     .metric = "perplexity",
     .conditions = "LLaMA-7B, WikiText-2, bits = 4; the figure is for one grid per row",
     .source = "tables of the GPTQ authors' code, github.com/IST-DASLab/gptq",
     .ratio_lo = 1.0,
     .ratio_hi = 1.11},
    {.id = "rtn-13b-4bit-perplexity",
     .statement =
         "4-bit round-to-nearest raises the perplexity of LLaMA-13B from 5.09 to 5.53",
     .metric = "perplexity",
     .conditions = "LLaMA-13B, WikiText-2, bits = 4; the figure is for one grid per row",
     .source = "tables of the GPTQ authors' code, github.com/IST-DASLab/gptq",
     .ratio_lo = 1.0,
     .ratio_hi = 1.09},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_LOSSY,
    .id = "weights.rtn",
    .technique = "rtn",
    .version = "1.0.0",
    .summary = "weights as 8- or 4-bit integers, rounded to nearest in groups",
    .doc =
        "Stores every matrix that a step reads whole (those of the layers, the output "
        "head, a token table that serves as head) as 8- or 4-bit integers, one scale for "
        "each group of `group` weights of a row.\n\n"
        "*When*: decoding is bound by reading weights, so half the bytes is nearly half "
        "the "
        "time; or the model does not fit.\n\n"
        "*When not*: at 4 bits on small models, whose perplexity suffers most; on a model "
        "file that is quantized already.\n",
    .license = "Apache-2.0",
    .source = "arXiv:1712.05877",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct rtn_params),
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
