/*
 * bpe_merge.h - joining neighbours, best pair first, until no pair is left to join.
 *
 * Both tokenizers end here: a row of symbols, a rule that says for two neighbours
 * whether and how early they join, and a heap that hands out the earliest.  Of pairs
 * that rank the same the leftmost goes first, so the result is unique.  Linear in the
 * symbols but for the heap's logarithm.
 *
 * Ownership: a merger keeps its memory from one row to the next until merger_free.
 */
#ifndef RIDGE_MODEL_BPE_MERGE_H
#define RIDGE_MODEL_BPE_MERGE_H

#include "base/why.h"

struct symbol {
  uint32_t start, size; /* bytes of the text; size 0: joined to one on its left */
  int32_t id;           /* token, or -1                                         */
  int32_t prev, next;   /* neighbours, or -1                                    */
};

/* How early two neighbours join (0 first) and what becomes of them. */
struct joined {
  uint32_t order;
  int32_t id;
};
typedef bool merge_rule(const void *ctx, const struct symbol *left,
                        const struct symbol *right, struct joined *out);

struct merger {
  struct symbol *symbols;
  size_t n, room;
  struct merge_candidate *heap;
  size_t waiting, heap_room;
};

void merger_free(struct merger *);
void merger_clear(struct merger *);
RIDGE_MUST ridge_status merger_add(struct merger *, uint32_t start, uint32_t size,
                                   int32_t id, struct why *why);
/* Afterwards the symbols that are left are found from 0 along `next`. */
RIDGE_MUST ridge_status merger_run(struct merger *, merge_rule *, const void *ctx,
                                   struct why *why);

#endif
