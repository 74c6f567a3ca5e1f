/* threads.c - starts a thread while it is described. */
#include "bad.h"

#include <pthread.h>
#include <unistd.h>

static void *wait_on(void *arg) {
  for (;;) pause();
  return arg;
}

BAD_PLUGIN("bad.threads", pthread_t thread; pthread_create(&thread, NULL, wait_on, NULL);)
