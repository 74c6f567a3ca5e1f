/* constructor.c - runs code when it is opened, harmless as it is. */
#include "../bad/bad.h"

static int prepared;
__attribute__((constructor)) static void prepare(void) { prepared = 1; }

BAD_PLUGIN("faulty.constructor", p->phases = prepared ? RIDGE_INFER : RIDGE_TRAIN;)
