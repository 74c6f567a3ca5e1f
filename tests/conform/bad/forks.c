/* forks.c - leaves a process behind that holds everything open. */
#include "bad.h"

#include <unistd.h>

BAD_PLUGIN("bad.forks", if (fork() == 0) for (;;) pause();)
