/*
 * recipe_child.c - evaluate a recipe in a process of its own.
 *
 * The text goes down in an anonymous file, so that what is evaluated is what was read
 * and neither side waits for the other.  The child limits itself (processor time,
 * wall clock, address space, no files, no processes, few calls of the system); the parent
 * has a clock too.
 */
#include "recipe/recipe.h"
#include "recipe/recipe_eval.h"
#include "recipe/recipe_fault.h"

#include "base/canon.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

extern char **environ;

enum { WALL_SECONDS = 10, MEMORY_BYTES = 1 << 30 };

static ridge_status make_input(const struct recipe_source *source, int *fd,
                               struct why *why) {
  *fd = memfd_create("recipe", MFD_CLOEXEC);
  if (*fd < 0) return why_set(why, RIDGE_IO, "no file for a child: %s", strerror(errno));
  for (size_t done = 0; done < source->size;) {
    ssize_t put = write(*fd, source->text + done, source->size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      close(*fd);
      return why_set(why, RIDGE_IO, "no room for a child's input: %s", strerror(errno));
    }
    done += (size_t)put;
  }
  if (lseek(*fd, 0, SEEK_SET) == 0) return RIDGE_OK;
  close(*fd);
  return why_set(why, RIDGE_IO, "a child's input cannot be rewound: %s", strerror(errno));
}

static ridge_status start(const char *self, int in, int out, pid_t *child,
                          struct why *why) {
  char *words[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "eval-recipe",
                   (char *)(uintptr_t) "-", NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none); /* a blocked SIGALRM would not stop it */
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  int failed = posix_spawn(child, self, &actions, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) return RIDGE_OK;
  return why_set(why, RIDGE_IO, "%s: cannot be started to evaluate a recipe: %s", self,
                 strerror(failed));
}

struct output {
  char *data;
  size_t size, most;
  bool late, large;
};

/* Until the end of output, the deadline, or more than allowed. */
static void collect(int fd, uint64_t deadline_ns, struct output *output) {
  size_t room = 4096;
  output->data = malloc(room);
  while (output->data != NULL) {
    uint64_t now = clock_ns();
    output->late = now >= deadline_ns;
    output->large = output->size > output->most;
    if (output->late || output->large) return;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, (int)((deadline_ns - now) / 1000000) + 1);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    if (output->size + 4096 > room) {
      room *= 2;
      output->data = realloc(output->data, room);
      if (output->data == NULL) break;
    }
    ssize_t got = read(fd, output->data + output->size, room - output->size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    output->size += (size_t)got;
  }
  abort(); /* no memory at all */
}

/* A child that has closed its output may still stay: it is waited for until the
 * deadline, and then not any more. */
static int reap(pid_t child, uint64_t deadline_ns, struct output *output) {
  int status = 0;
  struct timespec nap = {.tv_nsec = 200000};
  bool stop = output->late || output->large;
  while (!stop && waitpid(child, &status, WNOHANG) != child) {
    stop = output->late = clock_ns() >= deadline_ns;
    nanosleep(&nap, NULL);
    if (nap.tv_nsec < 10000000) nap.tv_nsec *= 2;
  }
  if (!stop) return status;
  kill(child, SIGKILL);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

static json_t *stopped_fault(const struct recipe_child_limits *limits,
                             const struct output *output, int status) {
  int sign = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  json_t *fault;
  if (output->large)
    fault = fault_new("R004", (struct place){0}, "the recipe is too large when evaluated");
  else if (sign == SIGPROF || sign == SIGXCPU)
    fault =
        fault_new("R004", (struct place){0},
                  "the recipe was stopped after %d ms of processor time", RECIPE_CPU_MS);
  else if (output->late || sign == SIGALRM)
    fault = fault_new("R004", (struct place){0}, "the recipe was stopped after %d seconds",
                      limits->wall_ms / 1000);
  else
    fault =
        fault_new("R004", (struct place){0},
                  "evaluating the recipe ended in signal %d (%s)", sign, strsignal(sign));
  fault_help(fault, "a recipe is a short description and takes milliseconds");
  return fault;
}

ridge_status recipe_child_run(const char *self, const struct recipe_source *source,
                              const struct recipe_child_limits *limits, char **answer,
                              size_t *size, json_t **fault, struct why *why) {
  int in = -1, out[2];
  pid_t child;
  *fault = NULL;
  ridge_status status = make_input(source, &in, why);
  if (status != RIDGE_OK) return status;
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in);
    return why_set(why, RIDGE_IO, "no pipe for a child: %s", strerror(errno));
  }
  status = start(self, in, out[1], &child, why);
  close(in);
  close(out[1]);
  if (status != RIDGE_OK) {
    close(out[0]);
    return status;
  }
  struct output output = {.most = limits->answer_bytes};
  uint64_t deadline_ns = clock_ns() + (uint64_t)limits->wall_ms * 1000000;
  collect(out[0], deadline_ns, &output);
  close(out[0]);
  int ended = reap(child, deadline_ns, &output);
  if (output.late || output.large || WIFSIGNALED(ended)) {
    *fault = stopped_fault(limits, &output, ended);
  } else if (WEXITSTATUS(ended) != 0) {
    status = why_set(why, RIDGE_INTERNAL, "%s eval-recipe: exit status %d", self,
                     WEXITSTATUS(ended));
  }
  if (*fault == NULL && status == RIDGE_OK) {
    *answer = output.data;
    *size = output.size;
    return RIDGE_OK;
  }
  free(output.data);
  return status;
}

/* --- in the child --- */

static void limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard) {
  struct rlimit now;
  if (getrlimit(what, &now) != 0) return;
  if (now.rlim_max != RLIM_INFINITY && hard > now.rlim_max) hard = now.rlim_max;
  struct rlimit wanted = {.rlim_cur = soft < hard ? soft : hard, .rlim_max = hard};
  setrlimit(what, &wanted);
}

static void limit_self(void) {
  struct itimerval cpu = {.it_value = {RECIPE_CPU_MS / 1000, RECIPE_CPU_MS % 1000 * 1000}};
  setitimer(ITIMER_PROF, &cpu, NULL); /* finer than the limit in seconds behind it */
  limit(RLIMIT_CPU, 2, 3);
  close_range(3, UINT_MAX, 0);
  limit(RLIMIT_CORE, 0, 0);
#ifndef SANITIZED /* they reserve far more memory, and open files at the end */
  limit(RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES);
  limit(RLIMIT_NPROC, 0, 0);
  limit(RLIMIT_NOFILE, 0, 0); /* what is open stays; nothing more can be */
#endif
  alarm(WALL_SECONDS);
#ifndef SANITIZED
  recipe_seal();
#endif
}

static struct recipe_source read_input(int fd) {
  char *data = malloc(RECIPE_BYTES_MOST + 1);
  if (data == NULL) abort();
  size_t size = 0;
  for (ssize_t got = 1; got > 0 && size <= RECIPE_BYTES_MOST;
       size += got > 0 ? (size_t)got : 0)
    got = read(fd, data + size, RECIPE_BYTES_MOST + 1 - size);
  struct recipe_source source = recipe_source_of(data, size);
  source.cut = size > RECIPE_BYTES_MOST;
  free(data);
  return source;
}

int recipe_child_main(const char *file) {
  struct why why;
  struct recipe_source source;
  setlocale(LC_ALL, "C");
  if (strcmp(file, "-") == 0) {
    source = read_input(0);
  } else if (recipe_source_read(file, &source, &why) != RIDGE_OK) {
    fprintf(stderr, "ridge: %s\n", why.text);
    return 1;
  }
  json_object_seed(0); /* from a file, which cannot be opened any more after this: */
  limit_self();
  json_t *answer = recipe_eval(&source, &recipe_limits_usual);
  char *text = canon_text(answer);
  int failed = puts(text) < 0 || fflush(stdout) != 0;
  free(text);
  json_decref(answer);
  recipe_source_free(&source);
  return failed;
}
