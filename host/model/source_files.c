/*
 * source_files.c - mapping the files of a model.
 *
 * A file beside the first is opened by its plain name, in the directory that the
 * first was opened in.  Links are followed: downloads are often a folder of links to
 * where the contents lie.
 */
#include "model/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_NAME = 255 };

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static ridge_status map_fd(const char *path, int fd, ridge_bytes *out, struct why *why) {
  struct stat facts;
  if (fstat(fd, &facts) != 0)
    return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path, strerror(errno));
  if (!S_ISREG(facts.st_mode))
    return why_set(why, RIDGE_INVALID, "%s: is not a file; a model file is wanted", path);
  if (facts.st_size == 0)
    return why_set(why, RIDGE_CORRUPT, "%s: is empty; was the download cut off?", path);
  size_t size = (size_t)facts.st_size;
  void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED)
    return why_set(why, RIDGE_IO, "%s: cannot be mapped: %s", path, strerror(errno));
  *out = (ridge_bytes){data, size};
  return RIDGE_OK;
}

static ridge_status add_file(struct source *source, struct source_file file,
                             struct why *why) {
  size_t room = ((size_t)source->n_files + 1) * sizeof file;
  struct source_file *files = realloc(source->files, room);
  file.path = strdup(file.path);
  if (files != NULL) source->files = files;
  if (files == NULL || file.path == NULL) {
    free(file.path);
    return why_set(why, RIDGE_NO_MEMORY, "no memory for the list of the model's files");
  }
  file.name = last_part(file.path);
  source->files[source->n_files++] = file;
  return RIDGE_OK;
}

ridge_status source_map(struct source *source, const char *path, struct why *why) {
  struct source_file file = {.path = (char *)(uintptr_t)path};
  if (source->n_files == SOURCE_MOST_FILES)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "%s: the model has more than %d files; no more are read", path,
                   SOURCE_MOST_FILES);
  file.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
  if (file.fd < 0 && errno == ENOENT) return RIDGE_DECLINED;
  if (file.fd < 0)
    return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path, strerror(errno));
  ridge_status status = map_fd(path, file.fd, &file.bytes, why);
  if (status == RIDGE_OK) status = add_file(source, file, why);
  if (status == RIDGE_OK) return RIDGE_OK;
  if (file.bytes.data != NULL) munmap((void *)(uintptr_t)file.bytes.data, file.bytes.size);
  close(file.fd);
  return status;
}

/* Names come from model files: whatever is not one plain name leads out of the folder. */
static const char *name_fault(const char *name) {
  size_t size = strnlen(name, LONGEST_NAME + 1);
  if (size == 0) return "it is empty";
  if (size > LONGEST_NAME) return "it is longer than a file name can be";
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return "it names a directory";
  for (const char *c = name; *c != 0; c++) {
    if (*c == '/' || *c == '\\') return "it leads to another directory";
    if ((unsigned char)*c < 0x20 || *c == 0x7f) return "it holds a control character";
  }
  return NULL;
}

static ridge_status find_or_map(struct source *source, const char *name, uint32_t *number,
                                struct why *why) {
  char *path = NULL;
  const char *first = source->files[0].path;
  for (uint32_t i = 0; i < source->n_files; i++)
    if (strcmp(source->files[i].name, name) == 0) {
      *number = i;
      return RIDGE_OK;
    }
  if (asprintf(&path, "%.*s%s", (int)(last_part(first) - first), first, name) < 0)
    return why_set(why, RIDGE_NO_MEMORY, "no memory for a file's path");
  *number = source->n_files;
  ridge_status status = source_map(source, path, why);
  free(path);
  return status;
}

ridge_status source_map_beside(const ridge_folder *folder, const char *name,
                               ridge_bytes *out, uint32_t *number) {
  struct source *source = folder->ctx;
  struct why why = {{0}};
  const char *fault = name_fault(name);
  const ridge_host *host = &source->by->host;
  if (fault != NULL)
    return host->fail(host, RIDGE_CORRUPT,
                      "it names the file `%.80s`, which cannot be one beside it: %s", name,
                      fault);
  ridge_status status = find_or_map(source, name, number, &why);
  if (status == RIDGE_OK) *out = source->files[*number].bytes;
  if (status == RIDGE_OK || status == RIDGE_DECLINED) return status;
  return host->fail(host, status, "%s", why.text);
}

void source_unmap(struct source *source) {
  for (uint32_t i = 0; i < source->n_files; i++) {
    struct source_file *file = &source->files[i];
    munmap((void *)(uintptr_t)file->bytes.data, file->bytes.size);
    close(file->fd);
    free(file->path);
  }
  free(source->files);
  source->files = NULL;
  source->n_files = 0;
}
