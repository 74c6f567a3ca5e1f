/*
 * philox.c - ten rounds of multiply, swap and xor (section 4.2 and table 2 of the paper).
 */
#include "base/philox.h"

enum { ROUNDS = 10 };

static const uint32_t multiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
static const uint32_t weyl[2] = {0x9E3779B9u,
                                 0xBB67AE85u}; /* added to the key each round */

static void turn(uint32_t x[4], const uint32_t key[2]) {
  uint64_t a = (uint64_t)multiplier[0] * x[0], b = (uint64_t)multiplier[1] * x[2];
  x[0] = (uint32_t)(b >> 32) ^ x[1] ^ key[0];
  x[2] = (uint32_t)(a >> 32) ^ x[3] ^ key[1];
  x[1] = (uint32_t)b;
  x[3] = (uint32_t)a;
}

void philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]) {
  uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
  out[0] = (uint32_t)counter_lo;
  out[1] = (uint32_t)(counter_lo >> 32);
  out[2] = (uint32_t)counter_hi;
  out[3] = (uint32_t)(counter_hi >> 32);
  for (int round = 0; round < ROUNDS; round++) {
    turn(out, k);
    k[0] += weyl[0];
    k[1] += weyl[1];
  }
}
