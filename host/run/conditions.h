/*
 * conditions.h - was the machine free for the run?  Work of others, time stolen by the
 * hypervisor, throttling by a quota or by heat.
 */
#ifndef RIDGE_RUN_CONDITIONS_H
#define RIDGE_RUN_CONDITIONS_H

#include <stdint.h>

struct conditions {
  uint64_t ns;           /* the monotonic clock                                */
  uint64_t ticks;        /* of all CPUs together, idle or not                  */
  uint64_t busy, stolen; /* of these: at work, and taken by the hypervisor     */
  uint64_t throttled_us; /* by the cgroup's quota                              */
  uint64_t hot;          /* times a core was slowed for its temperature        */
};

void conditions_read(struct conditions *out);
/* Calls `say` once for each thing worth a line in the run's log.  `own_seconds` is the
 * CPU time of the run itself; below 0: not known. */
void conditions_report(const struct conditions *before, const struct conditions *after,
                       double own_seconds, void (*say)(void *ctx, const char *text),
                       void *ctx);

#endif
