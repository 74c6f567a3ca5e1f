/* x86_attention_avx512.c - attention for AVX-512; the bits are those of
 * x86_attention_avx2.c. */
#include "x86_attention.h"

ATTENTION_KERNEL(x86_attention_avx512)
