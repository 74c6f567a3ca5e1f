/* shared_store.c - gives every sequence the same blocks. */
#include "../bad/bad.h"

#include <ridge/seam/kv_store.h>

static ridge_status layout(const void *params, int64_t sequences, int64_t context,
                           uint64_t token_bytes, ridge_kv_layout *out) {
  (void)params, (void)sequences, (void)token_bytes;
  *out = (ridge_kv_layout){sizeof *out, context, 4};
  return RIDGE_OK;
}

static ridge_status reserve(void *self, int64_t slot, int64_t tokens) {
  (void)self, (void)slot, (void)tokens;
  return RIDGE_OK;
}
static void truncate(void *self, int64_t slot, int64_t tokens) {
  (void)self, (void)slot, (void)tokens;
}
static void release(void *self, int64_t slot) { (void)self, (void)slot; }
static void blocks_of(void *self, int64_t slot, const int32_t **blocks, int64_t *n) {
  static const int32_t one[] = {0};
  (void)self, (void)slot;
  *blocks = one;
  *n = 1;
}
static int64_t room(void *self) {
  (void)self;
  return -1;
}

static const ridge_kv_store table = {.struct_size = sizeof table,
                                     .layout = layout,
                                     .reserve = reserve,
                                     .truncate = truncate,
                                     .release = release,
                                     .table = blocks_of,
                                     .room = room};
static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_KV_STORE, .table = &table}};

BAD_PLUGIN("faulty.shared_store", p->fills = (ridge_table)RIDGE_ROWS(fills);)
