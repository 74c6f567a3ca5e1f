/* registry.c - from directories to descriptions. */
#include "testing.h"

#include "base/canon.h"
#include "registry/registry.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIDGE      TEST_BUILD_DIR "/ridge"
#define EVERYTHING TEST_BUILD_DIR "/good/everything.so"

/* The command lies where it has no plugins of its own, so that these are all. */
struct place {
  char *root, *self, *a, *b;
};

static char *under(const char *folder, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", folder, name) < 0) abort();
  return path;
}

static struct place place_new(void) {
  struct place place = {.root = testing_scratch()};
  place.a = under(place.root, "a");
  place.b = under(place.root, "b");
  char *bin = under(place.root, "bin"), *plugins = under(bin, "plugins");
  place.self = under(bin, "ridge");
  assert_int_equal(mkdir(place.a, 0700), 0);
  assert_int_equal(mkdir(place.b, 0700), 0);
  assert_int_equal(mkdir(bin, 0700), 0);
  assert_int_equal(mkdir(plugins, 0700), 0);
  /* A script, not a link: a link would be followed to the build tree. */
  FILE *script = fopen(place.self, "w");
  assert_non_null(script);
  fprintf(script, "#!/bin/sh\nexec '%s' \"$@\"\n", RIDGE);
  assert_int_equal(fclose(script), 0);
  assert_int_equal(chmod(place.self, 0700), 0);
  free(bin);
  free(plugins);
  return place;
}

static void place_free(struct place *place) {
  free(place->self);
  free(place->a);
  free(place->b);
  testing_remove(place->root);
}

struct bytes {
  char *data;
  size_t size;
};

static struct bytes bytes_of(const char *path) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  struct bytes bytes = {malloc(1 << 20), 0};
  assert_non_null(bytes.data);
  bytes.size = fread(bytes.data, 1, 1 << 20, file);
  assert_true(bytes.size > 1000 && bytes.size < 1 << 20);
  fclose(file);
  return bytes;
}

static char *put(const char *folder, const char *name, const void *data, size_t size) {
  char *path = under(folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  return path;
}

/* A copy of everything.so; `change` makes it another build, "1.2.3" -> version. */
static char *put_plugin(const char *folder, const char *name, bool change,
                        const char *version) {
  struct bytes bytes = bytes_of(EVERYTHING);
  if (version != NULL) {
    char *at = memmem(bytes.data, bytes.size, "1.2.3", 6);
    assert_non_null(at);
    memcpy(at, version, 5);
  }
  if (change) bytes.data[bytes.size++] = 'x'; /* behind the end, where nothing looks */
  char *path = put(folder, name, bytes.data, bytes.size);
  free(bytes.data);
  return path;
}

static ridge_status open_at(const struct place *place, const char *first,
                            const char *second, const struct registry_cache *cache,
                            struct registry *out, struct why *why) {
  const char *folders[2] = {first, second};
  const struct registry_search search = {.self = place->self,
                                         .directories = folders,
                                         .n_directories = second != NULL ? 2 : 1,
                                         .cache = cache};
  why->text[0] = 0;
  return registry_open(&search, out, why);
}

static void open_well(const struct place *place, const char *first, const char *second,
                      const struct registry_cache *cache, struct registry *out) {
  struct why why;
  if (open_at(place, first, second, cache, out, &why) != RIDGE_OK) fail_msg("%s", why.text);
}

/* Seams ------------------------------------------------------------------------------ */

static void every_seam_has_an_id_a_size_and_a_line(void **state) {
  (void)state;
  size_t n;
  const struct seam *seams = seam_list(&n);
  assert_true(n >= 13);
  for (size_t i = 0; i < n; i++) {
    assert_ptr_equal(seam_find(seams[i].id), &seams[i]);
    assert_true(seams[i].table_bytes >= 16 && seams[i].table_bytes % 8 == 0);
    assert_string_equal(strrchr(seams[i].id, '/'), "/1");
    assert_true(strlen(seams[i].doc) > 0);
    assert_string_not_equal(seam_kind_word(seams[i].kind), "?");
  }
  assert_null(seam_find("kv.store"));
  assert_null(seam_find("kv.store/2"));
}

/* Finding ---------------------------------------------------------------------------- */

static void a_named_directory_has_to_be_there(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  struct why why;
  assert_int_equal(open_at(&place, "/nowhere/at/all", NULL, NULL, &registry, &why),
                   RIDGE_INVALID);
  assert_non_null(strstr(why.text, "/nowhere/at/all"));
  assert_int_equal(open_at(&place, RIDGE, NULL, NULL, &registry, &why), RIDGE_INVALID);
  place_free(&place);
}

/* Asked for, and nothing to find: refused.  plugins/ beside the command is looked at
 * unasked, and a line is enough. */
static void an_empty_directory_is_refused_where_it_was_named(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  struct why why;
  assert_int_equal(open_at(&place, place.a, NULL, NULL, &registry, &why), RIDGE_INVALID);
  assert_non_null(strstr(why.text, "there is no plugin (*.so) in it"));
  assert_non_null(strstr(why.text, place.a));
  const struct registry_search unasked = {.self = place.self};
  assert_int_equal(registry_open(&unasked, &registry, &why), RIDGE_OK);
  assert_int_equal(registry.n_plugins, 0);
  assert_int_equal(registry.n_searched, 1);
  assert_non_null(strstr(registry.searched[0], "/bin/plugins"));
  assert_int_equal(registry.n_problems, 1);
  assert_non_null(strstr(registry.problems[0].sentence, "no plugin"));
  registry_free(&registry);
  place_free(&place);
}

static void a_plugin_is_found_and_described(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  free(put_plugin(place.a, "x.so", false, NULL));
  open_well(&place, place.a, NULL, NULL, &registry);
  assert_int_equal(registry.n_plugins, 1);
  const struct plugin_info *info = registry_find(&registry, "test.everything");
  assert_non_null(info);
  assert_int_equal(strlen(info->build.hex), 64);
  assert_string_equal(json_string_value(json_object_get(info->json, "build")),
                      info->build.hex);
  assert_null(registry_find(&registry, "test.everythin"));
  registry_free(&registry);
  place_free(&place);
}

static void copies_of_one_file_are_one_plugin(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  free(put_plugin(place.a, "x.so", false, NULL));
  free(put_plugin(place.b, "y.so", false, NULL));
  char *link = under(place.a, "z.so");
  assert_int_equal(symlink("x.so", link), 0);
  open_well(&place, place.a, place.b, NULL, &registry);
  assert_int_equal(registry.n_plugins, 1);
  assert_non_null(strstr(registry.plugins[0].path, "/a/x.so"));
  registry_free(&registry);
  free(link);
  place_free(&place);
}

static void two_files_under_one_id_are_refused_naming_both(void **state) {
  (void)state;
  static const char *const versions[] = {NULL, "1.2.4"}; /* another version is no licence */
  for (size_t i = 0; i < 2; i++) {
    struct place place = place_new();
    struct registry registry;
    struct why why;
    free(put_plugin(place.a, "x.so", false, NULL));
    free(put_plugin(place.b, "y.so", true, versions[i]));
    assert_int_equal(open_at(&place, place.a, place.b, NULL, &registry, &why),
                     RIDGE_INVALID);
    assert_non_null(strstr(why.text, "test.everything"));
    assert_non_null(strstr(why.text, "/a/x.so"));
    assert_non_null(strstr(why.text, "/b/y.so"));
    if (i == 1) assert_non_null(strstr(why.text, "1.2.4"));
    place_free(&place);
  }
}

/* What is usable and why not, as one text. */
static char *summary(const struct registry *registry) {
  json_t *rows = json_array();
  for (size_t i = 0; i < registry->n_plugins; i++)
    json_array_append_new(rows,
                          json_pack("[ssO]", registry->plugins[i].path,
                                    registry->plugins[i].id, registry->plugins[i].json));
  for (size_t i = 0; i < registry->n_problems; i++)
    json_array_append_new(rows, json_pack("[ss]", registry->problems[i].path,
                                          registry->problems[i].sentence));
  char *text = canon_text(rows);
  json_decref(rows);
  return text;
}

static void the_order_of_directories_changes_nothing(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry first, second;
  free(put_plugin(place.a, "x.so", false, NULL));
  free(put_plugin(place.b, "w.so", false, NULL));
  free(put(place.a, "rubbish.so", "hello", 5));
  free(put(place.b, "rubbish2.so", "hallo", 5));
  open_well(&place, place.a, place.b, NULL, &first);
  open_well(&place, place.b, place.a, NULL, &second);
  char *a = summary(&first), *b = summary(&second);
  assert_string_equal(a, b);
  assert_int_equal(first.n_plugins, 1);
  assert_int_equal(first.n_problems, 3);
  free(a);
  free(b);
  registry_free(&first);
  registry_free(&second);
  place_free(&place);
}

static void files_that_are_no_plugins_cost_one_line_each(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  struct bytes bytes = bytes_of(EVERYTHING);
  char *folder = under(place.a, "folder.so"), *fifo = under(place.a, "fifo.so");
  char *dangling = under(place.a, "dangling.so");
  free(put(place.a, "empty.so", "", 0));
  free(put(place.a, "text.so", "#!/bin/sh\nexit 0\n", 17));
  free(put(place.a, "short.so", bytes.data, 40));
  free(put(place.a, "shorter.so", bytes.data, 6000));
  free(put(place.a, "ignored.txt", "not a plugin", 12));
  free(put(place.a, "clear\x1b[2J.so", "not a plugin", 12));
  free(put(place.a, "caf\xe9.so", "not a plugin", 12));
  free(put(place.a, ".hidden.so", "not a plugin", 12));
  bytes.data[18] = 40; /* e_machine: Arm, 32 bit */
  free(put(place.a, "machine.so", bytes.data, bytes.size));
  assert_int_equal(mkdir(folder, 0700), 0);
  assert_int_equal(mkfifo(fifo, 0700), 0);
  assert_int_equal(symlink("/nowhere", dangling), 0);
  free(put_plugin(place.a, "works.so", false, NULL));
  open_well(&place, place.a, NULL, NULL, &registry);
  char *text = summary(&registry);
  assert_int_equal(registry.n_plugins, 1);
  if (registry.n_problems != 11) fail_msg("%s", text); /* with the empty bin/plugins */
  assert_null(strchr(text, 0x1b));
  assert_non_null(strstr(text, "/a/clear?[2J.so"));
  assert_non_null(strstr(text, "machine.so\",\"it was built for another kind of machine"));
  assert_non_null(strstr(text, "fifo.so\",\"it is no regular file"));
  assert_non_null(strstr(text, "text.so\",\"it is no shared object"));
  free(text);
  free(bytes.data);
  free(folder);
  free(fifo);
  free(dangling);
  registry_free(&registry);
  place_free(&place);
}

static void a_command_that_cannot_be_started_is_an_error(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  struct why why;
  free(put_plugin(place.a, "x.so", false, NULL));
  assert_int_equal(unlink(place.self), 0);
  assert_int_equal(open_at(&place, place.a, NULL, NULL, &registry, &why), RIDGE_IO);
  assert_non_null(strstr(why.text, place.self));
  place_free(&place);
}

/* The cache -------------------------------------------------------------------------- */

struct cached {
  json_t *all;
  int gets, puts;
};

static json_t *cache_get(void *ctx, const char *build) {
  struct cached *cached = ctx;
  cached->gets++;
  return json_incref(json_object_get(cached->all, build));
}

static void cache_put(void *ctx, const char *build, const json_t *description) {
  struct cached *cached = ctx;
  cached->puts++;
  json_object_set_new(cached->all, build, json_deep_copy(description));
}

static void a_known_build_is_not_scanned_again(void **state) {
  (void)state;
  struct place place = place_new();
  struct registry registry;
  struct cached cached = {.all = json_object()};
  const struct registry_cache cache = {.ctx = &cached, .get = cache_get, .put = cache_put};
  free(put_plugin(place.a, "x.so", false, NULL));
  open_well(&place, place.a, NULL, &cache, &registry);
  char *first = summary(&registry);
  registry_free(&registry);
  assert_int_equal(cached.puts, 1);

  char *other = under(place.root, "other"); /* could not be started */
  free(place.self);
  place.self = other;
  open_well(&place, place.a, NULL, &cache, &registry);
  assert_int_equal(registry.n_plugins, 1);
  assert_non_null(
      strstr(first, json_string_value(json_object_get(registry.plugins[0].json, "id"))));
  assert_int_equal(cached.gets, 2);
  assert_int_equal(cached.puts, 1);
  registry_free(&registry);
  free(first);
  json_decref(cached.all);
  place_free(&place);
}

static char *cache_get_problem(void *ctx, const struct plugin_file *file) {
  struct cached *cached = ctx;
  const json_t *row = json_object_get(cached->all, file->path);
  const char *build = json_string_value(json_object_get(row, "build"));
  bool same = build != NULL && strcmp(build, file->build) == 0 &&
              json_integer_value(json_object_get(row, "bytes")) == file->bytes &&
              json_integer_value(json_object_get(row, "modified")) == file->modified_ns;
  cached->gets++;
  return same ? strdup(json_string_value(json_object_get(row, "problem"))) : NULL;
}

static void cache_put_problem(void *ctx, const struct plugin_file *file,
                              const char *sentence) {
  struct cached *cached = ctx;
  cached->puts++;
  json_object_del(cached->all, file->path);
  if (sentence != NULL)
    json_object_set_new(cached->all, file->path,
                        json_pack("{s:s,s:I,s:I,s:s}", "build", file->build, "bytes",
                                  (json_int_t)file->bytes, "modified",
                                  (json_int_t)file->modified_ns, "problem", sentence));
}

/* One look at `place.a`, where one file cannot be used; was it remembered? */
static bool look_at_bad_file(const struct place *place, struct cached *cached,
                             bool rescan) {
  const struct registry_cache cache = {
      .ctx = cached, .get_problem = cache_get_problem, .put_problem = cache_put_problem};
  const char *const folders[] = {place->a};
  const struct registry_search search = {.self = place->self,
                                         .directories = folders,
                                         .n_directories = 1,
                                         .cache = &cache,
                                         .rescan = rescan};
  struct registry registry;
  struct why why;
  if (registry_open(&search, &registry, &why) != RIDGE_OK) fail_msg("%s", why.text);
  size_t i = 0; /* beside it the empty folder of the command is mentioned */
  while (i < registry.n_problems && strstr(registry.problems[i].path, "x.so") == NULL) i++;
  assert_true(i < registry.n_problems);
  assert_non_null(
      strstr(registry.problems[i].sentence, "it crashed while being described"));
  bool remembered = registry.problems[i].remembered;
  registry_free(&registry);
  return remembered;
}

static void a_problem_is_remembered_until_the_file_changes(void **state) {
  (void)state;
  struct place place = place_new();
  struct cached cached = {.all = json_object()};
  struct bytes bytes = bytes_of(TEST_BUILD_DIR "/bad/crash_description.so");
  char *path = put(place.a, "x.so", bytes.data, bytes.size);
  assert_false(look_at_bad_file(&place, &cached, false));
  assert_true(look_at_bad_file(&place, &cached, false));
  assert_int_equal(cached.puts, 1);
  assert_false(look_at_bad_file(&place, &cached, true)); /* asked to look again */
  assert_true(look_at_bad_file(&place, &cached, false));
  const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0); /* touched */
  assert_false(look_at_bad_file(&place, &cached, false));
  bytes.data[bytes.size++] = 'x'; /* another build */
  free(put(place.a, "x.so", bytes.data, bytes.size));
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
  assert_false(look_at_bad_file(&place, &cached, false));
  free(path);
  free(bytes.data);
  json_decref(cached.all);
  place_free(&place);
}

/* It may be a library that is missing, and comes. */
static void a_file_that_cannot_be_opened_is_asked_each_time(void **state) {
  (void)state;
  struct place place = place_new();
  struct cached cached = {.all = json_object()};
  struct registry registry;
  const struct registry_cache cache = {
      .ctx = &cached, .get_problem = cache_get_problem, .put_problem = cache_put_problem};
  free(put(place.a, "x.so", "no library at all, by its bytes", 31));
  open_well(&place, place.a, NULL, &cache, &registry);
  assert_int_equal(registry.n_problems, 2); /* and the empty folder of the command */
  assert_int_equal(cached.puts, 0);
  registry_free(&registry);
  json_decref(cached.all);
  place_free(&place);
}

static void a_description_by_another_host_or_a_damaged_one_is_made_anew(void **state) {
  (void)state;
  static const char *const spoilt[] = {"judge", "params", "id"};
  for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
    struct place place = place_new();
    struct registry registry;
    struct cached cached = {.all = json_object()};
    const struct registry_cache cache = {
        .ctx = &cached, .get = cache_get, .put = cache_put};
    free(put_plugin(place.a, "x.so", false, NULL));
    open_well(&place, place.a, NULL, &cache, &registry);
    json_t *kept = json_object_get(cached.all, registry.plugins[0].build.hex);
    json_object_set_new(kept, spoilt[i], json_string("another"));
    registry_free(&registry);
    open_well(&place, place.a, NULL, &cache, &registry);
    assert_int_equal(registry.n_plugins, 1);
    assert_int_equal(cached.puts, 2);
    registry_free(&registry);
    json_decref(cached.all);
    place_free(&place);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_seam_has_an_id_a_size_and_a_line),
      cmocka_unit_test(a_named_directory_has_to_be_there),
      cmocka_unit_test(an_empty_directory_is_refused_where_it_was_named),
      cmocka_unit_test(a_plugin_is_found_and_described),
      cmocka_unit_test(copies_of_one_file_are_one_plugin),
      cmocka_unit_test(two_files_under_one_id_are_refused_naming_both),
      cmocka_unit_test(the_order_of_directories_changes_nothing),
      cmocka_unit_test(files_that_are_no_plugins_cost_one_line_each),
      cmocka_unit_test(a_command_that_cannot_be_started_is_an_error),
      cmocka_unit_test(a_known_build_is_not_scanned_again),
      cmocka_unit_test(a_problem_is_remembered_until_the_file_changes),
      cmocka_unit_test(a_file_that_cannot_be_opened_is_asked_each_time),
      cmocka_unit_test(a_description_by_another_host_or_a_damaged_one_is_made_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
