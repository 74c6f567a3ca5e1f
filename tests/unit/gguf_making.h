/*
 * gguf_making.h - for tests: write GGUF files in memory, and open them with the part
 * format.gguf under a host that counts and refuses allocations.
 *
 * The part's own C files are included here, because a test program cannot link a
 * plugin; so exactly one C file of a program may include this header.
 */
#ifndef TESTS_GGUF_MAKING_H
#define TESTS_GGUF_MAKING_H

/* cmocka's macro of this name would catch host->fail(...). */
#pragma push_macro("fail")
#undef fail
#include "plugins/formats/gguf/gguf.c"
#include "plugins/formats/gguf/gguf_facts.c"
#include "plugins/formats/gguf/gguf_memory.c"
#include "plugins/formats/gguf/gguf_read.c"
#include "plugins/formats/gguf/gguf_split.c"
#include "plugins/formats/gguf/gguf_tensors.c"
#include "plugins/formats/gguf/gguf_types.c"
#include "plugins/formats/gguf/gguf_write.c"
#pragma pop_macro("fail")

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAKING __attribute__((unused)) static

/* ---- writing -------------------------------------------------------------------- */

struct making {
  uint8_t *data;
  size_t size, room;
};

MAKING void put_bytes(struct making *m, const void *data, size_t n) {
  if (m->size + n > m->room) {
    m->room = (m->size + n) * 2 + 256;
    m->data = realloc(m->data, m->room);
    if (m->data == NULL) abort();
  }
  if (n > 0) memcpy(m->data + m->size, data, n);
  m->size += n;
}

MAKING void put_number(struct making *m, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) {
    uint8_t byte = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
    put_bytes(m, &byte, 1);
  }
}

MAKING void put_text(struct making *m, const char *text, size_t n) {
  put_number(m, n, 8);
  put_bytes(m, text, n);
}

MAKING void put_head(struct making *m, uint32_t version, uint64_t tensors, uint64_t facts) {
  put_bytes(m, "GGUF", 4);
  put_number(m, version, 4);
  put_number(m, tensors, 8);
  put_number(m, facts, 8);
}

MAKING void put_key(struct making *m, const char *key, uint32_t type) {
  put_text(m, key, strlen(key));
  put_number(m, type, 4);
}

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY_OF, U64, I64, F64 };

MAKING void put_fact_text(struct making *m, const char *key, const char *text) {
  put_key(m, key, STRING);
  put_text(m, text, strlen(text));
}

MAKING void put_fact_u32(struct making *m, const char *key, uint32_t value) {
  put_key(m, key, U32);
  put_number(m, value, 4);
}

MAKING void put_array(struct making *m, const char *key, uint32_t type, uint64_t n) {
  put_key(m, key, ARRAY_OF);
  put_number(m, type, 4);
  put_number(m, n, 8);
}

MAKING uint64_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* dims: innermost first, as the file has them. */
MAKING void put_tensor(struct making *m, const char *name, uint32_t rank,
                       const uint64_t *dims, uint32_t type, uint64_t offset) {
  put_text(m, name, strlen(name));
  put_number(m, rank, 4);
  for (uint32_t i = 0; i < rank; i++) put_number(m, dims[i], 8);
  put_number(m, type, 4);
  put_number(m, offset, 8);
}

MAKING void put_padding(struct making *m, size_t alignment) {
  while (m->size % alignment != 0) put_number(m, 0, 1);
}

/* ---- a host --------------------------------------------------------------------- */

struct making_host {
  ridge_host host;
  int64_t alive;     /* allocations not yet freed                  */
  int64_t fail_from; /* the n-th allocation fails; negative: never */
  int64_t seen;
  char text[1024]; /* the sentence of the last failure           */
};

MAKING void *making_alloc(const ridge_host *host, size_t size, size_t align) {
  struct making_host *self = host->ctx;
  if (self->fail_from >= 0 && self->seen++ >= self->fail_from) return NULL;
  void *at = NULL;
  if (posix_memalign(&at, align < sizeof(void *) ? sizeof(void *) : align, size + 1) != 0)
    return NULL;
  memset(at, 0, size);
  self->alive++;
  return at;
}

MAKING void making_free(const ridge_host *host, void *at) {
  struct making_host *self = host->ctx;
  if (at == NULL) return;
  self->alive--;
  free(at);
}

RIDGE_FORMAT(3, 4)
MAKING ridge_status making_fail(const ridge_host *host, ridge_status status,
                                const char *fmt, ...) {
  struct making_host *self = host->ctx;
  va_list args;
  va_start(args, fmt);
  vsnprintf(self->text, sizeof self->text, fmt, args);
  va_end(args);
  return status;
}

MAKING void making_host_new(struct making_host *self) {
  *self = (struct making_host){.fail_from = -1};
  self->host = (ridge_host){.struct_size = sizeof(ridge_host),
                            .ctx = self,
                            .alloc = making_alloc,
                            .free = making_free,
                            .fail = making_fail};
}

MAKING const ridge_format *making_format(void) {
  const ridge_fill *fill = ridge_plugin_v1()->fills.rows;
  return fill->table;
}

/* A directory with nothing beside the one file. */
MAKING ridge_status making_alone(const ridge_folder *folder, const char *name,
                                 ridge_bytes *out, uint32_t *number) {
  (void)folder, (void)name, (void)out, (void)number;
  return RIDGE_DECLINED;
}

MAKING ridge_folder making_folder(const void *data, size_t size) {
  return (ridge_folder){.struct_size = sizeof(ridge_folder),
                        .path = "made.gguf",
                        .name = "made.gguf",
                        .file = {.data = data, .size = size},
                        .map = making_alone};
}

/* Opened from bytes of their exact size, so that a sanitizer sees one too many. */
MAKING ridge_status making_open(struct making_host *host, const void *data, size_t size,
                                ridge_model_file *out) {
  *out = (ridge_model_file){.struct_size = sizeof *out};
  host->text[0] = 0;
  ridge_folder folder = making_folder(data, size);
  return making_format()->open(&host->host, &folder, out);
}

/* ---- several files -------------------------------------------------------------- */

enum { MAKING_MOST_FILES = 8 };

/* A directory in memory; number 0 is the file that is opened. */
struct making_directory {
  struct {
    char name[64];
    struct making file;
  } entries[MAKING_MOST_FILES];
  size_t n, opened;
};

MAKING struct making *making_add(struct making_directory *d, const char *name) {
  if (d->n == MAKING_MOST_FILES) abort();
  snprintf(d->entries[d->n].name, sizeof d->entries[d->n].name, "%s", name);
  return &d->entries[d->n++].file;
}

MAKING void making_directory_free(struct making_directory *d) {
  for (size_t i = 0; i < d->n; i++) free(d->entries[i].file.data);
  *d = (struct making_directory){.n = 0};
}

MAKING ridge_status making_beside(const ridge_folder *folder, const char *name,
                                  ridge_bytes *out, uint32_t *number) {
  struct making_directory *d = folder->ctx;
  for (size_t i = 0; i < d->n; i++)
    if (strcmp(d->entries[i].name, name) == 0) {
      *out = (ridge_bytes){d->entries[i].file.data, d->entries[i].file.size};
      *number = (uint32_t)(i == d->opened ? 0 : i < d->opened ? i + 1 : i);
      return RIDGE_OK;
    }
  return RIDGE_DECLINED;
}

/* Opened by the file of that index. */
MAKING ridge_status making_open_directory(struct making_host *host,
                                          struct making_directory *d, size_t opened,
                                          ridge_model_file *out) {
  *out = (ridge_model_file){.struct_size = sizeof *out};
  host->text[0] = 0;
  d->opened = opened;
  ridge_folder folder =
      making_folder(d->entries[opened].file.data, d->entries[opened].file.size);
  folder.ctx = d;
  folder.name = folder.path = d->entries[opened].name;
  folder.map = making_beside;
  return making_format()->open(&host->host, &folder, out);
}

/* One piece with tensors of 8 numbers called names[0..n-1]; number from 0. */
MAKING void making_piece(struct making *m, uint16_t number, uint16_t count, int32_t tensors,
                         const char *const *names, uint64_t n) {
  put_head(m, 3, n, number == 0 ? 4 : 3);
  if (number == 0) put_fact_text(m, "general.architecture", "llama");
  put_key(m, "split.no", U16);
  put_number(m, number, 2);
  put_key(m, "split.count", U16);
  put_number(m, count, 2);
  put_key(m, "split.tensors.count", I32);
  put_number(m, (uint32_t)tensors, 4);
  for (uint64_t i = 0; i < n; i++) put_tensor(m, names[i], 1, (uint64_t[]){8}, 0, 32 * i);
  put_padding(m, 32);
  for (uint64_t i = 0; i < 32 * n; i++) put_number(m, 16 * number + i, 1);
}

/* m-0000N-of-00003.gguf: facts alone, two tensors, one tensor. */
MAKING struct making_directory making_three(void) {
  struct making_directory d = {.n = 0};
  making_piece(making_add(&d, "m-00001-of-00003.gguf"), 0, 3, 3, NULL, 0);
  making_piece(making_add(&d, "m-00002-of-00003.gguf"), 1, 3, 3, (const char *[]){"a", "b"},
               2);
  making_piece(making_add(&d, "m-00003-of-00003.gguf"), 2, 3, 3, (const char *[]){"c"}, 1);
  return d;
}

MAKING const ridge_fact *making_fact(const ridge_model_file *file, const char *key) {
  for (uint64_t i = 0; i < file->n_facts; i++)
    if (strcmp(file->facts[i].key, key) == 0) return &file->facts[i];
  return NULL;
}

/* The whole of a file; NULL when it cannot be read. */
MAKING uint8_t *making_load(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  struct making m = {0};
  char chunk[65536];
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) put_bytes(&m, chunk, n);
  fclose(file);
  *size = m.size;
  return m.data;
}

#endif
