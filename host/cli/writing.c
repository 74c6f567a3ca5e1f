/* writing.c - shared by `convert` and `new-model`. */
#include "cli/writing.h"

#include "base/lost_pages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Asked for between two chunks, so that the temporary files can be removed. */
static void signals_of_interest(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGHUP);
}

int writing_open(const struct cli *cli, const char *phase, struct writing *out,
                 struct why *why) {
  sigset_t ours;
  *out = (struct writing){.phase = phase};
  signals_of_interest(&ours);
  pthread_sigmask(SIG_BLOCK, &ours, &out->before);
  lost_pages_take();
  /* A limit on the size of files is an error of write(), not the end of the process. */
  sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, &out->too_large);
  out->progress = progress_new(!cli->json);
  machine_read(&out->machine);
  const struct registry_search search = {
      .self = cli->self, .directories = cli->plugins, .n_directories = cli->n_plugins};
  if (registry_open(&search, &out->registry, why) != RIDGE_OK) return EXIT_REFUSED;
  if (convert_open_parts(&out->registry, &out->plugins, why) != RIDGE_OK)
    return EXIT_FAILED;
  return -1;
}

void writing_close(struct writing *w) {
  progress_clear(&w->progress);
  instances_free(&w->plugins);
  registry_free(&w->registry);
  lost_pages_give_back();
  sigaction(SIGXFSZ, &w->too_large, NULL);
  pthread_sigmask(SIG_SETMASK, &w->before, NULL);
}

static void say_progress(void *ctx, uint64_t done, uint64_t of) {
  struct writing *w = ctx;
  progress_set(&w->progress, w->phase, (double)done, (double)of, "");
  progress_draw(&w->progress);
}

/* The signal is taken: what it asked for is done here, in order.  A source that became
 * shorter ends the work, too. */
static bool is_stopped(void *ctx) {
  (void)ctx;
  if (lost_pages_met()) return true;
  sigset_t ours;
  signals_of_interest(&ours);
  return sigtimedwait(&ours, NULL, &(struct timespec){0}) > 0;
}

void writing_serve(struct writing *w, int64_t threads, struct convert_spec *spec) {
  spec->plugins = &w->plugins;
  spec->threads = threads > 0 ? (int)threads : w->machine.threads;
  spec->ctx = w;
  spec->progress = say_progress;
  spec->stopped = is_stopped;
}

bool writing_size(const char *text, uint64_t *out) {
  static const struct {
    const char *tail;
    double times;
  } units[] = {{"", 1},     {"K", 1e3},   {"M", 1e6},      {"G", 1e9},
               {"T", 1e12}, {"Ki", 1024}, {"Mi", 1048576}, {"Gi", 1073741824}};
  char *end;
  const double value = strtod(text, &end);
  if (end == text || !(value > 0)) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(end, units[i].tail) != 0) continue;
    const double bytes = value * units[i].times;
    if (!(bytes >= 1 && bytes < 9e18)) return false;
    *out = (uint64_t)bytes;
    return true;
  }
  return false;
}
