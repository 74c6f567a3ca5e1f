/*
 * ridge/seam/schedule_admit.h - seam "schedule.admit/1", ONE: which sequences get
 * how many tokens in the next step.
 *
 * The reference runs one sequence after the other.  The host offers the sequences
 * in order of arrival; the filler grants tokens.  What it grants beyond `rows` or
 * to a sequence without cache room is an error of the filler, not clamped.
 */
#ifndef RIDGE_SEAM_SCHEDULE_ADMIT_H
#define RIDGE_SEAM_SCHEDULE_ADMIT_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_SCHEDULE_ADMIT "schedule.admit/1"

typedef struct ridge_admit_seq {
  uint64_t struct_size;
  int64_t id;          /* order of arrival                                     */
  int64_t prompt_left; /* prompt tokens not yet in the cache; 0: it generates  */
  int64_t length;      /* tokens in the cache                                  */
  int64_t limit;       /* cache tokens it may come to take, in whole blocks    */
  int64_t step_rows;   /* rows it takes when it generates: 1 + drafts at most  */
  uint32_t running;    /* 1: has been admitted before                          */
  uint32_t reserved;
  int64_t grant; /* out: prompt tokens, or step_rows to generate; 0: not now   */
} ridge_admit_seq;
RIDGE_SEALED(ridge_admit_seq, grant);

typedef struct ridge_admit_view {
  uint64_t struct_size;
  int64_t rows;  /* of one step at most                                    */
  int64_t slots; /* sequences that may be running at once                  */
  int64_t room;  /* cache tokens that no running sequence may come to need: */
                 /* what is left for new ones; -1: enough for all           */
  int64_t step;
} ridge_admit_view;
RIDGE_SEALED(ridge_admit_view, step);

typedef struct ridge_schedule {
  uint64_t struct_size;
  /* Sequences alive at once, and rows of one step, for the plan. [pure] */
  ridge_status (*bounds)(const void *params, int64_t *slots, int64_t *rows);
  /* seqs: those alive and waiting, running ones first, then by arrival. [step] */
  ridge_status (*admit)(void *self, const ridge_admit_view *, ridge_admit_seq *seqs,
                        int64_t n);
} ridge_schedule;
RIDGE_SEALED(ridge_schedule, admit);

#endif
