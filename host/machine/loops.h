/*
 * loops.h - the inner loops of the probe: reading memory, multiply-adds on registers.
 *
 * One set per instruction set, chosen by name; rows are sorted from wide to narrow and
 * the last one runs anywhere.  Products of bytes have a list of their own, because the
 * instructions for them come and go apart from the width of vectors; it may offer nothing
 * on a machine.
 */
#ifndef RIDGE_MACHINE_LOOPS_H
#define RIDGE_MACHINE_LOOPS_H

#include <stddef.h>
#include <stdint.h>

enum { LOOP_BLOCK = 2048 }; /* `bytes` of a read is a multiple of this */

struct loops {
  const char *needs; /* as in machine_has; NULL: nothing */
  /* Read once over aligned memory; the result only keeps the loads alive.  `streams`
   * reads four places at once with prefetch, which is faster from memory and slower
   * from the first cache. */
  uint64_t (*read_line)(const void *data, size_t bytes);
  uint64_t (*read_streams)(const void *data, size_t bytes);
  /* `rounds` of independent multiply-adds on registers; FLOPs of one round. */
  float (*multiply_add)(uint64_t rounds);
  uint64_t flops_per_round;
};

/* Products of unsigned with signed bytes, summed in 32 bits: what quantized kernels do. */
struct byte_loop {
  const char *needs;
  uint32_t (*dot)(uint64_t rounds);
  uint64_t ops_per_round; /* two for each product */
};

const struct loops *loops_list(size_t *n);
const struct byte_loop *byte_loops_list(size_t *n); /* n may be 0 */

#endif
