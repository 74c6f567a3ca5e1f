/*
 * ridge/seam/decode_draft_help.h - what drafters have in common: the tally of what became
 * of the proposals, and the rows that describe it.
 *
 * Functions and rows in a header, compiled into the plugin that includes it; a plugin
 * needs none of it.  Begin the instance's struct with the tally and `outcome` is done:
 *
 *   struct draft { ridge_draft_tally tally; ... };
 *   draft->tally.host = host;
 *   .outcome = ridge_draft_tally_outcome,
 *   static const ridge_evidence evidence[] = {RIDGE_DRAFT_EVIDENCE};
 *   static const ridge_metric metrics[] = {RIDGE_DRAFT_METRICS};
 */
#ifndef RIDGE_SEAM_DECODE_DRAFT_HELP_H
#define RIDGE_SEAM_DECODE_DRAFT_HELP_H

#include <ridge/seam/decode_draft.h>

/* Rows of the two tables below. */
enum { RIDGE_DRAFT_PROPOSED, RIDGE_DRAFT_ACCEPTED };
enum { RIDGE_DRAFT_ACCEPTANCE, RIDGE_DRAFT_STEP_TOKENS };

#define RIDGE_DRAFT_EVIDENCE                                                               \
  [RIDGE_DRAFT_PROPOSED] = {"tokens proposed", "token",                                    \
                            "Tokens that the model was asked to check.", 1},               \
  [RIDGE_DRAFT_ACCEPTED] = {"tokens accepted", "token",                                    \
                            "Proposals that were what the model picked.", 1}
#define RIDGE_DRAFT_METRICS                                                                \
  [RIDGE_DRAFT_ACCEPTANCE] = {"acceptance", "", "Accepted share of the proposed tokens.",  \
                              1},                                                          \
  [RIDGE_DRAFT_STEP_TOKENS] = {"tokens_per_step", "token",                                 \
                               "Tokens that a step with proposals yielded, as a mean.", 1}
/* The parameter: how far ahead. */
#define RIDGE_DRAFT_LOOKAHEAD(type, member)                                                \
  RIDGE_INT(type, member, 4, 1, 16, "token", RIDGE_SWEEPABLE,                              \
            "Tokens proposed in a step at most: more gains more when they are right, and " \
            "costs more when they are not.")

typedef struct ridge_draft_tally {
  const ridge_host *host;
  uint64_t proposed, accepted, steps;
} ridge_draft_tally;

/* The seam's `outcome` of an instance that begins with its tally. */
static inline void ridge_draft_tally_outcome(void *self, int64_t id, int64_t proposed,
                                             int64_t accepted) {
  ridge_draft_tally *tally = (ridge_draft_tally *)self;
  const ridge_host *host = tally->host;
  (void)id;
  if (proposed < 1) return;
  tally->proposed += (uint64_t)proposed;
  tally->accepted += (uint64_t)accepted;
  tally->steps++;
  host->count(host, RIDGE_DRAFT_PROPOSED, (uint64_t)proposed);
  if (accepted > 0) host->count(host, RIDGE_DRAFT_ACCEPTED, (uint64_t)accepted);
  host->record(host, RIDGE_DRAFT_ACCEPTANCE,
               (double)tally->accepted / (double)tally->proposed);
  host->record(host, RIDGE_DRAFT_STEP_TOKENS,
               1 + (double)tally->accepted / (double)tally->steps);
}

#endif
