/*
 * kv.paged - keep keys and values in blocks of fixed size, given out on demand, so
 * that sequences of different length share one pool without holes.
 *
 * As in PagedAttention (arXiv 2309.06180, sec. 4) a table for each sequence maps its
 * logical blocks of B tokens to physical blocks; a sequence of n tokens owns
 * ceil(n / B) of them, so less than B tokens of room are wasted for each.  Blocks
 * count their owners: forks and shared prefixes point at the same block, and whoever
 * writes into a block with several owners gets a copy first.  Exact, because kernels
 * read the same numbers in the same order through any table.  Does not evict, does
 * not swap, and does not find common prefixes (kv.prefix does).
 */
#include <ridge/seam/kv_store.h>

#include <string.h>

struct paged_params {
  int64_t block, budget;
};

enum { BLOCKS_ALLOCATED, BLOCKS_COPIED };
enum { PEAK_BLOCKS, WASTE };

/* One sequence: blocks[0..n) hold its first `tokens` tokens, n = ceil(tokens / B). */
struct slot {
  int32_t *blocks;
  int64_t n, room, tokens;
};

/* Who points at a block: tables of slots, and holders beside them (kv.prefix). */
struct owners {
  int32_t tables, holders;
};

struct paged {
  const ridge_host *host;
  const ridge_kv_api *kv;
  int64_t block;                /* B */
  int64_t budget;               /* as asked for; 0: enough for every slot */
  int64_t total;                /* blocks of the pool; 0: books not opened yet */
  int32_t *free;                /* (total) a stack of free blocks, n_free of them */
  struct owners *owners;        /* (total) */
  int64_t n_free, n_idle, peak; /* idle: only held, and so given back when asked */
  struct slot *slots;           /* (n_slots) grown when a higher slot appears */
  int64_t n_slots;
  /* Over all slots now, and summed over all reservations, for the mean waste. */
  int64_t table_blocks, table_tokens;
  double sum_reserved, sum_used;
};

static int64_t blocks_for(int64_t tokens, int64_t block) {
  return tokens / block + (tokens % block != 0);
}

/* ---- the pool ---- */

/* The pools' size is known once the plan is made, so the books open at first use. */
static ridge_status books_open(struct paged *paged) {
  if (paged->total > 0) return RIDGE_OK;
  const ridge_host *host = paged->host;
  ridge_kv_layout layout = {.struct_size = sizeof layout};
  paged->kv->layout(host, &layout);
  if (layout.blocks < 1 || layout.block_tokens != paged->block) {
    return host->fail(
        host, RIDGE_INTERNAL,
        "the cache was planned with %lld blocks of %lld tokens; wanted blocks "
        "of %lld",
        (long long)layout.blocks, (long long)layout.block_tokens, (long long)paged->block);
  }
  size_t n = (size_t)layout.blocks;
  paged->free = host->alloc(host, n * sizeof *paged->free, _Alignof(int32_t));
  paged->owners = host->alloc(host, n * sizeof *paged->owners, _Alignof(struct owners));
  if (paged->free == NULL || paged->owners == NULL) {
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for the books of %lld blocks",
                      (long long)layout.blocks);
  }
  /* Lowest numbers on top: a short run touches little of the pool. */
  for (int64_t i = 0; i < layout.blocks; i++)
    paged->free[i] = (int32_t)(layout.blocks - 1 - i);
  paged->n_free = paged->total = layout.blocks;
  return RIDGE_OK;
}

static int32_t block_take(struct paged *paged) {
  int32_t block = paged->free[--paged->n_free];
  paged->owners[block] = (struct owners){.tables = 1};
  paged->host->count(paged->host, BLOCKS_ALLOCATED, 1);
  return block;
}

/* Change who points at a block, and keep free and idle ones known. */
static void block_own(struct paged *paged, int32_t block, int32_t tables, int32_t holders) {
  struct owners *o = &paged->owners[block];
  paged->n_idle -= o->tables == 0 && o->holders > 0;
  o->tables += tables;
  o->holders += holders;
  paged->n_idle += o->tables == 0 && o->holders > 0;
  if (o->tables + o->holders == 0) paged->free[paged->n_free++] = block;
}

static void peak_note(struct paged *paged) {
  int64_t used = paged->total - paged->n_free;
  if (used <= paged->peak) return;
  paged->peak = used;
  paged->host->record(paged->host, PEAK_BLOCKS, (double)used);
}

/* ---- slots ---- */

static ridge_status slot_get(struct paged *paged, int64_t number, struct slot **out) {
  const ridge_host *host = paged->host;
  if (number < 0) {
    return host->fail(host, RIDGE_INVALID, "there is no slot %lld", (long long)number);
  }
  if (number >= paged->n_slots) {
    int64_t n = number + 1 > 2 * paged->n_slots ? number + 1 : 2 * paged->n_slots;
    struct slot *slots =
        host->alloc(host, (size_t)n * sizeof *slots, _Alignof(struct slot));
    if (slots == NULL) {
      return host->fail(host, RIDGE_NO_MEMORY, "no memory for %lld block tables",
                        (long long)n);
    }
    if (paged->n_slots > 0)
      memcpy(slots, paged->slots, (size_t)paged->n_slots * sizeof *slots);
    if (paged->slots != NULL) host->free(host, paged->slots);
    paged->slots = slots;
    paged->n_slots = n;
  }
  *out = &paged->slots[number];
  return RIDGE_OK;
}

/* Room in the slot's table for n blocks in all. */
static ridge_status slot_grow(struct paged *paged, struct slot *slot, int64_t n) {
  if (n <= slot->room) return RIDGE_OK;
  const ridge_host *host = paged->host;
  int64_t room = slot->room > 0 ? slot->room : 16;
  while (room < n) room *= 2;
  int32_t *blocks = host->alloc(host, (size_t)room * sizeof *blocks, _Alignof(int32_t));
  if (blocks == NULL) {
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for a table of %lld blocks",
                      (long long)room);
  }
  if (slot->n > 0) memcpy(blocks, slot->blocks, (size_t)slot->n * sizeof *blocks);
  if (slot->blocks != NULL) host->free(host, slot->blocks);
  slot->blocks = blocks;
  slot->room = room;
  return RIDGE_OK;
}

static void slot_set_tokens(struct paged *paged, struct slot *slot, int64_t tokens) {
  paged->table_tokens += tokens - slot->tokens;
  slot->tokens = tokens;
}

/* Point at `n` blocks of others, as one more owner of each. */
static void slot_share(struct paged *paged, struct slot *slot, const int32_t *blocks,
                       int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    slot->blocks[i] = blocks[i];
    block_own(paged, blocks[i], 1, 0);
  }
  slot->n = n;
  paged->table_blocks += n;
}

/* The next token goes into the last block: is it partly full, and do others read it? */
static bool shares_last(const struct paged *paged, const struct slot *slot) {
  if (slot->tokens % paged->block == 0) return false;
  const struct owners *o = &paged->owners[slot->blocks[slot->n - 1]];
  return o->tables + o->holders > 1;
}

static void slot_own_last(struct paged *paged, struct slot *slot) {
  int32_t old = slot->blocks[slot->n - 1], copy = block_take(paged);
  paged->kv->copy_block(paged->host, old, copy);
  paged->host->count(paged->host, BLOCKS_COPIED, 1);
  block_own(paged, old, -1, 0);
  slot->blocks[slot->n - 1] = copy;
}

/* ---- the seam ---- */

static ridge_status layout(const void *params, int64_t sequences, int64_t context,
                           uint64_t token_bytes, ridge_kv_layout *out) {
  const struct paged_params *p = params;
  int64_t each = blocks_for(context, p->block), blocks;
  if (sequences < 1 || context < 1 || token_bytes < 1) return RIDGE_INVALID;
  if (p->budget == 0) {
    if (__builtin_mul_overflow(sequences, each, &blocks)) return RIDGE_INVALID;
  } else {
    uint64_t block_bytes;
    if (__builtin_mul_overflow((uint64_t)p->block, token_bytes, &block_bytes)) {
      return RIDGE_INVALID;
    }
    blocks = (int64_t)((uint64_t)p->budget / block_bytes);
    /* A sequence that grows to the context must be able to end, alone at least. */
    if (blocks < each) return RIDGE_NO_MEMORY;
  }
  if (blocks > INT32_MAX) return RIDGE_INVALID;
  out->block_tokens = p->block;
  out->blocks = blocks;
  return RIDGE_OK;
}

static ridge_status reserve(void *self, int64_t number, int64_t tokens) {
  struct paged *paged = self;
  struct slot *slot;
  ridge_status status = books_open(paged);
  if (status == RIDGE_OK) status = slot_get(paged, number, &slot);
  if (status != RIDGE_OK) return status;
  if (tokens <= slot->tokens) return RIDGE_OK;

  int64_t n = blocks_for(tokens, paged->block), fresh = n - slot->n;
  bool copy = shares_last(paged, slot);
  if (fresh + copy > paged->n_free) {
    return paged->host->fail(
        paged->host, RIDGE_DECLINED, "%lld blocks are needed and %lld of %lld are free",
        (long long)(fresh + copy), (long long)paged->n_free, (long long)paged->total);
  }
  status = slot_grow(paged, slot, n);
  if (status != RIDGE_OK) return status;
  if (copy) slot_own_last(paged, slot);
  while (slot->n < n) slot->blocks[slot->n++] = block_take(paged);
  paged->table_blocks += fresh;
  slot_set_tokens(paged, slot, tokens);
  paged->sum_reserved += (double)(paged->table_blocks * paged->block);
  paged->sum_used += (double)paged->table_tokens;
  peak_note(paged);
  return RIDGE_OK;
}

static void truncate(void *self, int64_t number, int64_t tokens) {
  struct paged *paged = self;
  if (number < 0 || number >= paged->n_slots || tokens < 0) return;
  struct slot *slot = &paged->slots[number];
  if (tokens >= slot->tokens) return;
  int64_t n = blocks_for(tokens, paged->block);
  paged->table_blocks -= slot->n - n;
  /* Last first, so that the stack gives them out again in their old order. */
  while (slot->n > n) block_own(paged, slot->blocks[--slot->n], -1, 0);
  slot_set_tokens(paged, slot, tokens);
}

static void release(void *self, int64_t number) {
  struct paged *paged = self;
  truncate(self, number, 0);
  if (paged->sum_reserved <= 0) return;
  paged->host->record(paged->host, WASTE, 1 - paged->sum_used / paged->sum_reserved);
}

static void table(void *self, int64_t number, const int32_t **blocks, int64_t *n) {
  const struct paged *paged = self;
  bool known = number >= 0 && number < paged->n_slots;
  *blocks = known ? paged->slots[number].blocks : NULL;
  *n = known ? paged->slots[number].n : 0;
}

static int64_t room(void *self) {
  struct paged *paged = self;
  if (paged->budget == 0) return -1;
  if (books_open(paged) != RIDGE_OK) return 0;
  return (paged->n_free + paged->n_idle) * paged->block;
}

/* ---- sharing ---- */

static ridge_status slot_get_empty(struct paged *paged, int64_t number, struct slot **out) {
  ridge_status status = books_open(paged);
  if (status == RIDGE_OK) status = slot_get(paged, number, out);
  if (status != RIDGE_OK || (*out)->n == 0) return status;
  return paged->host->fail(
      paged->host, RIDGE_INVALID,
      "slot %lld holds %lld tokens; only an empty one can be given blocks "
      "of others",
      (long long)number, (long long)(*out)->tokens);
}

static ridge_status fork_slot(void *self, int64_t from, int64_t to, int64_t tokens) {
  struct paged *paged = self;
  struct slot *child;
  ridge_status status = slot_get_empty(paged, to, &child);
  if (status != RIDGE_OK) return status;
  if (from < 0 || from >= paged->n_slots || tokens < 0 ||
      tokens > paged->slots[from].tokens) {
    return paged->host->fail(paged->host, RIDGE_INVALID,
                             "slot %lld has no %lld tokens to share with slot %lld",
                             (long long)from, (long long)tokens, (long long)to);
  }
  int64_t n = blocks_for(tokens, paged->block);
  status = slot_grow(paged, child, n);
  if (status != RIDGE_OK) return status;
  slot_share(paged, child, paged->slots[from].blocks, n);
  slot_set_tokens(paged, child, tokens);
  return RIDGE_OK;
}

/* A block nobody has is a broken invariant of the caller, and left alone rather than
 * given out twice. */
static bool is_owned(const struct paged *paged, int32_t block) {
  if (block < 0 || block >= paged->total) return false;
  return paged->owners[block].tables + paged->owners[block].holders > 0;
}

static void hold(void *self, const int32_t *blocks, int64_t n) {
  struct paged *paged = self;
  for (int64_t i = 0; i < n; i++) {
    if (is_owned(paged, blocks[i])) block_own(paged, blocks[i], 0, 1);
  }
}

static void drop(void *self, const int32_t *blocks, int64_t n) {
  struct paged *paged = self;
  for (int64_t i = n - 1; i >= 0; i--) {
    if (is_owned(paged, blocks[i]) && paged->owners[blocks[i]].holders > 0) {
      block_own(paged, blocks[i], 0, -1);
    }
  }
}

static ridge_status adopt(void *self, int64_t number, const int32_t *blocks, int64_t n) {
  struct paged *paged = self;
  struct slot *slot;
  ridge_status status = slot_get_empty(paged, number, &slot);
  if (status != RIDGE_OK) return status;
  for (int64_t i = 0; i < n; i++) {
    if (is_owned(paged, blocks[i])) continue;
    return paged->host->fail(paged->host, RIDGE_INVALID,
                             "block %lld has no owner, so its contents may be anything",
                             (long long)blocks[i]);
  }
  status = slot_grow(paged, slot, n);
  if (status != RIDGE_OK) return status;
  slot_share(paged, slot, blocks, n);
  slot_set_tokens(paged, slot, n * paged->block);
  return RIDGE_OK;
}

/* ---- life ---- */

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)plan;
  const struct paged_params *p = params;
  if ((p->block & (p->block - 1)) == 0) return RIDGE_OK;
  return host->fail(host, RIDGE_INVALID,
                    "`block` is %lld; it must be a power of two, such as 16 or 32",
                    (long long)p->block);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  const struct paged_params *p = params;
  ridge_status status = check(host, NULL, params);
  if (status != RIDGE_OK) return status;
  struct paged *paged = host->alloc(host, sizeof *paged, _Alignof(struct paged));
  if (paged == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  paged->host = host;
  paged->block = p->block;
  paged->budget = p->budget;
  paged->kv = host->service(host, RIDGE_SERVICE_KV);
  *self = paged;
  if (paged->kv != NULL) return RIDGE_OK;
  return host->fail(host, RIDGE_UNSUPPORTED, "the host has no service " RIDGE_SERVICE_KV);
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct paged_params, block, 16, 1, 4096, "token", RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Tokens of a block, a power of two: smaller wastes less of the last block and "
        "shares more, larger means shorter tables and longer runs of memory."),
    RIDGE_INT(
        struct paged_params, budget, 0, 0, INT64_C(1) << 50, "byte", 0,
        "Memory for all blocks: less is smaller, and lets fewer sequences run at once; 0 "
        "is enough for every sequence at the full context."),
};

static const ridge_kv_store store = {.struct_size = sizeof(ridge_kv_store),
                                     .layout = layout,
                                     .reserve = reserve,
                                     .truncate = truncate,
                                     .release = release,
                                     .table = table,
                                     .room = room,
                                     .fork = fork_slot,
                                     .hold = hold,
                                     .drop = drop,
                                     .adopt = adopt};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_KV_STORE, .table = &store}};

static const char *const provides[] = {"kv.blocks"};

static const ridge_evidence evidence[] = {
    [BLOCKS_ALLOCATED] = {"blocks allocated", "block", "Blocks taken from the pool.", 1},
    [BLOCKS_COPIED] = {"blocks copied", "block",
                       "Shared blocks copied because one owner wrote.", 0},
};

static const ridge_metric metrics[] = {
    [PEAK_BLOCKS] = {"peak_blocks", "block", "The most blocks in use at once.", -1},
    [WASTE] = {"waste", "",
               "Share of the blocks given out that held no token, as a mean over "
               "the reservations.",
               -1},
};

static const ridge_claim claims[] = {
    {.id = "paged-throughput",
     .statement = "blocks on demand let 2 to 4 times as many requests through at the same "
                  "latency, since memory is not set aside for the longest reply",
     .metric = "decode_tps",
     .conditions = "equal memory for the cache, many sequences, continuous batching",
     .source = "arXiv:2309.06180, abstract",
     .ratio_lo = 2.0,
     .ratio_hi = 4.0},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "kv.paged",
    .technique = "vllm",
    .version = "1.0.0",
    .summary = "keys and values in blocks that are given out on demand and can be shared",
    .doc =
        "Gives each sequence cache blocks of `block` tokens as it grows, out of one pool "
        "of "
        "`budget` bytes.\n\n"
        "*When*: many sequences of different or unknown length; together with kv.prefix, "
        "which shares blocks.\n\n"
        "*When not*: a single sequence that fills its context: there is nothing to share "
        "and "
        "nothing to save.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2309.06180",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .provides = RIDGE_ROWS(provides),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct paged_params),
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
