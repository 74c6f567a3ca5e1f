/* closed_room.c - the process in which a plugin that nobody trusts yet is looked at. */
#include "registry/closed_room.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  PRINTED_MOST = 1 << 20,
  ANSWER_FD = 100, /* out of the way of what a constructor may open or close */
};
static const rlim_t memory_most = (rlim_t)4 << 30;

/* Whatever the host, or who started it, left open is none of the plugin's business. */
static bool close_between(int lo, int hi) {
  return lo > hi || close_range((unsigned)lo, (unsigned)hi, 0) == 0;
}

static bool redirect(struct closed_room *room) {
  room->answer = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, ANSWER_FD);
  int caught = memfd_create("ridge-caught", MFD_CLOEXEC);
  if (room->answer < 0 || caught < 0) return false;
  room->caught = fcntl(caught, F_DUPFD_CLOEXEC, room->answer + 1);
  return room->caught >= 0 && close_between(3, room->answer - 1) &&
         close_between(room->answer + 1, room->caught - 1) &&
         close_between(room->caught + 1, INT_MAX) &&
         dup2(room->caught, STDOUT_FILENO) == STDOUT_FILENO &&
         dup2(room->caught, STDERR_FILENO) == STDERR_FILENO;
}

static void limit(__rlimit_resource_t what, rlim_t most) {
  struct rlimit now;
  if (getrlimit(what, &now) != 0) return;
  if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most) most = now.rlim_max;
  now.rlim_cur = now.rlim_max = most;
  setrlimit(what, &now);
}

static void confine(unsigned cpu_seconds) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the host is interrupted, this ends too */
  limit(RLIMIT_CPU, cpu_seconds);
  limit(RLIMIT_FSIZE, PRINTED_MOST);
  limit(RLIMIT_CORE, 0);
  if (!CLOSED_ROOM_SANITIZED)
    limit(RLIMIT_AS, memory_most); /* shadow memory takes terabytes */
  /* A sanitizer's handlers would turn the signal into an exit status. */
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], SIG_DFL);
}

/* Threads of this process, or 0 when /proc does not say. */
static size_t count_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  size_t n = 0;
  if (tasks == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
    n += entry->d_name[0] != '.';
  closedir(tasks);
  return n;
}

bool closed_room_enter(struct closed_room *room, unsigned cpu_seconds) {
  if (!redirect(room)) return false;
  room->threads = count_threads();
  confine(cpu_seconds);
  return true;
}

static bool write_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

bool closed_room_say(const struct closed_room *room, json_t *object) {
  char *line = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(object);
  if (line == NULL) return false;
  bool said =
      write_all(room->answer, line, strlen(line)) && write_all(room->answer, "\n", 1);
  free(line);
  return said;
}

ridge_status closed_room_silent(const struct closed_room *room, const char *when,
                                struct why *why) {
  char piece[60];
  fflush(NULL);
  ssize_t n = pread(room->caught, piece, sizeof piece, 0);
  if (n <= 0) return RIDGE_OK;
  struct text quoted = text_new(1024);
  text_quote(&quoted, piece, (size_t)n);
  why_set(why, RIDGE_INVALID, "it prints %s (%s%s); a plugin stays silent", when,
          quoted.data, n == (ssize_t)sizeof piece ? "..." : "");
  text_free(&quoted);
  return RIDGE_INVALID;
}

ridge_status closed_room_alone(const struct closed_room *room, const char *when,
                               struct why *why) {
  if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
    return why_set(why, RIDGE_INVALID,
                   "it starts a process %s; a plugin runs nothing of its own", when);
  if (count_threads() <= room->threads) return RIDGE_OK;
  return why_set(why, RIDGE_INVALID,
                 "it starts a thread %s; a plugin uses the host's `parallel`", when);
}
