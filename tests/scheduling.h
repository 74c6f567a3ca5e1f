/*
 * scheduling.h - a decode loop without a model, to drive what fills schedule.admit.
 *
 * Sequences arrive, are granted tokens, and end; after every call the grants are
 * checked against what the seam promises.  The cache is blocks of 16 tokens, given
 * out as sequences grow; nobody who was let in may find it full.
 */
#ifndef SCHEDULING_H
#define SCHEDULING_H

#include "fakehost.h"

#include <ridge/seam/schedule_admit.h>

enum { SIM_MOST = 256, SIM_BLOCK = 16 };

struct sim_seq {
  int64_t prompt, reply, arrives; /* given */
  int64_t cached, made, waited;   /* tokens in the cache, of the reply, steps unserved */
  int64_t first_step, last_step;  /* when it was let in, when it ended */
  bool running, done;
};

struct sim {
  struct sim_seq seqs[SIM_MOST];
  int64_t n, drafts, blocks; /* blocks 0: no limit */
  uint64_t dice;
  int64_t steps, longest_wait, most_running, most_rows;
};

static inline int64_t sim_blocks(int64_t tokens) {
  return (tokens + SIM_BLOCK - 1) / SIM_BLOCK;
}

static inline int64_t sim_free(const struct sim *sim) {
  int64_t used = 0;
  for (int64_t i = 0; i < sim->n; i++) {
    if (sim->seqs[i].running) used += sim_blocks(sim->seqs[i].cached);
  }
  return sim->blocks - used;
}

/* Cache tokens that no running sequence may come to need; -1: enough for all. */
static inline int64_t sim_room(const struct sim *sim) {
  if (sim->blocks == 0) return -1;
  int64_t free = sim_free(sim);
  for (int64_t i = 0; i < sim->n; i++) {
    const struct sim_seq *s = &sim->seqs[i];
    if (s->running) free -= sim_blocks(s->prompt + s->reply) - sim_blocks(s->cached);
  }
  return free * SIM_BLOCK;
}

/* The view as the host gives it: running ones first, then by arrival. */
static inline int64_t sim_view(const struct sim *sim, ridge_admit_seq *out) {
  int64_t n = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < sim->n; i++) {
      const struct sim_seq *s = &sim->seqs[i];
      if (s->done || s->running == (pass == 1) || s->arrives > sim->steps) continue;
      int64_t left = s->prompt > s->cached ? s->prompt - s->cached : 0;
      out[n++] = (ridge_admit_seq){.struct_size = sizeof *out,
                                   .id = i,
                                   .prompt_left = left,
                                   .length = s->cached,
                                   .limit = sim_blocks(s->prompt + s->reply) * SIM_BLOCK,
                                   .step_rows = 1 + sim->drafts,
                                   .running = s->running,
                                   .grant = -1};
    }
  }
  return n;
}

/* Give a sequence its grant; the cache must have room for it. */
static inline void sim_apply(struct sim *sim, const ridge_admit_seq *grant) {
  struct sim_seq *s = &sim->seqs[grant->id];
  int64_t more = grant->grant, most = s->prompt + s->reply;
  if (grant->prompt_left == 0) more = 1 + fake_below(&sim->dice, grant->grant);
  if (s->cached + more > most) more = most - s->cached;
  int64_t blocks = sim_blocks(s->cached + more) - (s->running ? sim_blocks(s->cached) : 0);
  assert_true(sim->blocks == 0 || blocks <= sim_free(sim));
  if (!s->running) s->first_step = sim->steps;
  s->running = true;
  s->cached += more;
  if (s->cached == most) {
    s->done = true;
    s->running = false;
    s->last_step = sim->steps;
  }
}

/* One step: ask, check, apply.  False when nothing was granted. */
static inline bool sim_step(struct sim *sim, struct fake *fake, int64_t slots,
                            int64_t rows) {
  const ridge_schedule *schedule = fake_table(fake, RIDGE_SEAM_SCHEDULE_ADMIT);
  static ridge_admit_seq seqs[SIM_MOST];
  int64_t n = sim_view(sim, seqs), used = 0, running = 0, granted = 0;
  ridge_admit_view view = {.struct_size = sizeof view,
                           .rows = rows,
                           .slots = slots,
                           .room = sim_room(sim),
                           .step = sim->steps};
  assert_int_equal(schedule->admit(fake->self, &view, seqs, n), RIDGE_OK);
  for (int64_t i = 0; i < n; i++) {
    const ridge_admit_seq *g = &seqs[i];
    assert_true(g->grant >= 0);
    if (g->prompt_left > 0) assert_true(g->grant <= g->prompt_left);
    if (g->prompt_left == 0) assert_true(g->grant == 0 || g->grant == g->step_rows);
    used += g->grant;
    granted += g->grant > 0;
    running += g->running != 0 || g->grant > 0;
    struct sim_seq *s = &sim->seqs[g->id];
    s->waited = g->running != 0 && g->grant == 0 ? s->waited + 1 : 0;
    if (s->waited > sim->longest_wait) sim->longest_wait = s->waited;
  }
  assert_true(used <= rows);
  assert_true(running <= slots);
  if (running > sim->most_running) sim->most_running = running;
  if (used > sim->most_rows) sim->most_rows = used;
  for (int64_t i = 0; i < n; i++) {
    if (seqs[i].grant > 0) sim_apply(sim, &seqs[i]);
  }
  sim->steps++;
  return granted > 0;
}

/* Until all sequences are done; nobody may be forgotten. */
static inline void sim_run(struct sim *sim, struct fake *fake) {
  const ridge_schedule *schedule = fake_table(fake, RIDGE_SEAM_SCHEDULE_ADMIT);
  int64_t slots, rows, done = 0;
  assert_int_equal(schedule->bounds(fake->params, &slots, &rows), RIDGE_OK);
  for (int64_t guard = 0; done < sim->n; guard++) {
    assert_true(guard < 1000000);
    int64_t here = 0;
    for (int64_t i = 0; i < sim->n; i++) {
      here += !sim->seqs[i].done && sim->seqs[i].arrives <= sim->steps;
    }
    assert_true(sim_step(sim, fake, slots, rows) || here == 0);
    done = 0;
    for (int64_t i = 0; i < sim->n; i++) done += sim->seqs[i].done;
  }
}

static inline struct sim sim_random(int64_t n, int64_t drafts, int64_t blocks,
                                    uint64_t seed) {
  struct sim sim = {.n = n, .drafts = drafts, .blocks = blocks, .dice = seed};
  int64_t arrives = 0; /* numbers are given in order of arrival */
  for (int64_t i = 0; i < n; i++) {
    sim.seqs[i] = (struct sim_seq){.prompt = 1 + fake_below(&sim.dice, 90),
                                   .reply = 1 + fake_below(&sim.dice, 60),
                                   .arrives = arrives};
    arrives += fake_below(&sim.dice, 3);
  }
  return sim;
}

/* A schedule with its batch and the parameter that bounds a step. */
static inline struct fake *sim_opened(const char *plugin, const char *knob, int64_t batch,
                                      int64_t rows) {
  struct fake *fake = fake_open(plugin);
  fake_int(fake, "batch", batch);
  fake_int(fake, knob, rows);
  assert_int_equal(fake_create(fake), RIDGE_OK);
  return fake;
}

/* Random loads on a cache of 192 tokens: sim_run fails when one that was let in finds it
 * full. */
static inline void sim_fills_a_small_cache(struct fake *(*opened)(int64_t, int64_t)) {
  for (uint64_t seed = 1; seed <= 30; seed++) {
    struct fake *fake = opened(8, 64);
    struct sim sim = sim_random(40, (int64_t)(seed % 3) * 3, 12, seed);
    sim_run(&sim, fake);
    fake_close(fake);
  }
}

#endif
