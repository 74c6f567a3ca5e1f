/* crash_exit.c - describes itself well and crashes as the process ends. */
#include "bad.h"

__attribute__((destructor)) static void crash(void) { *NOWHERE = 1; }

BAD_PLUGIN("bad.crash_exit", )
