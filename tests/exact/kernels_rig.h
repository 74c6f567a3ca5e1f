/*
 * kernels_rig.h - run one node through one kernel, as the engine would: accept, pack,
 * prepare on all threads, run on all threads.
 *
 * Parts are opened from the build folder.  A job borrows every buffer it is given and
 * frees only what it made itself (packed weights, prepared input, scratch).  Scratch,
 * packed and prepared memory is filled with rubbish first and fenced, so that a kernel
 * that counts on zeros or writes too far is found.
 */
#ifndef KERNELS_RIG_H
#define KERNELS_RIG_H

#include "machine/machine.h"
#include "random.h"
#include "testing.h"

#include <dlfcn.h>
#include <pthread.h>
#include <ridge/kernel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- parts ---- */

/* Those whose kernels are tried; where each call is slow (tests/cross), only one's, and
 * only the codecs that it serves (RIG_CODECS). */
#ifndef RIG_PARTS
#define RIG_PARTS "portable", "x86", "neon"
#endif

/* A part that is not built here (x86 on another machine) fills nothing. */
static inline const ridge_plugin *rig_open(const char *name) {
  static const ridge_plugin nothing = {.struct_size = sizeof nothing, .id = "not.built"};
  char path[4096];
  snprintf(path, sizeof path, "%s/plugins/%s.so", TEST_BUILD_DIR, name);
  if (access(path, R_OK) != 0 && strcmp(name, "portable") != 0) {
    static char said[4096]; /* once is enough */
    if (strcmp(said, path) != 0) print_message("%s is not built here\n", path);
    snprintf(said, sizeof said, "%s", path);
    return &nothing;
  }
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* stays open until the end */
  if (!so) fail_msg("%s", dlerror());
  const ridge_plugin *(*describe)(void) = NULL;
  *(void **)&describe = dlsym(so, "ridge_plugin_v1"); /* as POSIX has it */
  assert_non_null(describe);
  return describe();
}

static inline const ridge_fill *rig_fill_at(const ridge_plugin *plugin, uint32_t i) {
  return (const ridge_fill *)((const char *)plugin->fills.rows +
                              (size_t)i * plugin->fills.stride);
}

static inline const ridge_fill *rig_find(const ridge_plugin *plugin, const char *seam,
                                         const char *key) {
  for (uint32_t i = 0; i < plugin->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(plugin, i);
    if (!strcmp(fill->seam, seam) && !strcmp(fill->key, key)) return fill;
  }
  return NULL;
}

static inline const ridge_codec *rig_codec(const ridge_plugin *portable, const char *name) {
  const ridge_fill *fill = rig_find(portable, RIDGE_SEAM_CODEC, name);
  if (!fill) fail_msg("kernels.portable has no codec %s", name);
  return fill->table;
}

/* Can this machine run the fill?  Says so when it cannot. */
static inline bool rig_usable(const ridge_fill *fill) {
  static struct machine machine;
  char missing[64];
  if (!machine.logical) machine_read(&machine);
  if (machine_has(&machine, fill->needs, missing, sizeof missing)) return true;
  print_message("not tried here: %s needs %s\n", fill->key, missing);
  return false;
}

static inline bool rig_is_op(const char *key, const char *op) {
  const size_t n = strcspn(key, " ");
  return strlen(op) == n && !strncmp(key, op, n);
}

/* Does a fill's key cover this operator over this codec? */
static inline bool rig_covers(const ridge_fill *fill, const char *op, const char *codec) {
  if (strcmp(fill->seam, RIDGE_SEAM_KERNEL) || !rig_is_op(fill->key, op)) return false;
  const char *space = strchr(fill->key, ' ');
  return !space || !strcmp(space + 1, "*") || !strcmp(space + 1, codec);
}

/* ---- fenced memory ---- */

enum { RIG_FENCE = 64 };

static inline void *rig_memory(size_t size) {
  const size_t body = (size + 63) & ~(size_t)63;
  char *p = aligned_alloc(64, body + RIG_FENCE);
  assert_non_null(p);
  memset(p, 0xa5, body + RIG_FENCE);
  return p;
}

static inline void rig_check_fence(const void *memory, size_t size, const char *what) {
  const unsigned char *p = memory;
  const size_t end = ((size + 63) & ~(size_t)63) + RIG_FENCE;
  for (size_t i = size; i < end; i++)
    if (p[i] != 0xa5) fail_msg("wrote past the end of its %s", what);
}

/* ---- jobs ---- */

struct rig_job {
  ridge_node node;
  ridge_batch batch;
  ridge_kernel_site site;
  ridge_kernel_call call;
  const ridge_kernel *kernel;
  bool as_rows;  /* weights are not packed yet */
  char why[256]; /* of a kernel that declined */
};

static inline void rig_job(struct rig_job *job, uint32_t op) {
  memset(job, 0, sizeof *job);
  job->node.struct_size = sizeof job->node;
  job->node.attrs.struct_size = sizeof job->node.attrs;
  job->node.name = "node";
  job->node.op = op;
  for (int i = 0; i < RIDGE_MAX_IN; i++) job->node.in[i] = -1;
  for (int i = 0; i < RIDGE_MAX_OUT; i++) job->node.out[i] = -1;
  job->batch.struct_size = sizeof job->batch;
  job->site.struct_size = sizeof job->site;
  job->call.struct_size = sizeof job->call;
  job->batch.block_tokens = 1;
}

/* cols of an activation: stride in bytes 0 means no gaps. */
static inline void rig_in(struct rig_job *job, uint32_t slot, const void *data,
                          int64_t rows, int64_t cols, const ridge_codec *codec,
                          uint64_t stride) {
  ridge_span *span = &job->call.in[slot];
  span->data = (void *)(uintptr_t)data;
  span->rows = rows;
  span->cols = cols;
  span->codec = codec;
  span->stride = stride;
  job->node.in[slot] = (int32_t)slot;
  if (job->node.n_in <= slot) job->node.n_in = slot + 1;
  job->site.in_codec[slot] = codec;
  job->site.in_dims[slot][0] = rows;
  job->site.in_dims[slot][1] = cols;
}

static inline void rig_activation(struct rig_job *job, uint32_t slot, const float *data,
                                  int64_t rows, int64_t cols, const ridge_codec *f32) {
  rig_in(job, slot, data, rows, cols, f32, (uint64_t)cols * sizeof(float));
  job->site.in_dims[slot][0] = RIDGE_DIM_TOKENS;
}

static inline uint64_t rig_row_bytes(const ridge_codec *codec, int64_t cols) {
  return (uint64_t)(cols / codec->block) * codec->block_bytes;
}

static inline void rig_weight(struct rig_job *job, uint32_t slot, const void *data,
                              int64_t rows, int64_t cols, const ridge_codec *codec) {
  rig_in(job, slot, data, rows, cols, codec, rig_row_bytes(codec, cols));
}

static inline void rig_out(struct rig_job *job, uint32_t slot, float *data, int64_t rows,
                           int64_t cols) {
  job->call.out[slot] = (ridge_span){
      .data = data, .rows = rows, .cols = cols, .stride = (uint64_t)cols * sizeof(float)};
  job->node.out[slot] = RIDGE_MAX_IN + (int32_t)slot;
  if (job->node.n_out <= slot) job->node.n_out = slot + 1;
  job->site.out_dims[slot][0] = RIDGE_DIM_TOKENS;
  job->site.out_dims[slot][1] = cols;
}

/* ---- threads ---- */

struct rig_thread {
  struct rig_job *job;
  ridge_kernel_call call;
  void *prepared; /* set: prepare, else run */
  int32_t thread, threads;
};

static inline void *rig_thread_body(void *arg) {
  struct rig_thread *t = arg;
  if (t->prepared)
    t->job->kernel->prepare(&t->call, t->prepared, t->thread, t->threads);
  else
    t->job->kernel->run(&t->call, t->thread, t->threads);
  return NULL;
}

static inline void rig_all_threads(struct rig_job *job, void *prepared, char *scratch,
                                   size_t each, int32_t threads) {
  struct rig_thread state[16];
  pthread_t id[16];
  uint64_t taken = 0;
  assert_in_range(threads, 1, 16);
  for (int32_t i = 0; i < threads; i++) {
    state[i] = (struct rig_thread){job, job->call, prepared, i, threads};
    state[i].call.taken = threads % 2 ? NULL : &taken; /* work is shared out both ways */
    state[i].call.scratch = each ? scratch + (size_t)i * (each + RIG_FENCE) : NULL;
    assert_int_equal(pthread_create(&id[i], NULL, rig_thread_body, &state[i]), 0);
  }
  for (int32_t i = 0; i < threads; i++) pthread_join(id[i], NULL);
}

/* ---- one run ---- */

/* The slot whose weight the kernel may repack. */
static inline uint32_t rig_packed_slot(const struct rig_job *job) {
  return job->node.op == RIDGE_OP_EMBED ? 0 : 1;
}

/* In two ranges cut at the grain, the later one first: order must not matter. */
static inline void *rig_pack(struct rig_job *job, size_t size) {
  ridge_span *w = &job->call.in[rig_packed_slot(job)];
  const int64_t grain = job->kernel->pack_grain;
  const int64_t cut = grain > 0 ? w->rows / grain / 2 * grain : 0;
  void *packed = rig_memory(size);
  job->kernel->pack(&job->site, (const char *)w->data + (uint64_t)cut * w->stride,
                    w->stride, cut, w->rows, packed);
  if (cut > 0) job->kernel->pack(&job->site, w->data, w->stride, 0, cut, packed);
  rig_check_fence(packed, size, "packed weights");
  w->packed = packed;
  w->data = NULL;
  return packed;
}

static inline ridge_status rig_accepts(struct rig_job *job) {
  job->why[0] = 0;
  if (!job->kernel->accepts) return RIDGE_OK;
  const ridge_status status = job->kernel->accepts(&job->site, job->why, sizeof job->why);
  if (status != RIDGE_OK) assert_int_not_equal(job->why[0], 0);
  return status;
}

/* Run it; DECLINED (with job->why) when the kernel will not.  rows, prompt_rows of
 * the call have to be set. */
static inline ridge_status rig_run(struct rig_job *job, const ridge_kernel *kernel,
                                   int32_t threads) {
  job->kernel = kernel;
  job->site.node = &job->node;
  job->site.threads = threads;
  if (job->site.max_rows < job->call.rows) job->site.max_rows = job->call.rows;
  job->call.site = &job->site;
  job->call.batch = &job->batch;
  if (rig_accepts(job) != RIDGE_OK) return RIDGE_DECLINED;

  const uint32_t slot = rig_packed_slot(job);
  const ridge_span weight = job->call.in[slot];
  const size_t pack =
      kernel->pack_bytes && !job->as_rows ? kernel->pack_bytes(&job->site) : 0;
  const size_t each = kernel->scratch_bytes ? kernel->scratch_bytes(&job->site) : 0;
  const size_t form = kernel->prepared_form && kernel->prepared_bytes
                          ? kernel->prepared_bytes(&job->site)
                          : 0;
  const size_t fenced = ((each + 63) & ~(size_t)63) + RIG_FENCE;
  void *packed = pack ? rig_pack(job, pack) : NULL;
  char *scratch = rig_memory(fenced * (size_t)threads);
  void *prepared = form ? rig_memory(form) : NULL;
  if (prepared) {
    rig_all_threads(job, prepared, scratch, fenced - RIG_FENCE, threads);
    rig_check_fence(prepared, form, "prepared input");
    job->call.prepared = prepared;
  }
  rig_all_threads(job, NULL, scratch, each ? fenced - RIG_FENCE : 0, threads);
  for (int32_t i = 0; i < threads && each; i++) {
    char *mine = scratch + (size_t)i * fenced;
    for (size_t at = each; at < fenced; at++)
      if ((unsigned char)mine[at] != 0xa5) fail_msg("wrote past the end of its scratch");
  }
  job->call.in[slot] = weight;
  job->call.prepared = NULL;
  free(packed);
  free(prepared);
  free(scratch);
  return RIDGE_OK;
}

/* ---- numbers ---- */

struct rig_random {
  uint64_t state;
};

/* Uniform in (-1, 1). */
static inline float rig_uniform(struct rig_random *r) {
  return (float)((double)(random_next(&r->state) >> 11) * 0x1p-52 - 1.0);
}

/* Roughly normal. */
static inline void rig_fill(struct rig_random *r, float *x, int64_t n, float scale) {
  for (int64_t i = 0; i < n; i++)
    x[i] = scale * (rig_uniform(r) + rig_uniform(r) + rig_uniform(r));
}

/* A row of weights of about 0.3. */
static inline void rig_weight_row(struct rig_random *r, const ridge_codec *codec, char *to,
                                  int64_t k) {
  float *row = malloc((size_t)k * sizeof *row);
  rig_fill(r, row, k, 0.3f);
  codec->encode(row, to, k);
  free(row);
}

#endif
