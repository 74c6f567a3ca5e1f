/* no_tolerance.c - tolerant, but does not say how much. */
#include "bad.h"

BAD_PLUGIN("bad.no_tolerance", p->effect = RIDGE_TOLERANT;)
