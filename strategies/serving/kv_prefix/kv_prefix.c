/*
 * kv.prefix - remember which cache blocks hold which beginnings of prompts, and give
 * them to the next prompt that begins so.
 *
 * RadixAttention (arXiv 2312.07104, sec. 3) keeps prompts in a radix tree over tokens
 * and evicts the least recently used leaves.  Here the edges of the tree are whole
 * cache blocks of B tokens: a node is found by a hash of its parent and its B tokens,
 * and its tokens are compared before it is believed.  Each node holds its block in the
 * store, so the block outlives the sequence that computed it.  Exact: only full blocks
 * of prompt tokens are kept, at the positions they were computed for, and numbers of
 * prompt rows do not hang on how the prompt was cut.  Does not share generated text.
 */
#include <ridge/seam/kv_prefix.h>

#include <string.h>

struct prefix_params {
  int64_t keep;
};

enum { BLOCKS_REUSED, BLOCKS_KEPT, BLOCKS_EVICTED };
enum { HIT_SHARE, PEAK_BYTES };

enum { NONE = -1 };

/* A node of the tree; links are indices, NONE at an end. */
struct node {
  int32_t parent, block;
  int32_t children;
  int32_t next_in_bucket;
  int32_t newer, older; /* by last use */
  uint64_t hash;
};

struct prefix {
  const ridge_host *host;
  const ridge_kv_blocks_api *store;
  int64_t block;   /* B; 0: not asked yet */
  int64_t most, n; /* nodes allowed, nodes in use */
  int64_t room;    /* nodes that the arrays hold */
  struct node *nodes;
  int32_t *tokens;  /* (room, B) */
  int32_t *buckets; /* (n_buckets) first node of each; a power of two */
  int64_t n_buckets, peak;
  int32_t unused; /* list of free nodes, through next_in_bucket */
  int32_t newest, oldest;
  uint64_t bytes_kept, asked, found;
};

/* ---- finding ---- */

/* FNV-1a over the parent's hash and the tokens: 64 bits, byte order left out. */
static uint64_t hash_of(uint64_t parent, const int32_t *tokens, int64_t n) {
  uint64_t hash = 14695981039346656037u ^ parent;
  for (int64_t i = 0; i < n; i++) {
    hash = (hash ^ (uint32_t)tokens[i]) * 1099511628211u;
    hash ^= hash >> 29; /* the low bits choose the bucket */
  }
  return hash;
}

static int32_t *bucket_of(const struct prefix *p, uint64_t hash) {
  return &p->buckets[hash & (uint64_t)(p->n_buckets - 1)];
}

static int32_t child_of(const struct prefix *p, int32_t parent, uint64_t hash,
                        const int32_t *tokens) {
  if (p->n == 0) return NONE;
  for (int32_t i = *bucket_of(p, hash); i != NONE; i = p->nodes[i].next_in_bucket) {
    const struct node *node = &p->nodes[i];
    if (node->hash != hash || node->parent != parent) continue;
    if (memcmp(p->tokens + i * p->block, tokens, (size_t)p->block * sizeof *tokens) == 0)
      return i;
  }
  return NONE;
}

/* ---- order of use ---- */

static void use_unlink(struct prefix *p, int32_t i) {
  struct node *node = &p->nodes[i];
  if (node->newer != NONE)
    p->nodes[node->newer].older = node->older;
  else
    p->newest = node->older;
  if (node->older != NONE)
    p->nodes[node->older].newer = node->newer;
  else
    p->oldest = node->newer;
}

static void use_first(struct prefix *p, int32_t i) {
  struct node *node = &p->nodes[i];
  node->newer = NONE;
  node->older = p->newest;
  if (p->newest != NONE)
    p->nodes[p->newest].newer = i;
  else
    p->oldest = i;
  p->newest = i;
}

/* A path was used: the leaf first and the root last, so that every node is newer than
 * its children and the oldest of all is always a leaf. */
static void use_path(struct prefix *p, int32_t leaf) {
  for (int32_t i = leaf; i != NONE; i = p->nodes[i].parent) {
    use_unlink(p, i);
    use_first(p, i);
  }
}

/* ---- nodes ---- */

static void node_remove(struct prefix *p, int32_t i) {
  struct node *node = &p->nodes[i];
  int32_t *link = bucket_of(p, node->hash);
  while (*link != i) link = &p->nodes[*link].next_in_bucket;
  *link = node->next_in_bucket;
  if (node->parent != NONE) p->nodes[node->parent].children--;
  use_unlink(p, i);
  p->store->drop(p->host, &node->block, 1);
  node->next_in_bucket = p->unused;
  p->unused = i;
  p->n--;
}

static bool evict_oldest(struct prefix *p) {
  int32_t i = p->oldest;
  if (i == NONE || p->nodes[i].children > 0) return false;
  node_remove(p, i);
  p->host->count(p->host, BLOCKS_EVICTED, 1);
  return true;
}

/* Twice the nodes, and buckets to go with them; false: no memory, keep what there is. */
static bool nodes_grow(struct prefix *p) {
  const ridge_host *host = p->host;
  int64_t room = p->room > 0 ? 2 * p->room : 64;
  if (room > p->most) room = p->most;
  if (room <= p->room || room > INT32_MAX) return false;
  int64_t n_buckets = 64;
  while (n_buckets < room) n_buckets *= 2;
  size_t size = (size_t)room;
  struct node *nodes = host->alloc(host, size * sizeof *nodes, _Alignof(struct node));
  int32_t *tokens =
      host->alloc(host, size * (size_t)p->block * sizeof *tokens, _Alignof(int32_t));
  int32_t *buckets =
      host->alloc(host, (size_t)n_buckets * sizeof *buckets, _Alignof(int32_t));
  if (nodes == NULL || tokens == NULL || buckets == NULL) {
    void *made[] = {nodes, tokens, buckets};
    for (int i = 0; i < 3; i++) {
      if (made[i] != NULL) host->free(host, made[i]);
    }
    return false;
  }
  if (p->room > 0) {
    memcpy(nodes, p->nodes, (size_t)p->room * sizeof *nodes);
    memcpy(tokens, p->tokens, (size_t)(p->room * p->block) * sizeof *tokens);
    host->free(host, p->nodes);
    host->free(host, p->tokens);
    host->free(host, p->buckets);
  }
  p->nodes = nodes;
  p->tokens = tokens;
  p->buckets = buckets;
  p->n_buckets = n_buckets;
  for (int64_t i = 0; i < n_buckets; i++) buckets[i] = NONE;
  for (int32_t i = 0; i < (int32_t)p->room; i++) { /* grown only when all are in use */
    int32_t *bucket = bucket_of(p, nodes[i].hash);
    nodes[i].next_in_bucket = *bucket;
    *bucket = i;
  }
  for (int32_t i = (int32_t)room - 1; i >= (int32_t)p->room; i--) {
    nodes[i].next_in_bucket = p->unused;
    p->unused = i;
  }
  p->room = room;
  return true;
}

static int32_t node_add(struct prefix *p, int32_t parent, uint64_t hash,
                        const int32_t *tokens, int32_t block) {
  if (p->unused == NONE && !nodes_grow(p)) return NONE;
  int32_t i = p->unused, *bucket = bucket_of(p, hash);
  struct node *node = &p->nodes[i];
  p->unused = node->next_in_bucket;
  *node = (struct node){
      .parent = parent, .block = block, .next_in_bucket = *bucket, .hash = hash};
  *bucket = i;
  memcpy(p->tokens + i * p->block, tokens, (size_t)p->block * sizeof *tokens);
  if (parent != NONE) p->nodes[parent].children++;
  use_first(p, i);
  p->store->hold(p->host, &block, 1);
  p->n++;
  p->host->count(p->host, BLOCKS_KEPT, 1);
  return i;
}

/* ---- the seam ---- */

/* The size of blocks is known once the plan is made, so it is asked for at first use. */
static bool is_ready(struct prefix *p) {
  if (p->block > 0) return p->most > 0;
  uint64_t bytes = p->store->block_bytes(p->host);
  p->block = p->store->block_tokens(p->host);
  p->most = p->block > 0 && bytes > 0 ? (int64_t)(p->bytes_kept / bytes) : 0;
  if (p->most > INT32_MAX) p->most = INT32_MAX;
  return p->most > 0;
}

static int64_t find(void *self, const int32_t *tokens, int64_t n, int32_t *blocks,
                    int64_t room) {
  struct prefix *p = self;
  if (!is_ready(p)) return 0;
  int64_t most = n / p->block < room ? n / p->block : room, found = 0;
  int32_t at = NONE;
  uint64_t hash = 0;
  while (found < most) {
    const int32_t *piece = tokens + found * p->block;
    hash = hash_of(hash, piece, p->block);
    int32_t child = child_of(p, at, hash, piece);
    if (child == NONE) break;
    at = child;
    blocks[found++] = p->nodes[child].block;
  }
  use_path(p, at);
  p->asked += (uint64_t)most;
  p->found += (uint64_t)found;
  if (found > 0) p->host->count(p->host, BLOCKS_REUSED, (uint64_t)found);
  if (p->asked > 0) {
    p->host->record(p->host, HIT_SHARE, (double)p->found / (double)p->asked);
  }
  return found;
}

/* A full tree makes room by its oldest leaf, unless that is the path being kept. */
static bool make_room(struct prefix *p, int32_t path) {
  if (p->n < p->most) return true;
  return p->oldest != path && evict_oldest(p);
}

static void keep(void *self, const int32_t *tokens, const int32_t *blocks,
                 int64_t n_blocks) {
  struct prefix *p = self;
  if (!is_ready(p)) return;
  int32_t at = NONE;
  uint64_t hash = 0;
  for (int64_t i = 0; i < n_blocks; i++) {
    const int32_t *piece = tokens + i * p->block;
    hash = hash_of(hash, piece, p->block);
    int32_t child = child_of(p, at, hash, piece);
    if (child == NONE) {
      use_path(p, at); /* so that making room does not take what was just laid */
      if (!make_room(p, at)) break;
      child = node_add(p, at, hash, piece, blocks[i]);
    }
    if (child == NONE) break;
    at = child;
  }
  use_path(p, at);
  if (p->n <= p->peak) return;
  p->peak = p->n;
  p->host->record(p->host, PEAK_BYTES,
                  (double)p->n * (double)p->store->block_bytes(p->host));
}

static int64_t give_back(void *self, int64_t n) {
  struct prefix *p = self;
  int64_t dropped = 0;
  while (dropped < n && evict_oldest(p)) dropped++;
  return dropped;
}

/* ---- life ---- */

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct prefix *p = host->alloc(host, sizeof *p, _Alignof(struct prefix));
  if (p == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  p->host = host;
  p->bytes_kept = (uint64_t)((const struct prefix_params *)params)->keep;
  p->unused = p->newest = p->oldest = NONE;
  p->store = host->service(host, RIDGE_SERVICE_KV_BLOCKS);
  *self = p;
  if (p->store == NULL) {
    return host->fail(host, RIDGE_UNSUPPORTED,
                      "the host has no service " RIDGE_SERVICE_KV_BLOCKS);
  }
  uint64_t one = p->store->block_bytes(host);
  if (p->bytes_kept >= one) return RIDGE_OK;
  return host->fail(
      host, RIDGE_INVALID,
      "`keep` is %llu bytes, but one block of the cache takes %llu; nothing could "
      "be kept",
      (unsigned long long)p->bytes_kept, (unsigned long long)one);
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct prefix_params, keep, INT64_C(64) << 20, 1, INT64_C(1) << 50, "byte",
        RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Cache blocks kept for later prompts at most: more finds more beginnings again; "
        "they are given back when the cache is short."),
};

static const ridge_relation relations[] = {
    {.target = "cap:kv.blocks",
     .why = "a prefix is shared by pointing at its cache blocks, and the reference cache "
            "has one "
            "undivided block for each sequence; add `use \"kv.paged\"`",
     .kind = RIDGE_NEEDS,
     .op = RIDGE_ALWAYS},
};

static const ridge_kv_prefix prefix = {.struct_size = sizeof(ridge_kv_prefix),
                                       .find = find,
                                       .keep = keep,
                                       .give_back = give_back};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_KV_PREFIX, .table = &prefix}};

static const ridge_evidence evidence[] = {
    [BLOCKS_REUSED] = {"blocks reused", "block",
                       "Blocks of prompts that were not computed again.", 1},
    [BLOCKS_KEPT] = {"blocks kept", "block", "Blocks remembered for later prompts.", 0},
    [BLOCKS_EVICTED] = {"blocks evicted", "block", "Blocks forgotten for want of room.", 0},
};

static const ridge_metric metrics[] = {
    [HIT_SHARE] = {"hit_share", "",
                   "Share of the full prompt blocks asked for that were "
                   "known.",
                   1},
    [PEAK_BYTES] = {"peak_bytes", "byte", "The most bytes of blocks kept.", -1},
};

static const ridge_claim claims[] = {
    {.id = "radix-throughput",
     .statement =
         "sharing prefixes raises the throughput of programs with common beginnings by "
         "up to 6.4",
     .metric = "total_tps",
     .conditions =
         "prompts that share most of their tokens; the figure includes scheduling by "
         "prefix",
     .source = "arXiv:2312.07104, abstract",
     .ratio_lo = 1.0,
     .ratio_hi = 6.4},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "kv.prefix",
    .technique = "prefix-sharing",
    .version = "1.0.0",
    .summary = "beginnings of prompts seen before are not computed again",
    .doc = "Keeps the cache blocks of prompts, up to `keep` bytes, and starts a prompt "
           "that begins "
           "like an earlier one with its blocks.\n\n"
           "*When*: a system prompt, few-shot examples or a growing conversation in front "
           "of each "
           "request.\n\n"
           "*When not*: prompts that have nothing in common, or share less than a block.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2312.07104",
    .params = RIDGE_ROWS(params),
    .relations = RIDGE_ROWS(relations),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct prefix_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
