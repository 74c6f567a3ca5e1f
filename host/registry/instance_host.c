/*
 * instance_host.c - the services a plugin gets: memory, sentences, counters, random
 * numbers, threads.  All but `parallel` and `service` may be called by many threads.
 */
#include "registry/instance_inside.h"

#include "base/clock.h"
#include "base/philox.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct instance *of(const ridge_host *host) { return host->ctx; }

/* Memory ------------------------------------------------------------------------------ */

enum { ALIGN_MOST = 1 << 21, ALIGN_LEAST = 16 };
#define BLOCK_MARK UINT64_C(0x72696467652d6d65)

/* Lies right before the bytes that the plugin sees. */
struct instance_block {
  struct instance_block *next, *former;
  void *base; /* from calloc */
  const struct instance *owner;
  size_t size;
  uint64_t mark;
};
_Static_assert(sizeof(struct instance_block) % ALIGN_LEAST == 0, "keeps the bytes aligned");

static void link_block(struct instance *instance, struct instance_block *block) {
  pthread_mutex_lock(&instance->lock);
  block->next = instance->blocks;
  if (block->next != NULL) block->next->former = block;
  instance->blocks = block;
  uint64_t bytes = atomic_fetch_add(&instance->bytes, block->size) + block->size;
  if (bytes > atomic_load(&instance->bytes_peak))
    atomic_store(&instance->bytes_peak, bytes);
  pthread_mutex_unlock(&instance->lock);
}

static void unlink_block(struct instance *instance, struct instance_block *block) {
  pthread_mutex_lock(&instance->lock);
  if (block->former != NULL)
    block->former->next = block->next;
  else
    instance->blocks = block->next;
  if (block->next != NULL) block->next->former = block->former;
  atomic_fetch_sub(&instance->bytes, block->size);
  pthread_mutex_unlock(&instance->lock);
}

static void *host_alloc(const ridge_host *host, size_t size, size_t align) {
  size_t room;
  if ((align & (align - 1)) != 0 || align > ALIGN_MOST) return NULL;
  if (align < ALIGN_LEAST) align = ALIGN_LEAST;
  if (__builtin_add_overflow(size, align + sizeof(struct instance_block), &room))
    return NULL;
  unsigned char *base = calloc(1, room);
  if (base == NULL) return NULL;
  uintptr_t first = (uintptr_t)base + sizeof(struct instance_block);
  size_t skip = (align - first % align) % align;
  unsigned char *bytes = base + sizeof(struct instance_block) + skip;
  struct instance_block *block = (struct instance_block *)(void *)bytes - 1;
  *block = (struct instance_block){
      .base = base, .owner = of(host), .size = size, .mark = BLOCK_MARK};
  link_block(of(host), block);
  return bytes;
}

static void report(const ridge_host *host, const char *text) {
  struct instance *instance = of(host);
  if (instance->set->log != NULL)
    instance->set->log(instance->set->ctx, instance, INSTANCE_LOG_ERROR, text);
}

static void host_free(const ridge_host *host, void *bytes) {
  if (bytes == NULL) return;
  struct instance_block *block = (struct instance_block *)bytes - 1;
  if (block->mark != BLOCK_MARK || block->owner != of(host)) {
    report(
        host,
        "it frees memory that its own `alloc` did not give, or frees it twice; left alone");
    return;
  }
  unlink_block(of(host), block);
  block->mark = 0;
  free(block->base);
}

void instance_memory_release(struct instance *instance) {
  while (instance->blocks != NULL) {
    struct instance_block *block = instance->blocks;
    instance->blocks = block->next;
    free(block->base);
  }
  atomic_store(&instance->bytes, 0);
}

/* Sentences: one line of plain UTF-8, for terminals and the catalog
 * ---------------------------------------------------------------------------- */

static ridge_status host_fail(const ridge_host *host, ridge_status status, const char *fmt,
                              ...) {
  struct instance *instance = of(host);
  char text[sizeof instance->said];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  text_make_plain(text, "");
  pthread_mutex_lock(&instance->lock);
  memcpy(instance->said, text, sizeof text);
  atomic_store(&instance->has_said, true);
  pthread_mutex_unlock(&instance->lock);
  return status;
}

void instance_said_take(struct instance *instance, char to[1024]) {
  to[0] = 0;
  if (!atomic_load_explicit(&instance->has_said, memory_order_relaxed)) return;
  pthread_mutex_lock(&instance->lock);
  memcpy(to, instance->said, sizeof instance->said);
  instance->said[0] = 0;
  atomic_store(&instance->has_said, false);
  pthread_mutex_unlock(&instance->lock);
}

static void host_log(const ridge_host *host, int level, const char *fmt, ...) {
  struct instance *instance = of(host);
  char text[1024];
  if (instance->set->log == NULL) return;
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  text_make_plain(text, "");
  instance->set->log(instance->set->ctx, instance, level, text);
}

/* Numbers ------------------------------------------------------------------------------ */

static void host_count(const ridge_host *host, uint32_t evidence, uint64_t n) {
  struct instance *instance = of(host);
  if (evidence < instance->info->n_evidence) {
    atomic_fetch_add_explicit(&instance->counts[evidence], n, memory_order_relaxed);
    return;
  }
  char text[128];
  snprintf(text, sizeof text,
           "it counts evidence %" PRIu32 ", but declares %zu rows; not counted", evidence,
           instance->info->n_evidence);
  report(host, text);
}

static void host_record(const ridge_host *host, uint32_t metric, double value) {
  struct instance *instance = of(host);
  if (metric < instance->info->n_metrics) {
    __atomic_store(&instance->recorded[metric], &value, __ATOMIC_RELAXED);
    return;
  }
  char text[128];
  snprintf(text, sizeof text,
           "it records metric %" PRIu32 ", but declares %zu rows; not recorded", metric,
           instance->info->n_metrics);
  report(host, text);
}

static void host_random(const ridge_host *host, uint64_t counter, uint32_t out[4]) {
  philox(of(host)->random_key, 0, counter, out);
}

static uint64_t host_now(const ridge_host *host) {
  (void)host;
  return clock_ns();
}

/* Threads ------------------------------------------------------------------------------ */

/* Threads of the pool are inside the plugin, too. */
struct blamed_body {
  uint32_t index;
  void (*body)(void *, int64_t, int64_t);
  void *arg;
};

static void run_blamed(void *arg, int64_t lo, int64_t hi) {
  const struct blamed_body *work = arg;
  uint32_t former = blame_enter(work->index);
  work->body(work->arg, lo, hi);
  blame_leave(former);
}

static ridge_status host_parallel(const ridge_host *host, int64_t n, int64_t grain,
                                  void (*body)(void *, int64_t, int64_t), void *arg) {
  struct instance *instance = of(host);
  struct blamed_body work = {instance->index, body, arg};
  if (n < 0 || grain < 1 || body == NULL)
    return host_fail(host, RIDGE_INVALID,
                     "parallel was asked for %" PRId64 " items in pieces of %" PRId64, n,
                     grain);
  if (instance->set->parallel != NULL)
    return instance->set->parallel(instance->set->ctx, n, grain, run_blamed, &work);
  for (int64_t lo = 0; lo < n;) {
    int64_t hi = grain < n - lo ? lo + grain : n;
    run_blamed(&work, lo, hi);
    lo = hi;
  }
  return RIDGE_OK;
}

static const void *host_service(const ridge_host *host, const char *id) {
  struct instance *instance = of(host);
  if (instance->set->service == NULL || id == NULL) return NULL;
  return instance->set->service(instance->set->ctx, instance, id);
}

/* The key of a plugin's stream hangs on the seed and its id, on nothing else. */
static uint64_t random_key(uint64_t seed, const char *id) {
  char text[128];
  int n = snprintf(text, sizeof text, "%" PRIu64 ":%s", seed, id);
  struct digest digest = digest_bytes(text, (size_t)n);
  digest.hex[16] = 0;
  return strtoull(digest.hex, NULL, 16);
}

void instance_host_fill(struct instance *instance) {
  instance->random_key = random_key(instance->set->seed, instance->info->id);
  instance->host = (ridge_host){
      .struct_size = sizeof(ridge_host),
      .abi_minor = RIDGE_ABI_MINOR,
      .ctx = instance,
      .alloc = host_alloc,
      .free = host_free,
      .fail = host_fail,
      .log = host_log,
      .count = host_count,
      .record = host_record,
      .random = host_random,
      .now_ns = host_now,
      .parallel = host_parallel,
      .service = host_service,
  };
}
