/*
 * schedule.static - run sequences in waves: a batch starts together, and the next one
 * starts when its last sequence is done.
 *
 * Batching by request, as it was done before Orca (OSDI 2022, sec. 2.2 describes it);
 * the baseline that schedule.continuous is measured against.  In a wave all prompts
 * are computed first, sharing the rows of a step; places are taken in order of arrival
 * until the last prompt is done.  Then all sequences generate side by side.  One that
 * ends early leaves its place empty: with replies of l_1 .. l_B tokens a wave takes
 * max l_i steps and uses mean l_i / max l_i of them.  Nothing is padded, since a step
 * takes rows of any sequences.
 */
#include <ridge/seam/schedule_admit_help.h>

struct static_params {
  int64_t batch, rows;
};

enum { JOINED, WAVES };
enum { MEAN_BATCH };

struct waves {
  const ridge_host *host;
  struct static_params params;
  bool open; /* its prompts are being computed: places may still be taken */
  ridge_turns turns;
};

/* How many of those that wait may take a place in an open wave: the first ones, as
 * far as places and cache go. */
static int64_t places_taken(const struct waves *waves, const ridge_admit_view *view,
                            const ridge_admit_seq *waiting, int64_t n, int64_t running) {
  int64_t most = waves->params.batch < view->slots ? waves->params.batch : view->slots;
  int64_t room = view->room, taken = 0;
  while (taken < n && running + taken < most) {
    if (view->room >= 0 && waiting[taken].limit > room) break;
    room -= waiting[taken++].limit;
  }
  return taken;
}

/* Prompts of the first `members` in order, as rows allow; false when there are none. */
static bool grant_prompts(struct waves *waves, int64_t rows, int64_t running,
                          int64_t members, ridge_admit_seq *seqs) {
  bool any = false;
  for (int64_t i = 0; i < members; i++) {
    ridge_admit_seq *seq = &seqs[i];
    if (seq->prompt_left == 0) continue;
    any = true;
    seq->grant = seq->prompt_left < rows ? seq->prompt_left : rows;
    rows -= seq->grant;
    if (seq->grant == 0 || i < running) continue;
    waves->host->count(waves->host, i == 0 ? WAVES : JOINED, 1);
  }
  return any;
}

static ridge_status admit(void *self, const ridge_admit_view *view, ridge_admit_seq *seqs,
                          int64_t n) {
  struct waves *waves = self;
  int64_t running = 0, taken = 0;
  for (int64_t i = 0; i < n; i++) {
    seqs[i].grant = 0;
    running += seqs[i].running != 0;
  }
  if (running == 0) waves->open = true;
  if (waves->open) taken = places_taken(waves, view, seqs + running, n - running, running);
  if (!grant_prompts(waves, view->rows, running, running + taken, seqs)) {
    waves->open = false;
    int64_t rows = view->rows;
    ridge_status status = ridge_turns_grant(&waves->turns, view, seqs, running, &rows);
    if (status != RIDGE_OK) return status;
  }
  ridge_turns_note(&waves->turns, seqs, n, MEAN_BATCH);
  return RIDGE_OK;
}

static ridge_status bounds(const void *params, int64_t *slots, int64_t *rows) {
  const struct static_params *p = params;
  *slots = p->batch;
  *rows = p->rows > p->batch ? p->rows : p->batch;
  return RIDGE_OK;
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct waves *waves = host->alloc(host, sizeof *waves, _Alignof(struct waves));
  if (waves == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  waves->host = host;
  waves->params = *(const struct static_params *)params;
  waves->turns = ridge_turns_new(host, "rows");
  *self = waves;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(struct static_params, batch, 8, 2, 1024, "sequence",
              RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
              "Sequences of a wave: more shares the weights among more of them, and waits "
              "for the "
              "longest of more."),
    RIDGE_INT(
        struct static_params, rows, 256, 16, 65536, "token",
        RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Tokens of a step at most: larger computes prompts in fewer steps, for more memory "
        "for activations."),
};

static const ridge_schedule schedule = {
    .struct_size = sizeof(ridge_schedule), .bounds = bounds, .admit = admit};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_SCHEDULE_ADMIT, .table = &schedule}};

static const ridge_evidence evidence[] = {
    [JOINED] = {"joins", "sequence", "Sequences that joined a wave with another in it.", 1},
    [WAVES] = {"waves", "wave", "Waves that were started.", 1},
};

static const ridge_metric metrics[] = {
    [MEAN_BATCH] = {"mean_batch", "sequence", "Sequences that shared a step, as a mean.",
                    1},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "schedule.static",
    .technique = "fastertransformer",
    .version = "1.0.0",
    .summary = "many sequences in waves that start and end together",
    .doc = "Runs `batch` sequences together and starts the next ones when all of them are "
           "done.\n\n"
           "*When*: replies of one length, and as the baseline for schedule.continuous.\n\n"
           "*When not*: replies of different length, where most of a wave waits for the "
           "longest; "
           "a server, whose clients would wait for a wave to end.\n",
    .license = "Apache-2.0",
    .source = "https://www.usenix.org/conference/osdi22/presentation/yu (section 2.2)",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .params_size = sizeof(struct static_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
