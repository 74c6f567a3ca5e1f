/* constructor.c - runs code when it is opened, harmless as it is. */
#include "../bad/bad.h"

static volatile int prepared; /* or a compiler does it beforehand */
__attribute__((constructor)) static void prepare(void) { prepared = 1; }

BAD_PLUGIN("faulty.constructor", p->phases = prepared ? RIDGE_INFER : RIDGE_TRAIN;)
