/* neon.c - the part kernels.neon: kernels for aarch64. */
#include "neon.h"

#define KERNEL(key_, table_)                                                               \
  { .seam = RIDGE_SEAM_KERNEL, .table = &neon_##table_, .key = (key_), .score = 20 }

static const ridge_fill fills[] = {
    KERNEL("matmul f32", matmul_f32),
    KERNEL("matmul f16", matmul_f16),
    KERNEL("matmul bf16", matmul_bf16),
    KERNEL("matmul q8_0", matmul_q8_0),
    KERNEL("matmul q4_0", matmul_q4_0),
    KERNEL("attention", attention),
    KERNEL("cache_put f32", cache_put),
    KERNEL("cache_put f16", cache_put),
    KERNEL("rmsnorm", rmsnorm),
    KERNEL("layernorm", layernorm),
    KERNEL("add_rmsnorm", add_rmsnorm),
    KERNEL("add_layernorm", add_layernorm),
    KERNEL("add", add),
    KERNEL("mul", mul),
    KERNEL("scale", scale),
    KERNEL("act", act),
    KERNEL("glu", glu),
    KERNEL("softcap", softcap),
    KERNEL("rope", rope),
    KERNEL("embed *", embed),
    KERNEL("rows", rows),
    KERNEL("slice", slice),
    KERNEL("rope_table", rope_table),
    KERNEL("route", route),
    KERNEL("weighted_sum", weighted_sum),
};

static const char doc[] =
    "Weights are packed at load, sixteen outputs side by side, so that one row and many "
    "rows add each element in the same order: results hang neither on the batch nor on "
    "the number of threads.  All arithmetic is f32; quantized weights are decoded block by "
    "block to what their codec gives.  Row operators and attention are the sources that "
    "kernels.x86 is made of, and give the same bits.\n\n"
    "**When not**: where every bit has to be the reference's; set `engine.kernels` to "
    "`reference` then.\n";

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_PART,
    .phases = RIDGE_TRAIN | RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_TOLERANT,
    .id = "kernels.neon",
    .version = "0.1.0",
    .summary = "kernels for aarch64 with NEON",
    .doc = doc,
    .license = "Apache-2.0",
    .source = "",
    .fills = RIDGE_ROWS(fills),
    .tolerance = 0.01,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
