/* source.c - mapping a model file and asking the formats whose it is. */
#include "model/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static ridge_status map_file(const char *path, struct source *out, struct why *why) {
  struct stat facts;
  out->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (out->fd < 0 || fstat(out->fd, &facts) != 0)
    return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path, strerror(errno));
  if (!S_ISREG(facts.st_mode))
    return why_set(why, RIDGE_INVALID, "%s: is not a file; a model file is wanted", path);
  if (facts.st_size == 0)
    return why_set(why, RIDGE_CORRUPT, "%s: is empty; was the download cut off?", path);
  size_t size = (size_t)facts.st_size;
  void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, out->fd, 0);
  if (data == MAP_FAILED)
    return why_set(why, RIDGE_IO, "%s: cannot be mapped: %s", path, strerror(errno));
  out->bytes = (ridge_bytes){data, size};
  return RIDGE_OK;
}

static void try_format(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct source *source = ctx;
  if (source->format != NULL) return;
  const ridge_format *format = fill->table;
  uint64_t entered = instance_enter(instance);
  bool ours = format->probe(source->bytes.data, source->bytes.size);
  (void)instance_leave(instance, entered, RIDGE_OK, "format/1", NULL);
  if (!ours) return;
  source->format = format;
  source->by = instance;
  source->format_name = fill->key;
}

ridge_status source_open(const char *path, struct instances *plugins, struct source *out,
                         struct why *why) {
  *out = (struct source){.fd = -1};
  out->path = strdup(path);
  ridge_status status = map_file(path, out, why);
  if (status == RIDGE_OK) {
    instances_each_fill(plugins, RIDGE_SEAM_FORMAT, try_format, out);
    if (out->format == NULL)
      status = why_set(
          why, RIDGE_UNSUPPORTED,
          "%s: no installed format knows this file (its first bytes are not those of a "
          "model); `ridge plugins` lists the formats",
          path);
  }
  if (status == RIDGE_OK) {
    out->file.struct_size = sizeof out->file;
    uint64_t entered = instance_enter(out->by);
    status = out->format->open(&out->by->host, out->bytes, &out->file);
    status = instance_leave(out->by, entered, status, "format/1", why);
    if (status != RIDGE_OK) {
      out->format = NULL;
      (void)why_prefix(why, status, "%s", path);
    }
  }
  if (status != RIDGE_OK) source_close(out);
  return status;
}

void source_close(struct source *source) {
  if (source->format != NULL) source->format->close(&source->file);
  if (source->bytes.data != NULL)
    munmap((void *)(uintptr_t)source->bytes.data, source->bytes.size);
  if (source->fd >= 0) close(source->fd);
  free(source->path);
  *source = (struct source){.fd = -1};
}

const ridge_fact *source_fact(const struct source *source, const char *key) {
  for (uint64_t i = 0; i < source->file.n_facts; i++)
    if (strcmp(source->file.facts[i].key, key) == 0) return &source->file.facts[i];
  return NULL;
}

const ridge_file_tensor *source_tensor(const struct source *source, const char *name) {
  for (uint64_t i = 0; i < source->file.n_tensors; i++)
    if (strcmp(source->file.tensors[i].name, name) == 0) return &source->file.tensors[i];
  return NULL;
}

ridge_status source_int(const struct source *source, const char *key, int64_t lo,
                        int64_t hi, int64_t *out, struct why *why) {
  const ridge_fact *fact = source_fact(source, key);
  if (fact == NULL)
    return why_set(why, RIDGE_CORRUPT, "%s: has no `%s`; a whole number is wanted there",
                   source->path, key);
  if (fact->type != RIDGE_FACT_INT)
    return why_set(why, RIDGE_CORRUPT, "%s: `%s` is not a whole number", source->path, key);
  if (fact->value.i < lo || fact->value.i > hi)
    return why_set(why, RIDGE_CORRUPT, "%s: `%s` is %lld; it must be between %lld and %lld",
                   source->path, key, (long long)fact->value.i, (long long)lo,
                   (long long)hi);
  *out = fact->value.i;
  return RIDGE_OK;
}

ridge_status source_real(const struct source *source, const char *key, double *out,
                         struct why *why) {
  const ridge_fact *fact = source_fact(source, key);
  if (fact == NULL)
    return why_set(why, RIDGE_CORRUPT, "%s: has no `%s`; a number is wanted there",
                   source->path, key);
  if (fact->type == RIDGE_FACT_INT)
    *out = (double)fact->value.i;
  else if (fact->type == RIDGE_FACT_REAL)
    *out = fact->value.r;
  else
    return why_set(why, RIDGE_CORRUPT, "%s: `%s` is not a number", source->path, key);
  if (!(*out > -1e30 && *out < 1e30))
    return why_set(why, RIDGE_CORRUPT, "%s: `%s` is not a finite number", source->path,
                   key);
  return RIDGE_OK;
}
