/*
 * ridge/seam/kv_prefix.h - seam "kv.prefix/1", ONE: reuse cache blocks of prompt
 * beginnings that have been seen.
 *
 * Only full blocks of prompt tokens are offered, so what is reused was computed as
 * a prompt, bit for bit as it would be again.  The filler works over a store with
 * capability "kv.blocks", which it reaches through service "ridge.kv_blocks/1".
 */
#ifndef RIDGE_SEAM_KV_PREFIX_H
#define RIDGE_SEAM_KV_PREFIX_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_KV_PREFIX "kv.prefix/1"

typedef struct ridge_kv_prefix {
  uint64_t struct_size;
  /* The longest run of known full blocks at the start of tokens[0..n): their
   * number, at most `room`, in `blocks`.  The host adopts them at once. [step] */
  int64_t (*find)(void *self, const int32_t *tokens, int64_t n, int32_t *blocks,
                  int64_t room);
  /* These full blocks now hold tokens[0 .. n_blocks * block_tokens). [step] */
  void (*keep)(void *self, const int32_t *tokens, const int32_t *blocks, int64_t n_blocks);
  /* The store has no room: give back at least `n` blocks if possible; returns how
   * many were dropped. [step] */
  int64_t (*give_back)(void *self, int64_t n);
} ridge_kv_prefix;
RIDGE_SEALED(ridge_kv_prefix, give_back);

#define RIDGE_SERVICE_KV_BLOCKS "ridge.kv_blocks/1"
typedef struct ridge_kv_blocks_api {
  uint64_t struct_size;
  int64_t (*block_tokens)(const ridge_host *);
  uint64_t (*block_bytes)(const ridge_host *); /* all layers together          */
  void (*hold)(const ridge_host *, const int32_t *blocks, int64_t n);
  void (*drop)(const ridge_host *, const int32_t *blocks, int64_t n);
} ridge_kv_blocks_api;
RIDGE_SEALED(ridge_kv_blocks_api, drop);

#endif
