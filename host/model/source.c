/* source.c - opening a model: whose it is, and what it says of itself. */
#include "model/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void try_format(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct source *source = ctx;
  if (source->format != NULL) return;
  const ridge_format *format = fill->table;
  uint64_t entered = instance_enter(instance);
  bool ours = format->probe(source->folder.file.data, source->folder.file.size);
  (void)instance_leave(instance, entered, RIDGE_OK, "format/1", NULL);
  if (!ours) return;
  source->format = format;
  source->by = instance;
  source->format_name = fill->key;
}

/* What the format said about places, before anybody reads there. */
static ridge_status check_places(const struct source *source, struct why *why) {
  for (uint64_t i = 0; i < source->file.n_tensors; i++) {
    const ridge_file_tensor *tensor = &source->file.tensors[i];
    if (tensor->data != NULL) continue;
    if (tensor->file < source->n_files &&
        tensor->offset <= source->files[tensor->file].bytes.size &&
        tensor->bytes <= source->files[tensor->file].bytes.size - tensor->offset)
      continue;
    return why_set(why, RIDGE_INTERNAL,
                   "%s: %s places tensor `%s` outside the files that were mapped",
                   source->path, source->by->plugin->id, tensor->name);
  }
  return RIDGE_OK;
}

static ridge_status open_first(struct source *source, const char *path, struct why *why) {
  ridge_status status = source_map(source, path, why);
  if (status == RIDGE_DECLINED)
    return why_set(why, RIDGE_IO, "%s: there is no such file", path);
  if (status != RIDGE_OK) return status;
  const struct source_file *first = &source->files[0];
  source->folder = (ridge_folder){
      .struct_size = sizeof source->folder,
      .ctx = source,
      .path = first->path,
      .name = first->name,
      .file = first->bytes,
      .map = source_map_beside,
  };
  return RIDGE_OK;
}

static ridge_status open_described(struct source *source, struct instances *plugins,
                                   struct why *why) {
  const char *path = source->files[0].path;
  instances_each_fill(plugins, RIDGE_SEAM_FORMAT, try_format, source);
  if (source->format == NULL)
    return why_set(
        why, RIDGE_UNSUPPORTED,
        "%s: no installed format knows this file (its first bytes are not those of a "
        "model); `ridge plugins` lists the formats",
        path);
  source->file.struct_size = sizeof source->file;
  uint64_t entered = instance_enter(source->by);
  ridge_status status =
      source->format->open(&source->by->host, &source->folder, &source->file);
  status = instance_leave(source->by, entered, status, "format/1", why);
  if (status == RIDGE_OK) return check_places(source, why);
  source->format = NULL;
  return why_prefix(why, status, "%s", path);
}

ridge_status source_open(const char *path, struct instances *plugins, struct source *out,
                         struct why *why) {
  struct stat facts;
  char *entry = NULL;
  size_t size = strlen(path);
  while (size > 1 && path[size - 1] == '/') size--;
  *out = (struct source){.path = strndup(path, size)};
  ridge_status status = RIDGE_OK;
  if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
    status = source_entry(path, plugins, &entry, why);
  if (status == RIDGE_OK) status = open_first(out, entry != NULL ? entry : path, why);
  if (status == RIDGE_OK) status = open_described(out, plugins, why);
  free(entry);
  if (status != RIDGE_OK) source_close(out);
  return status;
}

void source_close(struct source *source) {
  if (source->format != NULL) source->format->close(&source->file);
  source_unmap(source);
  free(source->path);
  *source = (struct source){0};
}

uint64_t source_bytes(const struct source *source) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < source->n_files; i++) bytes += source->files[i].bytes.size;
  return bytes;
}

const struct source_file *source_file_of(const struct source *source,
                                         const ridge_file_tensor *tensor) {
  return tensor->data != NULL ? NULL : &source->files[tensor->file];
}

const uint8_t *source_data(const struct source *source, const ridge_file_tensor *tensor) {
  const struct source_file *file = source_file_of(source, tensor);
  return file == NULL ? tensor->data : file->bytes.data + tensor->offset;
}

/* Whole pages inside: the rest is another tensor's, too. */
void source_forget(const struct source *source, const ridge_file_tensor *tensor) {
  const struct source_file *file = source_file_of(source, tensor);
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  if (file == NULL) return; /* made, not mapped: it would be lost */
  const uint64_t from = (tensor->offset + page - 1) / page * page;
  const uint64_t to = (tensor->offset + tensor->bytes) / page * page;
  if (to > from)
    (void)madvise((void *)(uintptr_t)(file->bytes.data + from), (size_t)(to - from),
                  MADV_DONTNEED);
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
