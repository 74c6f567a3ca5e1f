/*
 * human.h - figures for people: "1.50 MiB", "12.3 ms", "1.23 M".
 *
 * The text is the function's own, per thread, and lives for fifteen more calls.
 */
#ifndef RIDGE_BASE_HUMAN_H
#define RIDGE_BASE_HUMAN_H

#include <stdint.h>

const char *human_bytes(double bytes);
const char *human_seconds(double seconds);
const char *human_count(double n);
/* Four figures that count, whole numbers whole: "102", "9726", "22.96 k", "2.37e-5". */
const char *human_number(double value);
/* All its digits, with a point, and without an exponent where people would not write
 * one: "100.0", "0.05". */
const char *human_exact(double value);
/* A difference in percent with its sign: "+0.0079 %", "-99.6 %", "+1240 %". */
const char *human_percent(double share);
/* "9.73 .. 11.3 k token/s" of two figures made by these functions (and a unit): what
 * both end in stands once, equal ones are one. */
const char *human_span(const char *lo, const char *hi);
const char *human_date(int64_t utc_us); /* "2026-11-23 09:12 UTC" */

#endif
