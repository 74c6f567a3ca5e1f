/*
 * lost_pages.c - files that become shorter while they are mapped.
 *
 * A signal handler has no argument of ours, so this file has to keep state of its own.
 */
#include "base/lost_pages.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
  volatile sig_atomic_t met;
  uintptr_t page;
  struct sigaction before;
} state;

/* A page of zeros where the file's was.  What is no such fault, or cannot be mended,
 * happens again, and then as if nobody had looked. */
static void mend(int number, siginfo_t *info, void *context) {
  (void)context;
  const uintptr_t at = (uintptr_t)info->si_addr & ~(state.page - 1);
  state.met = 1;
  if (info->si_code == BUS_ADRERR &&
      mmap((void *)at, state.page, PROT_READ | PROT_WRITE,
           MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
    return;
  signal(number, SIG_DFL);
}

void lost_pages_take(void) {
  struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  state.met = 0;
  state.page = (uintptr_t)sysconf(_SC_PAGESIZE);
  sigaction(SIGBUS, &action, &state.before);
}

void lost_pages_give_back(void) { sigaction(SIGBUS, &state.before, NULL); }

bool lost_pages_met(void) { return state.met != 0; }
