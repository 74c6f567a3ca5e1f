/* recipe_find.c - recipes and files that a recipe names. */
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static char *join(const char *folder, size_t size, const char *between, const char *name,
                  const char *end) {
  char *path = NULL;
  if (asprintf(&path, "%.*s%s%s%s", (int)size, folder, between, name, end) < 0) abort();
  return path;
}

/* The length of the folder that holds what path[0..size) names; 0: the root. */
static size_t parent(const char *path, size_t size) {
  while (size > 0 && path[size - 1] != '/') size--;
  return size > 0 ? size - 1 : 0;
}

static bool named_recipes(const char *path, size_t size) {
  static const char name[] = "/recipes";
  return size >= sizeof name - 1 &&
         memcmp(path + size - (sizeof name - 1), name, sizeof name - 1) == 0;
}

static char *existing(char *path) {
  if (is_file(path)) return path;
  free(path);
  return NULL;
}

static const char *ending(const char *name) {
  size_t size = strlen(name);
  return size > 4 && strcmp(name + size - 4, ".lua") == 0 ? "" : ".lua";
}

char *recipe_find(const char *recipe_path, const char *name) {
  const char *end = ending(name);
  if (name[0] == '/') return existing(join(name, strlen(name), "", "", end));
  size_t folder = parent(recipe_path, strlen(recipe_path));
  char *found = existing(join(recipe_path, folder, "/", name, end));
  for (size_t at = folder; found == NULL; at = parent(recipe_path, at)) {
    if (named_recipes(recipe_path, at))
      found = existing(join(recipe_path, at, "/", name, end));
    if (found == NULL) found = existing(join(recipe_path, at, "/recipes/", name, end));
    if (at == 0) break;
  }
  return found;
}

size_t recipe_file_places(const char *recipe_path, const char *name,
                          char *places[RECIPE_PLACES]) {
  size_t n = 0, folder = parent(recipe_path, strlen(recipe_path));
  if (name[0] == '/') {
    places[n++] = join(name, strlen(name), "", "", "");
    return n;
  }
  places[n++] = join(recipe_path, folder, "/", name, "");
  for (size_t at = folder; at > 0 && n < RECIPE_PLACES; at = parent(recipe_path, at))
    if (named_recipes(recipe_path, at))
      places[n++] = join(recipe_path, parent(recipe_path, at), "/", name, "");
  return n;
}

size_t recipe_places(const char *recipe_path, const char *name,
                     char *places[RECIPE_PLACES]) {
  size_t n = 0, folder = parent(recipe_path, strlen(recipe_path));
  if (name[0] == '/') {
    places[n++] = join(name, strlen(name), "", "", "");
    return n;
  }
  places[n++] = join(recipe_path, folder, "/", name, "");
  for (size_t at = folder; at > 0 && n < RECIPE_PLACES; at = parent(recipe_path, at)) {
    if (named_recipes(recipe_path, at)) places[n++] = join(recipe_path, at, "/", name, "");
    if (n < RECIPE_PLACES) places[n++] = join(recipe_path, at, "/recipes/", name, "");
  }
  return n;
}

char *recipe_file_path(const char *recipe_path, const char *name) {
  char *places[RECIPE_PLACES];
  size_t n = recipe_file_places(recipe_path, name, places), found = 0;
  for (size_t i = n; i-- > 0;)
    if (is_folder(places[i])) found = i;
  for (size_t i = n; i-- > 0;)
    if (is_file(places[i])) found = i;
  for (size_t i = 0; i < n; i++)
    if (i != found) free(places[i]);
  return places[found];
}
