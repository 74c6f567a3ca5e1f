/*
 * x86.c - the part kernels.x86: kernels for x86-64 machines with AVX2, FMA and F16C.
 *
 * This file is compiled for plain x86-64, so that any machine can list the part; the
 * fills say what they need.
 */
#include "x86.h"

#define NEEDS "avx2 fma f16c"
#define KERNEL(key_, table_)                                                            \
  {                                                                                     \
    .seam = RIDGE_SEAM_KERNEL, .table = &x86_##table_, .key = (key_), .needs = NEEDS,   \
    .score = 20                                                                         \
  }

static const ridge_fill fills[] = {
    KERNEL("matmul f32", matmul_f32),
    KERNEL("matmul f16", matmul_f16),
    KERNEL("matmul bf16", matmul_bf16),
    KERNEL("matmul q8_0", matmul_i8),
    KERNEL("matmul i8g32", matmul_i8),
    KERNEL("matmul i8g64", matmul_i8),
    KERNEL("matmul i8g128", matmul_i8),
    KERNEL("matmul i8g256", matmul_i8),
    KERNEL("matmul q4_0", matmul_i4),
    KERNEL("matmul i4g32", matmul_i4),
    KERNEL("matmul i4g64", matmul_i4),
    KERNEL("matmul i4g128", matmul_i4),
    KERNEL("matmul i4g256", matmul_i4),
    KERNEL("matmul q4_1", matmul_i4m),
    KERNEL("matmul *", matmul_any),

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
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_PART,
    .phases = RIDGE_TRAIN | RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_TOLERANT,
    .id = "kernels.x86",
    .version = "0.1.0",
    .summary = "kernels for x86-64 with AVX2, FMA and F16C",
    .doc = "Serves the operators that take the time, on machines with AVX2, FMA and F16C: "
           "weights are packed by output at load, prompt rows meet them as floats, generated "
           "rows of quantized weights as 8-bit integers, prepared once for all operators that "
           "read them. A row's numbers hang on its role alone, never on the batch or the "
           "threads.\n\n"
           "*When not*: on other machines `kernels.portable` serves every operator.\n",
    .license = "Apache-2.0",
    .source = "Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2",
    .fills = RIDGE_ROWS(fills),
    .tolerance = 0.05,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
