/* features.h - what the CPU can do and the system lets programs use. */
#ifndef RIDGE_MACHINE_FEATURES_H
#define RIDGE_MACHINE_FEATURES_H

#include <stddef.h>

/* "avx avx2 f16c fma ...": sorted, one blank between; "" where none are known. */
void features_read(char *out, size_t room);
/* The CPU's own names; left alone where it tells none. */
void features_brand(char *cpu, size_t cpu_room, char *vendor, size_t vendor_room);

#endif
