/* conditions.c - was the machine free for the run? */
#include "run/conditions.h"

#include "base/clock.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void read_stat(struct conditions *out) {
  FILE *file = fopen("/proc/stat", "re");
  if (file == NULL) return;
  uint64_t v[8] = {0}; /* user nice system idle iowait irq softirq steal */
  if (fscanf(file,
             "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
             " %" SCNu64 " %" SCNu64,
             &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 8) {
    for (int i = 0; i < 8; i++) out->ticks += v[i];
    out->busy = v[0] + v[1] + v[2] + v[5] + v[6];
    out->stolen = v[7];
  }
  fclose(file);
}

/* Version 2 counts microseconds, version 1 nanoseconds; only the root of this
 * process's own name space is looked at, which is where a container's numbers are. */
static void read_throttling(struct conditions *out) {
  static const struct {
    const char *path, *key;
    uint64_t per_us;
  } places[] = {{"/sys/fs/cgroup/cpu.stat", "throttled_usec", 1},
                {"/sys/fs/cgroup/cpu/cpu.stat", "throttled_time", 1000}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    FILE *file = fopen(places[i].path, "re");
    if (file == NULL) continue;
    char key[64];
    uint64_t value;
    while (fscanf(file, "%63s %" SCNu64, key, &value) == 2)
      if (strcmp(key, places[i].key) == 0) out->throttled_us += value / places[i].per_us;
    fclose(file);
  }
}

static void read_heat(struct conditions *out) {
  glob_t found;
  if (glob("/sys/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count", 0, NULL,
           &found) != 0)
    return;
  for (size_t i = 0; i < found.gl_pathc; i++) {
    FILE *file = fopen(found.gl_pathv[i], "re");
    uint64_t count;
    if (file == NULL) continue;
    if (fscanf(file, "%" SCNu64, &count) == 1) out->hot += count;
    fclose(file);
  }
  globfree(&found);
}

void conditions_read(struct conditions *out) {
  *out = (struct conditions){.ns = clock_ns()};
  read_stat(out);
  read_throttling(out);
  read_heat(out);
}

/* CPUs that others kept busy, on average. */
static double others(const struct conditions *before, const struct conditions *after,
                     double own_seconds) {
  double elapsed = (double)(after->ns - before->ns) * 1e-9;
  double busy = (double)(after->busy - before->busy) / (double)sysconf(_SC_CLK_TCK);
  return own_seconds < 0 || elapsed < 0.1 ? 0 : (busy - own_seconds) / elapsed;
}

/* Thresholds: a quarter of a CPU, or 2 % stolen, moves a speed by more than the noise of
 * a quiet machine. */
void conditions_report(const struct conditions *before, const struct conditions *after,
                       double own_seconds, void (*say)(void *ctx, const char *text),
                       void *ctx) {
  char text[160];
  double other = others(before, after, own_seconds);
  if (other > 0.25) {
    snprintf(text, sizeof text, "other work kept %.2f CPUs busy during the run", other);
    say(ctx, text);
  }
  uint64_t ticks = after->ticks - before->ticks, stolen = after->stolen - before->stolen;
  if (ticks > 0 && stolen * 50 > ticks) {
    snprintf(text, sizeof text, "%.1f %% of CPU time was stolen by the hypervisor",
             100.0 * (double)stolen / (double)ticks);
    say(ctx, text);
  }
  if (after->throttled_us > before->throttled_us) {
    snprintf(text, sizeof text, "throttled by the CPU quota for %.1f ms",
             (double)(after->throttled_us - before->throttled_us) * 1e-3);
    say(ctx, text);
  }
  if (after->hot > before->hot) {
    snprintf(text, sizeof text, "a core was slowed for its temperature %" PRIu64 " times",
             after->hot - before->hot);
    say(ctx, text);
  }
}
