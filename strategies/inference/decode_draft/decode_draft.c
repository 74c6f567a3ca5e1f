/*
 * decode.draft - let a small model propose the next tokens and the large one check
 * all of them in a single step.
 *
 * Speculative decoding (arXiv 2211.17192; speculative sampling, arXiv 2302.01318):
 * with an acceptance rate a and gamma proposals a step yields
 *     E[tokens] = (1 - a^(gamma+1)) / (1 - a)                            (eq. 1)
 * and with a draft that costs c of a step of the model the time per token falls by
 *     (1 - a^(gamma+1)) / ((1 - a) (gamma c + 1))                        (thm. 3.8)
 * Where the papers keep the distribution by rejecting at random and drawing again
 * from the difference, the loop here picks every position with the very random
 * numbers of plain decoding and keeps a proposal that equals the pick: greedy or
 * sampled, the text is the same bit for bit.  The draft model draws with the same
 * noise, so that it also guesses right where a draw decides.
 */
#include <ridge/seam/decode_draft.h>

struct draft_params {
  const char *model;
  int64_t lookahead;
};

enum { TOKENS_PROPOSED, TOKENS_ACCEPTED };
enum { ACCEPTANCE, STEP_TOKENS };

struct draft {
  const ridge_host *host;
  const ridge_draft_model_api *api;
  ridge_draft_model *model;
  uint64_t proposed, accepted, steps;
};

static int64_t depth(const void *params) {
  return ((const struct draft_params *)params)->lookahead;
}

static ridge_status propose(void *self, ridge_draft_seq *seqs, int64_t n) {
  struct draft *draft = self;
  return draft->api->propose(draft->model, seqs, n);
}

static void outcome(void *self, int64_t id, int64_t proposed, int64_t accepted) {
  (void)id;
  struct draft *draft = self;
  const ridge_host *host = draft->host;
  if (proposed < 1) return;
  draft->proposed += (uint64_t)proposed;
  draft->accepted += (uint64_t)accepted;
  draft->steps++;
  host->count(host, TOKENS_PROPOSED, (uint64_t)proposed);
  if (accepted > 0) host->count(host, TOKENS_ACCEPTED, (uint64_t)accepted);
  host->record(host, ACCEPTANCE, (double)draft->accepted / (double)draft->proposed);
  host->record(host, STEP_TOKENS, 1 + (double)draft->accepted / (double)draft->steps);
}

static void finish(void *self, int64_t id) {
  struct draft *draft = self;
  draft->api->finish(draft->model, id);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  const struct draft_params *p = params;
  struct draft *draft = host->alloc(host, sizeof *draft, _Alignof(struct draft));
  if (draft == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  draft->host = host;
  draft->api = host->service(host, RIDGE_SERVICE_DRAFT_MODEL);
  if (draft->api == NULL) {
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "the host has no service " RIDGE_SERVICE_DRAFT_MODEL);
  }
  ridge_status status = draft->api->open(host, p->model, p->lookahead, &draft->model);
  if (status == RIDGE_OK) *self = draft;
  return status;
}

static void destroy(void *self) {
  struct draft *draft = self;
  if (draft == NULL || draft->model == NULL) return;
  draft->api->close(draft->model);
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_TEXT(
        struct draft_params, model, "", RIDGE_PATH | RIDGE_FOLDER | RIDGE_REQUIRED,
        "The file of the draft model, with the same vocabulary: a larger one is right "
        "more often and takes longer to be so."),
    RIDGE_INT(
        struct draft_params, lookahead, 4, 1, 16, "token", RIDGE_SWEEPABLE,
        "Tokens proposed in a step at most: more gains more when they are right, and costs "
        "more when they are not."),
};

static const ridge_draft drafter = {.struct_size = sizeof(ridge_draft),
                                    .depth = depth,
                                    .propose = propose,
                                    .outcome = outcome,
                                    .finish = finish};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_DECODE_DRAFT, .table = &drafter}};

static const ridge_evidence evidence[] = {
    [TOKENS_PROPOSED] = {"tokens proposed", "token",
                         "Tokens that the model was asked to check.", 1},
    [TOKENS_ACCEPTED] = {"tokens accepted", "token",
                         "Proposals that were what the model picked.", 1},
};

static const ridge_metric metrics[] = {
    [ACCEPTANCE] = {"acceptance", "", "Accepted share of the proposed tokens.", 1},
    [STEP_TOKENS] = {"tokens_per_step", "token",
                     "Tokens that a step with proposals yielded, as a mean.", 1},
};

static const ridge_claim claims[] = {
    {.id = "speculative-decoding-speed",
     .statement = "decoding is 2 to 3 times as fast, with identical output",
     .metric = "decode_tps",
     .conditions = "T5-XXL with a draft about a hundredth of its size; batch 1",
     .source = "arXiv:2211.17192, abstract",
     .ratio_lo = 2.0,
     .ratio_hi = 3.0},
    {.id = "speculative-sampling-speed",
     .statement = "sampling is 2 to 2.5 times as fast, with the same distribution",
     .metric = "decode_tps",
     .conditions = "Chinchilla 70B with a 4B draft; batch 1",
     .source = "arXiv:2302.01318, abstract",
     .ratio_lo = 2.0,
     .ratio_hi = 2.5},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "decode.draft",
    .technique = "speculative-decoding",
    .version = "1.0.0",
    .summary = "a small model proposes tokens, the large one checks them in one step",
    .doc =
        "Proposes up to `lookahead` tokens with the model in `model`; the model of the run "
        "scores them all in one step and keeps those that it would have picked.\n\n"
        "*When*: decoding one or few sequences, where a step is bound by reading weights "
        "and "
        "further rows are nearly free; a draft that is much smaller and often right.\n\n"
        "*When not*: large batches, whose steps are bound by arithmetic; text that the "
        "draft "
        "cannot guess (high temperature, another domain).\n",
    .license = "Apache-2.0",
    .source = "arXiv:2211.17192",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct draft_params),
    .create = create,
    .destroy = destroy,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
