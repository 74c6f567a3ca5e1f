/*
 * topology.c - cores, caches, and which of them this process may use (hwloc).
 *
 * Under a CPU mask hwloc's allowed set still names every CPU; only the binding of
 * this thread is the truth, so that is what is read.
 */
#include "machine/topology.h"

#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

enum { MOST_CPUS = sizeof((struct machine *)0)->cpus / sizeof(int) };

static void add_cpu(struct machine *out, int cpu) {
  if (cpu >= 0 && out->n_cpus < MOST_CPUS) out->cpus[out->n_cpus++] = cpu;
}

/* The `rank`-th usable CPU of a core, or -1. */
static int cpu_of_core(hwloc_obj_t core, hwloc_const_cpuset_t usable, int rank) {
  int cpu = -1;
  hwloc_bitmap_t own = hwloc_bitmap_alloc();
  hwloc_bitmap_and(own, core->cpuset, usable);
  for (int i = 0; i <= rank; i++) {
    cpu = hwloc_bitmap_next(own, cpu);
    if (cpu < 0) break;
  }
  hwloc_bitmap_free(own);
  return cpu;
}

static void list_cpus(hwloc_topology_t topology, hwloc_const_cpuset_t usable,
                      struct machine *out) {
  int cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
  for (int rank = 0, before = -1; out->n_cpus != before; rank++) {
    before = out->n_cpus;
    for (int i = 0; i < cores; i++)
      add_cpu(out, cpu_of_core(hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, (unsigned)i),
                               usable, rank));
  }
  if (out->n_cpus > 0) return;
  int cpu; /* a machine whose cores hwloc cannot tell: CPUs as they are numbered */
  hwloc_bitmap_foreach_begin(cpu, usable) add_cpu(out, cpu);
  hwloc_bitmap_foreach_end();
}

static uint64_t cache_bytes(hwloc_topology_t topology, int cpu, hwloc_obj_type_t type) {
  hwloc_obj_t at = hwloc_get_pu_obj_by_os_index(topology, (unsigned)cpu);
  while (at != NULL && at->type != type) at = at->parent;
  return at != NULL ? at->attr->cache.size : 0;
}

static void read_topology(hwloc_topology_t topology, struct machine *out) {
  hwloc_bitmap_t usable = hwloc_bitmap_alloc();
  if (hwloc_get_cpubind(topology, usable, HWLOC_CPUBIND_THREAD) != 0 ||
      hwloc_bitmap_iszero(usable))
    hwloc_bitmap_copy(usable, hwloc_topology_get_allowed_cpuset(topology));
  out->logical = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
  out->cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
  out->affinity = hwloc_bitmap_weight(usable);
  list_cpus(topology, usable, out);
  hwloc_bitmap_free(usable);
  if (out->n_cpus == 0) return;
  out->l1d = cache_bytes(topology, out->cpus[0], HWLOC_OBJ_L1CACHE);
  out->l2 = cache_bytes(topology, out->cpus[0], HWLOC_OBJ_L2CACHE);
  out->l3 = cache_bytes(topology, out->cpus[0], HWLOC_OBJ_L3CACHE);
}

/* Without hwloc (no /sys, say) the mask of this thread still names the CPUs. */
static void read_mask(struct machine *out) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  out->n_cpus = 0;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0)
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
      if (CPU_ISSET(cpu, &mask)) add_cpu(out, (int)cpu);
  if (out->n_cpus == 0) add_cpu(out, sched_getcpu());
  out->affinity = out->n_cpus;
}

void topology_read(struct machine *out) {
  hwloc_topology_t topology;
  if (hwloc_topology_init(&topology) == 0) {
    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    if (hwloc_topology_load(topology) == 0) read_topology(topology, out);
    hwloc_topology_destroy(topology);
  }
  if (out->affinity <= 0 || out->n_cpus == 0) read_mask(out);
  if (out->logical <= 0) out->logical = (int)sysconf(_SC_NPROCESSORS_CONF);
  if (out->cores <= 0) out->cores = out->logical;
}
