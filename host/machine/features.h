/* features.h - what the CPU can do and the system lets programs use. */
#ifndef RIDGE_MACHINE_FEATURES_H
#define RIDGE_MACHINE_FEATURES_H

#include "base/why.h"

#include <stddef.h>

/* "avx avx2 f16c fma ...": sorted, one blank between; "" where none are known.  What the
 * variable RIDGE_NO_FEATURES names is left out, so that what runs on a lesser machine can
 * be chosen, tested and measured on this one. */
void features_read(char *out, size_t room);
/* What of this machine is left out so. */
void features_left_out(char *out, size_t room);
/* Refuses a variable with a name that is no feature. */
RIDGE_MUST ridge_status features_check(struct why *why);
/* The CPU's own names; left alone where it tells none. */
void features_brand(char *cpu, size_t cpu_room, char *vendor, size_t vendor_room);

#endif
