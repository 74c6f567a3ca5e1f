/*
 * plan_pairs.c - the pairs tests/plan/x.lua, x.expect: what composing makes of a
 * recipe, against the plugins of tests/plan/registry.json.
 *
 * A first line `-- set: kv.paged.block=32` is an override of the command line.  With
 * RIDGE_BLESS=1 in the environment the expectations are rewritten: read the diff.
 */
#include "testing.h"

#include "base/canon.h"
#include "base/text.h"
#include "compose/compose.h"
#include "compose/sweep.h"
#include "plan/fixture.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SETS_MOST = 16, FILE_MOST = 1 << 22 };

static struct {
  struct fixture fixture;
  glob_t files;
} world;

static char *slurp(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char *data = calloc(1, FILE_MOST + 1);
  assert_non_null(data);
  size_t size = fread(data, 1, FILE_MOST, file);
  data[size] = 0;
  fclose(file);
  return data;
}

/* `-- set: name=value` lines at the top of the file; returns how many. */
static size_t read_sets(char *text, struct compose_override *sets) {
  size_t n = 0;
  static const char mark[] = "-- set: ";
  for (char *line = text; strncmp(line, mark, sizeof mark - 1) == 0 && n < SETS_MOST;) {
    char *name = line + sizeof mark - 1, *end = strchr(name, '\n'),
         *equal = strchr(name, '=');
    if (end == NULL || equal == NULL || equal > end) break;
    *end = *equal = 0;
    sets[n++] = (struct compose_override){name, equal + 1, "command", NULL};
    line = end + 1;
  }
  return n;
}

static void put_value(struct text *out, const char *name, const json_t *value,
                      const json_t *origin) {
  if (strcmp(json_string_value(origin), "default") == 0)
    return; /* a new setting is no change */
  char *text = canon_text(value);
  text_format(out, "  %s = %s  (%s)\n", name, text, json_string_value(origin));
  free(text);
}

static void put_values(struct text *out, const json_t *values, const json_t *origins) {
  json_t *sorted = json_loads("{}", 0, NULL);
  const char *name;
  json_t *value;
  json_object_update(sorted, (json_t *)(uintptr_t)values);
  /* In the order of the canonical text. */
  while (json_object_size(sorted) > 0) {
    const char *least = NULL;
    json_object_foreach(sorted, name, value)
      if (least == NULL || strcmp(name, least) < 0) least = name;
    char *copy = strdup(least);
    put_value(out, copy, json_object_get(values, copy), json_object_get(origins, copy));
    json_object_del(sorted, copy);
    free(copy);
  }
  json_decref(sorted);
}

static void put_composition(struct text *out, const struct composed *composed) {
  const json_t *recipe = composed->recipe,
               *strategies = json_object_get(composed->composition, "strategies");
  text_format(out, "%s, seed %lld, floor %s\n",
              json_string_value(json_object_get(recipe, "name")),
              (long long)json_integer_value(json_object_get(recipe, "seed")),
              json_string_value(json_object_get(composed->composition, "floor")));
  put_values(out, json_object_get(composed->composition, "settings"),
             json_object_get(composed->origins, "settings"));
  for (size_t i = 0; i < json_array_size(strategies); i++) {
    const json_t *row = json_array_get(strategies, i);
    text_format(out, "use %s%s\n", json_string_value(json_object_get(row, "id")),
                json_is_true(json_object_get(row, "may_idle")) ? ", may idle" : "");
    put_values(
        out, json_object_get(row, "params"),
        json_object_get(json_array_get(json_object_get(composed->origins, "strategies"), i),
                        "params"));
  }
}

static void put_sweep(struct text *out, const struct sweep *sweep) {
  char *size = sweep_size_text(sweep);
  text_format(out, "%s\n", size);
  free(size);
  if (sweep->n_refused > 0) {
    char *text = compose_refusals_text(sweep->refusals, sweep->n_refused,
                                       sweep->n_points / sweep->n_seeds, false);
    text_add(out, text);
    free(text);
  }
  for (size_t i = 0; i < sweep->n_points; i++) {
    struct composed composed;
    sweep_compose(sweep, i, &world.fixture.registry, &world.fixture.machine, &composed);
    const char *refused = sweep->points[i].refused;
    assert_true((refused == NULL) == (composed.composition != NULL));
    text_format(out, "seed %lld  %s%s%s\n",
                (long long)json_integer_value(json_object_get(composed.recipe, "seed")),
                sweep->points[i].label, refused != NULL ? "  refused: " : "",
                refused != NULL ? refused : "");
    composed_free(&composed);
  }
}

static void put_diagnostics(struct text *out, const json_t *diagnostics) {
  char *text = compose_diagnostics_text(diagnostics, false);
  text_add(out, text);
  text_format(out, "exit %d\n", compose_exit(diagnostics));
  free(text);
}

static void describe_sweep(const char *path, const struct compose_override *sets, size_t n,
                           struct text *out) {
  struct sweep sweep;
  struct why why;
  assert_int_equal(sweep_open(TEST_BUILD_DIR "/ridge", path, &world.fixture.registry,
                              &world.fixture.machine, sets, n, &sweep, &why),
                   RIDGE_OK);
  if (json_array_size(sweep.diagnostics) > 0)
    put_diagnostics(out, sweep.diagnostics);
  else
    put_sweep(out, &sweep);
  sweep_free(&sweep);
}

static struct text describe(const char *path) {
  struct compose_override sets[SETS_MOST];
  struct composed composed;
  struct why why;
  struct text out = text_new(FILE_MOST);
  char *text = slurp(path);
  assert_non_null(text);
  size_t n = read_sets(text, sets);
  ridge_status status = compose_file(TEST_BUILD_DIR "/ridge", path, &world.fixture.registry,
                                     &world.fixture.machine, sets, n, &composed, &why);
  if (status != RIDGE_OK) print_error("%s\n", why.text);
  assert_int_equal(status, RIDGE_OK);
  const char *root = json_string_value(json_object_get(composed.recipe, "root"));
  if (root != NULL && strcmp(root, "sweep") == 0)
    describe_sweep(path, sets, n, &out);
  else if (composed.composition == NULL)
    put_diagnostics(&out, composed.diagnostics);
  else
    put_composition(&out, &composed);
  composed_free(&composed);
  free(text);
  return out;
}

/* Absolute paths, as on every machine. */
static struct text without_place(const struct text *found) {
  struct text out = text_new(FILE_MOST);
  const char *at = found->data, *next;
  while ((next = strstr(at, TEST_SOURCE_DIR)) != NULL) {
    text_bytes(&out, at, (size_t)(next - at));
    text_add(&out, "SOURCE");
    at = next + strlen(TEST_SOURCE_DIR);
  }
  text_add(&out, at);
  return out;
}

static void bless(const char *path, const struct text *found) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(found->data, 1, found->size, file), found->size);
  assert_int_equal(fclose(file), 0);
}

static void composing_gives_what_is_expected(void **state) {
  const char *path = *state;
  char expect_path[512];
  snprintf(expect_path, sizeof expect_path, "%.*s.expect", (int)strlen(path) - 4, path);
  struct text raw = describe(path), found = without_place(&raw);
  if (getenv("RIDGE_BLESS") != NULL) bless(expect_path, &found);
  char *expected = slurp(expect_path);
  if (expected == NULL)
    print_error("%s is missing; RIDGE_BLESS=1 writes it\n", expect_path);
  assert_non_null(expected);
  assert_string_equal(found.data, expected);
  free(expected);
  text_free(&found);
  text_free(&raw);
}

static int open_world(void **state) {
  (void)state;
  world.fixture = fixture_open();
  return 0;
}

static int close_world(void **state) {
  (void)state;
  fixture_close(&world.fixture);
  return 0;
}

int main(void) {
  if (chdir(TEST_SOURCE_DIR "/tests/plan") != 0 ||
      glob("*.lua", 0, NULL, &world.files) != 0) {
    fprintf(stderr, "no pairs under %s/tests/plan\n", TEST_SOURCE_DIR);
    return 1;
  }
  struct CMUnitTest *tests = calloc(world.files.gl_pathc, sizeof *tests);
  if (tests == NULL) return 1;
  for (size_t i = 0; i < world.files.gl_pathc; i++)
    tests[i] = (struct CMUnitTest){.name = world.files.gl_pathv[i],
                                   .test_func = composing_gives_what_is_expected,
                                   .initial_state = world.files.gl_pathv[i]};
  int failed = _cmocka_run_group_tests("plan pairs", tests, world.files.gl_pathc,
                                       open_world, close_world);
  globfree(&world.files);
  free(tests);
  return failed;
}
