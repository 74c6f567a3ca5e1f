/* aborts.c - aborts while it is described. */
#include "bad.h"

#include <stdlib.h>

BAD_PLUGIN("bad.aborts", abort();)
