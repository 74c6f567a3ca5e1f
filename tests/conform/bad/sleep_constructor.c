/* sleep_constructor.c - waits for ever as the file is opened, using no processor time. */
#include "bad.h"

#include <unistd.h>

__attribute__((constructor)) static void sleep_on(void) {
  for (;;) pause();
}

BAD_PLUGIN("bad.sleep_constructor", )
