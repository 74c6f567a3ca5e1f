/* metric_words.c - metrics named on the command line. */
#include "cli/metric_words.h"

#include "base/near.h"
#include "cli/options.h"
#include "run/metrics.h"

#include <string.h>

/* "weights.rtn.bits_per_weight" */
static bool is_plugins(const struct registry *registry, const char *name) {
  for (size_t i = 0; i < registry->n_plugins; i++) {
    const struct plugin_info *info = &registry->plugins[i];
    size_t size = strlen(info->id);
    if (strncmp(name, info->id, size) != 0 || name[size] != '.') continue;
    for (size_t k = 0; k < info->n_metrics; k++)
      if (strcmp(info->metrics[k].name, name + size + 1) == 0) return true;
  }
  return false;
}

static int refuse(const struct cli *cli, const char *verb, const char *name) {
  const char *names[64];
  size_t n, rows;
  const struct catalog_metric *list = metric_list(&rows);
  for (n = 0; n < rows && n < sizeof names / sizeof *names; n++) names[n] = list[n].name;
  const char *near = near_of(name, names, n);
  if (near != NULL)
    return options_refuse(cli, verb, "no metric `%s`; did you mean `%s`?", name, near);
  return options_refuse(
      cli, verb, "no metric `%s`; `ridge show last` lists what a run measures", name);
}

int metric_words_check(const struct cli *cli, const char *verb,
                       const struct registry *registry, const char *const *names,
                       size_t n) {
  for (size_t i = 0; i < n; i++)
    if (metric_find(names[i]) == NULL && !is_plugins(registry, names[i]))
      return refuse(cli, verb, names[i]);
  return -1;
}
