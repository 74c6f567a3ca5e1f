/*
 * session_state.h - what the files of a session share: the models, the settings, the
 * words to the supervisor.
 */
#ifndef RIDGE_ENGINE_SESSION_STATE_H
#define RIDGE_ENGINE_SESSION_STATE_H

#include "base/digest.h"
#include "engine/loop.h"
#include "engine/session.h"
#include "model/chat.h"

struct session {
  const struct session_job *job;
  struct runtime main; /* the composition */
  struct runtime base; /* the unmodified model, for the divergence */
  bool has_main, has_base;
  struct pool *pool;
  int threads;
  int64_t slots, rows, depth, wanted, context;
  double temperature;
  uint64_t seed;
  struct draft_model *drafts;     /* a list */
  const struct chat_family *chat; /* how prompts are written; NULL: as they are */
  struct tokens *prompts;
  char **prompt_texts;
  int64_t n_prompts;
  const char **stops;
  int64_t n_stops;
  struct digest output;
  uint64_t need_bytes; /* what strategies say they take */
  bool has_output, stopped;
  struct why why;
};

/* Settings of the composition; a name that is not there is a broken invariant of
 * compose, so the fallback of the settings table is taken. */
int64_t session_int(const struct session *, const char *name);
double session_real(const struct session *, const char *name);
bool session_bool(const struct session *, const char *name);
const char *session_text(const struct session *, const char *name); /* or NULL */
const char *session_path(const struct session *, const char *name); /* absolute, or NULL */
bool session_has_word(const struct session *, const char *word);

/* Words to the supervisor. */
void session_say(const struct session *, json_t *message); /* takes it */
void session_sample(const struct session *, const char *metric, int64_t repeat,
                    double value);
void session_progress(const struct session *, const char *phase, double done, double of);
bool session_stopped(struct session *);

/* Exit codes of a session, as in cli/cli.h. */
enum { SESSION_OK, SESSION_FAILED, SESSION_REFUSED, SESSION_NO_FIT = 4 };
/* What plugins reach: set before any of them is created. */
void session_serve(struct session *);
/* Whose plugin it is that calls through its host table. */
struct session *session_of(const ridge_host *);
/* Ready to load (SESSION_OK), or refused, which has been said. */
int session_prepare(struct session *);
int session_failed(struct session *); /* says why->text, returns SESSION_FAILED */

/* The plan as data (host/run/message.h, "plan"). */
json_t *session_plan_json(const struct session *);
/* Its stages against the machine's roof, or null where that was not measured. */
json_t *session_prediction_json(const struct session *);
/* Bytes: of the model that is run; of the models beside it, whole; of all. */
struct session_memory {
  struct runtime_memory model;
  uint64_t drafts, unmodified;
  uint64_t strategies, total, limit;
};
struct session_memory session_memory(const struct session *);

/* Workloads: one repeat each; repeat < 0 is warm-up. */
RIDGE_MUST ridge_status workload_generate_read(struct session *,
                                               struct why *why); /* prompts */
RIDGE_MUST ridge_status workload_generate(struct session *, int64_t repeat,
                                          struct why *why);
RIDGE_MUST ridge_status workload_perplexity(struct session *, int64_t repeat,
                                            struct why *why);
RIDGE_MUST ridge_status workload_bench(struct session *, int64_t repeat, struct why *why);

/* Service "ridge.draft_model/1". */
const void *draft_model_service(void);
RIDGE_MUST ridge_status draft_models_load(struct session *, struct why *why);
struct runtime_memory draft_models_memory(const struct session *);
/* Of the draft model that was opened by this path; NULL: none was. */
const struct source *draft_models_source(const struct session *, const char *path);
void draft_models_free(struct session *);

#endif
