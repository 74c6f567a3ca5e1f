/*
 * ridge/seam/kv_store.h - seam "kv.store/1", ONE: which cache blocks hold the keys
 * and values of which sequence.
 *
 * The cache of each layer is a pool of blocks of block_tokens tokens (kernel.h); a
 * store only keeps the books.  The reference gives each of the plan's sequences
 * one block as long as the context.
 */
#ifndef RIDGE_SEAM_KV_STORE_H
#define RIDGE_SEAM_KV_STORE_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_KV_STORE "kv.store/1"

typedef struct ridge_kv_layout {
  uint64_t struct_size;
  int64_t block_tokens, blocks;
} ridge_kv_layout;
RIDGE_SEALED(ridge_kv_layout, blocks);

typedef struct ridge_kv_store {
  uint64_t struct_size;
  /* Size the pools for `sequences` of `context` tokens; token_bytes is what one
   * token takes in all layers together. [pure] */
  ridge_status (*layout)(const void *params, int64_t sequences, int64_t context,
                         uint64_t token_bytes, ridge_kv_layout *out);
  /* All of one run's store calls are [step].  Sequences are numbered 0 ..
   * sequences-1 (slots).  `reserve` makes room so that the slot can hold `tokens`
   * in all; DECLINED: no room now. */
  ridge_status (*reserve)(void *self, int64_t slot, int64_t tokens);
  void (*truncate)(void *self, int64_t slot, int64_t tokens); /* keep the first  */
  void (*release)(void *self, int64_t slot);
  /* The slot's block table; valid until the next call that changes it. */
  void (*table)(void *self, int64_t slot, const int32_t **blocks, int64_t *n);
  int64_t (*room)(void *self); /* tokens that could still be reserved; -1: enough */

  /* Sharing (capability "kv.blocks"); all NULL in a store that cannot share. */
  /* Slot `to`, empty, gets the first `tokens` of `from`; a block that either then
   * writes to is copied first. */
  ridge_status (*fork)(void *self, int64_t from, int64_t to, int64_t tokens);
  void (*hold)(void *self, const int32_t *blocks, int64_t n); /* one more owner   */
  void (*drop)(void *self, const int32_t *blocks, int64_t n); /* one fewer        */
  /* Slot, empty, starts with these full blocks (they are held once more). */
  ridge_status (*adopt)(void *self, int64_t slot, const int32_t *blocks, int64_t n);
} ridge_kv_store;
RIDGE_SEALED(ridge_kv_store, adopt);

/* Service "ridge.kv/1": for a store that copies on write. [step] */
#define RIDGE_SERVICE_KV "ridge.kv/1"
typedef struct ridge_kv_api {
  uint64_t struct_size;
  void (*copy_block)(const ridge_host *, int32_t from, int32_t to); /* all layers */
  void (*layout)(const ridge_host *, ridge_kv_layout *out); /* as planned; block size */
} ridge_kv_api;
RIDGE_SEALED(ridge_kv_api, layout);

#endif
