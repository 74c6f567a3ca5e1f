/* check_schedule.c - the seams that decide a step: admission, drafts. */
#include "plugins/conformance/rig.h"

#include <ridge/seam/decode_draft.h>
#include <ridge/seam/schedule_admit.h>
#include <string.h>

/* Admission: a run of a few sequences, played to its end ----------------------------------
 */

enum { SEQUENCES = 11, ANSWER = 6, STEPS_MOST = 20000, DRAFT_ROWS = 3 };

struct player {
  int64_t prompt_left, length, answered;
  bool running, over;
};

struct play {
  struct player players[SEQUENCES];
  ridge_admit_seq offered[SEQUENCES];
  ridge_admit_view view;
  int64_t n;
};

static void begin(struct play *play, int64_t slots, int64_t rows, int64_t room) {
  memset(play, 0, sizeof *play);
  play->view = (ridge_admit_view){
      .struct_size = sizeof play->view, .rows = rows, .slots = slots, .room = room};
  for (int64_t i = 0; i < SEQUENCES; i++) play->players[i].prompt_left = 1 + i * i % 37;
}

static void offer(struct play *play, bool running) {
  for (int64_t id = 0; id < SEQUENCES; id++) {
    const struct player *p = &play->players[id];
    if (p->over || p->running != running) continue;
    int64_t ahead = play->view.rows < DRAFT_ROWS ? 1 : DRAFT_ROWS;
    play->offered[play->n++] = (ridge_admit_seq){
        .struct_size = sizeof(ridge_admit_seq),
        .id = id,
        .prompt_left = p->prompt_left,
        .length = p->length,
        .limit = p->length + p->prompt_left + ANSWER - p->answered,
        .step_rows = id % 2 == 0 ? 1 : ahead,
        .running = running,
    };
  }
}

static void judge_grants(const struct play *play, struct finding *finding) {
  int64_t rows = 0, running = 0;
  for (int64_t i = 0; i < play->n; i++) {
    const ridge_admit_seq *s = &play->offered[i];
    bool fits = s->prompt_left > 0 ? s->grant >= 0 && s->grant <= s->prompt_left
                                   : s->grant == 0 || s->grant == s->step_rows;
    if (!fits)
      finding_fail(finding,
                   "it grants %lld rows to a sequence with %lld prompt tokens left and "
                   "steps of %lld",
                   (long long)s->grant, (long long)s->prompt_left, (long long)s->step_rows);
    rows += s->grant;
    running += s->running == 1 || s->grant > 0;
  }
  if (rows > play->view.rows)
    finding_fail(finding, "it grants %lld rows; a step has %lld", (long long)rows,
                 (long long)play->view.rows);
  if (running > play->view.slots)
    finding_fail(finding, "it lets %lld sequences run; there are %lld slots",
                 (long long)running, (long long)play->view.slots);
}

static void advance(struct play *play) {
  for (int64_t i = 0; i < play->n; i++) {
    const ridge_admit_seq *s = &play->offered[i];
    struct player *p = &play->players[s->id];
    if (s->grant == 0) continue;
    p->running = true;
    p->length += s->prompt_left > 0 ? s->grant : 1;
    if (p->prompt_left > 0)
      p->prompt_left -= s->grant;
    else
      p->answered++;
    p->over = p->answered == ANSWER;
  }
}

static bool is_over(const struct play *play) {
  for (int64_t i = 0; i < SEQUENCES; i++)
    if (!play->players[i].over) return false;
  return true;
}

static void play_out(struct rig *rig, const ridge_schedule *table, int64_t slots,
                     int64_t rows, struct finding *finding) {
  struct play play;
  begin(&play, slots, rows, -1);
  while (!is_over(&play) && finding->verdict == VERDICT_OK) {
    play.n = 0;
    offer(&play, true);
    offer(&play, false);
    ridge_status status =
        table->admit(rig->instance->self, &play.view, play.offered, play.n);
    if (!rig_passed(rig, status, "`admit`", finding)) return;
    judge_grants(&play, finding);
    advance(&play);
    if (++play.view.step == STEPS_MOST)
      finding_fail(finding,
                   "after %d steps of %lld rows and %lld slots some of %d sequences are "
                   "still waiting",
                   STEPS_MOST, (long long)rows, (long long)slots, SEQUENCES);
  }
}

void check_schedule(struct vetting *v, struct finding *finding) {
  struct rig rig;
  int64_t slots[2] = {0}, rows[2] = {0};
  if (!rig_ready(&rig, v, finding)) return;
  const ridge_schedule *table = rig_table(&rig, RIDGE_SEAM_SCHEDULE_ADMIT);
  for (int i = 0; i < 2; i++)
    if (!rig_passed(&rig, table->bounds(rig.instance->params, &slots[i], &rows[i]),
                    "`bounds`", finding))
      break;
  if (slots[0] != slots[1] || rows[0] != rows[1])
    finding_fail(finding, "`bounds` asked twice gives two answers");
  else if (slots[0] < 1 || rows[0] < 0)
    finding_fail(finding, "`bounds` gives %lld slots and %lld rows", (long long)slots[0],
                 (long long)rows[0]);
  if (finding->verdict == VERDICT_OK)
    play_out(&rig, table, slots[0], rows[0] > 0 ? rows[0] : 32, finding);
  rig_close(&rig);
}

/* Drafts ----------------------------------------------------------------------------------
 */

enum { TOKENS = 48, DEPTH_MOST = 4096 };

static void judge_draft(const ridge_draft_seq *s, struct finding *finding) {
  if (s->n_out < 0 || s->n_out > s->room)
    finding_fail(finding, "it proposes %lld tokens where %lld are wanted at most",
                 (long long)s->n_out, (long long)s->room);
  for (int64_t i = 0; finding->verdict == VERDICT_OK && i < s->n_out; i++)
    if (s->out[i] < 0 || s->out[i] >= RIG_VOCAB)
      finding_fail(finding, "it proposes token %d of %d", s->out[i], RIG_VOCAB);
}

/* Sequences that repeat themselves, that do not, and that have hardly begun. */
static void draft_once(struct rig *rig, const ridge_draft *table, int64_t room,
                       struct finding *finding) {
  static const int64_t lengths[] = {TOKENS, 3, 1};
  ridge_draft_seq seqs[3];
  int32_t *tokens[3], *out[3];
  for (int k = 0; k < 3; k++) {
    size_t bytes = (size_t)lengths[k] * sizeof(int32_t);
    tokens[k] = guarded_new(bytes);
    out[k] = guarded_new((size_t)room * sizeof(int32_t));
    for (int64_t i = 0; i < lengths[k]; i++)
      tokens[k][i] = (int32_t)(k == 0 ? i % 6 : i * 5 % RIG_VOCAB);
    seqs[k] = (ridge_draft_seq){.struct_size = sizeof seqs[k],
                                .id = k,
                                .tokens = tokens[k],
                                .n = lengths[k],
                                .prompt = 1,
                                .room = room,
                                .out = out[k]};
  }
  if (rig_passed(rig, table->propose(rig->instance->self, seqs, 3), "`propose`", finding))
    for (int k = 0; k < 3; k++) {
      judge_draft(&seqs[k], finding);
      table->outcome(rig->instance->self, k, seqs[k].n_out, seqs[k].n_out / 2);
    }
  for (int k = 0; k < 3; k++) {
    guarded_free(tokens[k], (size_t)lengths[k] * sizeof(int32_t));
    guarded_free(out[k], (size_t)room * sizeof(int32_t));
  }
}

void check_draft(struct vetting *v, struct finding *finding) {
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  const ridge_draft *table = rig_table(&rig, RIDGE_SEAM_DECODE_DRAFT);
  int64_t depth = table->depth(rig.instance->params);
  if (depth != table->depth(rig.instance->params))
    finding_fail(finding, "`depth` asked twice gives two answers");
  if (depth < 1 || depth > DEPTH_MOST)
    finding_fail(finding, "its depth is %lld; between 1 and %d is plausible",
                 (long long)depth, DEPTH_MOST);
  for (int64_t room = 1; finding->verdict == VERDICT_OK && room <= depth; room++)
    draft_once(&rig, table, room, finding);
  for (int64_t id = 0; id < 3; id++) table->finish(rig.instance->self, id);
  table->finish(rig.instance->self, 77); /* one it never saw */
  rig_close(&rig);
}
