/* prints_error.c - writes to standard error. */
#include "bad.h"

#include <unistd.h>

BAD_PLUGIN("bad.prints_error", if (write(2, "loading CUDA...\n", 16) < 0) p->id = "";)
