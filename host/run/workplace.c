/* workplace.c - what a run needs around it. */
#include "run/workplace.h"

#include "run/build_info.h"

static ridge_status open_catalog(const struct cli *cli, enum catalog_mode mode,
                                 struct workplace *out, struct why *why) {
  char path[CATALOG_PATH_ROOM];
  ridge_status status = catalog_path(cli->catalog, path, sizeof path, why);
  if (status == RIDGE_OK) status = catalog_open(path, mode, &out->catalog, why);
  if (status == RIDGE_OK) return status;
  out->catalog = NULL;
  if (mode == CATALOG_WRITE) return status;
  why->text[0] = 0; /* a plan is possible without past and prediction */
  return RIDGE_OK;
}

int workplace_open(const struct cli *cli, enum catalog_mode mode, struct workplace *out,
                   struct why *why) {
  *out = (struct workplace){0};
  machine_read(&out->machine);
  out->identity = machine_identity(&out->machine);
  out->program = build_info_json();
  if (open_catalog(cli, mode, out, why) != RIDGE_OK) return EXIT_FAILED;
  if (out->catalog != NULL) out->cache = catalog_registry_cache(out->catalog);
  const struct registry_search search = {
      .self = cli->self,
      .directories = cli->plugins,
      .n_directories = cli->n_plugins,
      .cache = out->catalog != NULL ? &out->cache : NULL,
  };
  return registry_open(&search, &out->registry, why) == RIDGE_OK ? -1 : EXIT_REFUSED;
}

void workplace_close(struct workplace *place) {
  registry_free(&place->registry);
  catalog_close(place->catalog);
  json_decref(place->identity);
  json_decref(place->program);
  *place = (struct workplace){0};
}
