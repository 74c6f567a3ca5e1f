/*
 * ridge/logits.h - what strategies at the seam "logits.shape/1" have in common: the
 * largest logit, and leaving the most likely tokens without sorting the vocabulary.
 *
 * Functions in a header, compiled into the plugin that includes it: nothing is linked,
 * and a plugin needs none of it.
 *
 *   float top;
 *   ridge_status status = ridge_logits_top(host, logits, vocab, &top);
 *   if (status != RIDGE_OK || isinf(top)) return status;
 *   ridge_logits_end end = ridge_logits_find_end(logits, vocab, top, weight, 0.9 * all);
 *   uint64_t ruled_out = ridge_logits_keep(logits, vocab, end);
 *
 * Caveat: of equal logits the lower token counts as the more likely one.
 */
#ifndef RIDGE_LOGITS_H
#define RIDGE_LOGITS_H

#include <ridge/plugin.h>

#include <math.h>
#include <string.h>

/* Where the tokens that are kept end: all above this rank, and `ties` tokens of it. */
typedef struct ridge_logits_end {
  uint32_t rank;
  int64_t ties;
} ridge_logits_end;

/* The largest logit into *top (-INFINITY: every token is ruled out); RIDGE_INTERNAL with
 * a sentence when one is not a number. */
static inline ridge_status ridge_logits_top(const ridge_host *host, const float *logits,
                                            int64_t vocab, float *top) {
  *top = -INFINITY;
  for (int64_t i = 0; i < vocab; i++) {
    if (isnan(logits[i]))
      return host->fail(host, RIDGE_INTERNAL, "the logit of token %lld is not a number",
                        (long long)i);
    if (logits[i] > *top) *top = logits[i];
  }
  return RIDGE_OK;
}

/* Integers in the order of the floats: negative ones turned round, positive ones above. */
static inline uint32_t ridge_logits_rank(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* What a token weighs, from its logit and the largest one: 1 counts tokens, exp(logit -
 * top) adds up probability. */
typedef double (*ridge_logits_weight)(float logit, float top);

/* The fewest most likely tokens that weigh `wanted` together.  Nothing is sorted: the bits
 * of the ranks are fixed from the top, eleven at a time, by adding up what weighs on each
 * value; three passes over the vocabulary, whatever the numbers are. */
static inline ridge_logits_end ridge_logits_find_end(const float *logits, int64_t vocab,
                                                     float top, ridge_logits_weight weight,
                                                     double wanted) {
  enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };
  uint32_t value = 0, mask = 0;
  int64_t same = 0, ties = 0;
  double single = 0;
  /* 33 bits in three digits: the last ends below bit 0, so it is one bit shorter. */
  for (int shift = 32 - DIGIT_BITS; mask != UINT32_MAX; shift -= DIGIT_BITS) {
    uint32_t low = shift > 0 ? (uint32_t)shift : 0;
    double weighs[DIGITS] = {0};
    int32_t count[DIGITS] = {0};
    for (int64_t i = 0; i < vocab; i++) {
      uint32_t rank = ridge_logits_rank(logits[i]), digit = (rank & ~mask) >> low;
      if ((rank & mask) != value || logits[i] == -INFINITY) continue;
      weighs[digit] += weight(logits[i], top);
      count[digit]++;
    }
    /* Rounding may leave a little of `wanted` behind the last token: stop at it. */
    uint32_t digit = DIGITS - 1, last = 0;
    while (last < DIGITS - 1 && count[last] == 0) last++;
    while (digit > last && (count[digit] == 0 || weighs[digit] < wanted))
      wanted -= weighs[digit--];
    value |= digit << low;
    mask = low > 0 ? UINT32_MAX << low : UINT32_MAX;
    same = count[digit];
    single = same > 0 ? weighs[digit] / (double)same : 0;
  }
  while (ties < same && (ties == 0 || (double)ties * single < wanted)) ties++;
  ridge_logits_end end = {value, ties};
  return end;
}

/* Rule out all others; how many there were that could have been drawn. */
static inline uint64_t ridge_logits_keep(float *logits, int64_t vocab,
                                         ridge_logits_end end) {
  uint64_t ruled_out = 0;
  for (int64_t i = 0; i < vocab; i++) {
    uint32_t rank = ridge_logits_rank(logits[i]);
    if (rank > end.rank || (rank == end.rank && end.ties-- > 0)) continue;
    ruled_out += logits[i] > -INFINITY;
    logits[i] = -INFINITY;
  }
  return ruled_out;
}

#endif
