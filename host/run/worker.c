/*
 * worker.c - one job read from a pipe, executed, reported.
 *
 * Opens the plugins the supervisor planned with (and only those very files), then hands
 * over to the session.  Waits at the end until the supervisor has heard the last word, so
 * that it can still look at this process.
 */
#include "run/worker.h"

#include "engine/session.h"
#include "run/caller.h"
#include "run/wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GOODBYE_MS = 5000 };

struct worker {
  int fd;
  pthread_mutex_t lock; /* `say` and `stopped` come from the main and the step thread */
  struct lines heard;
  bool stop, gone; /* asked to stop; nobody listens any more */
  bool last_word;  /* "done" or "refused" was said           */
  json_t *job;
  struct machine machine;
  struct machine_speed speed;
  bool has_speed;
  int64_t calibration, calibrated;
  struct instances plugins;
};

/* Saying -------------------------------------------------------------------------- */

static void write_all(struct worker *worker, const char *bytes, size_t n) {
  while (n > 0 && !worker->gone) {
    ssize_t wrote = send(worker->fd, bytes, n, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0)
      worker->gone = true;
    else
      bytes += wrote, n -= (size_t)wrote;
  }
}

static void say(void *ctx, json_t *message) {
  struct worker *worker = ctx;
  size_t size = 0;
  if (message == NULL) /* a text that is not UTF-8, most likely */
    message = json_pack("{s:s, s:s, s:s}", "t", "event", "level", "error", "text",
                        "a message could not be made and is lost");
  char *text = message != NULL ? wire_text(message, &size) : NULL;
  const char *kind = json_string_value(json_object_get(message, "t"));
  pthread_mutex_lock(&worker->lock);
  if (kind != NULL && (strcmp(kind, "done") == 0 || strcmp(kind, "refused") == 0))
    worker->last_word = true;
  if (text != NULL) write_all(worker, text, size);
  pthread_mutex_unlock(&worker->lock);
  free(text);
  json_decref(message);
}

static int fail(struct worker *worker, const char *sentence) {
  if (!worker->last_word)
    say(worker,
        json_pack("{s:s, s:s, s:s}", "t", "done", "status", "failed", "why", sentence));
  return EXIT_FAILED;
}

/* Hearing ------------------------------------------------------------------------- */

static void each_word(void *ctx, char *line, size_t size) {
  struct worker *worker = ctx;
  struct why why;
  json_t *message = wire_parse(line, size, &why);
  const char *kind = json_string_value(json_object_get(message, "t"));
  if (kind != NULL && strcmp(kind, "stop") == 0) worker->stop = true;
  json_decref(message);
}

/* Whoever asked for the run is gone, or wants it to end. */
static bool stopped(void *ctx) {
  struct worker *worker = ctx;
  char buffer[4096];
  pthread_mutex_lock(&worker->lock);
  if (!worker->stop && !worker->gone) {
    ssize_t n = recv(worker->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0) worker->gone = true;
    if (n > 0 && !lines_add(&worker->heard, buffer, (size_t)n, each_word, worker))
      worker->gone = true;
  }
  bool stop = worker->stop || worker->gone;
  pthread_mutex_unlock(&worker->lock);
  return stop;
}

struct first_line {
  json_t *job;
  struct why why;
};

static void take_job(void *ctx, char *line, size_t size) {
  struct first_line *first = ctx;
  if (first->job == NULL) first->job = wire_parse(line, size, &first->why);
}

/* The first line, byte blocks peeked at so that nothing behind it is taken. */
static json_t *read_job(struct worker *worker, struct why *why) {
  struct first_line first = {0};
  struct lines lines = lines_new(WIRE_LINE_LIMIT);
  char buffer[65536];
  (void)why_set(&first.why, RIDGE_IO, "the pipe ended before the job came");
  for (bool whole = false; !whole;) {
    ssize_t n = recv(worker->fd, buffer, sizeof buffer, MSG_PEEK);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const char *end = memchr(buffer, '\n', (size_t)n);
    size_t take = end != NULL ? (size_t)(end - buffer) + 1 : (size_t)n;
    if (recv(worker->fd, buffer, take, 0) != (ssize_t)take) break;
    whole = end != NULL;
    if (!lines_add(&lines, buffer, take, take_job, &first)) break;
  }
  lines_free(&lines);
  *why = first.why;
  return first.job;
}

/* The job ------------------------------------------------------------------------- */

static ridge_status read_facts(struct worker *worker, struct why *why) {
  ridge_status status =
      machine_from_json(json_object_get(worker->job, "machine"), &worker->machine, why);
  if (status != RIDGE_OK) return status;
  const json_t *speed = json_object_get(worker->job, "speed");
  worker->has_speed = speed != NULL && !json_is_null(speed);
  if (!worker->has_speed) return RIDGE_OK;
  if (!wire_int(speed, "calibration", 0, INT64_MAX, &worker->calibration) ||
      !wire_int(speed, "measured", 0, INT64_MAX, &worker->calibrated))
    return why_set(why, RIDGE_CORRUPT, "job: `speed` without `calibration` or `measured`");
  return machine_speed_from_json(json_object_get(speed, "curve"), &worker->speed, why);
}

static ridge_status attach_blame(struct worker *worker, struct why *why) {
  int64_t fd;
  if (!wire_int(worker->job, "blame_fd", -1, INT32_MAX, &fd))
    return why_set(why, RIDGE_CORRUPT, "job: `blame_fd` is missing");
  ridge_status status = blame_attach((int)fd, why);
  if (status != RIDGE_OK) return status;
  blame_thread(0);
  if (fd >= 0) close((int)fd); /* mapped by now */
  return RIDGE_OK;
}

static ridge_status open_plugin(struct worker *worker, const json_t *row, struct why *why) {
  const char *path, *build;
  struct instance *instance;
  const json_t *params = json_object_get(row, "params");
  bool may_idle = json_is_true(json_object_get(row, "may_idle"));
  if (!wire_text_of(row, "path", &path) || !wire_text_of(row, "build", &build) ||
      !json_is_object(params))
    return why_set(why, RIDGE_CORRUPT, "job: a plugin without `path`, `build` or `params`");
  return instances_add_build(&worker->plugins, path, build, params, may_idle, &instance,
                             why);
}

static ridge_status open_plugins(struct worker *worker, struct why *why) {
  size_t i;
  const json_t *row;
  int64_t seed;
  if (!wire_int(json_object_get(worker->job, "recipe"), "seed", INT64_MIN, INT64_MAX,
                &seed))
    return why_set(why, RIDGE_CORRUPT, "job: the recipe has no `seed`");
  worker->plugins.seed = (uint64_t)seed;
  json_array_foreach(json_object_get(worker->job, "plugins"), i, row) {
    ridge_status status = open_plugin(worker, row, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}

static int run_session(struct worker *worker) {
  const json_t *job = worker->job;
  const char *mode = json_string_value(json_object_get(job, "mode"));
  struct session_job session = {
      .composition = json_object_get(job, "composition"),
      .paths = json_object_get(job, "paths"),
      .recipe = json_object_get(job, "recipe"),
      .origins = json_object_get(job, "origins"),
      .plugins = &worker->plugins,
      .machine = &worker->machine,
      .speed = worker->has_speed ? &worker->speed : NULL,
      .calibration = worker->calibration,
      .calibrated = worker->calibrated,
      .sink = {.ctx = worker, .say = say, .stopped = stopped},
      .plan_only = mode != NULL && strcmp(mode, "plan") == 0,
  };
  int exit = session_run(&session);
  if (!worker->last_word && exit == EXIT_OK)
    say(worker, json_pack("{s:s, s:s}", "t", "done", "status", "done"));
  else if (!worker->last_word)
    return fail(worker, "the session failed without saying why");
  return exit;
}

static int run_job(struct worker *worker) {
  struct why why;
  worker->job = read_job(worker, &why);
  if (worker->job == NULL) return fail(worker, why.text);
  if (attach_blame(worker, &why) != RIDGE_OK) return fail(worker, why.text);
  if (read_facts(worker, &why) != RIDGE_OK) return fail(worker, why.text);
  if (open_plugins(worker, &why) != RIDGE_OK) return fail(worker, why.text);
  return run_session(worker);
}

/* Our last word is heard when the other side ends its own. */
static void wait_for_goodbye(struct worker *worker) {
  struct pollfd pipe = {.fd = worker->fd, .events = POLLIN};
  while (!worker->gone && poll(&pipe, 1, GOODBYE_MS) > 0) {
    char buffer[4096];
    if (recv(worker->fd, buffer, sizeof buffer, MSG_DONTWAIT) <= 0) return;
  }
}

int worker_main(int fd) {
  struct worker worker = {
      .fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER, .heard = lines_new(4096)};
  /* A killed supervisor takes its worker with it. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  int exit = run_job(&worker);
  wait_for_goodbye(&worker);
  instances_free(&worker.plugins);
  json_decref(worker.job);
  lines_free(&worker.heard);
  return exit;
}
