/*
 * random.h - numbers at random that are the same in every run, so that a commit that
 * passes goes on passing: RIDGE_FUZZ_SEED chooses another walk, RIDGE_FUZZ_ROUNDS a
 * longer one.
 */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* splitmix64: Steele and others, Fast splittable pseudorandom number generators, 2014. */
static inline uint64_t random_next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline uint64_t random_setting(const char *variable, uint64_t otherwise) {
  const char *given = getenv(variable);
  return given != NULL ? strtoull(given, NULL, 10) : otherwise;
}

/* Printed, so that a log says which walk it was. */
static inline uint64_t random_seed(void) {
  uint64_t seed = random_setting("RIDGE_FUZZ_SEED", 20240906);
  printf("seed %llu (RIDGE_FUZZ_SEED)\n", (unsigned long long)seed);
  return seed;
}

static inline uint64_t random_rounds(uint64_t otherwise) {
  return random_setting("RIDGE_FUZZ_ROUNDS", otherwise);
}

#endif
