/* figures.c - two values beside each other. */
#include "cli/figures.h"

#include "run/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct figure_pair figures_of(const char *metric, const char *unit, double a, double b) {
  struct figure_pair pair;
  snprintf(pair.a, sizeof pair.a, "%s", metric_figure(metric, a));
  snprintf(pair.b, sizeof pair.b, "%s", metric_figure(metric, b));
  if (a == b || strcmp(pair.a, pair.b) != 0) return pair;
  if (strcmp(unit, "byte") == 0) {
    snprintf(pair.a, sizeof pair.a, "%.0f B", a);
    snprintf(pair.b, sizeof pair.b, "%.0f B", b);
  }
  const char *blank = unit[0] != 0 ? " " : "";
  for (int digits = 5; strcmp(pair.a, pair.b) == 0 && digits <= 17; digits++) {
    snprintf(pair.a, sizeof pair.a, "%.*g%s%s", digits, a, blank, unit);
    snprintf(pair.b, sizeof pair.b, "%.*g%s%s", digits, b, blank, unit);
  }
  return pair;
}

int figures_ratio_decimals(double ratio) {
  enum { LEAST = 4, MOST = 15 };
  double off = fabs(ratio - 1);
  if (!isfinite(ratio) || off == 0 || off >= 1e-3) return LEAST;
  int decimals = (int)ceil(-log10(off)) + 1; /* two figures of the difference */
  return decimals > MOST ? MOST : decimals > LEAST ? decimals : LEAST;
}
