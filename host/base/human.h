/*
 * human.h - figures for people: "1.50 MiB", "12.3 ms", "1.23 M".
 *
 * The text is the function's own, per thread, and lives for seven more calls.
 */
#ifndef RIDGE_BASE_HUMAN_H
#define RIDGE_BASE_HUMAN_H

const char *human_bytes(double bytes);
const char *human_seconds(double seconds);
const char *human_count(double n);

#endif
