/*
 * machine.h - facts of the machine: what the plan may count on.
 *
 * threads is the least of the CPU affinity, the cgroup v1 and v2 quotas (rounded
 * down, at least 1); memory_bytes the least of the machine's and the cgroup's.  Where a
 * quota leaves only some CPUs, the list of `cpus` starts at the one we are on.
 */
#ifndef RIDGE_MACHINE_MACHINE_H
#define RIDGE_MACHINE_MACHINE_H

#include "base/why.h"

#include <jansson.h>

struct machine {
  char cpu[128], vendor[32], kernel[128], libc[64], governor[32], hostname[64];
  char features[512]; /* "avx avx2 f16c fma ...", sorted, usable by the OS too   */
  int logical, cores; /* of the machine                                          */
  int affinity;       /* CPUs this process may use                               */
  double quota;       /* CPUs of the cgroup quota; 0: none                       */
  int threads;        /* what to run with                                        */
  int cpus[256];      /* one for each thread: where to pin, distinct cores first */
  int n_cpus;
  uint64_t memory_bytes, memory_total, cgroup_memory; /* cgroup_memory 0: none    */
  uint64_t l1d, l2, l3;
};

void machine_read(struct machine *out);
/* Is every word of "avx2 fma" among the features?  The first missing goes to
 * `missing` (room bytes). NULL needs: true. */
bool machine_has(const struct machine *, const char *needs, char *missing, size_t room);
json_t *machine_json(const struct machine *);
/* The same without `cpus`, which may differ from call to call: names the machine. */
json_t *machine_identity(const struct machine *);
RIDGE_MUST ridge_status machine_from_json(const json_t *, struct machine *out,
                                          struct why *why);

/* Quota of the cgroup files under `root` ("/sys/fs/cgroup") for the paths in
 * `cgroup` ("/proc/self/cgroup"): CPUs, 0 when there is none; tested on made trees. */
double machine_cpu_quota(const char *root, const char *cgroup);
uint64_t machine_memory_limit(const char *root, const char *cgroup);

/* Measured: read bandwidth by working-set size, and the peaks of multiply-adds on f32
 * and of byte products summed in 32 bits, for 1..threads threads, pinned (roofline.md
 * section 2).  bytes/s, FLOP/s and operations/s. */
struct machine_point {
  int threads;
  uint64_t bytes; /* working set of all threads together; 0 for a peak              */
  double best, median;
};
enum { SPEED_READS = 512, SPEED_PEAKS = 64 };
struct machine_speed {
  struct machine_point read[SPEED_READS], flops[SPEED_PEAKS], int8[SPEED_PEAKS];
  int n_read, n_flops, n_int8; /* n_int8 0: no instructions for it were found        */
  char read_by[64], flops_by[64], int8_by[64]; /* the instructions: "avx512f"        */
};
/* All thread counts up to 8, then 16, 32 ... and all; `only` > 0: that count alone.
 * About `seconds` for each. */
void machine_probe(const struct machine *, double seconds, int only,
                   struct machine_speed *out);
json_t *machine_speed_json(const struct machine_speed *);
RIDGE_MUST ridge_status machine_speed_from_json(const json_t *, struct machine_speed *out,
                                                struct why *why);
/* The best measured is a ceiling, the median what to expect. */
enum machine_rate { RATE_BEST, RATE_TYPICAL };
/* For a working set with `threads`, between the points in log(size); 0: not measured. */
double machine_speed_read(const struct machine_speed *, enum machine_rate, int threads,
                          uint64_t bytes);
double machine_speed_flops(const struct machine_speed *, enum machine_rate, int threads);
double machine_speed_int8(const struct machine_speed *, enum machine_rate, int threads);
/* Was this many threads measured, or fewer and more? */
bool machine_speed_covers(const struct machine_speed *, int threads);

#endif
