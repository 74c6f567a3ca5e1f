/*
 * attention.flash - attention without a row of scores in memory: keys and values are
 * visited in tiles, and the softmax is corrected as its maximum grows.
 *
 * FlashAttention, arXiv 2205.14135, algorithm 1, with the refinement of
 * FlashAttention-2, arXiv 2307.08691, sec. 3.1 (O stays unscaled until the end).  For
 * a row of queries and tiles j = 1, 2, ... of B_c positions:
 *     s   = q K_j^T                      m'  = max(m, max s)
 *     p   = exp(s - m')                  c   = exp(m - m')
 *     l   = c l + sum p                  O   = c O + p V_j
 * and in the end O / l, with m' taking the place of m each time.
 *
 * A tile is decoded once into scratch that stays in the nearest cache and serves all
 * rows and heads of a piece of work; the loops are those of ridge/wide_attention.h.  Tiles
 * begin at multiples of B_c in the sequence, so that a row is summed in one order, however
 * the batch, the blocks of the cache and the threads are cut.  Does not split one row's
 * positions among threads: that would need a second pass over their sums.
 */
#include "attention_flash.h"

struct flash_params {
  int64_t tile;
};

enum { TILES_COMPUTED, SCORE_BYTES };
enum { MOST_TILE = 128 }; /* scratch is made for it */

struct flash {
  const ridge_host *host;
  int64_t tile;
};

static uint64_t scratch_bytes(const ridge_kernel_site *site) {
  return wide_attention_scratch(site, MOST_TILE);
}

static void run(const ridge_kernel_call *call, flash_attend *attend, int32_t thread,
                int32_t threads) {
  const struct flash *flash = call->self;
  const struct wide_work done = attend(call, flash->tile, thread, threads);
  if (done.tiles == 0) return;
  flash->host->count(flash->host, TILES_COMPUTED, done.tiles);
  flash->host->count(flash->host, SCORE_BYTES, done.scores * sizeof(float));
}

#define FLASH_KERNEL(machine)                                                              \
  static void run_##machine(const ridge_kernel_call *call, int32_t thread,                 \
                            int32_t threads) {                                             \
    run(call, flash_attend_##machine, thread, threads);                                    \
  }                                                                                        \
  static const ridge_kernel machine = {.struct_size = sizeof(ridge_kernel),                \
                                       .accepts = wide_attention_accepts,                  \
                                       .scratch_bytes = scratch_bytes,                     \
                                       .run = run_##machine};
FLASH_KERNEL(plain)
#if defined(__x86_64__)
FLASH_KERNEL(avx2)
FLASH_KERNEL(avx512)
#endif

static ridge_status check(const ridge_host *host, const ridge_plan *plan,
                          const void *params) {
  (void)plan;
  const struct flash_params *p = params;
  if (p->tile % 16 == 0) return RIDGE_OK;
  return host->fail(host, RIDGE_INVALID,
                    "`tile` is %lld; it must be a multiple of 16, such as 64 or 128",
                    (long long)p->tile);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  ridge_status status = check(host, NULL, params);
  if (status != RIDGE_OK) return status;
  struct flash *flash = host->alloc(host, sizeof *flash, _Alignof(struct flash));
  if (flash == NULL) return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  flash->host = host;
  flash->tile = ((const struct flash_params *)params)->tile;
  *self = flash;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct flash_params, tile, 64, 16, MOST_TILE, "position",
        RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Positions of a tile, a multiple of 16: larger corrects the softmax less often, "
        "smaller stays in a nearer cache; the rounding depends on it."),
};

static const ridge_fill fills[] = {
    {.seam = RIDGE_SEAM_KERNEL, .table = &plain, .key = "attention", .score = 1000},
#if defined(__x86_64__)
    {.seam = RIDGE_SEAM_KERNEL,
     .table = &avx2,
     .key = "attention",
     .needs = "avx2 fma f16c",
     .score = 1100},
    {.seam = RIDGE_SEAM_KERNEL,
     .table = &avx512,
     .key = "attention",
     .needs = "avx512f avx512bw avx512dq avx512vl avx512vnni avx2 fma f16c",
     .score = 1200},
#endif
};

static const ridge_evidence evidence[] = {
    [TILES_COMPUTED] = {"tiles computed", "tile",
                        "Tiles that a row of one head went through.", 1},
    [SCORE_BYTES] = {"score bytes avoided", "byte",
                     "Bytes of the score matrix that were never written.", 1},
};

static const ridge_claim claims[] = {
    {.id = "flash-attention-speed",
     .statement =
         "training GPT-2 at 1,024 positions is 3 times as fast, because the score matrix "
         "never reaches slow memory",
     .metric = "prefill_tps",
     .conditions =
         "long prompts; the figure is for GPUs, and caches hold more of a row here",
     .source = "arXiv:2205.14135, abstract",
     .ratio_lo = 1.0,
     .ratio_hi = 3.0},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_TOLERANT,
    .id = "attention.flash",
    .technique = "flashattention",
    .version = "1.0.0",
    .summary = "tiled attention with an online softmax, no score matrix",
    .doc = "Computes attention tile by tile of `tile` positions; scratch does not grow "
           "with the "
           "context.\n\n"
           "*When*: long prompts and long contexts; quantized caches, which are decoded "
           "once for "
           "all heads that share them.\n\n"
           "*When not*: when bits have to equal those of the reference kernel.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2205.14135",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct flash_params),
    .tolerance = 1e-3,
    .check = check,
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
