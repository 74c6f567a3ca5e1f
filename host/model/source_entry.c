/*
 * source_entry.c - a directory as a model: by which of its files it is entered.
 *
 * Each format has patterns of names.  One format, one file: a directory that could be
 * entered in two ways is refused, and both are named.
 */
#include "model/source.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entering {
  const char *directory;
  char **names; /* (n) what lies in the directory */
  size_t n, room;
  const char *found, *format; /* the way in, and whose it is */
  ridge_status status;
  struct why *why;
};

static ridge_status add_name(struct entering *e, const char *name) {
  if (e->n == e->room) {
    size_t room = e->room == 0 ? 64 : 2 * e->room;
    char **names = realloc(e->names, room * sizeof *names);
    if (names == NULL) return RIDGE_NO_MEMORY;
    e->names = names;
    e->room = room;
  }
  e->names[e->n] = strdup(name);
  return e->names[e->n++] != NULL ? RIDGE_OK : RIDGE_NO_MEMORY;
}

static ridge_status list_names(struct entering *e) {
  DIR *dir = opendir(e->directory);
  if (dir == NULL)
    return why_set(e->why, RIDGE_IO, "%s: cannot be read: %s", e->directory,
                   strerror(errno));
  ridge_status status = RIDGE_OK;
  for (struct dirent *one; status == RIDGE_OK && (one = readdir(dir)) != NULL;)
    if (one->d_name[0] != '.') status = add_name(e, one->d_name);
  closedir(dir);
  if (status == RIDGE_OK) return status;
  return why_set(e->why, status, "no memory for the names in %s", e->directory);
}

static void take_match(struct entering *e, const char *name, const char *format) {
  if (e->found == NULL) {
    e->found = name;
    e->format = format;
    return;
  }
  if (e->status != RIDGE_OK) return;
  bool one_kind = strcmp(e->format, format) == 0;
  e->status = why_set(
      e->why, RIDGE_INVALID,
      "%s: holds %s: `%s`%s%s%s and `%s`%s%s%s; give the path of the file that is meant",
      e->directory, one_kind ? "several models" : "models of several formats", e->found,
      one_kind ? "" : " (", one_kind ? "" : e->format, one_kind ? "" : ")", name,
      one_kind ? "" : " (", one_kind ? "" : format, one_kind ? "" : ")");
}

static void try_entries(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct entering *e = ctx;
  const ridge_format *format = fill->table;
  (void)instance;
  if (!RIDGE_HAS(ridge_format, format, entries) || format->entries == NULL) return;
  for (const char *const *pattern = format->entries; *pattern != NULL; pattern++) {
    bool fits = false;
    for (size_t i = 0; i < e->n; i++) {
      if (fnmatch(*pattern, e->names[i], 0) != 0) continue;
      take_match(e, e->names[i], fill->key);
      fits = true;
    }
    if (fits) return;
  }
}

static void collect_patterns(void *ctx, struct instance *instance, const ridge_fill *fill) {
  char *to = ctx;
  const ridge_format *format = fill->table;
  (void)instance;
  if (!RIDGE_HAS(ridge_format, format, entries) || format->entries == NULL) return;
  for (const char *const *pattern = format->entries; *pattern != NULL; pattern++) {
    size_t used = strlen(to);
    snprintf(to + used, 256 - used, "%s`%s`", used > 0 ? ", " : "", *pattern);
  }
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static ridge_status find_entry(struct entering *e, struct instances *plugins, char **path) {
  ridge_status status = list_names(e);
  if (status != RIDGE_OK) return status;
  if (e->n > 0) qsort(e->names, e->n, sizeof *e->names, compare_names);
  instances_each_fill(plugins, RIDGE_SEAM_FORMAT, try_entries, e);
  if (e->status != RIDGE_OK) return e->status;
  if (e->found == NULL) {
    char known[256] = "";
    instances_each_fill(plugins, RIDGE_SEAM_FORMAT, collect_patterns, known);
    return why_set(e->why, RIDGE_INVALID,
                   "%s: is a directory without a model in it; looked for %s", e->directory,
                   known[0] != 0 ? known : "nothing: no installed format has directories");
  }
  size_t size = strlen(e->directory);
  while (size > 1 && e->directory[size - 1] == '/') size--;
  if (asprintf(path, "%.*s/%s", (int)size, e->directory, e->found) >= 0) return RIDGE_OK;
  return why_set(e->why, RIDGE_NO_MEMORY, "no memory for a file's path");
}

ridge_status source_entry(const char *directory, struct instances *plugins, char **path,
                          struct why *why) {
  struct entering e = {.directory = directory, .why = why};
  *path = NULL;
  ridge_status status = find_entry(&e, plugins, path);
  for (size_t i = 0; i < e.n; i++) free(e.names[i]);
  free(e.names);
  return status;
}
