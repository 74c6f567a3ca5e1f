/*
 * schedule.continuous - decide at every step anew which sequences run, so that a
 * finished one gives its place away at once and nobody waits for the longest.
 *
 * Iteration-level scheduling of Orca (OSDI 2022, sec. 3.1), with prompts cut into
 * chunks that ride along with the generating sequences, as in SARATHI (arXiv
 * 2308.16369, sec. 4).  A step is filled in this order: every generating sequence its
 * rows; then prompts in order of arrival with what rows remain, at most `chunk` of
 * them.  When the generating ones alone are too many for a step they take turns.
 * A new sequence is let in only if the cache can hold it and all running ones at
 * their longest, so nobody is ever thrown out again.  Exact, because a row's numbers
 * do not hang on who shares its step.
 */
#include <ridge/seam/schedule_admit_help.h>

struct continuous_params {
  int64_t batch, chunk;
};

enum { JOINS };
enum { MEAN_BATCH };

struct continuous {
  const ridge_host *host;
  struct continuous_params params;
  ridge_turns turns;
};

/* What is left of a step while it is being filled. */
struct step {
  int64_t rows, chunk, room; /* room < 0: no limit */
  int64_t places, present;   /* sequences that may still join; that are in it */
  int64_t running;           /* the first so many of the view are running */
};

/* ---- prompts ---- */

/* Is there a place for it, and cache for the longest that it may become? */
static bool may_join(const struct step *step, const ridge_admit_seq *seq) {
  return step->places > 0 && (step->room < 0 || seq->limit <= step->room);
}

static void grant_prompt(struct step *step, ridge_admit_seq *seq) {
  int64_t most = step->rows < step->chunk ? step->rows : step->chunk;
  seq->grant = seq->prompt_left < most ? seq->prompt_left : most;
  step->rows -= seq->grant;
  step->chunk -= seq->grant;
}

static void let_join(struct continuous *self, struct step *step, ridge_admit_seq *seq) {
  if (step->present > 0) self->host->count(self->host, JOINS, 1);
  if (step->room >= 0) step->room -= seq->limit;
  step->present++;
  step->places--;
}

static void grant_prompts(struct continuous *self, struct step *step, ridge_admit_seq *seqs,
                          int64_t n) {
  for (int64_t i = 0; i < n && step->rows > 0 && step->chunk > 0; i++) {
    if (seqs[i].grant > 0) continue; /* it generates */
    if (i < step->running) {
      if (seqs[i].prompt_left > 0) grant_prompt(step, &seqs[i]);
      continue;
    }
    if (!may_join(step, &seqs[i])) break; /* those behind it must not overtake */
    let_join(self, step, &seqs[i]);
    grant_prompt(step, &seqs[i]);
  }
}

/* ---- the seam ---- */

static struct step step_open(const struct continuous *self, const ridge_admit_view *view,
                             const ridge_admit_seq *seqs, int64_t n) {
  struct step step = {.rows = view->rows, .chunk = self->params.chunk, .room = view->room};
  while (step.running < n && seqs[step.running].running != 0) step.running++;
  step.present = step.running;
  int64_t most = self->params.batch < view->slots ? self->params.batch : view->slots;
  step.places = most - step.present;
  return step;
}

static ridge_status admit(void *self_, const ridge_admit_view *view, ridge_admit_seq *seqs,
                          int64_t n) {
  struct continuous *self = self_;
  for (int64_t i = 0; i < n; i++) seqs[i].grant = 0;
  struct step step = step_open(self, view, seqs, n);
  ridge_status status =
      ridge_turns_grant(&self->turns, view, seqs, step.running, &step.rows);
  if (status != RIDGE_OK) return status;
  grant_prompts(self, &step, seqs, n);
  ridge_turns_note(&self->turns, seqs, n, MEAN_BATCH);
  return RIDGE_OK;
}

/* A step holds one row of every generating sequence beside a whole chunk. */
static ridge_status bounds(const void *params, int64_t *slots, int64_t *rows) {
  const struct continuous_params *p = params;
  *slots = p->batch;
  *rows = p->chunk + p->batch;
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct continuous *c = host->alloc(host, sizeof *c, _Alignof(struct continuous));
  if (c == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  c->host = host;
  c->params = *(const struct continuous_params *)params;
  c->turns = ridge_turns_new(host, "chunk");
  *self = c;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct continuous_params, batch, 8, 2, 1024, "sequence",
        RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Sequences that run at once: more raises the throughput, and each one's time per "
        "token and the cache with it."),
    RIDGE_INT(
        struct continuous_params, chunk, 256, 16, 65536, "token",
        RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Prompt tokens of one step at most: smaller keeps the running sequences smooth, "
        "larger gets prompts through sooner."),
};

static const ridge_schedule schedule = {
    .struct_size = sizeof(ridge_schedule), .bounds = bounds, .admit = admit};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_SCHEDULE_ADMIT, .table = &schedule}};

static const ridge_evidence evidence[] = {
    [JOINS] = {"joins", "sequence", "Sequences let in while others were running.", 1},
};

static const ridge_metric metrics[] = {
    [MEAN_BATCH] = {"mean_batch", "sequence", "Sequences that shared a step, as a mean.",
                    1},
};

static const ridge_claim claims[] = {
    {.id = "orca-throughput",
     .statement =
         "iteration-level scheduling gives up to 36.9 times the throughput of batches "
         "that wait for their longest member, at the same latency",
     .metric = "decode_tps",
     .conditions =
         "against schedule.static, replies of very different length, many sequences",
     .source = "Orca, OSDI 2022, abstract",
     .ratio_lo = 1.0,
     .ratio_hi = 36.9},
    {.id = "sarathi-end-to-end",
     .statement =
         "chunked prompts beside generating sequences raise the throughput of a whole "
         "trace by up to 1.33",
     .metric = "total_tps",
     .conditions =
         "long prompts among running sequences; the figure is LLaMA-13B on an A6000",
     .source = "arXiv:2308.16369, abstract",
     .ratio_lo = 1.0,
     .ratio_hi = 1.33},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "schedule.continuous",
    .technique = "orca",
    .version = "1.0.0",
    .summary = "many sequences at once, decided anew at every step",
    .doc = "Runs up to `batch` sequences together. One that ends makes room for the next "
           "in the "
           "same step; prompts come in chunks beside the generating sequences.\n\n"
           "*When*: several prompts or clients, of different length.\n\n"
           "*When not*: one sequence at a time, where there is nothing to share.\n",
    .license = "Apache-2.0",
    .source = "https://www.usenix.org/conference/osdi22/presentation/yu",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct continuous_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
