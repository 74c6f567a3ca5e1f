/*
 * philox.h - random words at a counter: Philox4x32-10.
 *
 * Stateless: the same key and counter give the same four words on every machine and
 * thread, so a stream can be entered anywhere.      Salmon et al., SC'11, "Parallel
 * random numbers: as easy as 1, 2, 3"
 */
#ifndef RIDGE_BASE_PHILOX_H
#define RIDGE_BASE_PHILOX_H

#include <stdint.h>

/* Key and counter words are least significant first: counter_lo is words 0 and 1. */
void philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]);

#endif
