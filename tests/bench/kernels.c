/*
 * kernels.c - how near the matrix kernels of a part come to the machine: GFLOP/s against
 * the multiply-add peak, GB/s of weights against the read bandwidth, both measured in
 * the same run.
 *
 *   bench_kernels [PART [THREADS [CODEC ...]]]        kernels.x86, 2 threads, all codecs
 *
 * Each line is the fastest of many single calls, which is what a busy machine disturbs
 * least.  Enough copies of the weights are walked
 * through that none stays in a cache; activations stay warm, as in a real step.  Not
 * part of the ordinary run.
 */
#include "exact/kernels_rig.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* One thread is timed by its own clock, which stands while others have the core. */
static double now(int32_t threads) {
  struct timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a crew of threads with spinning barriers, as the engine has ---- */

struct crew {
  atomic_int waiting, round;
  int32_t threads;
};

static void crew_meet(struct crew *c) {
  const int round = atomic_load_explicit(&c->round, memory_order_acquire);
  if (atomic_fetch_add(&c->waiting, 1) + 1 == c->threads) {
    atomic_store(&c->waiting, 0);
    atomic_fetch_add(&c->round, 1);
    return;
  }
  while (atomic_load_explicit(&c->round, memory_order_acquire) == round)
    ;
}

struct measurement {
  struct crew crew;
  struct rig_job *job;
  char **copies; /* of the packed weights */
  int n_copies, calls;
  char *scratch;
  size_t each;
  void *prepared;
  double seconds;
};

struct member {
  struct measurement *m;
  int32_t thread;
};

static void *member_body(void *arg) {
  const struct member *me = arg;
  struct measurement *m = me->m;
  const ridge_kernel *kernel = m->job->kernel;
  ridge_kernel_call call = m->job->call;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET((size_t)me->thread, &cpus);
  pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
  call.scratch = m->scratch + (size_t)me->thread * m->each;
  call.prepared = m->prepared;
  for (int i = -1; i < m->calls; i++) { /* once to warm up */
    call.in[1].packed = m->copies[(i + 1) % m->n_copies];
    const double start = now(m->crew.threads);
    if (m->prepared) {
      kernel->prepare(&call, m->prepared, me->thread, m->crew.threads);
      crew_meet(&m->crew);
    }
    kernel->run(&call, me->thread, m->crew.threads);
    crew_meet(&m->crew);
    const double seconds = now(m->crew.threads) - start;
    if (me->thread == 0 && i >= 0 && seconds < m->seconds) m->seconds = seconds;
  }
  return NULL;
}

static double measure(struct measurement *m) {
  pthread_t id[16];
  struct member members[16];
  m->seconds = 1e9;
  for (int32_t t = 0; t < m->crew.threads; t++) {
    members[t] = (struct member){m, t};
    pthread_create(&id[t], NULL, member_body, &members[t]);
  }
  for (int32_t t = 0; t < m->crew.threads; t++)
    pthread_join(id[t], NULL);
  return m->seconds;
}

/* ---- one kernel, one shape ---- */

struct shape {
  int64_t rows, n, k;
  bool prompt;
};
static const struct shape shapes[] = {
    {1, 2048, 2048, false},  {1, 5632, 2048, false},   {1, 2048, 5632, false},
    {1, 32000, 2048, false}, {2, 5632, 2048, false},   {4, 5632, 2048, false},
    {8, 5632, 2048, false},  {16, 5632, 2048, false},  {8, 5632, 2048, true},
    {32, 5632, 2048, true},  {128, 2048, 2048, true},  {512, 2048, 2048, true},
    {512, 5632, 2048, true}, {512, 2048, 5632, true},  {1, 768, 288, false},
};

struct limits {
  double flops, bytes;
};

static void print_line(const char *codec, struct shape s, double seconds, uint64_t bytes,
                       struct limits limit) {
  const double flops = 2.0 * (double)(s.rows * s.n * s.k) / seconds;
  const double rate = (double)bytes / seconds;
  printf("%-7s %4ld x %5ld x %5ld %-9s %9.1f us %7.1f GFLOP/s %4.0f%% %6.1f GB/s %4.0f%%\n",
         codec, (long)s.rows, (long)s.n, (long)s.k, s.prompt ? "prompt" : "generated",
         seconds * 1e6, flops * 1e-9, 100 * flops / limit.flops, rate * 1e-9,
         100 * rate / limit.bytes);
  fflush(stdout);
}

static void bench_shape(const ridge_plugin *portable, const ridge_kernel *kernel,
                        const ridge_codec *codec, struct shape s, int32_t threads,
                        struct limits limit) {
  struct rig_job job;
  struct rig_random random = {1};
  const ridge_codec *f32 = rig_codec(portable, "f32");
  const uint64_t row_bytes = rig_row_bytes(codec, s.k), bytes = (uint64_t)s.n * row_bytes;
  float *x = rig_memory((size_t)(s.rows * s.k) * 4), *y = rig_memory((size_t)(s.rows * s.n) * 4);
  float *row = rig_memory((size_t)s.k * 4);
  char *w = rig_memory(bytes);
  rig_fill(&random, x, s.rows * s.k, 1.0f);
  for (int64_t i = 0; i < s.n; i++) {
    if (i < 64) rig_fill(&random, row, s.k, 0.3f);
    if (i < 64)
      codec->encode(row, w + (uint64_t)i * row_bytes, s.k);
    else
      memcpy(w + (uint64_t)i * row_bytes, w + (uint64_t)(i % 64) * row_bytes, row_bytes);
  }
  rig_job(&job, RIDGE_OP_MATMUL);
  rig_activation(&job, 0, x, s.rows, s.k, f32);
  rig_weight(&job, 1, w, s.n, s.k, codec);
  rig_out(&job, 0, y, s.rows, s.n);
  job.kernel = kernel;
  job.site.node = &job.node;
  job.site.threads = threads;
  job.site.max_rows = s.rows;
  job.call.site = &job.site;
  job.call.batch = &job.batch;
  job.call.rows = s.rows;
  job.call.prompt_rows = s.prompt ? s.rows : 0;

  struct measurement m = {.job = &job, .crew = {.threads = threads}};
  const size_t packed = kernel->pack_bytes ? kernel->pack_bytes(&job.site) : 0;
  const bool resident = s.n * s.k < 1 << 20; /* tiny models live in a cache */
  m.n_copies = s.rows > 64 || !packed || resident ? 1 : (int)((192u << 20) / packed) + 2;
  m.copies = calloc((size_t)m.n_copies, sizeof *m.copies);
  for (int i = 0; i < m.n_copies && packed; i++) {
    m.copies[i] = rig_memory(packed);
    if (i == 0)
      kernel->pack(&job.site, w, row_bytes, 0, s.n, m.copies[i]);
    else
      memcpy(m.copies[i], m.copies[0], packed);
  }
  if (packed) job.call.in[1].data = NULL;
  m.each = kernel->scratch_bytes ? (kernel->scratch_bytes(&job.site) + 4095) & ~(size_t)4095 : 0;
  m.scratch = rig_memory(m.each * (size_t)threads + 64);
  m.prepared = kernel->prepared_form ? rig_memory(kernel->prepared_bytes(&job.site)) : NULL;
  const double work = (double)(s.rows * s.n * s.k);
  m.calls = (int)(1e10 / work) + 5;
  if (m.calls > 1000) m.calls = 1000;
  print_line(codec->name, s, measure(&m), bytes, limit);

  for (int i = 0; i < m.n_copies; i++)
    free(m.copies[i]);
  free(m.copies), free(m.scratch), free(m.prepared), free(x), free(y), free(w), free(row);
}

/* The machine's own figures, with as many threads. */
static struct limits limits_measure(int32_t threads) {
  struct machine machine;
  struct machine_speed speed;
  machine_read(&machine);
  machine_probe(&machine, 3.0, &speed);
  const struct limits limit = {machine_speed_flops(&speed, threads),
                               machine_speed_read(&speed, threads, 512u << 20)};
  printf("%s, %d threads: %.1f GFLOP/s, %.1f GB/s from memory\n", machine.cpu, threads,
         limit.flops * 1e-9, limit.bytes * 1e-9);
  return limit;
}

int main(int argc, char **argv) {
  static const char *const all[] = {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "i8g128", "i4g128"};
  const char *part = argc > 1 ? argv[1] : "x86";
  const int32_t threads = argc > 2 ? (int32_t)atoi(argv[2]) : 2;
  const ridge_plugin *portable = rig_open("portable"), *plugin = rig_open(part);
  const struct limits limit = limits_measure(threads);
  const int n = argc > 3 ? argc - 3 : (int)(sizeof all / sizeof *all);
  for (int i = 0; i < n; i++) {
    const char *codec = argc > 3 ? argv[3 + i] : all[i];
    char key[64];
    snprintf(key, sizeof key, "matmul %s", codec);
    const ridge_fill *fill = rig_find(plugin, RIDGE_SEAM_KERNEL, key);
    if (!fill) fill = rig_find(plugin, RIDGE_SEAM_KERNEL, "matmul *");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
      bench_shape(portable, fill->table, rig_codec(portable, codec), shapes[s], threads, limit);
  }
  return 0;
}
