/*
 * layers.c - who may include whom, read from the sources.
 *
 * base <- machine, registry, recipe <- compose <- graph, model <- engine <- run <- cli.
 * Only catalog/ includes SQLite, only host/recipe Lua; a plugin sees ridge/ and the C
 * library.  And no two files of the tree have one name, so that a message that names a
 * file names one.
 */
#include "testing.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct layer {
  const char *folder; /* under the source tree                       */
  const char *sees;   /* folders its includes may name, blank between */
};
static const struct layer layers[] = {
    {"host/base/", "base ridge"},
    {"host/machine/", "machine base ridge"},
    {"host/registry/", "registry base ridge conformance"},
    {"host/recipe/", "recipe base ridge"},
    {"host/compose/", "compose recipe registry machine base ridge"},
    {"host/graph/", "graph base ridge"},
    {"host/model/", "model graph registry base ridge"},
    {"host/engine/", "engine model graph registry machine base ridge"},
    {"host/convert/", "convert engine model graph registry machine base ridge"},
    {"host/run/",
     "run engine model graph compose recipe registry machine base ridge catalog"},
    {"host/cli/",
     "cli run convert engine model graph compose recipe registry machine base ridge "
     "catalog conformance"},
    {"catalog/", "catalog registry machine base ridge"},
    {"plugins/conformance/", "conformance model graph registry base ridge"},
    {"plugins/formats/", "ridge"},
    {"plugins/kernels/", "ridge"},
    {"strategies/", "ridge"},
};

/* A library and the one folder that speaks it. */
static const struct layer speakers[] = {
    {"sqlite3.h", "catalog/"},
    {"lua.h", "host/recipe/"},
    {"lauxlib.h", "host/recipe/"},
};

enum { MOST_FILES = 4000 };
static char *names[MOST_FILES];
static int n_names, wrong;

static bool is_word(const char *words, const char *word, size_t size) {
  for (const char *at = words; (at = strstr(at, word)) != NULL; at += size)
    if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == 0)) return true;
  return false;
}

static const struct layer *layer_of(const char *path) {
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
    if (strncmp(path, layers[i].folder, strlen(layers[i].folder)) == 0) return &layers[i];
  return NULL;
}

static void complain(const char *path, const char *what, const char *line) {
  print_error("%s: %s: %s\n", path, what, line);
  wrong++;
}

static void check_include(const char *path, const char *name, const char *line) {
  const struct layer *layer = layer_of(path);
  if (strstr(path, "/test_") != NULL) return; /* a strategy's test may see the host */
  for (size_t i = 0; i < sizeof speakers / sizeof *speakers; i++)
    if (strcmp(name, speakers[i].folder) == 0 && layer != NULL &&
        strncmp(path, speakers[i].sees, strlen(speakers[i].sees)) != 0)
      complain(path, "another folder speaks that library", line);
  const char *slash = strchr(name, '/');
  if (layer == NULL || slash == NULL) return;
  char folder[64];
  snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
  static const char *const ours[] = {
      "base",   "machine", "registry", "recipe",  "compose", "graph",       "model",
      "engine", "run",     "cli",      "catalog", "ridge",   "conformance", "convert"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (strcmp(folder, ours[i]) == 0 && !is_word(layer->sees, folder, strlen(folder)))
      complain(path, "looks up, or past its neighbours", line);
}

static void check_file(const char *path, const char *full) {
  FILE *file = fopen(full, "r");
  char line[512], name[256];
  assert_non_null(file);
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, " # include \"%255[^\"]", name) == 1 ||
        sscanf(line, " # include <%255[^>]", name) == 1)
      check_include(path, name, line);
  }
  fclose(file);
}

static int visit(const char *full, const struct stat *facts, int kind, struct FTW *where) {
  (void)facts;
  const char *path = full + strlen(TEST_SOURCE_DIR) + 1, *base = full + where->base;
  size_t size = strlen(base);
  if (kind != FTW_F || size < 3 ||
      (strcmp(base + size - 2, ".c") != 0 && strcmp(base + size - 2, ".h") != 0))
    return 0;
  check_file(path, full);
  /* The public headers are named as ridge/NAME.h, so their names are their own. */
  if (strncmp(path, "plugins/include/", 16) == 0) return 0;
  for (int i = 0; i < n_names; i++)
    if (strcmp(names[i], base) == 0) complain(path, "another file has that name", base);
  if (n_names < MOST_FILES) names[n_names++] = strdup(base);
  return 0;
}

static void includes_point_one_way_and_names_are_unique(void **state) {
  (void)state;
  static const char *const roots[] = {"host", "catalog", "plugins", "strategies"};
  for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
    char *root = testing_source(roots[i]);
    assert_int_equal(nftw(root, visit, 16, FTW_PHYS), 0);
    free(root);
  }
  for (int i = 0; i < n_names; i++) free(names[i]);
  assert_true(n_names > 50);
  assert_int_equal(wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(includes_point_one_way_and_names_are_unique)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
