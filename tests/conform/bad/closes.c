/* closes.c - closes every descriptor it can find. */
#include "bad.h"

#include <unistd.h>

BAD_PLUGIN("bad.closes", for (int fd = 0; fd < 1024; fd++) close(fd);)
