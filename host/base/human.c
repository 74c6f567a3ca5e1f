/* human.c - figures for people. */
#include "base/human.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

/* A ring, so that one printf can show several figures. */
static char *next_buffer(void) {
  static _Thread_local char ring[8][32];
  static _Thread_local unsigned at;
  return ring[at++ % 8];
}

struct scale {
  double from, unit;
  const char *name;
};

/* Three figures that count; rows from large to small, the last one takes the rest. */
static const char *scaled(double value, const struct scale *rows) {
  char *out = next_buffer();
  if (!isfinite(value)) {
    snprintf(out, 32, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    return out;
  }
  double size = fabs(value);
  while (rows->from > 0 && size < rows->from) rows++;
  double shown = value / rows->unit;
  int decimals = fabs(shown) >= 99.95 ? 0 : fabs(shown) >= 9.995 ? 1 : 2;
  bool whole = rows->from == 0 && rows->unit == 1 && value == nearbyint(value);
  snprintf(out, 32, "%.*f%s%s", whole ? 0 : decimals, shown, rows->name[0] != 0 ? " " : "",
           rows->name);
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
