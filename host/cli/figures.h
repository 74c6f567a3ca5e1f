/* figures.h - two values beside each other, with the figures that tell them apart. */
#ifndef RIDGE_CLI_FIGURES_H
#define RIDGE_CLI_FIGURES_H

struct figure_pair {
  char a[64], b[64];
};

/* Values that differ look different. */
struct figure_pair figures_of(const char *metric, const char *unit, double a, double b);
/* Decimals of a ratio: four, or as many as it takes to see that it is not 1. */
int figures_ratio_decimals(double ratio);

#endif
