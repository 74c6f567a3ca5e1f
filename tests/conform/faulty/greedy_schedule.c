/* greedy_schedule.c - grants every sequence all that it asks for, whatever there is. */
#include "../bad/bad.h"

#include <ridge/seam/schedule_admit.h>

static ridge_status bounds(const void *params, int64_t *slots, int64_t *rows) {
  (void)params;
  *slots = 2;
  *rows = 16;
  return RIDGE_OK;
}

static ridge_status admit(void *self, const ridge_admit_view *view, ridge_admit_seq *seqs,
                          int64_t n) {
  (void)self, (void)view;
  for (int64_t i = 0; i < n; i++)
    seqs[i].grant = seqs[i].prompt_left > 0 ? seqs[i].prompt_left : seqs[i].step_rows;
  return RIDGE_OK;
}

static const ridge_schedule table = {sizeof table, bounds, admit};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_SCHEDULE_ADMIT, .table = &table}};

BAD_PLUGIN("faulty.greedy_schedule", p->fills = (ridge_table)RIDGE_ROWS(fills);)
