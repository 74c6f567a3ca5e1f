/* x86_attention_avx2.c - attention for AVX2, FMA and F16C. */
#include "x86_attention.h"

ATTENTION_KERNEL(x86_attention_avx2)
