/*
 * x86.c - the part kernels.x86: kernels for x86-64 machines with AVX2, FMA and F16C, and
 * for those that have AVX-512 with VNNI too.
 *
 * This file is compiled for plain x86-64, so that any machine can list the part; the
 * fills say what they need.
 */
#include "x86_forms.h"

#define AVX2   "avx2 fma f16c"
#define AVX512 "avx512f avx512bw avx512dq avx512vl avx512vnni avx2 fma f16c"
#define SCORED(key_, table_, needs_, score_)                                               \
  {                                                                                        \
    .seam = RIDGE_SEAM_KERNEL, .table = &x86_##table_, .key = (key_), .needs = (needs_),   \
    .score = (score_)                                                                      \
  }
/* Twice: results are the same, and packed forms. */
#define BOTH(key, table)                                                                   \
  SCORED(key, table##_avx2, AVX2, 20), SCORED(key, table##_avx512, AVX512, 30)
#define MATMUL(codec, form)                                                                \
  SCORED("matmul " codec, matmul_##form##_avx2, AVX2, 20),                                 \
      SCORED("matmul " codec, matmul_##form##_avx512, AVX512, 30),

#define EXPERTS(codec, form)                                                               \
  SCORED("expert_matmul " codec, expert_##form##_avx2, AVX2, 20),                          \
      SCORED("expert_matmul " codec, expert_##form##_avx512, AVX512, 30),

static const ridge_fill fills[] = {
    CODEC_FORMS(MATMUL) CODEC_FORMS(EXPERTS) SCORED("matmul *", matmul_ROWS_avx2, AVX2, 10),
    SCORED("matmul *", matmul_ROWS_avx512, AVX512, 11),
    SCORED("expert_matmul *", expert_ROWS_avx2, AVX2, 10),
    SCORED("expert_matmul *", expert_ROWS_avx512, AVX512, 11),

    BOTH("attention", attention),
    BOTH("cache_put f32", cache_put),
    BOTH("cache_put f16", cache_put),
    BOTH("rmsnorm", rmsnorm),
    BOTH("layernorm", layernorm),
    BOTH("add_rmsnorm", add_rmsnorm),
    BOTH("add_layernorm", add_layernorm),
    BOTH("add", add),
    BOTH("mul", mul),
    BOTH("scale", scale),
    BOTH("act", act),
    BOTH("glu", glu),
    BOTH("softcap", softcap),
    BOTH("rope", rope),
    BOTH("embed *", embed),
    BOTH("rows", rows),
    BOTH("slice", slice),
    BOTH("rope_table", rope_table),
    BOTH("route", route),
    BOTH("weighted_sum", weighted_sum),
};

static const char doc[] =
    "Weights are packed at load, sixteen outputs side by side, so that one row and many "
    "rows add each element in the same order: results hang neither on the batch nor on "
    "the number of threads.\n\n"
    "- **f32, f16, bf16 weights**: f32 arithmetic; differs from kernels.portable only by "
    "the order of sums (logits by about 1e-4).\n"
    "- **quantized weights** (q8_0, q4_0 to q5_1, q2_k to q6_k, iq4_nl, iq4_xs, mxfp4, "
    "i8gN, i4gN): rows are rounded to int8 in groups of 32, with one f32 scale each, and "
    "multiplied as integers; prompt rows and generated ones alike. This is what decoding "
    "at the speed of memory takes, what reads prompts faster than f32 could, and what the "
    "tolerance is for.\n"
    "- **other codecs**: decoded block by block.\n"
    "- **products with chosen experts** are the same products, over the rows that chose "
    "each.\n\n"
    "Every kernel exists for AVX2 and for AVX-512 with VNNI, with the same results bit for "
    "bit.\n\n"
    "Attention takes the softmax over up to 1024 positions as the definition has it, and "
    "longer contexts stretch by stretch, with a running maximum; a cache in any codec is "
    "decoded a tile at a time, for all heads that share it.  Exponentials are polynomials "
    "within 2 ulp; gelu's erf is within 1.5e-7.\n\n"
    "**When not**: where every bit has to be the reference's; set `engine.kernels` to "
    "`reference` then.\n";

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_PART,
    .phases = RIDGE_TRAIN | RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_TOLERANT,
    .id = "kernels.x86",
    .version = "0.1.0",
    .summary = "kernels for x86-64 with AVX2, FMA and F16C, and with AVX-512",
    .doc = doc,
    .license = "Apache-2.0",
    .source = "",
    .fills = RIDGE_ROWS(fills),
    .tolerance = 0.25,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
