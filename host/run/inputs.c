/* inputs.c - which files took part in a run, and that they were the same all along. */
#include "run/inputs.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inputs {
  struct input **items; /* each of its own: the thread keeps pointers */
  size_t n, room;
  pthread_t thread;
  struct input **early; /* what the thread reads */
  size_t n_early;
  bool running;
  atomic_bool hold;
};

struct inputs *inputs_new(void) {
  struct inputs *inputs = calloc(1, sizeof *inputs);
  if (inputs == NULL) abort();
  return inputs;
}

void inputs_free(struct inputs *inputs) {
  if (inputs == NULL) return;
  inputs_hold(inputs);
  for (size_t i = 0; i < inputs->n; i++) {
    free(inputs->items[i]->role);
    free(inputs->items[i]->path);
    free(inputs->items[i]);
  }
  free(inputs->items);
  free(inputs);
}

static bool is_known(const struct inputs *inputs, const char *role, const char *path) {
  for (size_t i = 0; i < inputs->n; i++)
    if (strcmp(inputs->items[i]->role, role) == 0 &&
        strcmp(inputs->items[i]->path, path) == 0)
      return true;
  return false;
}

const struct input *inputs_add(struct inputs *inputs, const char *role, const char *path) {
  struct stat before;
  if (is_known(inputs, role, path)) return NULL;
  if (stat(path, &before) != 0 || !S_ISREG(before.st_mode)) return NULL;
  if (inputs->n == inputs->room) {
    inputs->room = inputs->room * 2 + 8;
    inputs->items = realloc(inputs->items, inputs->room * sizeof(struct input *));
    if (inputs->items == NULL) abort();
  }
  struct input *input = calloc(1, sizeof *input);
  if (input == NULL) abort();
  *input = (struct input){.role = strdup(role), .path = strdup(path), .before = before};
  if (input->role == NULL || input->path == NULL) abort();
  inputs->items[inputs->n++] = input;
  return input;
}

/* In the background ------------------------------------------------------------------ */

static bool not_held(void *ctx, size_t more) {
  const struct inputs *inputs = ctx;
  (void)more;
  return !atomic_load(&inputs->hold);
}

static void *read_early(void *arg) {
  struct inputs *inputs = arg;
  struct sched_param none = {0};
  struct why why;
  (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none); /* or as it is */
  for (size_t i = 0; i < inputs->n_early; i++) {
    struct input *input = inputs->early[i];
    input->read =
        digest_file_while(input->path, not_held, inputs, &input->digest, &why) == RIDGE_OK;
  }
  return NULL;
}

/* Signals are for the thread that called; without a second one all is read at the end. */
void inputs_start(struct inputs *inputs) {
  sigset_t all, before;
  if (inputs->running || inputs->n == 0) return;
  inputs->early = calloc(inputs->n, sizeof(struct input *));
  if (inputs->early == NULL) return;
  memcpy(inputs->early, inputs->items, inputs->n * sizeof(struct input *));
  inputs->n_early = inputs->n;
  atomic_store(&inputs->hold, false);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  inputs->running = pthread_create(&inputs->thread, NULL, read_early, inputs) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void inputs_hold(struct inputs *inputs) {
  if (inputs->running) {
    atomic_store(&inputs->hold, true);
    pthread_join(inputs->thread, NULL);
  }
  inputs->running = false;
  free(inputs->early);
  inputs->early = NULL;
}

/* At the end ------------------------------------------------------------------------- */

struct reading {
  bool (*go_on)(void *ctx, double done, double of);
  void *ctx;
  double done, of;
};

static bool count_bytes(void *ctx, size_t more) {
  struct reading *reading = ctx;
  reading->done += (double)more;
  return reading->go_on(reading->ctx, reading->done, reading->of);
}

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* NULL: it is as it was, and its digest is there. */
static const char *finish_one(struct input *input, struct reading *reading,
                              struct why *why) {
  struct stat after;
  ridge_status status = RIDGE_OK;
  if (!input->read)
    status = digest_file_while(input->path, count_bytes, reading, &input->digest, why);
  input->read = status == RIDGE_OK;
  if (status == RIDGE_CANCELLED)
    (void)why_set(why, status, "%s: was not read to its end, so its digest is not known",
                  input->path);
  if (status != RIDGE_OK) return why->text;
  if (stat(input->path, &after) == 0 && is_same(&input->before, &after)) return NULL;
  input->read = false;
  (void)why_set(why, RIDGE_CORRUPT,
                "%s changed while the run went on: nobody can say which contents were used",
                input->path);
  return why->text;
}

void inputs_finish(struct inputs *inputs, bool (*go_on)(void *ctx, double done, double of),
                   void (*each)(void *ctx, const struct input *, const char *problem),
                   void *ctx) {
  struct reading reading = {.go_on = go_on, .ctx = ctx};
  inputs_hold(inputs);
  for (size_t i = 0; i < inputs->n; i++)
    if (!inputs->items[i]->read) reading.of += (double)inputs->items[i]->before.st_size;
  for (size_t i = 0; i < inputs->n; i++) {
    struct why why;
    each(ctx, inputs->items[i], finish_one(inputs->items[i], &reading, &why));
  }
}
