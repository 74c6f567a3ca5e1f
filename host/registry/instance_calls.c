/* instance_calls.c - around every call into a plugin: blame, count, time, reasons. */
#include "registry/instance_inside.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* What `entered` carries: the former blame in 9 bits, how the call is timed in 2, and
 * nanoseconds in 53, which come round after 104 days; differences do not mind. */
enum { FORMER_BITS = 9, TIMED_BITS = 2, TIME_SHIFT = FORMER_BITS + TIMED_BITS };
enum timed { TIMED_NOT, TIMED_ALONE, TIMED_FOR_MANY };
_Static_assert(BLAME_THREADS < 1 << FORMER_BITS, "a former blame fits");

enum { KNOWN_AFTER = 4096, ONE_IN = 1024, CHEAP_NS = 1000 };

/* Reading the clock twice would be much of a call under a microsecond. */
static enum timed how_timed(struct instance *instance) {
  uint64_t calls = atomic_load_explicit(&instance->calls, memory_order_relaxed);
  if (calls < KNOWN_AFTER) return TIMED_ALONE;
  uint64_t time_ns = atomic_load_explicit(&instance->time_ns, memory_order_relaxed);
  if (time_ns / calls >= CHEAP_NS) return TIMED_ALONE;
  return calls % ONE_IN == 0 ? TIMED_FOR_MANY : TIMED_NOT;
}

uint64_t instance_enter(struct instance *instance) {
  enum timed timed = how_timed(instance);
  uint64_t former = blame_enter(instance->index);
  uint64_t now = timed == TIMED_NOT ? 0 : clock_ns();
  return now << TIME_SHIFT | (uint64_t)timed << FORMER_BITS | former;
}

static uint64_t elapsed_ns(uint64_t entered) {
  enum timed timed = (enum timed)(entered >> FORMER_BITS & ((1u << TIMED_BITS) - 1));
  if (timed == TIMED_NOT) return 0;
  uint64_t began = entered >> TIME_SHIFT << TIME_SHIFT;
  uint64_t ns = ((clock_ns() << TIME_SHIFT) - began) >> TIME_SHIFT;
  return timed == TIMED_FOR_MANY ? ns * ONE_IN : ns;
}

/* Calls that every plugin gets are no evidence that its seam was reached. */
static bool is_life(const char *seam) {
  static const char *const words[] = {"create", "destroy", "need", "check",
                                      "save",   "load",    "plan"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(seam, words[i]) == 0) return true;
  return false;
}

static void keep_reason(struct instance *instance, const char *said) {
  pthread_mutex_lock(&instance->lock);
  if (instance->reason[0] == 0) {
    snprintf(instance->reason, sizeof instance->reason, "%.255s",
             said[0] != 0 ? said : "no reason was given");
    text_make_plain(instance->reason, ""); /* it may have been cut inside a character */
  }
  pthread_mutex_unlock(&instance->lock);
}

static ridge_status explain(const struct instance *instance, ridge_status status,
                            const char *seam, const char *said, struct why *why) {
  bool known = strcmp(status_name(status), "UNKNOWN") != 0;
  ridge_status result = known ? status : RIDGE_INTERNAL;
  if (why == NULL) return result;
  if (!known)
    return why_set(why, result, "%s %s, %s: it returned the status %d, which is none",
                   instance->info->id, instance->info->version, seam, (int)status);
  if (said[0] != 0)
    return why_set(why, result, "%s %s: %s", instance->info->id, instance->info->version,
                   said);
  return why_set(why, result, "%s %s, %s: %s, and no reason was given", instance->info->id,
                 instance->info->version, seam, status_text(status));
}

ridge_status instance_leave(struct instance *instance, uint64_t entered,
                            ridge_status status, const char *seam, struct why *why) {
  char said[sizeof instance->said];
  bool counted = !is_life(seam);
  blame_leave((uint32_t)(entered & ((1u << FORMER_BITS) - 1)));
  if (counted) {
    atomic_fetch_add_explicit(&instance->time_ns, elapsed_ns(entered),
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&instance->calls, 1, memory_order_relaxed);
  }
  instance_said_take(instance, said);
  if (status == RIDGE_OK) return status;
  if (status != RIDGE_DECLINED) return explain(instance, status, seam, said, why);
  if (counted) atomic_fetch_add_explicit(&instance->declined, 1, memory_order_relaxed);
  keep_reason(instance, said);
  return why != NULL ? explain(instance, status, seam, said, why) : status;
}
