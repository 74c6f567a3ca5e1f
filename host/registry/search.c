/* search.c - find plugin files: the command's own, then the user's directories. */
#include "registry/search.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utf8proc.h>

enum { MOST_FILES = 4096 };

static bool is_directory(const char *path) {
  struct stat facts;
  return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* The directory that holds a file, links followed; NULL when there is no such file. */
static const char *folder_of(const char *file, struct arena *arena) {
  char full[PATH_MAX];
  if (file == NULL || realpath(file, full) == NULL) return NULL;
  char *slash = strrchr(full, '/');
  if (slash == NULL) return NULL;
  *(slash == full ? slash + 1 : slash) = 0;
  return arena_text(arena, full);
}

/* Where the command's own plugins lie: one place, see registry.h. */
static const char *own_directory(const char *self, struct arena *arena) {
  static const char *const places[] = {"plugins", "../lib/ridge/plugins",
                                       "../lib64/ridge/plugins"};
  const char *folder = folder_of(self, arena);
  for (size_t i = 0; folder != NULL && i < sizeof places / sizeof *places; i++) {
    char *path = arena_format(arena, "%s/%s", folder, places[i]);
    if (is_directory(path)) return path;
  }
#ifdef RIDGE_PLUGIN_DIR
  if (is_directory(RIDGE_PLUGIN_DIR)) return RIDGE_PLUGIN_DIR;
#endif
  return NULL;
}

/* Files ------------------------------------------------------------------------------ */

static bool is_library(const char *name) {
  size_t size = strlen(name);
  return size > 3 && name[0] != '.' && strcmp(name + size - 3, ".so") == 0;
}

/* The name with '?' for what a terminal or JSON could not take; NULL when it is plain. */
static const char *cleaned(const char *path, struct arena *arena) {
  const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)path;
  char *copy = arena_text(arena, path);
  bool plain = true;
  for (size_t i = 0; copy[i] != 0;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate(at + i, -1, &code);
    bool good = n > 0 && code >= ' ' && !(code >= 0x7f && code < 0xa0);
    if (!good) copy[i] = '?';
    plain = plain && good;
    i += good ? (size_t)n : 1;
  }
  return plain ? NULL : copy;
}

/* A pipe or a device would hold up whoever opens it. */
static const char *problem_of(const char *path, struct arena *arena) {
  const off_t most = (off_t)2 << 30;
  struct stat facts;
  if (stat(path, &facts) != 0)
    return arena_format(arena, "it cannot be read: %s", strerror(errno));
  if (!S_ISREG(facts.st_mode)) return "it is no regular file";
  if (facts.st_size > most) return "it is larger than 2 GiB, which no plugin is";
  return NULL;
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static void add_file(struct search *search, const char *path, const char *problem) {
  if (search->n_files == MOST_FILES) return;
  search->files[search->n_files++] = (struct found){path, problem};
}

static const char nothing_there[] = "there is no plugin (*.so) in it";

static ridge_status list_files(struct search *search, const char *directory,
                               struct why *why) {
  DIR *stream = opendir(directory);
  if (stream == NULL)
    return why_set(why, RIDGE_IO, "the plugin directory %s cannot be read: %s", directory,
                   strerror(errno));
  size_t first = search->n_files;
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (!is_library(entry->d_name)) continue;
    const char *path = arena_format(search->arena, "%s/%s", directory, entry->d_name);
    const char *clean = cleaned(path, search->arena);
    if (clean != NULL)
      add_file(search, clean, "its path is not plain UTF-8 text; rename it");
    else
      add_file(search, path, problem_of(path, search->arena));
  }
  closedir(stream);
  qsort(search->files + first, search->n_files - first, sizeof *search->files, by_path);
  if (search->n_files == MOST_FILES)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "%s: there are %d plugin files or more; name fewer "
                   "directories",
                   directory, MOST_FILES);
  if (search->n_files == first) add_file(search, directory, nothing_there);
  return RIDGE_OK;
}

/* The same directory named twice is looked at once. */
static ridge_status add_directory(struct search *search, const char *path,
                                  struct why *why) {
  for (size_t i = 0; i < search->n_directories; i++)
    if (strcmp(search->directories[i], path) == 0) return RIDGE_OK;
  search->directories[search->n_directories++] = path;
  return list_files(search, path, why);
}

static ridge_status add_named(struct search *search, const char *path, struct why *why) {
  char full[PATH_MAX];
  if (realpath(path, full) == NULL)
    return why_set(why, RIDGE_INVALID, "--plugins %s: %s", path, strerror(errno));
  if (!is_directory(full))
    return why_set(why, RIDGE_INVALID,
                   "--plugins %s: it is no directory; name the folder that "
                   "the file is in",
                   path);
  size_t first = search->n_files;
  ridge_status status = add_directory(search, arena_text(search->arena, full), why);
  if (status == RIDGE_OK && search->n_files == first + 1 &&
      search->files[first].problem == nothing_there)
    return why_set(why, RIDGE_INVALID,
                   "--plugins %s: %s; name the folder that the build wrote, such as "
                   "`build`, or leave it out",
                   path, nothing_there);
  return status;
}

ridge_status search_run(const struct registry_search *from, struct search *out,
                        struct why *why) {
  size_t most;
  if (__builtin_add_overflow(from->n_directories, 1, &most))
    return why_set(why, RIDGE_INVALID, "too many plugin directories");
  out->directories = arena_array(out->arena, most, sizeof *out->directories);
  out->files = arena_array(out->arena, MOST_FILES, sizeof *out->files);
  const char *own = own_directory(from->self, out->arena);
  ridge_status status = RIDGE_OK;
  if (own != NULL) {
    char full[PATH_MAX]; /* as the user's are written, so that one directory is one */
    const char *path = realpath(own, full) != NULL ? arena_text(out->arena, full) : own;
    status = add_directory(out, path, why);
  }
  for (size_t i = 0; i < from->n_directories && status == RIDGE_OK; i++)
    status = add_named(out, from->directories[i], why);
  return status;
}
