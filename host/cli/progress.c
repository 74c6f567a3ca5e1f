/* progress.c - one line at the foot of a terminal. */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/text.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  BAR = 24,
  PATIENCE_NS = 1000000000
}; /* a line without news is drawn once a second */

struct progress progress_new(bool wanted) {
  return (struct progress){.on = wanted && isatty(STDERR_FILENO) == 1};
}

void progress_set(struct progress *progress, const char *phase, double done, double of,
                  const char *note) {
  if (phase == NULL) phase = "";
  if (strcmp(phase, progress->phase) != 0 || done < progress->done)
    progress->phase_ns = clock_ns(); /* another phase, or the next repeat of this one */
  snprintf(progress->phase, sizeof progress->phase, "%s", phase);
  snprintf(progress->note, sizeof progress->note, "%s", note != NULL ? note : "");
  progress->done = done;
  progress->of = of;
}

static int columns(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10) return size.ws_col;
  return 80;
}

static void add_bar(struct text *line, double part) {
  int full = (int)(part * BAR);
  text_add(line, " [");
  for (int i = 0; i < BAR; i++) text_add(line, i < full ? "#" : ".");
  text_add(line, "]");
}

static void add_amount(struct text *line, const struct progress *progress, double seconds) {
  if (progress->of > 0) {
    double part = progress->done / progress->of;
    add_bar(line, part < 0 ? 0 : part > 1 ? 1 : part);
    text_format(line, " %s/%s", human_count(progress->done), human_count(progress->of));
  } else if (progress->done > 0) {
    text_format(line, " %s", human_count(progress->done));
  }
  if (progress->done > 0 && seconds > 0.5)
    text_format(line, ", %s/s", human_count(progress->done / seconds));
}

void progress_draw(struct progress *progress) {
  if (!progress->on || progress->phase[0] == 0) return;
  uint64_t now = clock_ns();
  if (progress->done == progress->drawn && now - progress->drawn_ns < PATIENCE_NS) return;
  progress->drawn = progress->done;
  progress->drawn_ns = now;
  double seconds = (double)(now - progress->phase_ns) * 1e-9;
  struct text line = text_new(1024);
  text_add(&line, progress->phase);
  add_amount(&line, progress, seconds);
  if (seconds > 1) text_format(&line, "  %s", human_seconds(seconds));
  if (progress->note[0] != 0) text_format(&line, "  %s", progress->note);
  int room = columns() - 1; /* a full line would scroll; phases and notes are ASCII */
  fprintf(stderr, "\r\033[K%.*s", room, line.data);
  fflush(stderr);
  text_free(&line);
  progress->shown = true;
}

void progress_clear(struct progress *progress) {
  if (!progress->shown) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  progress->shown = false;
}
