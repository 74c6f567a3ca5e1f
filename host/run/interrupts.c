/*
 * interrupts.c - whoever asked for the work wants it to end.
 *
 * A signal handler has no argument of ours, so this file has to keep state of its own.
 */
#include "run/interrupts.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
enum { N_TAKEN = sizeof taken / sizeof *taken };

static struct {
  volatile sig_atomic_t noted;
  int depth;
  struct sigaction before[N_TAKEN];
} state;

static void note(int number) {
  (void)number;
  state.noted = 1;
}

/* What was ignored from the start (nohup) stays so. */
static void take(int number, struct sigaction *before) {
  struct sigaction action = {.sa_handler = number == SIGPIPE ? SIG_IGN : note};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(number, NULL, before);
  if (before->sa_handler != SIG_IGN) sigaction(number, &action, NULL);
}

void interrupts_take(void) {
  if (state.depth++ > 0) return;
  state.noted = 0;
  for (size_t i = 0; i < N_TAKEN; i++) take(taken[i], &state.before[i]);
}

void interrupts_give_back(void) {
  if (--state.depth > 0) return;
  for (size_t i = 0; i < N_TAKEN; i++) sigaction(taken[i], &state.before[i], NULL);
}

bool interrupts_noted(void) { return state.noted != 0; }

bool interrupts_seen(void) { return interrupts_noted() || output_is_unread(); }

/* The other end of a pipe: poll tells of its close without a byte being written. */
static bool is_unread(int fd) {
  struct stat facts;
  struct pollfd look = {.fd = fd};
  if (fstat(fd, &facts) != 0) return false;
  if (!S_ISFIFO(facts.st_mode) && !S_ISSOCK(facts.st_mode)) return false;
  return poll(&look, 1, 0) == 1 && (look.revents & (POLLERR | POLLHUP)) != 0;
}

bool output_is_unread(void) { return is_unread(STDOUT_FILENO) || is_unread(STDERR_FILENO); }
