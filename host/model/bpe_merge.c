/* bpe_merge.c - joining neighbours, best pair first. */
#include "model/bpe_merge.h"

#include <stdlib.h>

/* A pair that may be joined.  `bytes` tells a pair from what became of it: a symbol
 * that was joined since has grown or is gone, so the sum has changed. */
struct merge_candidate {
  uint64_t key; /* order << 32 | left: the smallest goes first */
  uint32_t bytes;
  int32_t id;
};

void merger_free(struct merger *m) {
  free(m->symbols);
  free(m->heap);
  *m = (struct merger){0};
}

void merger_clear(struct merger *m) { m->n = m->waiting = 0; }

static ridge_status no_memory(struct why *why) {
  return why_set(why, RIDGE_NO_MEMORY, "there is no memory for the tokenizer");
}

ridge_status merger_add(struct merger *m, uint32_t start, uint32_t size, int32_t id,
                        struct why *why) {
  if (m->n == m->room) {
    size_t room = m->room * 2 + 64;
    struct symbol *symbols = realloc(m->symbols, room * sizeof *symbols);
    if (symbols == NULL) return no_memory(why);
    m->symbols = symbols;
    m->room = room;
  }
  int32_t at = (int32_t)m->n++;
  m->symbols[at] =
      (struct symbol){.start = start, .size = size, .id = id, .prev = at - 1, .next = -1};
  if (at > 0) m->symbols[at - 1].next = at;
  return RIDGE_OK;
}

static void sift_up(struct merge_candidate *heap, size_t at, struct merge_candidate new) {
  while (at > 0 && heap[(at - 1) / 2].key > new.key) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = new;
}

static struct merge_candidate pop(struct merger *m) {
  struct merge_candidate *heap = m->heap, first = heap[0], last = heap[--m->waiting];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < m->waiting; at = child) {
    if (child + 1 < m->waiting && heap[child + 1].key < heap[child].key) child++;
    if (heap[child].key >= last.key) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return first;
}

static ridge_status push(struct merger *m, struct merge_candidate new, struct why *why) {
  if (m->waiting == m->heap_room) {
    size_t room = m->heap_room * 2 + 64;
    struct merge_candidate *heap = realloc(m->heap, room * sizeof *heap);
    if (heap == NULL) return no_memory(why);
    m->heap = heap;
    m->heap_room = room;
  }
  sift_up(m->heap, m->waiting++, new);
  return RIDGE_OK;
}

/* Ask the rule about symbol `left` and its right neighbour. */
static ridge_status consider(struct merger *m, int32_t left, merge_rule *rule,
                             const void *ctx, struct why *why) {
  if (left < 0 || m->symbols[left].next < 0) return RIDGE_OK;
  const struct symbol *a = &m->symbols[left], *b = &m->symbols[a->next];
  struct joined joined;
  if (!rule(ctx, a, b, &joined)) return RIDGE_OK;
  struct merge_candidate new = {.key = (uint64_t)joined.order << 32 | (uint32_t)left,
                                .bytes = a->size + b->size,
                                .id = joined.id};
  return push(m, new, why);
}

static void join(struct merger *m, int32_t at, int32_t id) {
  struct symbol *left = &m->symbols[at], *right = &m->symbols[left->next];
  left->size += right->size;
  left->id = id;
  left->next = right->next;
  right->size = 0;
  if (left->next >= 0) m->symbols[left->next].prev = at;
}

ridge_status merger_run(struct merger *m, merge_rule *rule, const void *ctx,
                        struct why *why) {
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; i + 1 < m->n && status == RIDGE_OK; i++)
    status = consider(m, (int32_t)i, rule, ctx, why);
  while (m->waiting > 0 && status == RIDGE_OK) {
    struct merge_candidate best = pop(m);
    int32_t at = (int32_t)(uint32_t)best.key;
    const struct symbol *left = &m->symbols[at];
    if (left->size == 0 || left->next < 0) continue;
    if (left->size + m->symbols[left->next].size != best.bytes) continue;
    join(m, at, best.id);
    status = consider(m, left->prev, rule, ctx, why);
    if (status == RIDGE_OK) status = consider(m, at, rule, ctx, why);
  }
  return status;
}
