/* near.h - "did you mean": the nearest of some names. */
#ifndef RIDGE_BASE_NEAR_H
#define RIDGE_BASE_NEAR_H

#include <stddef.h>

/* Edits (insert, delete, change, swap of neighbours) between two words. */
size_t near_distance(const char *a, const char *b);
/* The candidate nearest to `word` if near enough to be a slip, else NULL. */
const char *near_of(const char *word, const char *const *candidates, size_t n);

#endif
