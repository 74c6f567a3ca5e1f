/*
 * ridge/seam/schedule_admit_help.h - what schedules have in common: generating sequences
 * take turns when a step is too small for all, and the mean of how many shared a step.
 *
 * Functions in a header, compiled into the plugin that includes it; a plugin needs none
 * of it.
 *
 *   ridge_turns turns = ridge_turns_new(host, "chunk");
 *   status = ridge_turns_grant(&turns, view, seqs, running, &rows);
 *   ridge_turns_note(&turns, seqs, n, MEAN_BATCH);
 */
#ifndef RIDGE_SEAM_SCHEDULE_ADMIT_HELP_H
#define RIDGE_SEAM_SCHEDULE_ADMIT_HELP_H

#include <ridge/seam/schedule_admit.h>

#include <stddef.h>

typedef struct ridge_turns {
  const ridge_host *host;
  const char *knob; /* the parameter that makes a step larger             */
  int64_t served;   /* the last that got rows to generate: turns go on behind it */
  int64_t steps, granted;
} ridge_turns;

static inline ridge_turns ridge_turns_new(const ridge_host *host, const char *knob) {
  ridge_turns turns = {host, knob, -1, 0, 0};
  return turns;
}

/* Of the running that generate: the one whose turn is next, that is the lowest id above
 * the last served that has no rows yet, or the lowest at all; NULL: all have rows. */
static inline ridge_admit_seq *ridge_turns_next(const ridge_turns *turns,
                                                ridge_admit_seq *seqs, int64_t running) {
  ridge_admit_seq *above = NULL, *lowest = NULL;
  for (int64_t i = 0; i < running; i++) {
    ridge_admit_seq *seq = &seqs[i];
    if (seq->prompt_left > 0 || seq->grant > 0) continue;
    if (lowest == NULL || seq->id < lowest->id) lowest = seq;
    if (seq->id > turns->served && (above == NULL || seq->id < above->id)) above = seq;
  }
  return above != NULL ? above : lowest;
}

/* Rows for the generating ones, as far as *rows go; those left out are first in the next
 * step.  RIDGE_INVALID when a whole step is too small for one of them. */
static inline ridge_status ridge_turns_grant(ridge_turns *turns,
                                             const ridge_admit_view *view,
                                             ridge_admit_seq *seqs, int64_t running,
                                             int64_t *rows) {
  ridge_admit_seq *seq;
  while ((seq = ridge_turns_next(turns, seqs, running)) != NULL) {
    if (seq->step_rows > view->rows)
      return turns->host->fail(
          turns->host, RIDGE_INVALID,
          "a step has %lld rows, but a sequence takes %lld to generate (one and its "
          "drafts); raise `%s` or lower the lookahead",
          (long long)view->rows, (long long)seq->step_rows, turns->knob);
    if (seq->step_rows > *rows) break;
    seq->grant = seq->step_rows;
    *rows -= seq->grant;
    turns->served = seq->id;
  }
  return RIDGE_OK;
}

/* Record the mean of the sequences that shared a step as the metric of this row. */
static inline void ridge_turns_note(ridge_turns *turns, const ridge_admit_seq *seqs,
                                    int64_t n, uint32_t metric) {
  for (int64_t i = 0; i < n; i++) turns->granted += seqs[i].grant > 0;
  turns->steps++;
  turns->host->record(turns->host, metric, (double)turns->granted / (double)turns->steps);
}

#endif
