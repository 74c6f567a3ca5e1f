/* crash_description.c - writes to nowhere when it is asked what it is. */
#include "bad.h"

BAD_PLUGIN("bad.crash_description", *NOWHERE = 1;)
