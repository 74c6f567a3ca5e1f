/*
 * kernels.c - how near the kernels of a part come to the machine: GFLOP/s against the
 * multiply-add peak, GB/s of weights or cache against the read bandwidth, both measured
 * in the same run.
 *
 *   ninja -C build bench_kernels
 *   build/bench_kernels [PART [THREADS [CODEC ...]]]      x86, 2, the usual codecs
 *
 * Each line is the fastest of many single calls, which is what a busy machine disturbs
 * least.  Enough copies of what is streamed are walked through that none stays in a
 * cache; activations stay warm, as in a real step.  Not part of the ordinary run.
 */
#include "exact/kernels_rig.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum { MOST_THREADS = 16, MOST_COPIES = 256, STREAMED = 192 << 20 };

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

/* On huge pages, as the engine has its weights: else page walks would be measured. */
static void *streamed_memory(size_t size) {
  const size_t huge = 2u << 20, whole = (size + huge - 1) & ~(huge - 1);
  void *p = aligned_alloc(huge, whole);
  assert_non_null(p);
  madvise(p, whole, MADV_HUGEPAGE);
  return p;
}

/* ---- the fastest of many calls ---- */

struct limits {
  double flops, bytes;
  struct machine machine;
};

struct measurement {
  struct crew crew;
  const struct limits *limits;
  struct rig_job *job;
  const ridge_kernel *kernel;
  /* What call i streams: inputs 1 and 2 of the job, copy i % n_copies. */
  char *copies[2][MOST_COPIES];
  int n_copies, calls;
  char *scratch;
  size_t each;
  void *prepared;
  double seconds;
  _Alignas(64) uint64_t taken[2]; /* of this call, and of the next */
};

struct member {
  struct measurement *m;
  int32_t thread;
};

static void pin(const struct measurement *m, int32_t thread) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET((size_t)m->limits->machine.cpus[thread], &cpus);
  pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
}

static void *member_body(void *arg) {
  const struct member *me = arg;
  struct measurement *m = me->m;
  const bool packs = m->kernel->pack_bytes != NULL;
  ridge_kernel_call call = m->job->call;
  pin(m, me->thread);
  call.scratch = m->scratch + (size_t)me->thread * m->each;
  call.prepared = m->prepared;
  for (int i = -1; i < m->calls; i++) { /* once to warm up */
    const int copy = (i + 1) % m->n_copies;
    call.in[1].packed = packs ? m->copies[0][copy] : NULL;
    call.in[1].data = packs ? NULL : m->copies[0][copy];
    call.in[2].data = m->copies[1][copy];
    call.taken = &m->taken[(i + 1) % 2];
    const double start = now(m->crew.threads);
    if (m->prepared) {
      m->kernel->prepare(&call, m->prepared, me->thread, m->crew.threads);
      crew_meet(&m->crew);
    }
    m->kernel->run(&call, me->thread, m->crew.threads);
    crew_meet(&m->crew);
    const double seconds = now(m->crew.threads) - start;
    if (me->thread == 0) *call.taken = 0;
    if (me->thread == 0 && i >= 0 && seconds < m->seconds) m->seconds = seconds;
  }
  return NULL;
}

/* Seconds of the fastest call; `work` multiply-adds say how often to try. */
static double measure(struct measurement *m, double work) {
  pthread_t id[MOST_THREADS];
  struct member members[MOST_THREADS];
  ridge_kernel_site *site = &m->job->site;
  site->node = &m->job->node;
  site->threads = m->crew.threads;
  site->max_rows = m->job->call.rows;
  m->job->call.site = site;
  m->job->call.batch = &m->job->batch;
  m->each =
      m->kernel->scratch_bytes ? (m->kernel->scratch_bytes(site) + 4095) & ~4095ul : 0;
  m->scratch = rig_memory(m->each * (size_t)m->crew.threads + 64);
  m->prepared =
      m->kernel->prepared_form ? rig_memory(m->kernel->prepared_bytes(site)) : NULL;
  m->calls = work > 1e10 ? 5 : (int)fmin(1e10 / work + 5, 1000);
  m->seconds = INFINITY;
  for (int32_t t = 0; t < m->crew.threads; t++) {
    members[t] = (struct member){m, t};
    pthread_create(&id[t], NULL, member_body, &members[t]);
  }
  for (int32_t t = 0; t < m->crew.threads; t++) pthread_join(id[t], NULL);
  free(m->scratch), free(m->prepared);
  return m->seconds;
}

static void print_rates(const struct limits *limit, double seconds, double work,
                        double bytes) {
  printf(" %9.1f us %7.1f GFLOP/s %4.0f%% %6.1f GB/s %4.0f%%\n", seconds * 1e6,
         2e-9 * work / seconds, 200 * work / seconds / limit->flops, 1e-9 * bytes / seconds,
         100 * bytes / seconds / limit->bytes);
  fflush(stdout);
}

/* ---- matmul ---- */

struct product {
  int64_t rows, n, k;
  bool prompt;
};
static const struct product products[] = {
    {1, 2048, 2048, false},  {1, 5632, 2048, false},  {1, 2048, 5632, false},
    {1, 32000, 2048, false}, {2, 5632, 2048, false},  {4, 5632, 2048, false},
    {8, 5632, 2048, false},  {16, 5632, 2048, false}, {8, 5632, 2048, true},
    {32, 5632, 2048, true},  {128, 2048, 2048, true}, {512, 2048, 2048, true},
    {512, 5632, 2048, true}, {512, 2048, 5632, true}, {1, 768, 288, false},
};

/* Sixty-four random rows again and again: making all would take longer than using them. */
static char *weight_rows(const ridge_codec *codec, int64_t n, int64_t k) {
  const uint64_t size = rig_row_bytes(codec, k);
  struct rig_random random = {1};
  char *w = rig_memory((size_t)n * size);
  for (int64_t i = 0; i < n; i++) {
    if (i >= 64) {
      memcpy(w + (uint64_t)i * size, w + (uint64_t)(i % 64) * size, size);
      continue;
    }
    rig_weight_row(&random, codec, w + (uint64_t)i * size, k);
  }
  return w;
}

static void pack_copies(struct measurement *m, const char *rows, uint64_t row_bytes,
                        int64_t n, bool one) {
  m->job->site.node = &m->job->node;
  const size_t size =
      m->kernel->pack_bytes ? m->kernel->pack_bytes(&m->job->site) : (size_t)n * row_bytes;
  m->n_copies = one ? 1 : (int)((size_t)STREAMED / size) + 2;
  if (m->n_copies > MOST_COPIES) m->n_copies = MOST_COPIES;
  for (int i = 0; i < m->n_copies; i++) {
    m->copies[0][i] = streamed_memory(size);
    if (i == 0 && m->kernel->pack)
      m->kernel->pack(&m->job->site, rows, row_bytes, 0, n, m->copies[0][i]);
    else
      memcpy(m->copies[0][i], i == 0 ? rows : m->copies[0][0], size);
  }
}

/* Activations as the engine lays them out. */
static float *spread_rows(int64_t rows, int64_t cols) {
  struct rig_random random = {2};
  const size_t floats = (size_t)rows * ridge_row_stride(cols) / sizeof(float);
  float *all = rig_memory(floats * sizeof *all);
  rig_fill(&random, all, (int64_t)floats, 1.0f);
  return all;
}

static void spread(struct rig_job *job) {
  job->call.in[0].stride = ridge_row_stride(job->call.in[0].cols);
  job->call.out[0].stride = ridge_row_stride(job->call.out[0].cols);
}

static void bench_product(const ridge_plugin *portable, const ridge_kernel *kernel,
                          const ridge_codec *codec, struct product p, int32_t threads,
                          const struct limits *limits) {
  struct rig_job job;
  float *x = spread_rows(p.rows, p.k), *y = spread_rows(p.rows, p.n);
  char *w = weight_rows(codec, p.n, p.k);
  const double work = (double)(p.rows * p.n * p.k);
  rig_job(&job, RIDGE_OP_MATMUL);
  rig_activation(&job, 0, x, p.rows, p.k, rig_codec(portable, "f32"));
  rig_weight(&job, 1, w, p.n, p.k, codec);
  rig_out(&job, 0, y, p.rows, p.n);
  spread(&job);
  job.call.rows = p.rows;
  job.call.prompt_rows = p.prompt ? p.rows : 0;

  struct measurement m = {
      .job = &job, .kernel = kernel, .limits = limits, .crew = {.threads = threads}};
  const bool resident = p.n * p.k < 1 << 20; /* tiny models live in a cache */
  pack_copies(&m, w, rig_row_bytes(codec, p.k), p.n, p.rows > 64 || resident);
  printf("%-7s %4ld x %5ld x %5ld %-9s", codec->name, (long)p.rows, (long)p.n, (long)p.k,
         p.prompt ? "prompt" : "generated");
  print_rates(limits, measure(&m, work), work,
              (double)p.n * (double)rig_row_bytes(codec, p.k));
  for (int i = 0; i < m.n_copies; i++) free(m.copies[0][i]);
  free(x), free(y), free(w);
}

/* ---- attention ---- */

struct look {
  int64_t rows, heads, kv_heads, dim, depth;
};
static const struct look looks[] = {
    {1, 32, 4, 64, 1024},    {1, 32, 4, 64, 4096},    {1, 12, 12, 64, 1024},
    {1, 32, 8, 128, 4096},   {256, 32, 4, 64, 512},   {256, 12, 12, 64, 512},
    {256, 12, 12, 64, 4096}, {256, 32, 8, 128, 4096},
};

/* One sequence of `depth` positions whose last rows ask; blocks of 16. */
static void bench_look(const ridge_plugin *portable, const ridge_kernel *kernel,
                       const ridge_codec *codec, struct look l, int32_t threads,
                       const struct limits *limits) {
  enum { BLOCK = 16 };
  struct rig_job job;
  const int64_t width = l.heads * l.dim, cached = l.depth * l.kv_heads;
  const uint64_t row_bytes = rig_row_bytes(codec, l.dim),
                 bytes = (uint64_t)cached * row_bytes;
  float *q = spread_rows(l.rows, width), *y = spread_rows(l.rows, width);
  int32_t *table = rig_memory((size_t)(l.depth / BLOCK + 1) * sizeof *table);
  int32_t *position = rig_memory((size_t)l.rows * sizeof *position);
  int32_t *sequence = calloc((size_t)l.rows, sizeof *sequence);
  char *rows = weight_rows(codec, cached, l.dim);
  double work = 0;
  for (int32_t i = 0; i <= l.depth / BLOCK; i++) table[i] = i;
  for (int64_t i = 0; i < l.rows; i++) {
    position[i] = (int32_t)(l.depth - l.rows + i);
    work += 2.0 * (double)(position[i] + 1) * (double)width;
  }
  rig_job(&job, RIDGE_OP_ATTENTION);
  job.node.attrs = (ridge_attrs){.struct_size = sizeof(ridge_attrs),
                                 .heads = l.heads,
                                 .kv_heads = l.kv_heads,
                                 .head_dim = l.dim,
                                 .scale = 0.125};
  rig_activation(&job, 0, q, l.rows, width, rig_codec(portable, "f32"));
  rig_in(&job, 1, rows, cached, l.dim, codec, row_bytes);
  rig_in(&job, 2, rows, cached, l.dim, codec, row_bytes);
  rig_out(&job, 0, y, l.rows, width);
  spread(&job);
  job.batch.sequence = sequence;
  job.batch.position = position;
  job.batch.blocks = (const int32_t *const[]){table};
  job.batch.sequences = 1;
  job.batch.block_tokens = BLOCK;
  job.site.max_context = l.depth;
  job.call.rows = l.rows;
  job.call.prompt_rows = l.rows > 1 ? l.rows : 0;

  struct measurement m = {
      .job = &job, .kernel = kernel, .limits = limits, .crew = {.threads = threads}};
  m.n_copies =
      l.rows > 1 ? 1 : (int)fmin((double)STREAMED / (double)bytes / 2 + 2, MOST_COPIES);
  for (int i = 0; i < 2 * m.n_copies; i++)
    m.copies[i % 2][i / 2] = memcpy(streamed_memory(bytes), rows, bytes);
  printf("%-7s %3ld of %3ld heads on %2ld of %3ld, depth %4ld", codec->name, (long)l.rows,
         (long)l.heads, (long)l.kv_heads, (long)l.dim, (long)l.depth);
  print_rates(limits, measure(&m, work), work, 2.0 * (double)bytes);
  for (int i = 0; i < 2 * m.n_copies; i++) free(m.copies[i % 2][i / 2]);
  free(q), free(y), free(table), free(position), free(sequence), free(rows);
}

/* ---- all of it ---- */

/* The machine's own figures, with as many threads. */
static void limits_measure(int32_t threads, struct limits *out) {
  struct machine_speed speed;
  machine_read(&out->machine);
  machine_probe(&out->machine, 3.0, 0, &speed);
  out->flops = machine_speed_flops(&speed, RATE_BEST, threads);
  out->bytes = machine_speed_read(&speed, RATE_BEST, threads, 512u << 20);
  printf("%s, %d threads: %.1f GFLOP/s, %.1f GB/s from memory\n", out->machine.cpu, threads,
         out->flops * 1e-9, out->bytes * 1e-9);
}

/* Every provider that this machine can run and that names the codec; else "matmul *". */
static int kernels_of(const ridge_plugin *plugin, const char *codec,
                      const ridge_fill *out[8]) {
  const char *const names[] = {codec, "*"};
  int n = 0;
  for (int pass = 0; pass < 2 && n == 0; pass++)
    for (uint32_t i = 0; i < plugin->fills.count && n < 8; i++) {
      const ridge_fill *fill = rig_fill_at(plugin, i);
      char key[64];
      snprintf(key, sizeof key, "matmul %s", names[pass]);
      if (!strcmp(fill->key, key) && rig_usable(fill)) out[n++] = fill;
    }
  return n;
}

static void bench_codec(const ridge_plugin *portable, const ridge_plugin *plugin,
                        const ridge_codec *codec, int32_t threads,
                        const struct limits *limits) {
  const ridge_fill *fills[8];
  const int n = kernels_of(plugin, codec->name, fills);
  for (int i = 0; i < n; i++) {
    printf("%s, %s\n", fills[i]->key, fills[i]->needs ? fills[i]->needs : "any machine");
    for (size_t s = 0; s < sizeof products / sizeof *products; s++)
      bench_product(portable, fills[i]->table, codec, products[s], threads, limits);
  }
  for (uint32_t i = 0; i < plugin->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(plugin, i);
    if (strcmp(fill->key, "attention") != 0 || !rig_usable(fill)) continue;
    printf("%s, %s\n", fill->key, fill->needs ? fill->needs : "any machine");
    for (size_t s = 0; s < sizeof looks / sizeof *looks; s++)
      if (looks[s].dim % codec->block == 0)
        bench_look(portable, fill->table, codec, looks[s], threads, limits);
  }
}

int main(int argc, char **argv) {
  static const char *const usual[] = {
      "f32",  "f16",  "bf16", "q8_0", "q4_0",   "q4_1",   "q5_0",  "q5_1",   "q2_k",
      "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "mxfp4", "i8g128", "i4g128"};
  const int n_usual = (int)(sizeof usual / sizeof *usual);
  const int32_t threads = argc > 2 ? (int32_t)atoi(argv[2]) : 2;
  const ridge_plugin *portable = rig_open("portable"),
                     *plugin = rig_open(argc > 1 ? argv[1] : "x86");
  struct limits limits;
  limits_measure(threads, &limits);
  if (threads < 1 || threads > limits.machine.n_cpus || threads > MOST_THREADS) {
    fprintf(stderr, "%d threads; 1 to %d can be pinned here\n", threads,
            limits.machine.n_cpus);
    return 2;
  }
  for (int i = 0; i < (argc > 3 ? argc - 3 : n_usual); i++) {
    const ridge_codec *codec = rig_codec(portable, argc > 3 ? argv[3 + i] : usual[i]);
    bench_codec(portable, plugin, codec, threads, &limits);
  }
  return 0;
}
