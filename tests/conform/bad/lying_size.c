/* lying_size.c - says that its description is larger than it is. */
#include "bad.h"

BAD_PLUGIN("bad.lying_size", p->struct_size += 64;)
