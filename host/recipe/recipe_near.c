/* recipe_near.c - "did you mean" for files and recipes that are not there. */
#include "base/near.h"
#include "recipe/recipe.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 4096 };

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* What of `from[0..n)` is nearest to `last`, an end such as ".lua" left away. */
static char *nearest(const char *last, struct dirent **from, size_t n, const char *end) {
  char *names[MOST_NAMES];
  size_t count = 0;
  for (size_t i = 0; i < n && count < MOST_NAMES; i++) {
    const char *name = from[i]->d_name;
    size_t size = strlen(name), cut = strlen(end);
    if (size <= cut || strcmp(name + size - cut, end) != 0) continue;
    if ((names[count] = strndup(name, size - cut)) == NULL) abort();
    count++;
  }
  if (count == 0) return NULL;
  const char *near = near_of(last, (const char *const *)names, count);
  char *found = near == NULL ? NULL : strdup(near);
  for (size_t i = 0; i < count; i++) free(names[i]);
  return found;
}

/* Among names of the same end only the rest counts: or all models would be alike.  Among
 * all names it takes a slip of two letters. */
static char *nearest_file(const char *last, struct dirent **from, size_t n) {
  const char *end = strrchr(last, '.');
  char *stem = strndup(last, end != NULL ? (size_t)(end - last) : strlen(last)),
       *name = NULL;
  if (stem == NULL) abort();
  char *found = end != NULL ? nearest(stem, from, n, end) : NULL;
  if (found != NULL && asprintf(&name, "%s%s", found, end) < 0) abort();
  free(found);
  free(stem);
  if (name != NULL) return name;
  name = nearest(last, from, n, "");
  if (name != NULL && near_distance(last, name) <= 2) return name;
  free(name);
  return NULL;
}

/* `name` with its last part as it is written in the folder of `path`, or NULL. */
static char *near_in(const char *path, const char *name, const char *end) {
  const char *last = strrchr(path, '/'), *own = strrchr(name, '/');
  struct dirent **entries = NULL;
  if (last == NULL) return NULL;
  char *folder = strndup(path, (size_t)(last - path) + 1), *found = NULL, *out = NULL;
  if (folder == NULL) abort();
  int n = scandir(folder, &entries, visible, alphasort);
  const char *wanted = own != NULL ? own + 1 : name;
  if (n > 0)
    found = end[0] != 0 ? nearest(wanted, entries, (size_t)n, end)
                        : nearest_file(wanted, entries, (size_t)n);
  if (found != NULL &&
      asprintf(&out, "%.*s%s", own != NULL ? (int)(own + 1 - name) : 0, name, found) < 0)
    abort();
  for (int i = 0; i < n; i++) free(entries[i]);
  free(entries);
  free(folder);
  free(found);
  return out;
}

char *recipe_path_near(const char *path, const char *name) {
  return near_in(path, name, "");
}

/* Near `name` in the first of these places that has it; frees them. */
static char *near_among(char **places, size_t n, const char *name, const char *end) {
  char *found = NULL;
  for (size_t i = 0; i < n; i++) {
    if (found == NULL) found = near_in(places[i], name, end);
    free(places[i]);
  }
  return found;
}

char *recipe_file_near(const char *recipe_path, const char *name) {
  char *places[RECIPE_PLACES];
  return near_among(places, recipe_file_places(recipe_path, name, places), name, "");
}

char *recipe_near(const char *recipe_path, const char *name) {
  char *places[RECIPE_PLACES];
  return near_among(places, recipe_places(recipe_path, name, places), name, ".lua");
}
