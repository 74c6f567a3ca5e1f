/* exits.c - ends the process, as if all were well. */
#include "bad.h"

#include <stdlib.h>

BAD_PLUGIN("bad.exits", exit(0);)
