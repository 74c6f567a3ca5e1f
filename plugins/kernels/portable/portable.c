/*
 * portable.c - the part kernels.portable: a reference kernel for every operator and a
 * reference codec for every storage form, in plain C for any machine.
 *
 * These kernels define what the operators mean; faster parts are tested against them.
 * They keep one order of summation for each element (portable_math.c), so that results
 * hang neither on the number of threads nor on what shares the batch.
 */
#include "portable.h"

#define KERNEL(key_, table_)                                                               \
  { .seam = RIDGE_SEAM_KERNEL, .table = &portable_##table_, .key = (key_) }
#define CODEC_FILL(name)                                                                   \
  { .seam = RIDGE_SEAM_CODEC, .table = &portable_##name, .key = #name }

static const ridge_fill fills[] = {
    KERNEL("embed *", embed),
    KERNEL("rmsnorm", rmsnorm),
    KERNEL("layernorm", layernorm),
    KERNEL("matmul *", matmul),
    KERNEL("add", add),
    KERNEL("mul", mul),
    KERNEL("scale", scale),
    KERNEL("act", act),
    KERNEL("glu", glu),
    KERNEL("rope_table", rope_table),
    KERNEL("rope", rope),
    KERNEL("cache_put *", cache_put),
    KERNEL("attention", attention),
    KERNEL("rows", rows),
    KERNEL("slice", slice),
    KERNEL("softcap", softcap),
    KERNEL("add_rmsnorm", add_rmsnorm),
    KERNEL("add_layernorm", add_layernorm),
    KERNEL("route", route),
    KERNEL("expert_matmul *", expert_matmul),
    KERNEL("weighted_sum", weighted_sum),

    CODEC_FILL(f32),
    CODEC_FILL(f16),
    CODEC_FILL(bf16),
    CODEC_FILL(q8_0),
    CODEC_FILL(q4_0),
    CODEC_FILL(q4_1),
    CODEC_FILL(q5_0),
    CODEC_FILL(q5_1),
    CODEC_FILL(q2_k),
    CODEC_FILL(q3_k),
    CODEC_FILL(q4_k),
    CODEC_FILL(q5_k),
    CODEC_FILL(q6_k),
    CODEC_FILL(iq4_nl),
    CODEC_FILL(iq4_xs),
    CODEC_FILL(mxfp4),
    CODEC_FILL(i8g32),
    CODEC_FILL(i8g64),
    CODEC_FILL(i8g128),
    CODEC_FILL(i8g256),
    CODEC_FILL(i4g32),
    CODEC_FILL(i4g64),
    CODEC_FILL(i4g128),
    CODEC_FILL(i4g256),
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_PART,
    .phases = RIDGE_TRAIN | RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "kernels.portable",
    .version = "0.1.0",
    .summary = "reference kernels for every operator, and the reference codecs",
    .doc = "The definition of each operator in plain C: f32 activations, weights decoded "
           "to f32, one fixed order of summation for each element. Any machine can run "
           "it, and other parts are tested against it.\n\n"
           "Codecs: f32, f16, bf16; q8_0, q4_0, q4_1, q5_0, q5_1, q2_k to q6_k, "
           "iq4_nl, iq4_xs and mxfp4 as in GGUF; i8gN and i4gN, symmetric with one f16 "
           "scale for each group of N in 32, 64, 128, 256.\n\n"
           "**When not**: for speed. A part for the machine takes over by its score.\n",
    .license = "Apache-2.0",
    .source = "",
    .fills = RIDGE_ROWS(fills),
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
