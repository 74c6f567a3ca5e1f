/* check_cache.c - the seams that keep the books of the cache: store, prefix. */
#include "plugins/conformance/rig.h"

#include "base/philox.h"

#include <ridge/seam/kv_prefix.h>
#include <stdlib.h>
#include <string.h>

/* Store: random calls, and after each the books are looked at
 * ------------------------------- */

enum { SLOTS = 3, MOVES = 600, CONTEXT = 256 }; /* as in the rig's plan */

struct books {
  struct rig *rig;
  const ridge_kv_store *store;
  struct finding *finding;
  int64_t tokens[SLOTS]; /* what each slot can hold, by what it was granted */
  unsigned char *owned;  /* (blocks) seen in another slot's table */
};

static void judge_slot(struct books *b, int64_t slot) {
  const int32_t *blocks = NULL;
  int64_t n = 0, block_tokens = b->rig->layout.block_tokens;
  b->store->table(b->rig->instance->self, slot, &blocks, &n);
  if (n < 0 || (n > 0 && blocks == NULL)) {
    finding_fail(b->finding, "the table of slot %lld has %lld blocks at %p",
                 (long long)slot, (long long)n, (const void *)blocks);
    return;
  }
  if (n * block_tokens < b->tokens[slot])
    finding_fail(
        b->finding, "slot %lld was granted %lld tokens but has %lld blocks of %lld",
        (long long)slot, (long long)b->tokens[slot], (long long)n, (long long)block_tokens);
  for (int64_t i = 0; i < n && b->finding->verdict == VERDICT_OK; i++) {
    if (blocks[i] < 0 || blocks[i] >= b->rig->layout.blocks)
      finding_fail(b->finding, "the table of slot %lld names block %d of %lld",
                   (long long)slot, blocks[i], (long long)b->rig->layout.blocks);
    else if (b->owned[blocks[i]]++ != 0)
      finding_fail(b->finding, "block %d is in two places, though nothing is shared",
                   blocks[i]);
  }
}

static void judge_books(struct books *b) {
  memset(b->owned, 0, (size_t)b->rig->layout.blocks);
  for (int64_t slot = 0; slot < SLOTS; slot++) judge_slot(b, slot);
}

static void move(struct books *b, const uint32_t words[4]) {
  int64_t slot = words[0] % SLOTS;
  void *self = b->rig->instance->self;
  switch (words[1] % 6) {
  case 0:
    b->store->release(self, slot);
    b->tokens[slot] = 0;
    return;
  case 1:
    b->tokens[slot] = b->tokens[slot] == 0 ? 0 : words[2] % b->tokens[slot];
    b->store->truncate(self, slot, b->tokens[slot]);
    return;
  default: {
    int64_t wanted = b->tokens[slot] + 1 + words[2] % 40;
    if (wanted > CONTEXT) return;
    if (rig_passed(b->rig, b->store->reserve(self, slot, wanted), "`reserve`", b->finding))
      b->tokens[slot] = wanted;
  }
  }
}

/* Two slots on the same blocks; then each goes its own way. */
static void share(struct books *b) {
  void *self = b->rig->instance->self;
  int64_t block = b->rig->layout.block_tokens;
  for (int64_t slot = 0; slot < SLOTS; slot++) b->store->release(self, slot);
  memset(b->tokens, 0, sizeof b->tokens);
  if (!rig_passed(b->rig, b->store->reserve(self, 0, block + 1), "`reserve`", b->finding))
    return;
  b->tokens[0] = block + 1;
  if (!rig_passed(b->rig, b->store->fork(self, 0, 1, block + 1), "`fork`", b->finding))
    return;
  /* Both write behind what they share: the last block must no longer be one. */
  for (int64_t slot = 0; slot < 2; slot++)
    if (!rig_passed(b->rig, b->store->reserve(self, slot, block + 2), "`reserve`",
                    b->finding))
      return;
  const int32_t *one, *other;
  int64_t n_one = 0, n_other = 0;
  b->store->table(self, 0, &one, &n_one);
  int32_t last = n_one > 1 ? one[1] : -1;
  b->store->table(self, 1, &other, &n_other);
  if (n_one < 2 || n_other < 2)
    finding_fail(b->finding, "after a fork the slots have %lld and %lld blocks",
                 (long long)n_one, (long long)n_other);
  else if (last == other[1])
    finding_fail(b->finding, "after a fork two slots write to one block");
}

static void check_layout(struct rig *rig, const ridge_kv_store *store,
                         struct finding *finding) {
  ridge_kv_layout again = {.struct_size = sizeof again};
  ridge_status status = store->layout(rig->instance->params, rig->plan.sequences,
                                      rig->plan.context, 256, &again);
  if (status != RIDGE_OK || again.block_tokens != rig->layout.block_tokens ||
      again.blocks != rig->layout.blocks)
    finding_fail(finding, "`layout` asked twice gives two answers");
}

void check_store(struct vetting *v, struct finding *finding) {
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  struct books b = {
      .rig = &rig, .store = rig_table(&rig, RIDGE_SEAM_KV_STORE), .finding = finding};
  b.owned = calloc((size_t)rig.layout.blocks, 1);
  if (b.owned == NULL) abort();
  check_layout(&rig, b.store, finding);
  for (uint64_t i = 0; i < MOVES && finding->verdict == VERDICT_OK; i++) {
    uint32_t words[4];
    philox(3, 0, i, words);
    move(&b, words);
    judge_books(&b);
    int64_t room = b.store->room(rig.instance->self);
    if (room < -1) finding_fail(finding, "its `room` is %lld", (long long)room);
  }
  if (b.store->fork != NULL && finding->verdict == VERDICT_OK) share(&b);
  free(b.owned);
  rig_close(&rig);
}

/* Prefix
 * ------------------------------------------------------------------------------------- */

enum { KEPT = 4, ROOM = 16 };

void check_prefix(struct vetting *v, struct finding *finding) {
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  const ridge_kv_prefix *table = rig_table(&rig, RIDGE_SEAM_KV_PREFIX);
  void *self = rig.instance->self;
  int64_t block = rig.layout.block_tokens, n = KEPT * block;
  size_t bytes = (size_t)(n + block) * sizeof(int32_t);
  int32_t *tokens = guarded_new(bytes), blocks[KEPT] = {7, 3, 5, 9}, found[ROOM];
  for (int64_t i = 0; i < n + block; i++) tokens[i] = (int32_t)(i * 3 % RIG_VOCAB);
  if (table->find(self, tokens, n, found, ROOM) != 0)
    finding_fail(finding, "it finds what it never kept");
  table->keep(self, tokens, blocks, KEPT);
  int64_t got = table->find(self, tokens, n + block, found, ROOM);
  if (got < 0 || got > KEPT)
    finding_fail(finding, "it kept %d blocks and finds %lld", KEPT, (long long)got);
  for (int64_t i = 0; finding->verdict == VERDICT_OK && i < got; i++)
    if (found[i] != blocks[i])
      finding_fail(finding, "for block %lld it kept %d and finds %d", (long long)i,
                   blocks[i], found[i]);
  int64_t few = table->find(self, tokens, n, found, 1);
  if (few > 1)
    finding_fail(finding, "it finds %lld blocks where there is room for 1", (long long)few);
  tokens[0]++; /* another beginning */
  if (table->find(self, tokens, n, found, ROOM) != 0)
    finding_fail(finding, "it finds blocks for another beginning");
  int64_t dropped = table->give_back(self, KEPT + 10);
  if (dropped < 0 || dropped > KEPT)
    finding_fail(finding, "it kept %d blocks and gives %lld back", KEPT,
                 (long long)dropped);
  guarded_free(tokens, bytes);
  instances_destroy(&rig.set);
  if (rig.overdropped) finding_fail(finding, "it drops a block more often than it held it");
  if (got == 0) finding_note(finding, "it kept nothing of what it was offered");
  rig_close(&rig);
}
