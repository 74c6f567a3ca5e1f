/* clock.h - intervals from the monotonic clock, dates from the wall clock. */
#ifndef RIDGE_BASE_CLOCK_H
#define RIDGE_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void);    /* monotonic */
int64_t clock_utc_us(void); /* microseconds since 1970, UTC */

#endif
