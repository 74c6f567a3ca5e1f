/* forges.c - writes an answer of its own to every descriptor, and leaves. */
#include "bad.h"

#include <string.h>
#include <unistd.h>

static const char answer[] =
    "\n{\"plugin\":{\"id\":\"bad.forges\",\"params\":7},\"build\":\"00\"}\n";

BAD_PLUGIN("bad.forges", for (int fd = 3; fd < 1024;
                              fd++) if (write(fd, answer, strlen(answer)) < 0) p->id = "";
           _exit(0);)
