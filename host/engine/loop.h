/*
 * loop.h - the decode loop: admit, draft, reserve, forward, shape, pick, emit.
 *
 * Offline generation submits all requests and steps until nothing is left; a server
 * submits as they come and steps in between: it is the same loop.
 *
 * Ownership: a request's tokens are copied.  A finished sequence stays readable until
 *            loop_forget or loop_free.
 * Threads:   one step thread.
 */
#ifndef RIDGE_ENGINE_LOOP_H
#define RIDGE_ENGINE_LOOP_H

#include "base/text.h"
#include "engine/pick.h"
#include "engine/runtime.h"

#include <ridge/seam/decode_draft.h>
#include <ridge/seam/schedule_admit.h>
#include <ridge/seam/token_tap.h>

enum { LOOP_MOST_DRAFT = 64 };

enum sequence_end {
  SEQUENCE_GOING,
  SEQUENCE_LENGTH,  /* as many tokens as asked for       */
  SEQUENCE_STOP,    /* a stop text, or the end token     */
  SEQUENCE_CONTEXT, /* the context is full               */
};

struct sequence {
  int64_t id, slot; /* slot -1: not admitted yet */
  int32_t *tokens;  /* (room) prompt, then output */
  int64_t n, prompt, room;
  int64_t cached; /* tokens whose keys and values are in the cache */
  int64_t limit;  /* n it may reach */
  int64_t grant;
  int32_t draft[LOOP_MOST_DRAFT];
  int64_t n_draft, reused;
  const struct sequence *twin; /* an earlier one with the same prompt, or NULL */
  struct text text;            /* of the output, stop text taken off */
  bool first_piece, ends_on_context;
  enum sequence_end end;
  uint64_t submitted_ns, first_ns, ended_ns;
};

struct loop_request {
  int64_t id; /* of the randomness too: the prompt's number */
  const int32_t *prompt;
  int64_t n, length; /* tokens to make at most */
  int64_t twin;      /* id of an earlier request with the same prompt; -1: none */
};

struct loop_totals {
  uint64_t steps, prompt_tokens, output_tokens, reused_tokens, forks;
  uint64_t drafted, accepted;
  /* Steps of one kind only, for rates that mean something. */
  uint64_t prompt_ns, prompt_ns_tokens, decode_ns, decode_ns_tokens;
  uint64_t model_ns;
  int64_t most_running;
};

struct loop {
  struct runtime *rt;
  struct picker picker;
  const char *const *stops;
  int64_t n_stops;
  bool ignore_end;
  bool all_at_once; /* without a schedule: all sequences side by side, not in turn */
  struct instance *schedule_by, *draft_by;
  const ridge_schedule *schedule;
  const ridge_draft *draft;
  int64_t slots, depth;
  struct sequence **sequences; /* in order of arrival */
  int64_t n_sequences, room_sequences;
  bool *slot_taken;
  struct {
    struct instance *by;
    const ridge_token_tap *table;
  } taps[16];
  int n_taps;
  /* Of one step, sized once. */
  int32_t *token, *position, *sequence_of, *wanted;
  const int32_t **blocks;
  struct sequence **row_owner; /* (slots) sequences of the step */
  ridge_admit_seq *offers;
  struct sequence **offered;
  ridge_draft_seq *drafting;
  struct loop_totals totals;
};

struct loop_spec {
  double temperature;
  uint64_t seed;
  const char *const *stops;
  int64_t n_stops;
  bool ignore_end;
  int64_t depth; /* drafts per step at most: what the plan counted on */
};

RIDGE_MUST ridge_status loop_init(struct loop *, struct runtime *, const struct loop_spec *,
                                  struct why *why);
RIDGE_MUST ridge_status loop_submit(struct loop *, const struct loop_request *,
                                    struct why *why);
/* One step; *left: unfinished sequences after it. */
RIDGE_MUST ridge_status loop_step(struct loop *, int64_t *left, struct why *why);
void loop_free(struct loop *);
const char *sequence_end_name(enum sequence_end);

#endif
