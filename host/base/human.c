/* human.c - figures for people. */
#include "base/human.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A ring, so that one printf can show several figures. */
enum { ROOM = 96 };
static char *next_buffer(void) {
  static _Thread_local char ring[16][ROOM];
  static _Thread_local unsigned at;
  return ring[at++ % 16];
}

struct scale {
  double from, unit;
  const char *name;
};

/* Three figures that count; rows from large to small, the last one takes the rest. */
static const char *scaled(double value, const struct scale *rows) {
  char *out = next_buffer();
  if (!isfinite(value)) {
    snprintf(out, ROOM, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    return out;
  }
  double size = fabs(value);
  while (rows->from > 0 && size < rows->from) rows++;
  double shown = value / rows->unit;
  int decimals = fabs(shown) >= 99.95 ? 0 : fabs(shown) >= 9.995 ? 1 : 2;
  bool whole = rows->from == 0 && rows->unit == 1 && value == nearbyint(value);
  snprintf(out, ROOM, "%.*f%s%s", whole ? 0 : decimals, shown,
           rows->name[0] != 0 ? " " : "", rows->name);
  return out;
}

const char *human_bytes(double bytes) {
  static const struct scale rows[] = {
      {0x1p40, 0x1p40, "TiB"},
      {0x1p30, 0x1p30, "GiB"},
      {0x1p20, 0x1p20, "MiB"},
      {0x1p10, 0x1p10, "KiB"},
      {0, 1, "B"},
  };
  return scaled(bytes, rows);
}

const char *human_seconds(double seconds) {
  static const struct scale rows[] = {
      {7200, 3600, "h"},  {120, 60, "min"},   {1, 1, "s"},
      {1e-3, 1e-3, "ms"}, {1e-6, 1e-6, "us"}, {0, 1e-9, "ns"},
  };
  return scaled(seconds, rows);
}

const char *human_count(double n) {
  static const struct scale rows[] = {
      {1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}, {0, 1, ""},
  };
  return scaled(n, rows);
}

/* Decimals that leave `figures` that count. */
static int decimals_of(double size, int figures) {
  int before = size > 0 ? (int)floor(log10(size)) + 1 : 1;
  int decimals = figures - before;
  return decimals < 0 ? 0 : decimals;
}

/* "2.37e-05" as "2.37e-5". */
static void shorten_exponent(char *text) {
  char *e = strchr(text, 'e');
  if (e == NULL) return;
  long exponent = strtol(e + 1, NULL, 10);
  snprintf(e + 1, ROOM - (size_t)(e + 1 - text), "%ld", exponent);
}

const char *human_number(double value) {
  enum { FIGURES = 4 };
  static const struct scale rows[] = {
      {1e12, 1e12, " T"}, {1e9, 1e9, " G"}, {1e6, 1e6, " M"}, {1e4, 1e3, " k"}, {0, 1, ""},
  };
  char *out = next_buffer();
  double size = fabs(value);
  if (!isfinite(value)) return scaled(value, rows);
  if (value == nearbyint(value) && size < 1e6) {
    snprintf(out, ROOM, "%.0f", value);
  } else if (size < 1e-3) {
    snprintf(out, ROOM, "%.3g", value);
    shorten_exponent(out);
  } else {
    const struct scale *row = rows;
    while (row->from > 0 && size < row->from) row++;
    double shown = value / row->unit;
    snprintf(out, ROOM, "%.*f%s", decimals_of(fabs(shown), FIGURES), shown, row->name);
  }
  return out;
}

const char *human_percent(double share) {
  char *out = next_buffer();
  double percent = 100 * share, size = fabs(percent);
  if (size > 0 && size < 0.001) {
    snprintf(out, ROOM - 2, "%+.2g", percent);
    shorten_exponent(out);
  } else {
    int decimals = size < 1 ? 4 : decimals_of(size, 3);
    snprintf(out, ROOM - 2, "%+.*f", decimals, percent);
  }
  strcat(out, " %");
  return out;
}

const char *human_span(const char *lo, const char *hi) {
  char *out = next_buffer();
  const char *unit_lo = strchr(lo, ' '), *unit_hi = strchr(hi, ' ');
  bool shared = unit_lo != NULL && unit_hi != NULL && strcmp(unit_lo, unit_hi) == 0;
  if (strcmp(lo, hi) == 0)
    snprintf(out, ROOM, "%s", lo);
  else
    snprintf(out, ROOM, "%.*s .. %s", shared ? (int)(unit_lo - lo) : (int)strlen(lo), lo,
             hi);
  return out;
}

const char *human_exact(double value) {
  char *out = next_buffer();
  double size = fabs(value);
  bool plain = isfinite(value) && (value == 0 || (size >= 1e-5 && size < 1e15));
  for (int digits = 1; digits <= 20; digits++) {
    snprintf(out, ROOM, plain ? "%.*f" : "%.*g", digits, value);
    if (strtod(out, NULL) == value || !isfinite(value)) break;
  }
  if (!plain) shorten_exponent(out);
  return out;
}

const char *human_date(int64_t utc_us) {
  char *out = next_buffer();
  time_t seconds = (time_t)(utc_us / 1000000);
  struct tm parts;
  if (gmtime_r(&seconds, &parts) == NULL ||
      strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts) == 0)
    snprintf(out, 32, "unknown");
  return out;
}
