/* workplace.c - what a run needs around it. */
#include "run/workplace.h"

#include "run/build_info.h"

#include <unistd.h>

/* One that is there has to be in order, whatever it is wanted for; but a plan is possible
 * without past and prediction, where there is none and none can be made. */
ridge_status workplace_catalog(const struct cli *cli, enum catalog_mode mode,
                               struct catalog **out, struct why *why) {
  char path[CATALOG_PATH_ROOM] = "";
  *out = NULL;
  ridge_status status = catalog_path(cli->catalog, path, sizeof path, why);
  if (status == RIDGE_OK) status = catalog_open(path, mode, out, why);
  if (status == RIDGE_OK) return status;
  bool there = path[0] != 0 && access(path, F_OK) == 0;
  if (mode == CATALOG_WRITE || status == RIDGE_INVALID || there) return status;
  why->text[0] = 0;
  return RIDGE_OK;
}

int workplace_exit(ridge_status status) {
  return status == RIDGE_INVALID ? EXIT_REFUSED : EXIT_FAILED;
}

int workplace_open(const struct cli *cli, enum catalog_mode mode, struct workplace *out,
                   struct why *why) {
  *out = (struct workplace){0};
  machine_read(&out->machine);
  out->identity = machine_identity(&out->machine);
  out->program = build_info_json();
  ridge_status status = workplace_catalog(cli, mode, &out->catalog, why);
  if (status != RIDGE_OK) return workplace_exit(status);
  if (out->catalog != NULL) out->cache = catalog_registry_cache(out->catalog);
  const struct registry_search search = {
      .self = cli->self,
      .directories = cli->plugins,
      .n_directories = cli->n_plugins,
      .cache = out->catalog != NULL ? &out->cache : NULL,
  };
  status = registry_open(&search, &out->registry, why);
  return status == RIDGE_OK ? -1 : workplace_exit(status);
}

void workplace_close(struct workplace *place) {
  registry_free(&place->registry);
  catalog_close(place->catalog);
  json_decref(place->identity);
  json_decref(place->program);
  *place = (struct workplace){0};
}
