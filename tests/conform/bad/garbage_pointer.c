/* garbage_pointer.c - its doc is at an address that no process has. */
#include "bad.h"

BAD_PLUGIN("bad.garbage_pointer", p->doc = (const char *)(uintptr_t)0x1234567;)
