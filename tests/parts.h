/* parts.h - the project's own parts, as instances, for tests that open models. */
#ifndef RIDGE_TESTS_PARTS_H
#define RIDGE_TESTS_PARTS_H

#include "registry/instance.h"
#include "testing.h"

/* The part built as plugins/`name`.so, with its defaults. */
static inline void testing_add_part(struct instances *plugins, const char *name) {
  char path[512];
  struct why why = {{0}};
  snprintf(path, sizeof path, "%s/plugins/%s.so", TEST_BUILD_DIR, name);
  json_t *none = json_object();
  ridge_status status = instances_add(plugins, path, none, false, NULL, &why);
  json_decref(none);
  if (status != RIDGE_OK) fail_msg("%s", why.text);
}

#endif
