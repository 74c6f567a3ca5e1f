/* lying_stride.c - says that a row of its parameters takes 4 bytes. */
#include "bad.h"

BAD_PLUGIN("bad.lying_stride", p->params.stride = 4;)
