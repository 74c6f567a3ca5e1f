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
  return size >= sizeof name - 1 && memcmp(path + size - (sizeof name - 1), name, sizeof name - 1) == 0;
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
    if (named_recipes(recipe_path, at)) found = existing(join(recipe_path, at, "/", name, end));
    if (found == NULL) found = existing(join(recipe_path, at, "/recipes/", name, end));
    if (at == 0) break;
  }
  return found;
}

char *recipe_file_path(const char *recipe_path, const char *name) {
  if (name[0] == '/') return join(name, strlen(name), "", "", "");
  size_t folder = parent(recipe_path, strlen(recipe_path));
  char *beside = join(recipe_path, folder, "/", name, "");
  if (is_file(beside)) return beside;
  for (size_t at = folder; at > 0; at = parent(recipe_path, at)) {
    if (!named_recipes(recipe_path, at)) continue;
    char *above = existing(join(recipe_path, parent(recipe_path, at), "/", name, ""));
    if (above == NULL) continue;
    free(beside);
    return above;
  }
  return beside;
}
