/*
 * ridge/seam/decode_draft.h - seam "decode.draft/1", ONE: propose tokens ahead of
 * the model.
 *
 * The model then scores all proposals in one step, and each position is picked by
 * exactly the rule, and with exactly the random numbers, of plain decoding; a
 * proposal is kept when it equals that pick.  So no proposal, good or bad, can
 * change the text: the distribution is kept by construction, and a drafter that
 * wants to be right when sampling uses `pick` of service "ridge.draft_model/1",
 * whose randomness is tied to that of the model.
 */
#ifndef RIDGE_SEAM_DECODE_DRAFT_H
#define RIDGE_SEAM_DECODE_DRAFT_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_DECODE_DRAFT "decode.draft/1"

typedef struct ridge_draft_seq {
  uint64_t struct_size;
  int64_t id;
  const int32_t *tokens; /* (n) prompt and output so far                       */
  int64_t n, prompt;     /* the first `prompt` of them are the prompt          */
  int64_t room;          /* proposals wanted at most                           */
  int32_t *out;          /* (room) proposals                                   */
  int64_t n_out;         /* out: how many                                      */
} ridge_draft_seq;
RIDGE_SEALED(ridge_draft_seq, n_out);

typedef struct ridge_draft {
  uint64_t struct_size;
  /* Proposals per sequence and step at most, for the plan. [pure] */
  int64_t (*depth)(const void *params);
  ridge_status (*propose)(void *self, ridge_draft_seq *seqs, int64_t n); /* [step] */
  /* How it went: of `proposed` the first `accepted` were kept. [step] */
  void (*outcome)(void *self, int64_t id, int64_t proposed, int64_t accepted);
  void (*finish)(void *self, int64_t id); /* the sequence is over [step] */
} ridge_draft;
RIDGE_SEALED(ridge_draft, finish);

/* Service "ridge.draft_model/1": a second model in the same run.  It decodes the
 * sequences it is shown, keeps its own cache, and follows corrections by itself. */
#define RIDGE_SERVICE_DRAFT_MODEL "ridge.draft_model/1"
typedef struct ridge_draft_model ridge_draft_model;
typedef struct ridge_draft_model_api {
  uint64_t struct_size;
  /* Fails when the file cannot be read or its vocabulary is not the model's;
   * `depth` is the largest number of proposals. [main] */
  ridge_status (*open)(const ridge_host *, const char *path, int64_t depth,
                       ridge_draft_model **out);
  /* Fill `out` of each sequence with the draft model's own continuation, picked
   * like the run's tokens are. [step] */
  ridge_status (*propose)(ridge_draft_model *, ridge_draft_seq *seqs, int64_t n);
  void (*finish)(ridge_draft_model *, int64_t id);
  void (*close)(ridge_draft_model *);
} ridge_draft_model_api;
RIDGE_SEALED(ridge_draft_model_api, close);

#endif
