/*
 * probe.c - how fast this machine reads, by working-set size, and multiplies.
 *
 * For 1, 2, 4 ... threads, each pinned to its own core: every thread reads its share of
 * the working set again and again; all start together at a barrier, and the time is
 * from the first start to the last end.  Pages are touched first by the thread that
 * reads them.  Loops are tried against each other, because what is fastest from memory
 * is not from the first cache, and wide vectors can lower the clock; the best is
 * measured further.
 */
#include "machine/machine.h"

#include "base/clock.h"
#include "machine/loops.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SMALLEST ((uint64_t)16 << 10)
#define LARGEST  ((uint64_t)1 << 30)

enum { LEAST_REPEATS = 5, MOST_REPEATS = 25, TRIES = 2, LOOPS = 4, EVERY_COUNT_TO = 8 };

struct span {
  _Alignas(64) uint64_t start, end; /* a line each: no thread waits for another's */
};

/* What all threads of one thread count share.  Written by the first thread between
 * two barriers, read by all after the second. */
struct team {
  const struct machine *machine;
  int threads;
  char *memory;
  size_t share;       /* bytes of `memory` for each thread */
  uint64_t budget_ns; /* for one point */
  struct machine_speed *out;
  pthread_mutex_t gate; /* closed until all threads are there */
  bool cancelled;
  pthread_barrier_t barrier;
  struct span spans[256];
};

struct member {
  struct team *team;
  pthread_t thread;
  int index;
};

/* One thing to measure: called by every thread, `passes` times over its share. */
struct task {
  void (*body)(const struct member *, const struct task *, uint64_t passes);
  size_t bytes; /* of one thread, for reads */
  double work;  /* bytes or operations of all threads in one pass */
  const struct loops *loops;
  const struct byte_loop *byte_loop;
};

static void consume(uint64_t word) { __asm__ volatile("" : : "r"(word) : "memory"); }

static void body_line(const struct member *member, const struct task *task,
                      uint64_t passes) {
  const struct team *team = member->team;
  const char *data = team->memory + (size_t)member->index * team->share;
  for (uint64_t i = 0; i < passes; i++) consume(task->loops->read_line(data, task->bytes));
}

static void body_streams(const struct member *member, const struct task *task,
                         uint64_t passes) {
  const struct team *team = member->team;
  const char *data = team->memory + (size_t)member->index * team->share;
  for (uint64_t i = 0; i < passes; i++)
    consume(task->loops->read_streams(data, task->bytes));
}

static void body_multiply(const struct member *member, const struct task *task,
                          uint64_t passes) {
  (void)member;
  float sum = task->loops->multiply_add(passes);
  uint32_t bits;
  memcpy(&bits, &sum, sizeof bits);
  consume(bits);
}

static void body_bytes(const struct member *member, const struct task *task,
                       uint64_t passes) {
  (void)member;
  consume(task->byte_loop->dot(passes));
}

struct took {
  double all;   /* seconds from the first start to the last end     */
  double least; /* of one thread; free of waiting for a busy system */
};

static struct took run_once(struct member *member, const struct task *task,
                            uint64_t passes) {
  struct team *team = member->team;
  pthread_barrier_wait(&team->barrier);
  team->spans[member->index].start = clock_ns();
  task->body(member, task, passes);
  team->spans[member->index].end = clock_ns();
  pthread_barrier_wait(&team->barrier);
  uint64_t start = UINT64_MAX, end = 0, least = UINT64_MAX;
  for (int i = 0; i < team->threads; i++) {
    const struct span *span = &team->spans[i];
    if (span->start < start) start = span->start;
    if (span->end > end) end = span->end;
    if (span->end - span->start < least) least = span->end - span->start;
  }
  pthread_barrier_wait(&team->barrier); /* all have read before anybody writes */
  return (struct took){(double)(end - start + 1) * 1e-9, (double)(least + 1) * 1e-9};
}

/* Every thread computes the same from the same spans, so all agree on the numbers of
 * passes and repeats without being told. */
static uint64_t choose_passes(struct member *member, const struct task *task,
                              double seconds) {
  uint64_t passes = 1;
  for (;;) {
    double took = run_once(member, task, passes).least;
    if (took >= seconds / 4) {
      double wanted = (double)passes * seconds / took;
      return wanted < 1 ? 1 : (uint64_t)wanted;
    }
    passes *= took * 16 < seconds ? 8 : 2;
  }
}

struct samples {
  double rate[MOST_REPEATS];
  int n, task; /* which of the tasks this was */
};

static void measure(struct member *member, const struct task *task, uint64_t passes,
                    struct samples *samples) {
  double took = run_once(member, task, passes).all;
  samples->rate[samples->n++] = task->work * (double)passes / took;
}

static double best_of(const struct samples *samples) {
  double best = 0;
  for (int i = 0; i < samples->n; i++)
    if (samples->rate[i] > best) best = samples->rate[i];
  return best;
}

static int compare_rates(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static struct machine_point point_of(const struct team *team, uint64_t bytes,
                                     struct samples *samples) {
  qsort(samples->rate, (size_t)samples->n, sizeof *samples->rate, compare_rates);
  int low = (samples->n - 1) / 2, high = samples->n / 2;
  return (struct machine_point){
      .threads = team->threads,
      .bytes = bytes,
      .best = best_of(samples),
      .median = (samples->rate[low] + samples->rate[high]) / 2,
  };
}

/* Try each task a few times, go on with the faster: its samples. */
static struct samples measure_best(struct member *member, const struct task *tasks, int n) {
  double budget = (double)member->team->budget_ns * 1e-9,
         slice = budget / (2 * LEAST_REPEATS);
  struct samples samples[LOOPS] = {0};
  uint64_t passes[LOOPS];
  int best = 0;
  for (int i = 0; i < n; i++) passes[i] = choose_passes(member, &tasks[i], slice);
  for (int try = 0; try < TRIES; try++)
    for (int i = 0; i < n; i++) measure(member, &tasks[i], passes[i], &samples[i]);
  for (int i = 1; i < n; i++)
    if (best_of(&samples[i]) > best_of(&samples[best])) best = i;
  while (samples[best].n < LEAST_REPEATS)
    measure(member, &tasks[best], passes[best], &samples[best]);
  samples[best].task = best;
  return samples[best];
}

/* The sets this machine can run, widest first; the plain one only where there is no
 * other.  At most `room`. */
static int usable_loops(const struct machine *machine, const struct loops **out, int room) {
  size_t n;
  int found = 0;
  const struct loops *list = loops_list(&n);
  for (size_t i = 0; i < n && found < room; i++)
    if ((list[i].needs != NULL || found == 0) &&
        machine_has(machine, list[i].needs, NULL, 0))
      out[found++] = &list[i];
  return found;
}

static int usable_byte_loops(const struct machine *machine, const struct byte_loop **out,
                             int room) {
  size_t n;
  int found = 0;
  const struct byte_loop *list = byte_loops_list(&n);
  for (size_t i = 0; i < n && found < room; i++)
    if (machine_has(machine, list[i].needs, NULL, 0)) out[found++] = &list[i];
  return found;
}

static void name_loop(char *to, size_t room, const char *needs) {
  snprintf(to, room, "%s", needs != NULL ? needs : "plain");
}

static void measure_reads(struct member *member) {
  struct team *team = member->team;
  const struct loops *widest;
  uint64_t threads = (uint64_t)team->threads;
  if (usable_loops(team->machine, &widest, 1) < 1) return;
  if (member->index == 0)
    name_loop(team->out->read_by, sizeof team->out->read_by, widest->needs);
  for (uint64_t bytes = SMALLEST; bytes / threads <= team->share; bytes *= 2) {
    size_t own = bytes / threads / LOOP_BLOCK * LOOP_BLOCK;
    if (own < 4 * LOOP_BLOCK) continue; /* too little for four streams */
    double work = (double)own * (double)threads;
    const struct task tasks[] = {{body_line, own, work, widest, NULL},
                                 {body_streams, own, work, widest, NULL}};
    struct samples samples = measure_best(member, tasks, 2);
    if (member->index == 0 && team->out->n_read < SPEED_READS)
      team->out->read[team->out->n_read++] = point_of(team, own * threads, &samples);
  }
}

static void measure_flops(struct member *member) {
  struct team *team = member->team;
  const struct loops *loops[LOOPS];
  struct task tasks[LOOPS];
  int n = usable_loops(team->machine, loops, LOOPS);
  for (int i = 0; i < n; i++)
    tasks[i] = (struct task){.body = body_multiply,
                             .work = (double)loops[i]->flops_per_round * team->threads,
                             .loops = loops[i]};
  struct samples samples = measure_best(member, tasks, n);
  if (member->index != 0 || team->out->n_flops == SPEED_PEAKS) return;
  name_loop(team->out->flops_by, sizeof team->out->flops_by, loops[samples.task]->needs);
  team->out->flops[team->out->n_flops++] = point_of(team, 0, &samples);
}

static void measure_bytes(struct member *member) {
  struct team *team = member->team;
  const struct byte_loop *loops[LOOPS];
  struct task tasks[LOOPS];
  int n = usable_byte_loops(team->machine, loops, LOOPS);
  if (n == 0) return;
  for (int i = 0; i < n; i++)
    tasks[i] = (struct task){.body = body_bytes,
                             .work = (double)loops[i]->ops_per_round * team->threads,
                             .byte_loop = loops[i]};
  struct samples samples = measure_best(member, tasks, n);
  if (member->index != 0 || team->out->n_int8 == SPEED_PEAKS) return;
  name_loop(team->out->int8_by, sizeof team->out->int8_by, loops[samples.task]->needs);
  team->out->int8[team->out->n_int8++] = point_of(team, 0, &samples);
}

static void pin(const struct machine *machine, int index) {
  if (index >= machine->n_cpus) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)machine->cpus[index], &set);
  /* Refused by some sandboxes; the numbers are then those of unpinned threads. */
  (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *member_main(void *arg) {
  struct member *member = arg;
  struct team *team = member->team;
  pthread_mutex_lock(&team->gate);
  bool cancelled = team->cancelled;
  pthread_mutex_unlock(&team->gate);
  if (cancelled) return NULL;
  pin(team->machine, member->index);
  memset(team->memory + (size_t)member->index * team->share, member->index + 1,
         team->share);
  measure_flops(member);
  measure_bytes(member);
  measure_reads(member);
  return NULL;
}

/* Start all, or none: those that wait at the gate turn back. */
static void run_members(struct team *team) {
  static const struct member nobody;
  struct member members[256] = {nobody};
  int started = 0;
  pthread_mutex_lock(&team->gate);
  for (; started < team->threads; started++) {
    struct member *member = &members[started];
    *member = (struct member){.team = team, .index = started};
    if (pthread_create(&member->thread, NULL, member_main, member) != 0) break;
  }
  team->cancelled = started < team->threads;
  pthread_mutex_unlock(&team->gate);
  for (int i = 0; i < started; i++) pthread_join(members[i].thread, NULL);
}

static void probe_threads(const struct machine *machine, int threads, uint64_t largest,
                          uint64_t budget_ns, struct machine_speed *out) {
  size_t share = largest / (uint64_t)threads / LOOP_BLOCK * LOOP_BLOCK;
  size_t bytes = share * (size_t)threads;
  char *memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  (void)madvise(memory, bytes, MADV_HUGEPAGE); /* the roof, not the page walk */
  struct team *team = aligned_alloc(64, sizeof *team);
  if (team != NULL) {
    *team = (struct team){.machine = machine,
                          .threads = threads,
                          .memory = memory,
                          .share = share,
                          .budget_ns = budget_ns,
                          .out = out,
                          .gate = PTHREAD_MUTEX_INITIALIZER};
    if (pthread_barrier_init(&team->barrier, NULL, (unsigned)threads) == 0) {
      run_members(team);
      pthread_barrier_destroy(&team->barrier);
    }
    free(team);
  }
  munmap(memory, bytes);
}

/* Each to begin with, then doubled, and at the end all. */
static int next_count(int threads, int all) {
  if (threads == all) return all + 1;
  int next = threads < EVERY_COUNT_TO ? threads + 1 : threads * 2;
  return next < all ? next : all;
}

void machine_probe(const struct machine *machine, double seconds, int only,
                   struct machine_speed *out) {
  uint64_t largest = LARGEST;
  int points = 2; /* the two peaks */
  while (largest > machine->memory_bytes / 4 && largest > SMALLEST) largest /= 2;
  for (uint64_t bytes = SMALLEST; bytes <= largest; bytes *= 2) points++;
  uint64_t budget_ns = (uint64_t)(seconds * 1e9 / points);
  *out = (struct machine_speed){0};
  if (only > 0) {
    probe_threads(machine, only, largest, budget_ns, out);
    return;
  }
  for (int t = 1; t <= machine->threads; t = next_count(t, machine->threads))
    probe_threads(machine, t, largest, budget_ns, out);
}
