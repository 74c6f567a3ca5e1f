/* testing.c - helpers shared by the tests. */
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *join(const char *a, const char *b) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", a, b) < 0) abort();
  return path;
}

void testing_skip_without(const char *what) {
  print_message("skipped: %s is not there\n", what);
  skip();
}

char *testing_source(const char *relative) { return join(TEST_SOURCE_DIR, relative); }

char *testing_shared(const char *relative) {
  char *base = join(TEST_SOURCE_DIR, "../shared");
  char *path = join(base, relative);
  free(base);
  if (access(path, R_OK) == 0) return path;
  free(path);
  return NULL;
}

/* Scratch directories of a test that failed, fell or was killed are removed, too: by a
 * process that is told their names, and waits for the end of all who could tell it more.
 * It is nobody's child, has none of our descriptors, and no terminal reaches it. */
static void wait_and_remove(int names) {
  int null = open("/dev/null", O_RDWR);
  if (setsid() < 0 || fork() != 0) _exit(0);
  dup2(names, 0);
  dup2(null, 1);
  dup2(null, 2);
  close_range(3, ~0u, 0);
  execlp("sh", "sh", "-c",
         "while IFS= read -r d; do set -- \"$@\" \"$d\"; done; rm -rf -- \"$@\"",
         (char *)NULL);
  _exit(127);
}

static int start_remover(void) {
  int names[2];
  if (pipe2(names, O_CLOEXEC) != 0) abort();
  pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    close(names[1]);
    wait_and_remove(names[0]);
  }
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
  close(names[0]);
  return names[1];
}

static char *make_directory(int remover) {
  char *dir = strdup("/tmp/ridge-test-XXXXXX");
  if (dir == NULL || mkdtemp(dir) == NULL) abort();
  if (dprintf(remover, "%s\n", dir) < 0) abort();
  return dir;
}

char *testing_scratch(void) {
  static int remover = -1;
  if (remover < 0) remover = start_remover();
  return make_directory(remover);
}

/* The catalog and settings of whoever runs the tests are none of their business.  With a
 * remover of its own: the first scratch directory's may belong to a child. */
__attribute__((constructor)) static void leave_home(void) {
  char *home = make_directory(start_remover());
  if (setenv("XDG_DATA_HOME", home, 1) != 0 || unsetenv("RIDGE_CATALOG") != 0 ||
      unsetenv("RIDGE_STALL_SECONDS") != 0)
    abort();
  free(home);
}

void testing_remove(char *dir) {
  pid_t child = fork();
  if (child == 0) {
    execlp("rm", "rm", "-rf", dir, (char *)NULL);
    _exit(127);
  }
  if (child > 0) waitpid(child, NULL, 0);
  free(dir);
}

struct growing {
  char *data;
  size_t size;
};

/* Append what can be read; false at the end of input. */
static bool drain(int fd, struct growing *to) {
  char chunk[65536];
  ssize_t got = read(fd, chunk, sizeof chunk);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  to->data = realloc(to->data, to->size + (size_t)got + 1);
  if (to->data == NULL) abort();
  memcpy(to->data + to->size, chunk, (size_t)got);
  to->size += (size_t)got;
  to->data[to->size] = 0;
  return true;
}

static void collect(int out, int err, struct growing *to_out, struct growing *to_err) {
  struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) abort();
    if (fds[0].revents != 0 && !drain(out, to_out)) fds[0].fd = -1;
    if (fds[1].revents != 0 && !drain(err, to_err)) fds[1].fd = -1;
  }
}

struct testing_output testing_ridge(const char *const *words) {
  size_t n = 0;
  while (words[n] != NULL) n++;
  const char **argv = calloc(n + 2, sizeof *argv);
  int out[2], err[2];
  if (argv == NULL || pipe(out) != 0 || pipe(err) != 0) abort();
  argv[0] = TEST_BUILD_DIR "/ridge";
  memcpy(argv + 1, words, n * sizeof *argv);
  pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    close(out[0]);
    close(err[0]);
    close(out[1]);
    close(err[1]);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  struct growing to_out = {calloc(1, 1), 0}, to_err = {calloc(1, 1), 0};
  collect(out[0], err[0], &to_out, &to_err);
  close(out[0]);
  close(err[0]);
  int status = 0;
  waitpid(child, &status, 0);
  free(argv);
  return (struct testing_output){
      .out = to_out.data,
      .err = to_err.data,
      .out_bytes = to_out.size,
      .err_bytes = to_err.size,
      .exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
  };
}

void testing_output_free(struct testing_output *output) {
  free(output->out);
  free(output->err);
}
