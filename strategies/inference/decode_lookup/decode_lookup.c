/*
 * decode.lookup - propose what followed the last time the text ended like this.
 *
 * Prompt lookup decoding (github.com/apoorvumang/prompt-lookup-decoding): with t the
 * text of a sequence so far and n from `ngram` down to `ngram_min`, look for the most
 * recent earlier place where the last n tokens of t stood, and propose the tokens that
 * followed there.  Copying goes on into the proposals themselves, so that a repeated
 * phrase is proposed round and round.
 *
 * Every n-gram is entered once, when the token behind it is known, under a hash of its
 * tokens; a step costs as many look-ups as there are lengths, whatever the length of
 * the text.  Exact: a wrong proposal is thrown away by the model's own pick.
 */
#include <ridge/seam/decode_draft_help.h>

#include <string.h>

struct lookup_params {
  int64_t ngram, ngram_min, lookahead;
};

/* Where the token behind an n-gram stands; 0: an empty place, for no n-gram is followed
 * by the first token. */
struct gram {
  uint64_t hash;
  int64_t next;
};

struct history {
  int64_t id, indexed; /* the n-grams in front of tokens [0, indexed) are entered */
  struct gram *grams;  /* (room) open addressing; room is a power of two */
  int64_t room, used;
  bool taken;
};

struct lookup {
  ridge_draft_tally tally; /* first: the seam's `outcome` takes it */
  struct lookup_params params;
  struct history *histories;
  int64_t n_histories;
};

/* ---- n-grams of one sequence ---- */

static uint64_t hash_of(const int32_t *tokens, int64_t n) {
  uint64_t hash = 14695981039346656037u + (uint64_t)n;
  for (int64_t i = 0; i < n; i++) {
    hash = (hash ^ (uint32_t)tokens[i]) * 1099511628211u;
    hash ^= hash >> 29;
  }
  return hash;
}

/* The place of a hash: its own, or the empty one where it would go. */
static struct gram *place_of(const struct history *h, uint64_t hash) {
  uint64_t mask = (uint64_t)h->room - 1, at = hash & mask;
  while (h->grams[at].next != 0 && h->grams[at].hash != hash) at = (at + 1) & mask;
  return &h->grams[at];
}

static ridge_status grow(const struct lookup *lookup, struct history *h, int64_t more) {
  const ridge_host *host = lookup->tally.host;
  int64_t room = h->room > 0 ? h->room : 1024;
  while (room < 2 * (h->used + more)) room *= 2;
  if (room == h->room) return RIDGE_OK;
  struct gram *grams =
      host->alloc(host, (size_t)room * sizeof *grams, _Alignof(struct gram));
  if (grams == NULL) {
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for an index of %lld n-grams",
                      (long long)room);
  }
  struct history old = *h;
  h->grams = grams;
  h->room = room;
  for (int64_t i = 0; i < old.room; i++) {
    if (old.grams[i].next != 0) *place_of(h, old.grams[i].hash) = old.grams[i];
  }
  if (old.grams != NULL) host->free(host, old.grams);
  return RIDGE_OK;
}

static void enter(struct history *h, uint64_t hash, int64_t next) {
  struct gram *gram = place_of(h, hash);
  h->used += gram->next == 0;
  *gram = (struct gram){hash, next}; /* a later place takes over */
}

/* Enter the n-grams that have got a token behind them since the last time. */
static ridge_status catch_up(const struct lookup *lookup, struct history *h,
                             const int32_t *tokens, int64_t n) {
  const struct lookup_params *p = &lookup->params;
  int64_t lengths = p->ngram - p->ngram_min + 1;
  ridge_status status = grow(lookup, h, (n - h->indexed) * lengths);
  if (status != RIDGE_OK) return status;
  for (; h->indexed < n; h->indexed++) {
    for (int64_t k = p->ngram_min; k <= p->ngram && k <= h->indexed; k++) {
      enter(h, hash_of(tokens + h->indexed - k, k), h->indexed);
    }
  }
  return RIDGE_OK;
}

/* The token behind the last earlier occurrence of the text's end; 0: there is none. */
static int64_t find_next(const struct lookup *lookup, const struct history *h,
                         const int32_t *tokens, int64_t n) {
  for (int64_t k = lookup->params.ngram; k >= lookup->params.ngram_min; k--) {
    if (k >= n) continue;
    const int32_t *end = tokens + n - k;
    const struct gram *gram = place_of(h, hash_of(end, k));
    if (gram->next == 0 || gram->next < k || gram->next >= n) continue;
    /* Equal hashes are no proof. */
    if (memcmp(tokens + gram->next - k, end, (size_t)k * sizeof *tokens) == 0)
      return gram->next;
  }
  return 0;
}

/* ---- sequences ---- */

static struct history *history_of(const struct lookup *lookup, int64_t id) {
  for (int64_t i = 0; i < lookup->n_histories; i++) {
    if (lookup->histories[i].taken && lookup->histories[i].id == id)
      return &lookup->histories[i];
  }
  return NULL;
}

static struct history *history_add(struct lookup *lookup, int64_t id) {
  const ridge_host *host = lookup->tally.host;
  int64_t at = 0;
  while (at < lookup->n_histories && lookup->histories[at].taken) at++;
  if (at == lookup->n_histories) {
    int64_t n = at > 0 ? 2 * at : 8;
    struct history *more =
        host->alloc(host, (size_t)n * sizeof *more, _Alignof(struct history));
    if (more == NULL) return NULL;
    if (at > 0) memcpy(more, lookup->histories, (size_t)at * sizeof *more);
    if (lookup->histories != NULL) host->free(host, lookup->histories);
    lookup->histories = more;
    lookup->n_histories = n;
  }
  struct history *h = &lookup->histories[at];
  *h = (struct history){.id = id, .taken = true};
  return h;
}

static void finish(void *self, int64_t id) {
  struct lookup *lookup = self;
  struct history *h = history_of(lookup, id);
  if (h == NULL) return;
  if (h->grams != NULL) lookup->tally.host->free(lookup->tally.host, h->grams);
  *h = (struct history){0};
}

/* ---- the seam ---- */

static int64_t depth(const void *params) {
  return ((const struct lookup_params *)params)->lookahead;
}

static ridge_status propose_one(struct lookup *lookup, ridge_draft_seq *seq) {
  seq->n_out = 0;
  struct history *h = history_of(lookup, seq->id);
  if (h != NULL && seq->n < h->indexed) { /* another text under an old number */
    finish(lookup, seq->id);
    h = NULL;
  }
  if (h == NULL) h = history_add(lookup, seq->id);
  if (h == NULL) {
    return lookup->tally.host->fail(lookup->tally.host, RIDGE_NO_MEMORY,
                                    "no memory for a sequence's index");
  }
  ridge_status status = catch_up(lookup, h, seq->tokens, seq->n);
  if (status != RIDGE_OK) return status;
  int64_t next = find_next(lookup, h, seq->tokens, seq->n);
  int64_t most =
      seq->room < lookup->params.lookahead ? seq->room : lookup->params.lookahead;
  for (int64_t i = 0; next > 0 && i < most; i++) {
    int64_t from = next + i;
    seq->out[seq->n_out++] = from < seq->n ? seq->tokens[from] : seq->out[from - seq->n];
  }
  return RIDGE_OK;
}

static ridge_status propose(void *self, ridge_draft_seq *seqs, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    ridge_status status = propose_one(self, &seqs[i]);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)plan;
  const struct lookup_params *p = params;
  if (p->ngram_min <= p->ngram) return RIDGE_OK;
  return host->fail(host, RIDGE_INVALID,
                    "`ngram_min` is %lld and `ngram` %lld: no length is between them",
                    (long long)p->ngram_min, (long long)p->ngram);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  ridge_status status = check(host, NULL, params);
  if (status != RIDGE_OK) return status;
  struct lookup *lookup = host->alloc(host, sizeof *lookup, _Alignof(struct lookup));
  if (lookup == NULL)
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  lookup->tally.host = host;
  lookup->params = *(const struct lookup_params *)params;
  *self = lookup;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct lookup_params, ngram, 3, 1, 16, "token", RIDGE_SWEEPABLE,
        "The longest end of the text that is looked for: longer is right more often and "
        "found less often; shorter ones are tried next."),
    RIDGE_INT(
        struct lookup_params, ngram_min, 1, 1, 16, "token", RIDGE_SWEEPABLE,
        "The shortest end that is looked for: shorter proposes more often, and more often "
        "wrongly."),
    RIDGE_DRAFT_LOOKAHEAD(struct lookup_params, lookahead),
};

static const ridge_draft drafter = {.struct_size = sizeof(ridge_draft),
                                    .depth = depth,
                                    .propose = propose,
                                    .outcome = ridge_draft_tally_outcome,
                                    .finish = finish};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_DECODE_DRAFT, .table = &drafter}};

static const ridge_evidence evidence[] = {RIDGE_DRAFT_EVIDENCE};
static const ridge_metric metrics[] = {RIDGE_DRAFT_METRICS};

static const ridge_claim claims[] = {
    {.id = "prompt-lookup-speed",
     .statement =
         "2 to 4 times as fast where the answer repeats the prompt, with no effect on "
         "quality",
     .metric = "decode_tps",
     .conditions = "summaries, question answering over a document, code editing; greedy",
     .source = "github.com/apoorvumang/prompt-lookup-decoding, README",
     .ratio_lo = 2.0,
     .ratio_hi = 4.0},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "decode.lookup",
    .technique = "prompt-lookup",
    .version = "1.0.0",
    .summary = "proposes what followed the last time the text ended like this",
    .doc = "Looks up the last tokens in the prompt and the output so far and proposes what "
           "came "
           "behind them; the model checks the proposals in one step. Needs no second "
           "model.\n\n"
           "*When*: answers that quote their prompt: summaries, code, text that repeats "
           "itself.\n\n"
           "*When not*: free text at high temperature, where nothing repeats.\n",
    .license = "Apache-2.0",
    .source = "https://github.com/apoorvumang/prompt-lookup-decoding",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct lookup_params),
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
