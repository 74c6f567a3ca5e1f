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
#include <ridge/seam/decode_draft_help.h>

struct draft_params {
  const char *model;
  int64_t lookahead;
};

struct draft {
  ridge_draft_tally tally; /* first: the seam's `outcome` takes it */
  const ridge_draft_model_api *api;
  ridge_draft_model *model;
};

static int64_t depth(const void *params) {
  return ((const struct draft_params *)params)->lookahead;
}

static ridge_status propose(void *self, ridge_draft_seq *seqs, int64_t n) {
  struct draft *draft = self;
  return draft->api->propose(draft->model, seqs, n);
}

static void finish(void *self, int64_t id) {
  struct draft *draft = self;
  draft->api->finish(draft->model, id);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  const struct draft_params *p = params;
  struct draft *draft = host->alloc(host, sizeof *draft, _Alignof(struct draft));
  if (draft == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  draft->tally.host = host;
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
    RIDGE_DRAFT_LOOKAHEAD(struct draft_params, lookahead),
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
