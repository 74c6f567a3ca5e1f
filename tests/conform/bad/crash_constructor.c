/* crash_constructor.c - writes to nowhere when the file is opened. */
#include "bad.h"

__attribute__((constructor)) static void crash(void) { *NOWHERE = 1; }

BAD_PLUGIN("bad.crash_constructor", )
