/* merge_table.c - pairs of tokens that join, found by hashing. */
#include "model/merge_table.h"

#include "model/tokenizer_parts.h"

#include <stdlib.h>

enum { MOST_MERGES = 1 << 28 };

struct merge_slot {
  int32_t left, right;
  struct joined joined; /* id -1: free */
};

ridge_status merge_table_new(struct merge_table *table, uint64_t most, struct why *why) {
  if (most > MOST_MERGES)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "the tokenizer has %llu merges; at most 2^28 are read",
                   (unsigned long long)most);
  uint32_t n = 16;
  while (n / 2 < most) n *= 2;
  table->slots = malloc(n * sizeof *table->slots);
  if (table->slots == NULL) return tokenizer_no_memory(why);
  table->mask = n - 1;
  for (uint32_t i = 0; i < n; i++) table->slots[i].joined.id = -1;
  return RIDGE_OK;
}

void merge_table_free(struct merge_table *table) {
  free(table->slots);
  *table = (struct merge_table){0};
}

static struct merge_slot *slot_of(const struct merge_table *table, int32_t left,
                                  int32_t right) {
  uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
  uint32_t at = (uint32_t)hash_mix(pair, 0x9e3779b97f4a7c15u) & table->mask;
  for (;; at = (at + 1) & table->mask) {
    struct merge_slot *slot = &table->slots[at];
    if (slot->joined.id < 0 || (slot->left == left && slot->right == right)) return slot;
  }
}

void merge_table_add(struct merge_table *table, int32_t left, int32_t right,
                     struct joined joined) {
  struct merge_slot *slot = slot_of(table, left, right);
  if (slot->joined.id < 0) *slot = (struct merge_slot){left, right, joined};
}

bool merge_table_find(const struct merge_table *table, int32_t left, int32_t right,
                      struct joined *out) {
  const struct merge_slot *slot = slot_of(table, left, right);
  *out = slot->joined;
  return slot->joined.id >= 0;
}
