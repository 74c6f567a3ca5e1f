/* catalog_path.c - which file is the catalog. */
#include "catalog.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *given(const char *text) {
  return text != NULL && text[0] != 0 ? text : NULL;
}

/* The XDG rules: a relative XDG_DATA_HOME does not count. */
static ridge_status default_path(char *out, size_t room, struct why *why) {
  const char *data = given(getenv("XDG_DATA_HOME"));
  if (data != NULL && data[0] == '/') {
    snprintf(out, room, "%s/ridge/catalog.db", data);
    return RIDGE_OK;
  }
  const char *home = given(getenv("HOME"));
  const struct passwd *user = home == NULL ? getpwuid(getuid()) : NULL;
  if (user != NULL) home = given(user->pw_dir);
  if (home == NULL)
    return why_set(
        why, RIDGE_IO,
        "no place for the catalog: HOME is not set; use --catalog FILE or RIDGE_CATALOG");
  snprintf(out, room, "%s/.local/share/ridge/catalog.db", home);
  return RIDGE_OK;
}

/* Every directory before the last '/'; those that are there are left alone. */
static ridge_status make_directories(char *path, struct why *why) {
  for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
    *at = 0;
    int made = mkdir(path, 0777);
    int problem = errno;
    if (made != 0 && problem != EEXIST) {
      why_set(why, RIDGE_IO,
              "directory %s for the catalog cannot be made: %s; use another --catalog",
              path, strerror(problem));
      *at = '/';
      return RIDGE_IO;
    }
    *at = '/';
  }
  return RIDGE_OK;
}

ridge_status catalog_path(const char *wanted, char *out, size_t room, struct why *why) {
  char chosen[CATALOG_PATH_ROOM], here[PATH_MAX];
  const char *path = given(wanted);
  if (path == NULL) path = given(getenv("RIDGE_CATALOG"));
  if (path == NULL) {
    ridge_status status = default_path(chosen, sizeof chosen, why);
    if (status != RIDGE_OK) return status;
    path = chosen;
  }
  /* Absolute, so that no name (":memory:", "file:x") means something else to SQLite. */
  const char *base = "", *between = "";
  if (path[0] != '/') {
    if (getcwd(here, sizeof here) == NULL)
      return why_set(why, RIDGE_IO, "the working directory is gone: %s", strerror(errno));
    base = here;
    between = "/";
  }
  int n = snprintf(out, room, "%s%s%s", base, between, path);
  if (n < 0 || (size_t)n >= room)
    return why_set(why, RIDGE_INVALID, "the catalog's path is longer than %zu bytes",
                   room - 1);
  if (out[n - 1] == '/')
    return why_set(why, RIDGE_INVALID, "%s is a directory; --catalog names a file", out);
  return make_directories(out, why);
}
