/*
 * merge_table.h - which two tokens join to which, and how early: found by the pair.
 *
 * Open addressing, at most half full.  Of two equal pairs the first counts.
 */
#ifndef RIDGE_MODEL_MERGE_TABLE_H
#define RIDGE_MODEL_MERGE_TABLE_H

#include "model/bpe_merge.h"

struct merge_table {
  struct merge_slot *slots; /* NULL: none */
  uint32_t mask;
};

/* Room for `most` pairs; more than 2^28 are refused. */
RIDGE_MUST ridge_status merge_table_new(struct merge_table *, uint64_t most,
                                        struct why *why);
void merge_table_free(struct merge_table *);
void merge_table_add(struct merge_table *, int32_t left, int32_t right,
                     struct joined joined);
bool merge_table_find(const struct merge_table *, int32_t left, int32_t right,
                      struct joined *out);

#endif
