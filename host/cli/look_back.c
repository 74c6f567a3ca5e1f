/* look_back.c - what the verbs that read the catalog have in common. */
#include "cli/look_back.h"

#include "base/human.h"
#include "base/text.h"
#include "cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int look_back_fail(const struct cli *cli, const char *verb, ridge_status status,
                   const struct why *why) {
  return options_fail(cli, verb, status == RIDGE_INVALID ? EXIT_REFUSED : EXIT_FAILED,
                      why->text);
}

int look_back_open(const struct cli *cli, const char *verb, struct catalog **out) {
  char path[CATALOG_PATH_ROOM];
  struct why why;
  *out = NULL;
  ridge_status status = catalog_path(cli->catalog, path, sizeof path, &why);
  /* Looking back makes no catalog: a name that was mistyped would become one.  But the
   * literature is there to be read before anything was run. */
  bool literature = strcmp(verb, "techniques") == 0 || strcmp(verb, "claims") == 0;
  if (status == RIDGE_OK && !literature && access(path, F_OK) != 0)
    status = why_set(&why, RIDGE_INVALID,
                     "%s: there is no catalog yet; `ridge run` makes it", path);
  if (status == RIDGE_OK) status = catalog_open(path, CATALOG_READ, out, &why);
  return status == RIDGE_OK ? -1 : look_back_fail(cli, verb, status, &why);
}

int look_back_run(const struct cli *cli, const char *verb, struct catalog *catalog,
                  const char *what, int64_t *run) {
  struct why why;
  ridge_status status = catalog_run_find(catalog, what, run, &why);
  return status == RIDGE_OK ? -1 : look_back_fail(cli, verb, status, &why);
}

const char *row_text(const json_t *row, const char *key) {
  const char *text = json_string_value(json_object_get(row, key));
  return text != NULL ? text : "";
}

int64_t row_int(const json_t *row, const char *key) {
  return json_integer_value(json_object_get(row, key));
}

bool row_has(const json_t *row, const char *key) {
  const json_t *value = json_object_get(row, key);
  return value != NULL && !json_is_null(value);
}

const char *row_shown(const json_t *value, char *room, size_t size) {
  if (json_is_string(value)) return json_string_value(value);
  if (json_is_integer(value))
    snprintf(room, size, "%" PRId64, (int64_t)json_integer_value(value));
  else if (json_is_real(value))
    snprintf(room, size, "%s", human_exact(json_real_value(value)));
  else if (json_is_boolean(value))
    snprintf(room, size, "%s", json_is_true(value) ? "yes" : "no");
  else
    snprintf(room, size, "-");
  return room;
}

void rows_make_plain(json_t *rows) {
  const char *key;
  json_t *value;
  size_t i;
  if (json_is_string(rows)) {
    char *plain = text_plain_copy(json_string_value(rows), "\n\t");
    if (json_string_set(rows, plain) != 0) abort();
    free(plain);
  }
  json_array_foreach(rows, i, value) rows_make_plain(value);
  json_object_foreach(rows, key, value) rows_make_plain(value);
}
