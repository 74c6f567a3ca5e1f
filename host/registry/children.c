/* children.c - several short child processes at once, each under a time limit. */
#include "registry/children.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 20, AT_ONCE_MOST = 16 };

extern char **environ;

/* Starting --------------------------------------------------------------------------- */

static int fill_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  int error = posix_spawnattr_setflags(
      attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (error == 0) error = posix_spawnattr_setpgroup(attributes, 0);
  if (error == 0) error = posix_spawnattr_setsigmask(attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &all);
  return error;
}

static int fill_actions(posix_spawn_file_actions_t *actions, int out) {
  int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
  if (error == 0) error = posix_spawn_file_actions_adddup2(actions, out, 1);
  if (error == 0)
    error = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
  return error;
}

static int spawn(struct child *child, int out) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = posix_spawnattr_init(&attributes);
  if (error != 0) return error;
  error = posix_spawn_file_actions_init(&actions);
  if (error == 0) {
    error = fill_attributes(&attributes);
    if (error == 0) error = fill_actions(&actions, out);
    if (error == 0)
      error = posix_spawn(&child->pid, child->words[0], &actions, &attributes,
                          (char *const *)(uintptr_t)child->words, environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_destroy(&attributes);
  return error;
}

/* Above the standard descriptors, also when a caller has closed those. */
static int raise_descriptor(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  close(fd);
  return higher;
}

static ridge_status start(struct child *child, uint64_t timeout_ms, struct why *why) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return why_set(why, RIDGE_IO, "no pipe for a child process: %s", strerror(errno));
  ends[1] = raise_descriptor(ends[1]);
  int error = ends[1] < 0 ? errno : spawn(child, ends[1]);
  if (ends[1] >= 0) close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return why_set(why, RIDGE_IO, "%s cannot be started: %s", child->words[0],
                   strerror(error));
  }
  int flags = fcntl(ends[0], F_GETFL);
  fcntl(ends[0], F_SETFL, (int)((unsigned)flags | (unsigned)O_NONBLOCK));
  child->pipe = ends[0];
  child->output = text_new(CHILD_OUTPUT_MOST);
  child->deadline_ns = clock_ns() + timeout_ms * 1000000u;
  child->running = true;
  return RIDGE_OK;
}

/* Ending ----------------------------------------------------------------------------- */

static void kill_group(const struct child *child) {
  kill(-child->pid, SIGKILL);
  kill(child->pid, SIGKILL);
}

/* Take what is in the pipe; closes it at its end. */
static void drain(struct child *child) {
  char chunk[16384];
  while (child->pipe >= 0) {
    ssize_t n = read(child->pipe, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) text_bytes(&child->output, chunk, (size_t)n);
    if (n > 0 && !child->output.full) continue;
    child->too_much = child->output.full;
    close(child->pipe);
    child->pipe = -1;
  }
}

/* Has the process ended?  It stays unreaped, so that its number, which is also that of
 * its group, cannot meanwhile be anybody else's. */
static bool has_ended(const struct child *child) {
  siginfo_t info = {.si_pid = 0};
  if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
    return info.si_pid == child->pid;
  return errno == ECHILD; /* somebody else took its status: only its output can speak */
}

/* What it wrote is complete, whoever may still hold the pipe. */
static void finish(struct child *child) {
  kill_group(child);
  drain(child);
  child->status = 0;
  while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR) {}
  if (child->pipe >= 0) close(child->pipe);
  child->pipe = -1;
  child->running = false;
}

static void look(struct child *child) {
  drain(child);
  if (!child->timed_out && !child->too_much && clock_ns() >= child->deadline_ns)
    child->timed_out = true;
  if (has_ended(child)) {
    child->timed_out = false; /* it was in time after all */
    finish(child);
  } else if (child->timed_out || child->too_much) {
    finish(child); /* kills, and waits for the end of what cannot be ignored */
  }
}

static void stop_all(struct child *children, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (children[i].running) finish(&children[i]);
}

/* All of them ------------------------------------------------------------------------ */

/* A few more than there are CPUs, since one that hangs should not hold up the rest. */
static size_t at_once(void) {
  cpu_set_t set;
  size_t cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
  return cpus + 2 < AT_ONCE_MOST ? cpus + 2 : AT_ONCE_MOST;
}

/* Sleep until a pipe has something or a tick has passed: the end of a process whose
 * pipe somebody else holds is seen only by asking. */
static void wait_for_news(const struct child *children, size_t n) {
  struct pollfd fds[AT_ONCE_MOST];
  nfds_t used = 0;
  bool silent = false; /* one has closed its output and lives on */
  for (size_t i = 0; i < n && used < AT_ONCE_MOST; i++) {
    if (!children[i].running) continue;
    if (children[i].pipe < 0)
      silent = true;
    else
      fds[used++] = (struct pollfd){.fd = children[i].pipe, .events = POLLIN};
  }
  poll(fds, used, silent ? 1 : TICK_MS);
}

ridge_status children_run(struct child *children, size_t n, uint64_t timeout_ms,
                          struct why *why) {
  size_t next = 0, running = 0, most = at_once();
  for (size_t i = 0; i < n; i++) children[i].pipe = -1;
  while (next < n || running > 0) {
    while (next < n && running < most) {
      ridge_status status = start(&children[next], timeout_ms, why);
      if (status != RIDGE_OK) {
        stop_all(children, n);
        return status;
      }
      next++;
      running++;
    }
    wait_for_news(children, n);
    for (size_t i = 0; i < next; i++) {
      if (!children[i].running) continue;
      look(&children[i]);
      if (!children[i].running) running--;
    }
  }
  return RIDGE_OK;
}

void children_free(struct child *children, size_t n) {
  for (size_t i = 0; i < n; i++) text_free(&children[i].output);
}

const char *signal_word(int signal_number, char room[32]) {
  const char *name = sigabbrev_np(signal_number);
  if (name != NULL)
    snprintf(room, 32, "SIG%s", name);
  else
    snprintf(room, 32, "signal %d", signal_number);
  return room;
}
