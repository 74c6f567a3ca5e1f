/* lying_count.c - says that it has four billion parameters. */
#include "bad.h"

BAD_PLUGIN("bad.lying_count", p->params.count = UINT32_MAX;)
