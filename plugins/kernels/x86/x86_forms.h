/*
 * x86_forms.h - the forms that weights are packed in (x86_panel.h says what they hold),
 * and which codec is packed in which.
 */
#ifndef X86_FORMS_H
#define X86_FORMS_H

#include "x86.h"

/* clang-format off */
/* Forms of integers: name, codes, scales, offset.  What stands in a table, and signed
 * bytes, are made unsigned by their offset where the instructions want that. */
#define BYTE_FORMS(X)                                                                      \
  X(I8, 8, HALF, 128)                                                                      \
  X(I4, 4, HALF, 8)                                                                        \
  X(I4M, 4, HALF_LOW, 0)                                                                   \
  X(I5, 5, HALF, 16)                                                                       \
  X(I5M, 5, HALF_LOW, 0)                                                                   \
  X(Q2K, 2, FINE_LOW, 0)                                                                   \
  X(Q3K, 3, FINE, 4)                                                                       \
  X(Q4K, 4, SUPER_LOW, 0)                                                                  \
  X(Q5K, 5, SUPER_LOW, 0)                                                                  \
  X(Q6K, 6, FINE, 32)                                                                      \
  X(NL, NL, HALF, 128)                                                                     \
  X(MX, E2M1, POWER, 12)                                                                   \
  X(XS, NL, SUPER, 128)

#define FLOAT_FORMS(X) X(F32) X(F16) X(BF16)

/* codec, form */
#define CODEC_FORMS(X)                                                                     \
  X("f32", F32) X("f16", F16) X("bf16", BF16)                                              \
  X("q8_0", I8) X("i8g32", I8) X("i8g64", I8) X("i8g128", I8) X("i8g256", I8)              \
  X("q4_0", I4) X("i4g32", I4) X("i4g64", I4) X("i4g128", I4) X("i4g256", I4)              \
  X("q4_1", I4M) X("q5_0", I5) X("q5_1", I5M)                                              \
  X("q2_k", Q2K) X("q3_k", Q3K) X("q4_k", Q4K) X("q5_k", Q5K) X("q6_k", Q6K)               \
  X("iq4_nl", NL) X("iq4_xs", XS) X("mxfp4", MX)
/* clang-format on */

#define KERNELS_OF(name)                                                                   \
  extern const ridge_kernel x86_matmul_##name##_avx2, x86_matmul_##name##_avx512,          \
      x86_expert_##name##_avx2, x86_expert_##name##_avx512;
#define X(name, codes, scales, offset) KERNELS_OF(name)
BYTE_FORMS(X)
#undef X
FLOAT_FORMS(KERNELS_OF)
KERNELS_OF(ROWS)

#endif
