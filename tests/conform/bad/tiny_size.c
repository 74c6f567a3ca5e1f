/* tiny_size.c - says that its description ends before its first field. */
#include "bad.h"

BAD_PLUGIN("bad.tiny_size", p->struct_size = 8;)
