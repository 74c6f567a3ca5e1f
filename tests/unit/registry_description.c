/* registry_description.c - a description as JSON, there and back, and damaged. */
#include "testing.h"

#include "base/canon.h"
#include "registry/registry.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EVERYTHING TEST_BUILD_DIR "/good/everything.so"

static const ridge_plugin *open_everything(void **file) {
  const ridge_plugin *(*entry)(void);
  *file = dlopen(EVERYTHING, RTLD_NOW | RTLD_LOCAL);
  assert_non_null(*file);
  void *symbol = dlsym(*file, "ridge_plugin_v1");
  assert_non_null(symbol);
  memcpy(&entry, &symbol, sizeof entry);
  return entry();
}

static void a_description_survives_json_and_back(void **state) {
  (void)state;
  void *file;
  const ridge_plugin *plugin = open_everything(&file);
  json_t *json = plugin_to_json(plugin);
  assert_non_null(json);
  char *text = canon_text(json);
  json_t *again = json_loads(text, 0, NULL);
  struct arena arena = {0};
  struct plugin_info info;
  struct why why;
  if (plugin_from_json(again, &arena, &info, &why) != RIDGE_OK) fail_msg("%s", why.text);
  assert_string_equal(info.id, "test.everything");
  assert_string_equal(info.family, "test");
  assert_int_equal(info.n_params, 6);
  assert_int_equal(plugin_param(&info, "count")->hi.i, 1000);
  assert_true(plugin_param(&info, "ratio")->lo.r == -1.0);
  assert_string_equal(plugin_param(&info, "choice")->fallback.t, "two");
  assert_string_equal(plugin_param(&info, "choice")->choices[2], "three");
  assert_null(plugin_param(&info, "choice")->choices[3]);
  assert_true((plugin_param(&info, "file")->flags & RIDGE_REQUIRED) != 0);
  assert_int_equal(info.n_relations, 4);
  assert_int_equal(plugin_relation_type(&info, &info.relations[0]), RIDGE_T_REAL);
  assert_string_equal(info.relations[1].value.t, "three");
  assert_int_equal(info.relations[3].value.i, 500);
  assert_string_equal(info.fills[1].seam, "token.tap/1");
  assert_null(info.fills[1].table);
  assert_string_equal(info.provides[0], "test.things");
  assert_int_equal(info.evidence[0].least, 5);
  assert_true(info.claims[0].ratio_hi == 2.0);
  assert_true(info.tolerance == 1e-5);
  json_decref(info.json);
  json_decref(again);
  json_decref(json);
  free(text);
  arena_free(&arena);
  dlclose(file);
}

static bool is_refused(const json_t *json) {
  struct arena arena = {0};
  struct plugin_info info;
  struct why why;
  bool refused = plugin_from_json(json, &arena, &info, &why) != RIDGE_OK;
  if (!refused) json_decref(info.json);
  arena_free(&arena);
  return refused;
}

/* Put `value` (NULL: nothing) in place of each member in turn; how many are missed? */
static size_t spoil(json_t *root, json_t *at, const json_t *value) {
  size_t refused = 0;
  json_t *keys = json_array(), *name;
  const char *key;
  size_t i;
  json_t *member;
  json_object_foreach(at, key, member) json_array_append_new(keys, json_string(key));
  json_array_foreach(keys, i, name) {
    key = json_string_value(name);
    json_t *kept = json_incref(json_object_get(at, key));
    if (value != NULL)
      json_object_set_new(at, key, json_deep_copy(value));
    else
      json_object_del(at, key);
    refused += is_refused(root);
    json_object_set_new(at, key, kept);
  }
  json_decref(keys);
  return refused;
}

static void a_damaged_description_is_refused_not_believed(void **state) {
  (void)state;
  void *file;
  json_t *root = plugin_to_json(open_everything(&file));
  static const char *const tables[] = {"params",   "relations", "fills",
                                       "evidence", "metrics",   "claims"};
  json_t *wrong[] = {NULL,          json_integer(-1), json_string("\x1b[2J"),
                     json_null(),   json_real(1e9),   json_array(),
                     json_object(), json_true(),      json_string("")};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    /* `judge`, which the registry reads, is the one member that it does not need. */
    assert_true(spoil(root, root, wrong[i]) >= 12);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
      json_t *row = json_array_get(json_object_get(root, tables[t]), 0);
      assert_true(spoil(root, row, wrong[i]) >= 1);
    }
    json_decref(wrong[i]);
  }
  struct arena arena = {0};
  struct plugin_info info;
  struct why why;
  assert_int_equal(plugin_from_json(NULL, &arena, &info, &why), RIDGE_CORRUPT);
  assert_int_equal(plugin_from_json(root, &arena, &info, &why), RIDGE_OK);
  json_decref(info.json);
  json_decref(root);
  arena_free(&arena);
  dlclose(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_description_survives_json_and_back),
      cmocka_unit_test(a_damaged_description_is_refused_not_believed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
