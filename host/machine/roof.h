/*
 * roof.h - how long work takes at the machine's measured limits.
 *
 * An operator takes the longer of its operations at the peak and its bytes at the
 * bandwidth.  What a step streams (weights, cache) comes from wherever all that one step
 * reads again and again has room; activations come from where those of this operator
 * have, because they were written just before.
 */
#ifndef RIDGE_MACHINE_ROOF_H
#define RIDGE_MACHINE_ROOF_H

#include "machine/machine.h"

struct roof {
  const struct machine_speed *speed;
  int threads;
  enum machine_rate rate;
  double working_set; /* bytes that a step streams */
};

struct roof_work {
  double flops, streamed, activations;
  bool narrow; /* the int8 peak counts, where there is one */
};

struct roof_time {
  double compute, memory, seconds;
  bool compute_bound;
};

double roof_peak(const struct roof *, bool narrow);
double roof_bandwidth(const struct roof *, double bytes);
struct roof_time roof_time(const struct roof *, const struct roof_work *);

#endif
