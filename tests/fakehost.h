/*
 * fakehost.h - a host of a few lines, to drive one built plugin through its ABI.
 *
 * Opens the .so of the build folder, fills its parameters from their rows, and
 * counts evidence, metrics and memory.  Services are the test's own.
 *
 * Ownership: fake_open makes; fake_close destroys the instance, returns its memory and
 *            closes the file.
 */
#ifndef FAKEHOST_H
#define FAKEHOST_H

#include "testing.h"

#include <ridge/plugin.h>

#include <dlfcn.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake_block { /* in front of what `alloc` gives */
  struct fake_block *next, *former;
  size_t size;
  void *raw;
};

struct fake {
  ridge_host host;
  void *file;
  const ridge_plugin *plugin;
  void *params, *self;
  _Atomic uint64_t counts[16];
  double recorded[16];
  char said[1024];
  struct fake_block *blocks;
  size_t live, allocations;
  void *ctx; /* the test's own */
  const void *(*service)(struct fake *, const char *id);
};

static inline struct fake *fake_of(const ridge_host *host) { return host->ctx; }

static inline void *fake_alloc(const ridge_host *host, size_t size, size_t align) {
  struct fake *fake = fake_of(host);
  if (align < 16) align = 16;
  size_t head = (sizeof(struct fake_block) + align - 1) / align * align;
  void *raw = NULL;
  if (posix_memalign(&raw, align < 64 ? 64 : align, head + (size > 0 ? size : 1)) != 0)
    abort();
  memset(raw, 0, head + size);
  struct fake_block *block =
      (struct fake_block *)(void *)((char *)raw + head - sizeof(struct fake_block));
  *block = (struct fake_block){.next = fake->blocks, .size = size, .raw = raw};
  if (fake->blocks != NULL) fake->blocks->former = block;
  fake->blocks = block;
  fake->live += size;
  fake->allocations++;
  return (char *)raw + head;
}

static inline void fake_free(const ridge_host *host, void *p) {
  if (p == NULL) return;
  struct fake *fake = fake_of(host);
  struct fake_block *block = (struct fake_block *)p - 1;
  if (block->next != NULL) block->next->former = block->former;
  if (block->former != NULL) block->former->next = block->next;
  if (fake->blocks == block) fake->blocks = block->next;
  fake->live -= block->size;
  free(block->raw);
}

static inline ridge_status fake_fail(const ridge_host *host, ridge_status status,
                                     const char *format, ...) RIDGE_FORMAT(3, 4);
static inline ridge_status fake_fail(const ridge_host *host, ridge_status status,
                                     const char *format, ...) {
  va_list words;
  va_start(words, format);
  vsnprintf(fake_of(host)->said, sizeof fake_of(host)->said, format, words);
  va_end(words);
  return status;
}

static inline void fake_log(const ridge_host *host, int level, const char *format, ...)
    RIDGE_FORMAT(3, 4);
static inline void fake_log(const ridge_host *host, int level, const char *format, ...) {
  (void)host, (void)level, (void)format;
}

static inline void fake_count(const ridge_host *host, uint32_t evidence, uint64_t n) {
  assert_true(evidence < fake_of(host)->plugin->evidence.count);
  atomic_fetch_add(&fake_of(host)->counts[evidence], n);
}

static inline void fake_record(const ridge_host *host, uint32_t metric, double value) {
  assert_true(metric < fake_of(host)->plugin->metrics.count);
  fake_of(host)->recorded[metric] = value;
}

static inline void fake_random(const ridge_host *host, uint64_t counter, uint32_t out[4]) {
  (void)host;
  for (uint32_t i = 0; i < 4; i++) out[i] = (uint32_t)(counter * 2654435761u) ^ i;
}

static inline uint64_t fake_now(const ridge_host *host) {
  (void)host;
  return 0;
}

static inline ridge_status fake_parallel(const ridge_host *host, int64_t n, int64_t grain,
                                         void (*body)(void *, int64_t, int64_t),
                                         void *arg) {
  (void)host;
  for (int64_t lo = 0; lo < n; lo += grain) body(arg, lo, lo + grain < n ? lo + grain : n);
  return RIDGE_OK;
}

static inline const void *fake_service(const ridge_host *host, const char *id) {
  struct fake *fake = fake_of(host);
  return fake->service != NULL ? fake->service(fake, id) : NULL;
}

static inline const ridge_param *fake_param(struct fake *fake, const char *name) {
  const ridge_param *rows = fake->plugin->params.rows;
  for (uint32_t i = 0; i < fake->plugin->params.count; i++) {
    if (strcmp(rows[i].name, name) == 0) return &rows[i];
  }
  fail_msg("%s has no parameter `%s`", fake->plugin->id, name);
  return NULL;
}

static inline void fake_set(struct fake *fake, const ridge_param *row, ridge_value value) {
  char *at = (char *)fake->params + row->offset;
  switch (row->type) {
  case RIDGE_T_BOOL: memcpy(at, &value.b, sizeof value.b); break;
  case RIDGE_T_INT: memcpy(at, &value.i, sizeof value.i); break;
  case RIDGE_T_REAL: memcpy(at, &value.r, sizeof value.r); break;
  default: memcpy(at, &value.t, sizeof value.t); break;
  }
}

static inline void fake_int(struct fake *fake, const char *name, int64_t value) {
  const ridge_param *row = fake_param(fake, name);
  assert_true(row->type == RIDGE_T_INT && value >= row->lo.i && value <= row->hi.i);
  fake_set(fake, row, (ridge_value){.i = value});
}

static inline void fake_real(struct fake *fake, const char *name, double value) {
  const ridge_param *row = fake_param(fake, name);
  assert_true(row->type == RIDGE_T_REAL && value >= row->lo.r && value <= row->hi.r);
  fake_set(fake, row, (ridge_value){.r = value});
}

static inline void fake_bool(struct fake *fake, const char *name, bool value) {
  fake_set(fake, fake_param(fake, name), (ridge_value){.b = value});
}

static inline void fake_text(struct fake *fake, const char *name, const char *value) {
  fake_set(fake, fake_param(fake, name), (ridge_value){.t = value});
}

/* Open plugins/NAME.so with its default parameters; not yet created. */
static inline struct fake *fake_open(const char *name) {
  struct fake *fake = calloc(1, sizeof *fake);
  char path[4096];
  assert_non_null(fake);
  snprintf(path, sizeof path, "%s/plugins/%s.so", TEST_BUILD_DIR, name);
  fake->file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (fake->file == NULL) fail_msg("%s", dlerror());
  const ridge_plugin *(*describe)(void) = NULL;
  void *symbol = dlsym(fake->file, "ridge_plugin_v1");
  assert_non_null(symbol);
  memcpy(&describe, &symbol, sizeof describe);
  fake->plugin = describe();
  fake->host = (ridge_host){.struct_size = sizeof(ridge_host),
                            .abi_minor = RIDGE_ABI_MINOR,
                            .ctx = fake,
                            .alloc = fake_alloc,
                            .free = fake_free,
                            .fail = fake_fail,
                            .log = fake_log,
                            .count = fake_count,
                            .record = fake_record,
                            .random = fake_random,
                            .now_ns = fake_now,
                            .parallel = fake_parallel,
                            .service = fake_service};
  fake->params = calloc(1, fake->plugin->params_size + 1);
  const ridge_param *rows = fake->plugin->params.rows;
  for (uint32_t i = 0; i < fake->plugin->params.count; i++) {
    fake_set(fake, &rows[i], rows[i].fallback);
  }
  return fake;
}

static inline ridge_status fake_create(struct fake *fake) {
  if (fake->plugin->create == NULL) return RIDGE_OK;
  return fake->plugin->create(&fake->host, fake->params, &fake->self);
}

static inline ridge_status fake_check(struct fake *fake, const ridge_plan *plan) {
  return fake->plugin->check(&fake->host, plan, fake->params);
}

/* The seam's table; for a SET the row with this key and these needs. */
static inline const ridge_fill *fake_fill(struct fake *fake, const char *seam,
                                          const char *key, const char *needs) {
  const ridge_fill *rows = fake->plugin->fills.rows;
  for (uint32_t i = 0; i < fake->plugin->fills.count; i++) {
    bool same_key = key == NULL || (rows[i].key != NULL && strcmp(rows[i].key, key) == 0);
    bool same_needs =
        key == NULL ||
        (needs == NULL ? rows[i].needs == NULL
                       : rows[i].needs != NULL && strcmp(rows[i].needs, needs) == 0);
    if (strcmp(rows[i].seam, seam) == 0 && same_key && same_needs) return &rows[i];
  }
  fail_msg("%s does not fill %s", fake->plugin->id, seam);
  return NULL;
}

static inline const void *fake_table(struct fake *fake, const char *seam) {
  return fake_fill(fake, seam, NULL, NULL)->table;
}

static inline void fake_close(struct fake *fake) {
  if (fake->self != NULL && fake->plugin->destroy != NULL)
    fake->plugin->destroy(fake->self);
  while (fake->blocks != NULL) fake_free(&fake->host, fake->blocks + 1);
  dlclose(fake->file);
  free(fake->params);
  free(fake);
}

/* Repeatable random numbers for tests: xorshift64*. */
static inline uint64_t fake_dice(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 2685821657736338717u;
}

static inline int64_t fake_below(uint64_t *state, int64_t n) {
  return (int64_t)(fake_dice(state) >> 33) % n;
}

static inline float fake_unit(uint64_t *state) { /* in (-1, 1) */
  return (float)((double)(fake_dice(state) >> 11) / 4503599627370496.0 - 1.0);
}

#endif
