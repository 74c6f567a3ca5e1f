/* topology.h - cores, caches, and which of them this process may use. */
#ifndef RIDGE_MACHINE_TOPOLOGY_H
#define RIDGE_MACHINE_TOPOLOGY_H

#include "machine/machine.h"

/* Fills logical, cores, affinity, l1d, l2, l3, and in `cpus` every usable CPU,
 * first one of each core, then the seconds, ...; n_cpus of them. */
void topology_read(struct machine *out);

#endif
