/*
 * child.c - one worker process, watched until it is gone.
 *
 * The worker runs in a session of its own, so that Ctrl-C on the terminal reaches the
 * supervisor alone and is passed on as a word, and so that a kill takes whatever the
 * worker may have started with it.
 */
#include "run/child.h"

#include "base/blame.h"
#include "base/clock.h"
#include "run/wire.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
  TICK_MS = 100,
  USAGE_TICKS = 5, /* memory and CPU time are read twice a second */
  DEFAULT_SILENCE_MS = 600000,
  DEFAULT_EXIT_MS = 30000,
  DEFAULT_STALL_MS = 30000, /* a kernel, a tensor rewritten, a load: seconds, when slow */
  LONG_CALL_MS = 1000,      /* below that nobody can be said to have been at it        */
  PIPES_MS = 1000,          /* for what is left in the pipes after the end */
  BLAME_FD = 4,
  OUTPUT_LINE = 4096,
};

enum { MESSAGES, OUT, ERR, N_STREAMS };
static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_INTERRUPTS = sizeof interrupts / sizeof *interrupts };

struct stream {
  uv_pipe_t pipe;
  struct lines lines;
  const char *name;
  struct child *child;
  bool open;
};

struct child {
  const struct child_job *job;
  struct child_end *end;
  uv_loop_t loop;
  uv_process_t process;
  uv_timer_t timer;
  uv_signal_t signals[N_INTERRUPTS];
  struct stream streams[N_STREAMS];
  struct blame_page *page;
  struct blame_watch calls;
  uint64_t tell_after_ms; /* of the call that goes on; 0: nothing was told of it */
  char *job_text;
  uint64_t heard_ns, finished_ns, ended_ns, unread_ns;
  int interrupts, ticks;
  bool running, closed;
  char buffer[65536];
};

static uint64_t or_default(uint64_t value, uint64_t fallback) {
  return value != 0 ? value : fallback;
}

/* What the system says about the worker ------------------------------------------- */

static void read_peak(struct child *child) {
  char path[64], line[256];
  unsigned long long kib;
  snprintf(path, sizeof path, "/proc/%d/status", (int)child->process.pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "VmHWM: %llu", &kib) == 1) child->end->peak_rss = kib * 1024;
  fclose(file);
}

static void read_cpu(struct child *child) {
  char path[64], line[1024];
  unsigned long long user, system;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)child->process.pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  const char *after = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
  fclose(file);
  if (after == NULL) return; /* the name may hold blanks: fields count from its end */
  if (sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
             &system) == 2)
    child->end->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void read_usage(struct child *child) {
  if (!child->running) return;
  read_peak(child);
  read_cpu(child);
}

/* Ending it ----------------------------------------------------------------------- */

static uint64_t stall_ms(const struct child *child) {
  return or_default(child->job->stall_ms, DEFAULT_STALL_MS);
}

/* Who is at it, and for how long: what is known of a worker that is about to be killed,
 * or was. */
static void note_executing(struct child *child) {
  struct child_end *end = child->end;
  uint64_t now = clock_ns();
  blame_look(child->page, &child->calls, now);
  uint64_t ms = blame_longest_ns(child->page, &child->calls, now, end->executing) / 1000000;
  end->stalled = end->executing[0] != 0 && ms >= stall_ms(child);
  if (ms < LONG_CALL_MS && !end->stalled) end->executing[0] = 0;
  end->executing_seconds = end->executing[0] != 0 ? (double)ms * 1e-3 : 0;
}

static void kill_worker(struct child *child, const char *reason) {
  if (!child->running || child->end->killed) return;
  child->end->killed = true;
  note_executing(child);
  snprintf(child->end->why, sizeof child->end->why, "%s", reason);
  read_usage(child);
  if (kill(-child->process.pid, SIGKILL) != 0) uv_process_kill(&child->process, SIGKILL);
}

static void close_stream(struct stream *stream) {
  if (!stream->open) return;
  stream->open = false;
  uv_close((uv_handle_t *)&stream->pipe, NULL);
}

/* libuv leaves each signal to its default action when it lets go of it; who started this
 * may have one of its own, which is put back while none can come. */
static void hold_signals(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < N_INTERRUPTS; i++) sigaddset(&set, interrupts[i]);
  pthread_sigmask(how, &set, NULL);
}

/* All is said: the timer and what is still open go, and the loop stops. */
static void close_all(struct child *child) {
  if (child->closed) return;
  child->closed = true;
  hold_signals(SIG_BLOCK);
  for (int i = 0; i < N_STREAMS; i++) close_stream(&child->streams[i]);
  uv_close((uv_handle_t *)&child->timer, NULL);
  uv_stop(&child->loop);
}

/* A signal that libuv has caught waits in a pipe of its own, and is lost with its handle:
 * now that no more can come, the loop goes round once for those that did. */
static void run_to_end(struct child *child) {
  uv_run(&child->loop, UV_RUN_DEFAULT); /* until close_all */
  uv_run(&child->loop, UV_RUN_NOWAIT);
  for (int i = 0; i < N_INTERRUPTS; i++) uv_close((uv_handle_t *)&child->signals[i], NULL);
  uv_run(&child->loop, UV_RUN_DEFAULT);
}

static void end_if_over(struct child *child) {
  if (child->running) return;
  for (int i = 0; i < N_STREAMS; i++)
    if (child->streams[i].open) return;
  close_all(child);
}

static void on_end(uv_process_t *process, int64_t status, int signal_number) {
  struct child *child = process->data;
  child->running = false;
  child->ended_ns = clock_ns();
  if (!child->end->killed) note_executing(child);
  child->end->exit = (int)status;
  child->end->signal = signal_number;
  uv_close((uv_handle_t *)process, NULL);
  end_if_over(child);
}

/* Messages ------------------------------------------------------------------------ */

static void free_shutdown(uv_shutdown_t *request, int status) {
  (void)status;
  free(request);
}

/* The end of our side tells the worker that its last word was heard. */
static void say_goodbye(struct child *child) {
  uv_shutdown_t *request = malloc(sizeof *request);
  if (request == NULL) return;
  uv_stream_t *pipe = (uv_stream_t *)&child->streams[MESSAGES].pipe;
  if (uv_shutdown(request, pipe, free_shutdown) != 0) free(request);
}

static void hear_message(struct child *child, const json_t *message) {
  const char *kind = json_string_value(json_object_get(message, "t"));
  struct why why;
  child->heard_ns = clock_ns();
  if (!child->job->message(child->job->ctx, message, &why)) {
    kill_worker(child, why.text);
    return;
  }
  if (kind == NULL || (strcmp(kind, "done") != 0 && strcmp(kind, "refused") != 0)) return;
  if (child->end->finished) return;
  child->end->finished = true;
  child->finished_ns = child->heard_ns;
  read_usage(child); /* it still lives: it waits for our end */
  say_goodbye(child);
}

static void each_message(void *ctx, char *line, size_t size) {
  struct child *child = ctx;
  struct why why;
  if (child->end->killed) return;
  json_t *message = wire_parse(line, size, &why);
  if (message == NULL) {
    kill_worker(child, why.text);
    return;
  }
  hear_message(child, message);
  json_decref(message);
}

static void each_output(void *ctx, char *line, size_t size) {
  struct stream *stream = ctx;
  (void)size;
  stream->child->job->output(stream->child->job->ctx, stream->name, line);
}

/* A last line without a newline, or one too long for a line of the log. */
static void flush_output(struct stream *stream) {
  if (stream->lines.size > 0) (void)lines_add(&stream->lines, "\n", 1, each_output, stream);
}

static void take_output(struct stream *stream, const char *bytes, size_t n) {
  while (n > 0) {
    size_t room = OUTPUT_LINE - stream->lines.size;
    size_t piece = n < room ? n : room;
    (void)lines_add(&stream->lines, bytes, piece, each_output, stream);
    if (stream->lines.size == OUTPUT_LINE) flush_output(stream);
    bytes += piece;
    n -= piece;
  }
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
  struct stream *stream = handle->data;
  (void)wanted;
  *out = uv_buf_init(stream->child->buffer, sizeof stream->child->buffer);
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buffer) {
  struct stream *stream = pipe->data;
  struct child *child = stream->child;
  bool is_message = stream == &child->streams[MESSAGES];
  if (n < 0) {
    if (!is_message) flush_output(stream);
    close_stream(stream);
    end_if_over(child);
  } else if (!is_message) {
    take_output(stream, buffer->base, (size_t)n);
  } else if (!lines_add(&stream->lines, buffer->base, (size_t)n, each_message, child)) {
    kill_worker(child, "the worker sent a message longer than 64 MiB");
  }
}

/* Time and interrupts ------------------------------------------------------------- */

static uint64_t since_ms(uint64_t ns) { return (clock_ns() - ns) / 1000000; }

static void watch_clock(struct child *child) {
  char reason[128];
  uint64_t silence = or_default(child->job->silence_ms, DEFAULT_SILENCE_MS);
  uint64_t leave = or_default(child->job->exit_ms, DEFAULT_EXIT_MS);
  if (!child->running && since_ms(child->ended_ns) > PIPES_MS) {
    close_all(child); /* somebody else holds the pipes open: nothing more is waited for */
  } else if (child->end->finished && since_ms(child->finished_ns) > leave) {
    snprintf(reason, sizeof reason,
             "the worker did not exit within %.1f s of its last word",
             (double)leave * 1e-3);
    kill_worker(child, reason);
  } else if (!child->end->finished && since_ms(child->heard_ns) > silence) {
    snprintf(reason, sizeof reason, "the worker said nothing for %.1f s and was killed",
             (double)silence * 1e-3);
    kill_worker(child, reason);
  }
}

/* Told at the limit and at each doubling; another call begins anew. */
static void watch_calls(struct child *child) {
  char who[64];
  uint64_t now = clock_ns(), limit = stall_ms(child);
  if (!child->running) return;
  blame_look(child->page, &child->calls, now);
  uint64_t ms = blame_longest_ns(child->page, &child->calls, now, who) / 1000000;
  if (ms < limit || child->tell_after_ms == 0) child->tell_after_ms = limit;
  if (ms < child->tell_after_ms) return;
  child->tell_after_ms *= 2;
  if (child->job->stalled != NULL)
    child->job->stalled(child->job->ctx, who, (double)ms * 1e-3);
}

struct sent {
  uv_write_t request;
  char *text;
};

static void free_sent(uv_write_t *request, int status) {
  struct sent *sent = (struct sent *)request;
  (void)status; /* a worker that reads no more is noticed by its end */
  free(sent->text);
  free(sent);
}

static bool send_text(struct child *child, char *text, size_t size) {
  struct sent *sent = calloc(1, sizeof *sent);
  if (sent == NULL) return false;
  sent->text = text;
  uv_buf_t buffer = uv_buf_init(text, (unsigned)size);
  uv_stream_t *pipe = (uv_stream_t *)&child->streams[MESSAGES].pipe;
  if (uv_write(&sent->request, pipe, &buffer, 1, free_sent) == 0) return true;
  free(sent);
  return false;
}

static void ask_to_stop(struct child *child) {
  static const char stop[] = "{\"t\":\"stop\"}\n";
  char *text = strdup(stop);
  if (text != NULL && !send_text(child, text, sizeof stop - 1)) free(text);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  struct child *child = handle->data;
  (void)number;
  child->end->interrupted = true;
  child->interrupts++;
  if (!child->running) return;
  if (child->job->interrupted != NULL)
    child->job->interrupted(child->job->ctx, child->interrupts);
  if (child->interrupts == 1 && !child->end->finished && !child->end->unread)
    ask_to_stop(child);
  else if (child->interrupts > 1)
    kill_worker(child, "killed by the user");
}

/* Nobody is there who would ask a second time. */
static void watch_reader(struct child *child) {
  if (!child->running || child->end->finished) return;
  if (child->end->unread) {
    if (since_ms(child->unread_ns) > or_default(child->job->exit_ms, DEFAULT_EXIT_MS))
      kill_worker(child, "killed: nobody reads the output any more, and the worker did not "
                         "stop when asked");
    return;
  }
  if (child->job->unread == NULL || !child->job->unread(child->job->ctx)) return;
  child->end->unread = child->end->interrupted = true;
  child->unread_ns = clock_ns();
  ask_to_stop(child);
}

static void on_tick(uv_timer_t *timer) {
  struct child *child = timer->data;
  if (child->ticks++ % USAGE_TICKS == 0 && !child->end->finished) read_usage(child);
  if (child->job->tick != NULL) child->job->tick(child->job->ctx);
  watch_calls(child);
  watch_reader(child);
  watch_clock(child);
}

/* Starting it --------------------------------------------------------------------- */

static void open_streams(struct child *child) {
  static const char *const names[] = {"messages", "stdout", "stderr"};
  for (int i = 0; i < N_STREAMS; i++) {
    struct stream *stream = &child->streams[i];
    uv_pipe_init(&child->loop, &stream->pipe, 0);
    stream->pipe.data = stream;
    stream->lines = lines_new(i == MESSAGES ? WIRE_LINE_LIMIT : OUTPUT_LINE + 1);
    stream->name = names[i];
    stream->child = child;
    stream->open = true;
  }
}

static int spawn(struct child *child, int blame_fd) {
  uv_stdio_container_t stdio[BLAME_FD + 1] = {
      {.flags = UV_IGNORE},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
       .data.stream = (uv_stream_t *)&child->streams[OUT].pipe},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
       .data.stream = (uv_stream_t *)&child->streams[ERR].pipe},
      {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
       .data.stream = (uv_stream_t *)&child->streams[MESSAGES].pipe},
      {.flags = UV_INHERIT_FD, .data.fd = blame_fd},
  };
  uv_process_options_t options = {
      .exit_cb = on_end,
      .file = child->job->argv[0],
      .args = (char **)(uintptr_t)child->job->argv,
      .flags = UV_PROCESS_DETACHED,
      .stdio_count = BLAME_FD + 1,
      .stdio = stdio,
  };
  child->process.data = child;
  return uv_spawn(&child->loop, &child->process, &options);
}

/* The interrupts are ours before the worker starts: one that comes in between waits in
 * the loop and is not lost. */
static void start_watching(struct child *child) {
  uv_timer_init(&child->loop, &child->timer);
  child->timer.data = child;
  uv_timer_start(&child->timer, on_tick, TICK_MS, TICK_MS);
  for (int i = 0; i < N_INTERRUPTS; i++) {
    uv_signal_init(&child->loop, &child->signals[i]);
    child->signals[i].data = child;
    uv_signal_start(&child->signals[i], on_interrupt, interrupts[i]);
  }
}

static ridge_status run_loop(struct child *child, int blame_fd, struct why *why) {
  open_streams(child);
  start_watching(child);
  int failure = spawn(child, blame_fd);
  if (failure != 0) {
    close_all(child);
    uv_close((uv_handle_t *)&child->process, NULL);
    run_to_end(child);
    return why_set(why, RIDGE_IO, "%s: the worker cannot be started: %s",
                   child->job->argv[0], uv_strerror(failure));
  }
  child->running = true;
  child->heard_ns = clock_ns();
  for (int i = 0; i < N_STREAMS; i++)
    uv_read_start((uv_stream_t *)&child->streams[i].pipe, on_alloc, on_read);
  if (send_text(child, child->job_text, strlen(child->job_text)))
    child->job_text = NULL;
  else
    kill_worker(child, "the job could not be sent");
  run_to_end(child);
  return RIDGE_OK;
}

static ridge_status run_with_page(struct child *child, int blame_fd, struct why *why) {
  int failure = uv_loop_init(&child->loop);
  if (failure != 0)
    return why_set(why, RIDGE_IO, "no event loop: %s", uv_strerror(failure));
  ridge_status status = run_loop(child, blame_fd, why);
  uv_loop_close(&child->loop);
  for (int i = 0; i < N_STREAMS; i++) lines_free(&child->streams[i].lines);
  blame_read(child->page, child->end->blamed);
  return status;
}

ridge_status child_run(const struct child_job *job, struct child_end *out,
                       struct why *why) {
  int blame_fd = -1;
  *out = (struct child_end){.cpu_seconds = -1};
  struct child *child = calloc(1, sizeof *child);
  if (child == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory to watch a worker");
  child->job = job;
  child->end = out;
  child->page = blame_create(&blame_fd, why);
  if (child->page == NULL) {
    free(child);
    return RIDGE_NO_MEMORY;
  }
  size_t size;
  json_object_set_new(job->job, "blame_fd", json_integer(BLAME_FD));
  child->job_text = wire_text(job->job, &size);
  struct sigaction ignore = {.sa_handler = SIG_IGN}, pipe, before[N_INTERRUPTS];
  sigaction(SIGPIPE, &ignore, &pipe);
  for (int i = 0; i < N_INTERRUPTS; i++) sigaction(interrupts[i], NULL, &before[i]);
  ridge_status status =
      child->job_text != NULL
          ? run_with_page(child, blame_fd, why)
          : why_set(why, RIDGE_NO_MEMORY, "no memory for the job of a worker");
  sigaction(SIGPIPE, &pipe, NULL);
  for (int i = 0; i < N_INTERRUPTS; i++) sigaction(interrupts[i], &before[i], NULL);
  hold_signals(SIG_UNBLOCK);
  close(blame_fd);
  blame_free(child->page);
  free(child->job_text);
  free(child);
  return status;
}
