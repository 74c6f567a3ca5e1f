/*
 * st_making.h - for tests: model directories in memory, opened with the built part
 * format.safetensors under a host that counts and refuses allocations.
 *
 * A directory is a list of names and bytes; weights are written by made_tensor and
 * become a safetensors file when the directory is opened.
 */
#ifndef TESTS_ST_MAKING_H
#define TESTS_ST_MAKING_H

#include <ridge/format.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAKING __attribute__((unused)) static
enum { MADE_FILES = 16 };

struct made_bytes {
  uint8_t *data;
  size_t size, room;
};

struct made_file {
  char name[64];
  struct made_bytes bytes;
};

struct made_dir {
  struct made_file files[MADE_FILES];
  size_t n;
  struct made_bytes head, data; /* of the weights being written */
  ridge_host host;
  ridge_folder folder;
  ridge_model_file model;
  int64_t alive, seen, fail_from;
  char text[1024]; /* the sentence of the last failure */
};

MAKING void made_put(struct made_bytes *b, const void *data, size_t n) {
  if (b->size + n > b->room) {
    b->room = (b->size + n) * 2 + 256;
    b->data = realloc(b->data, b->room);
    if (b->data == NULL) abort();
  }
  if (n > 0) memcpy(b->data + b->size, data, n);
  b->size += n;
}

__attribute__((format(printf, 2, 3))) MAKING void made_print(struct made_bytes *b,
                                                             const char *fmt, ...) {
  char text[4096];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof text) abort();
  made_put(b, text, (size_t)n);
}

MAKING struct made_file *made_find(struct made_dir *d, const char *name) {
  for (size_t i = 0; i < d->n; i++)
    if (strcmp(d->files[i].name, name) == 0) return &d->files[i];
  return NULL;
}

/* Adds the file, or puts another in its place. */
MAKING void made_file(struct made_dir *d, const char *name, const void *data, size_t size) {
  struct made_file *file = made_find(d, name);
  if (file == NULL) {
    if (d->n == MADE_FILES) abort();
    file = &d->files[d->n++];
    snprintf(file->name, sizeof file->name, "%s", name);
  }
  file->bytes.size = 0;
  made_put(&file->bytes, data, size);
}

MAKING void made_text(struct made_dir *d, const char *name, const char *text) {
  made_file(d, name, text, strlen(text));
}

/* ---- weights ------------------------------------------------------------------- */

/* One more tensor of the file being written; `shape` as JSON: "2, 3". */
MAKING void made_tensor(struct made_dir *d, const char *name, const char *dtype,
                        const char *shape, const void *data, size_t size) {
  made_print(
      &d->head, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
      d->head.size > 0 ? "," : "", name, dtype, shape, d->data.size, d->data.size + size);
  made_put(&d->data, data, size);
}

/* Values 1, 2, 3, ... as F32. */
MAKING void made_counting(struct made_dir *d, const char *name, size_t rows, size_t cols) {
  char shape[64];
  size_t n = rows > 0 ? rows * cols : cols;
  float *values = calloc(n + 1, sizeof *values);
  for (size_t i = 0; i < n; i++) values[i] = (float)(i + 1);
  if (rows > 0)
    snprintf(shape, sizeof shape, "%zu, %zu", rows, cols);
  else
    snprintf(shape, sizeof shape, "%zu", cols);
  made_tensor(d, name, "F32", shape, values, n * 4);
  free(values);
}

MAKING void made_whole(struct made_dir *d, const char *name, const char *header,
                       size_t header_size, const void *data, size_t size) {
  struct made_bytes all = {0};
  uint64_t length = header_size;
  made_put(&all, &length, 8);
  made_put(&all, header, header_size);
  made_put(&all, data, size);
  made_file(d, name, all.data, all.size);
  free(all.data);
}

/* The tensors written so far as a file of that name. */
MAKING void made_weights(struct made_dir *d, const char *name) {
  struct made_bytes header = {0};
  made_print(&header, "{\"__metadata__\":{\"format\":\"pt\"}%s",
             d->head.size > 0 ? "," : "");
  made_put(&header, d->head.data, d->head.size);
  made_print(&header, "}");
  while (header.size % 8 != 0) made_print(&header, " ");
  made_whole(d, name, (const char *)header.data, header.size, d->data.data, d->data.size);
  free(header.data);
  d->head.size = d->data.size = 0;
}

/* ---- a host -------------------------------------------------------------------- */

MAKING void *made_alloc(const ridge_host *host, size_t size, size_t align) {
  struct made_dir *d = host->ctx;
  if (d->fail_from >= 0 && d->seen++ >= d->fail_from) return NULL;
  void *at = NULL;
  if (posix_memalign(&at, align < sizeof(void *) ? sizeof(void *) : align, size + 1) != 0)
    return NULL;
  memset(at, 0, size);
  d->alive++;
  return at;
}

MAKING void made_free(const ridge_host *host, void *at) {
  struct made_dir *d = host->ctx;
  if (at == NULL) return;
  d->alive--;
  free(at);
}

RIDGE_FORMAT(3, 4)
MAKING ridge_status made_fail(const ridge_host *host, ridge_status status, const char *fmt,
                              ...) {
  struct made_dir *d = host->ctx;
  va_list args;
  va_start(args, fmt);
  vsnprintf(d->text, sizeof d->text, fmt, args);
  va_end(args);
  return status;
}

/* Bytes of their exact size, so that a sanitizer sees one too many. */
MAKING ridge_status made_map(const ridge_folder *folder, const char *name, ridge_bytes *out,
                             uint32_t *number) {
  struct made_dir *d = folder->ctx;
  struct made_file *file = made_find(d, name);
  if (strchr(name, '/') != NULL) {
    snprintf(d->text, sizeof d->text, "the name leads out of the directory");
    return RIDGE_CORRUPT;
  }
  if (file == NULL) return RIDGE_DECLINED;
  *out = (ridge_bytes){file->bytes.data, file->bytes.size};
  *number = (uint32_t)(file - d->files);
  return RIDGE_OK;
}

MAKING const ridge_format *made_format(void) {
  static const ridge_format *known; /* a file is loaded once */
  if (known != NULL) return known;
  void *so = dlopen(TEST_BUILD_DIR "/plugins/safetensors.so", RTLD_NOW | RTLD_LOCAL);
  if (so == NULL) return NULL;
  const ridge_plugin *(*describe)(void) = NULL;
  *(void **)(&describe) = dlsym(so, "ridge_plugin_v1");
  const ridge_fill *fill = describe()->fills.rows;
  known = fill->table;
  return known;
}

MAKING void made_new(struct made_dir *d) { *d = (struct made_dir){.fail_from = -1}; }

/* Each file shrunk to its size; the first file added is the one that is opened. */
MAKING ridge_status made_open(struct made_dir *d) {
  for (size_t i = 0; i < d->n; i++) {
    struct made_bytes *b = &d->files[i].bytes;
    uint8_t *exact = malloc(b->size + (b->size == 0));
    if (exact == NULL) abort();
    if (b->size > 0) memcpy(exact, b->data, b->size);
    free(b->data);
    b->data = exact;
    b->room = b->size;
  }
  d->host = (ridge_host){.struct_size = sizeof d->host,
                         .ctx = d,
                         .alloc = made_alloc,
                         .free = made_free,
                         .fail = made_fail};
  d->folder = (ridge_folder){.struct_size = sizeof d->folder,
                             .ctx = d,
                             .path = "models/made/model.safetensors",
                             .name = d->files[0].name,
                             .file = {d->files[0].bytes.data, d->files[0].bytes.size},
                             .map = made_map};
  d->model = (ridge_model_file){.struct_size = sizeof d->model};
  d->text[0] = 0;
  d->seen = 0;
  return made_format()->open(&d->host, &d->folder, &d->model);
}

MAKING void made_close(struct made_dir *d) { made_format()->close(&d->model); }

MAKING void made_drop(struct made_dir *d) {
  for (size_t i = 0; i < d->n; i++) free(d->files[i].bytes.data);
  free(d->head.data);
  free(d->data.data);
  *d = (struct made_dir){.fail_from = -1};
}

MAKING const ridge_fact *made_fact(const struct made_dir *d, const char *key) {
  for (uint64_t i = 0; i < d->model.n_facts; i++)
    if (strcmp(d->model.facts[i].key, key) == 0) return &d->model.facts[i];
  return NULL;
}

MAKING const ridge_file_tensor *made_named(const struct made_dir *d, const char *name) {
  for (uint64_t i = 0; i < d->model.n_tensors; i++)
    if (strcmp(d->model.tensors[i].name, name) == 0) return &d->model.tensors[i];
  return NULL;
}

MAKING const uint8_t *made_at(const struct made_dir *d, const ridge_file_tensor *t) {
  if (t->data != NULL) return t->data;
  return d->files[t->file].bytes.data + t->offset;
}

#endif
