/*
 * fixture.h - plugins and a machine that tests of composing are run against, so that
 * they test composing and not what happens to be installed.
 */
#ifndef PLAN_FIXTURE_H
#define PLAN_FIXTURE_H

#include "testing.h"

#include "compose/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
  struct registry registry;
  struct machine machine;
};

static inline int fixture_by_id(const void *a, const void *b) {
  return strcmp(((const struct plugin_info *)a)->id, ((const struct plugin_info *)b)->id);
}

static inline struct fixture fixture_open(void) {
  struct fixture fixture = {0};
  struct registry *registry = &fixture.registry;
  struct why why;
  json_t *list = json_load_file(TEST_SOURCE_DIR "/tests/plan/registry.json", 0, NULL);
  size_t n = json_array_size(list);
  assert_true(n > 0);
  registry->plugins = arena_array(&registry->arena, n, sizeof *registry->plugins);
  for (size_t i = 0; i < n; i++) {
    ridge_status status = plugin_from_json(json_array_get(list, i), &registry->arena,
                                           &registry->plugins[registry->n_plugins++], &why);
    if (status != RIDGE_OK) print_error("registry.json, %zu: %s\n", i, why.text);
    assert_int_equal(status, RIDGE_OK);
  }
  json_decref(list);
  qsort(registry->plugins, registry->n_plugins, sizeof *registry->plugins, fixture_by_id);
  snprintf(fixture.machine.features, sizeof fixture.machine.features,
           "avx avx2 f16c fma slow");
  return fixture;
}

static inline void fixture_close(struct fixture *fixture) {
  registry_free(&fixture->registry);
}

/* Write a file into a scratch folder; the caller frees the path. */
static inline char *fixture_write(const char *folder, const char *name, const void *data,
                                  size_t size) {
  char *path = NULL;
  assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  return path;
}

#endif
