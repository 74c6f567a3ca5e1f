/* output_file.c - one file of a model, written under a temporary name. */
#include "convert/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, MOST_WRITE = 1 << 30 };

static ridge_status write_all(struct output_file *file, const void *data, uint64_t size,
                              struct why *why) {
  const uint8_t *at = data;
  while (size > 0) {
    ssize_t wrote = write(file->fd, at, size < MOST_WRITE ? (size_t)size : MOST_WRITE);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0)
      return why_set(why, RIDGE_IO, "%s: cannot be written: %s", file->path,
                     strerror(errno));
    at += wrote;
    size -= (uint64_t)wrote;
  }
  return RIDGE_OK;
}

static ridge_status flush(struct output_file *file, struct why *why) {
  ridge_status status = write_all(file, file->buffer, file->used, why);
  file->used = 0;
  return status;
}

ridge_status output_file_put(struct output_file *file, const void *data, uint64_t size,
                             struct why *why) {
  file->bytes += size;
  if (size > BUFFER - file->used) {
    ridge_status status = flush(file, why);
    if (status != RIDGE_OK) return status;
  }
  if (size >= BUFFER) return write_all(file, data, size, why);
  memcpy(file->buffer + file->used, data, (size_t)size);
  file->used += (size_t)size;
  return RIDGE_OK;
}

static ridge_status put_for_format(const ridge_output *sink, const void *data,
                                   uint64_t size) {
  struct output_file *file = sink->ctx;
  struct why why;
  ridge_status status = output_file_put(file, data, size, &why);
  if (status == RIDGE_OK) return RIDGE_OK;
  return file->by->host.fail(&file->by->host, status, "%s", why.text);
}

/* mkstemp's files are for their owner alone; a model is as readable as other files. */
static void open_up(int fd) {
  mode_t mask = umask(0);
  umask(mask);
  (void)fchmod(fd, 0666 & ~mask);
}

ridge_status output_file_open(struct output_file *file, const char *path,
                              struct instance *by, struct why *why) {
  *file = (struct output_file){.fd = -1, .by = by};
  file->sink = (ridge_output){sizeof file->sink, file, put_for_format};
  file->buffer = malloc(BUFFER);
  file->path = strdup(path);
  if (file->buffer == NULL || file->path == NULL ||
      asprintf(&file->temporary, "%s.part-XXXXXX", path) < 0) {
    file->temporary = NULL;
    return why_set(why, RIDGE_NO_MEMORY, "%s: no memory to write it", path);
  }
  file->fd = mkostemp(file->temporary, O_CLOEXEC);
  if (file->fd >= 0) {
    open_up(file->fd);
    return RIDGE_OK;
  }
  int fault = errno;
  free(file->temporary);
  file->temporary = NULL; /* nothing to remove */
  return why_set(why, RIDGE_IO, "%s: cannot be made: %s", path, strerror(fault));
}

ridge_status output_file_finish(struct output_file *file, struct why *why) {
  ridge_status status = flush(file, why);
  if (status != RIDGE_OK) return status;
  bool bad = fsync(file->fd) != 0;
  int fault = errno;
  bad = close(file->fd) != 0 || bad;
  file->fd = -1;
  free(file->buffer);
  file->buffer = NULL;
  if (!bad) return RIDGE_OK;
  return why_set(why, RIDGE_IO, "%s: cannot be brought to the disk: %s", file->path,
                 strerror(fault != 0 ? fault : errno));
}

/* A file system without RENAME_NOREPLACE: the file was looked for before writing. */
static int give_name(const char *from, const char *to, bool force) {
  if (force) return rename(from, to);
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  return errno == EINVAL || errno == ENOSYS ? rename(from, to) : -1;
}

ridge_status output_file_name(struct output_file *file, bool force, struct why *why) {
  if (give_name(file->temporary, file->path, force) != 0)
    return why_set(why, RIDGE_IO, "%s: the finished file cannot get this name: %s",
                   file->path, strerror(errno));
  free(file->temporary);
  file->temporary = NULL;
  return RIDGE_OK;
}

void output_file_close(struct output_file *file) {
  if (file->fd >= 0) close(file->fd);
  if (file->temporary != NULL) unlink(file->temporary);
  free(file->temporary);
  free(file->path);
  free(file->buffer);
  *file = (struct output_file){.fd = -1};
}
