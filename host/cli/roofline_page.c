/* roofline_page.c - a run's roofline as tables. */
#include "cli/roofline_page.h"

#include "base/human.h"
#include "cli/table.h"

#include <inttypes.h>

static void heading(const struct cli *cli, const char *text) {
  printf("\n%s%s%s\n", cli->colour ? "\033[1m" : "", text, cli->colour ? "\033[0m" : "");
}

static double percent(double part, double whole) {
  return whole > 0 ? 100 * part / whole : 0;
}

static void rate_cell(struct table *table, double amount, double seconds) {
  if (amount > 0 && seconds > 0)
    table_cellf(table, "%.1f", amount / seconds * 1e-9);
  else
    table_cell(table, NULL);
}

static void limit_cells(struct table *table, const struct roofline_kind *k) {
  if (k->limit <= 0) {
    for (int i = 0; i < 4; i++) table_cell(table, NULL);
    return;
  }
  table_cell(table, human_seconds(k->predicted));
  table_cell(table, human_seconds(k->limit));
  if (k->seconds > 0)
    table_cellf(table, "%.0f %%", percent(k->limit, k->seconds));
  else
    table_cell(table, NULL);
  table_cell(table, k->compute > k->memory ? "compute" : "memory");
}

static void print_row(struct table *table, const struct roofline_view *view,
                      const struct roofline_phase *phase, const struct roofline_kind *k,
                      const char *name) {
  table_cell(table, name);
  table_cell(table, human_count((double)k->nodes));
  table_cell(table, human_seconds(k->seconds));
  table_cellf(table, "%.1f %%", percent(k->seconds, phase->step_seconds));
  if (view->speed != NULL) limit_cells(table, k);
  rate_cell(table, k->bytes, k->seconds);
  rate_cell(table, k->flops, k->seconds);
}

/* What is no operator: threads that wake up, and everything around the model. */
static void print_rest(const struct roofline_phase *phase) {
  double between = phase->model_seconds - phase->all.seconds;
  double around = phase->step_seconds - phase->model_seconds;
  printf("in operators %.1f %%, between them %.1f %%, scheduling, drafting and sampling "
         "%.1f %%\n",
         percent(phase->all.seconds, phase->step_seconds),
         percent(between, phase->step_seconds), percent(around, phase->step_seconds));
}

static void print_phase(const struct cli *cli, const struct roofline_view *view,
                        const struct roofline_phase *phase) {
  char title[256];
  double steps = (double)phase->steps;
  snprintf(title, sizeof title,
           "%s: %" PRId64 " steps of %.1f tokens, %s each; looking back on %.0f positions, "
           "streaming %s",
           phase->phase, phase->steps, (double)phase->rows / steps,
           human_seconds(phase->step_seconds / steps), phase->depth,
           human_bytes(phase->working_set));
  heading(cli, title);
  struct table *table =
      table_new(view->speed != NULL
                    ? "operator|>nodes|>measured|>of the step|>predicted|>limit|>limit / "
                      "measured|bound by|>GB/s|>Gop/s"
                    : "operator|>nodes|>measured|>of the step|>GB/s|>Gop/s");
  for (size_t i = 0; i < phase->n; i++)
    print_row(table, view, phase, &phase->kinds[i], phase->kinds[i].kind);
  print_row(table, view, phase, &phase->all, "all operators");
  table_print(table, cli->terminal, cli->colour);
  print_rest(phase);
}

static void print_limits(const struct roofline_view *view) {
  struct roofline_level level[ROOFLINE_LEVELS];
  size_t n = roofline_levels(view, level);
  if (view->speed == NULL) {
    printf("\nThere are no limits to compare with: this machine was not measured with "
           "this many threads (ridge probe).\n");
    return;
  }
  const struct roof roof = {view->speed, view->threads, RATE_BEST, 0};
  printf("\nLimits of %d threads: %.0f Gop/s in floats (%s)", view->threads,
         roof_peak(&roof, false) * 1e-9, view->speed->flops_by);
  if (view->speed->n_int8 > 0)
    printf(", %.0f in bytes (%s)", roof_peak(&roof, true) * 1e-9, view->speed->int8_by);
  for (size_t i = 0; i < n; i++)
    printf("%s %s %.1f", i == 0 ? "; GB/s:" : ",", level[i].name,
           level[i].bandwidth * 1e-9);
  printf("\nmeasured %s (calibration %" PRId64 "%s)\n", human_date(view->measured),
         view->calibration, view->planned ? "" : "; not the one this run was planned with");
}

void roofline_page_print(const struct cli *cli, const struct roofline_view *view) {
  if (view->n == 0) heading(cli, "No steps were recorded");
  for (size_t i = 0; i < view->n; i++) print_phase(cli, view, &view->phases[i]);
  if (view->n > 0) print_limits(view);
}
