/* roof.c - how long work takes at the machine's measured limits. */
#include "machine/roof.h"

double roof_peak(const struct roof *roof, bool narrow) {
  double flops = machine_speed_flops(roof->speed, roof->rate, roof->threads);
  double int8 = machine_speed_int8(roof->speed, roof->rate, roof->threads);
  return narrow && int8 > flops ? int8 : flops;
}

double roof_bandwidth(const struct roof *roof, double bytes) {
  return machine_speed_read(roof->speed, roof->rate, roof->threads,
                            bytes > 1 ? (uint64_t)bytes : 1);
}

static double over(double work, double rate) { return rate > 0 ? work / rate : 0; }

struct roof_time roof_time(const struct roof *roof, const struct roof_work *work) {
  struct roof_time time = {
      .compute = over(work->flops, roof_peak(roof, work->narrow)),
      .memory = over(work->streamed, roof_bandwidth(roof, roof->working_set)) +
                over(work->activations, roof_bandwidth(roof, work->activations)),
  };
  time.compute_bound = time.compute > time.memory;
  time.seconds = time.compute_bound ? time.compute : time.memory;
  return time;
}
