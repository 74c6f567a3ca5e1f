/* view.c - how a run is watched. */
#include "cli/view.h"

#include "cli/render_plan.h"
#include "cli/render_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_TEXTS = 8 }; /* of the first repeat; all of them are in the catalog */

/* Errors -------------------------------------------------------------------------- */

static void say_problem(void *ctx, const char *sentence) {
  (void)ctx;
  fprintf(stderr, "ridge: %s\n", sentence);
}

static void say_refused(void *ctx, const struct outcome *o) {
  (void)ctx;
  bool colour = isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == NULL;
  char *text = compose_diagnostics_text(o->diagnostics, colour);
  fputs(text, stderr);
  free(text);
}

static void say_failed(void *ctx, const struct outcome *o) {
  (void)ctx;
  char verdict[2048];
  if (o->status == CATALOG_DONE || o->status == CATALOG_REFUSED) return;
  render_verdict(o, verdict, sizeof verdict);
  fprintf(stderr, "ridge: %s\n", verdict);
}

static void say_stalled(void *ctx, const char *who, double seconds) {
  (void)ctx;
  fprintf(stderr,
          "%s has been executing for %.*f s without coming back; Ctrl-C twice ends the "
          "run\n",
          who, seconds < 10 ? 1 : 0, seconds);
}

const struct run_view *run_view_errors(void) {
  static const struct run_view view = {.problem = say_problem,
                                       .refused = say_refused,
                                       .stalled = say_stalled,
                                       .ended = say_failed};
  return &view;
}

/* People -------------------------------------------------------------------------- */

static void person_problem(void *ctx, const char *sentence) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  say_problem(NULL, sentence);
}

static void person_refused(void *ctx, const struct outcome *o) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  say_refused(NULL, o);
}

static void person_planned(void *ctx, const struct outcome *o) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  render_plan_summary(o);
}

static void person_progress(void *ctx, const char *phase, double done, double of,
                            const char *note) {
  struct person_view *view = ctx;
  progress_set(&view->progress, phase, done, of, note);
}

static void person_text(void *ctx, const json_t *message) {
  struct person_view *view = ctx;
  if (json_integer_value(json_object_get(message, "repeat")) != 0) return;
  if (view->texts++ >= MOST_TEXTS) return;
  progress_clear(&view->progress);
  render_text(view->cli, message);
}

static void person_tick(void *ctx) {
  struct person_view *view = ctx;
  progress_draw(&view->progress);
}

static void person_interrupted(void *ctx, int times) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  if (times == 1) fprintf(stderr, "stopping after this step; once more to kill it\n");
}

static void person_stalled(void *ctx, const char *who, double seconds) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  say_stalled(NULL, who, seconds);
}

static void person_ended(void *ctx, const struct outcome *o) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  if (view->texts > MOST_TEXTS)
    printf("\n... and %" PRId64 " more texts, in the catalog\n", view->texts - MOST_TEXTS);
  if (o->status == CATALOG_REFUSED && o->run == 0) return;
  render_outcome(view->cli, o);
}

static void quiet_ended(void *ctx, const struct outcome *o) {
  struct person_view *view = ctx;
  progress_clear(&view->progress);
  say_failed(NULL, o);
}

void person_view_init(struct person_view *view, const struct cli *cli) {
  *view = (struct person_view){
      .cli = cli,
      .progress = progress_new(true),
      .view = {.ctx = view,
               .problem = person_problem,
               .refused = person_refused,
               .planned = person_planned,
               .progress = person_progress,
               .text = person_text,
               .tick = person_tick,
               .interrupted = person_interrupted,
               .stalled = person_stalled,
               .ended = person_ended},
  };
}

void quiet_view_init(struct person_view *view, const struct cli *cli) {
  person_view_init(view, cli);
  view->view.planned = NULL;
  view->view.text = NULL;
  view->view.ended = quiet_ended;
}
