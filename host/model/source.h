/*
 * source.h - a model's files, mapped and described by the format part that knows them.
 *
 * A path is a file, or a directory that one of the formats knows how to enter.  The
 * format asks for further files of the same directory by name (source_files.c).
 *
 * Ownership: facts and tensors point into the mappings and into the format's memory
 *            until source_close.  Weights are read-only pages of the files.
 */
#ifndef RIDGE_MODEL_SOURCE_H
#define RIDGE_MODEL_SOURCE_H

#include "registry/instance.h"

#include <ridge/format.h>

/* More than any model has; a number that damage cannot make large. */
enum { SOURCE_MOST_FILES = 1024 };

struct source_file {
  char *path;
  const char *name; /* the last part of the path */
  int fd;
  ridge_bytes bytes; /* the whole file */
};

struct source {
  char *path;                /* as asked for: of a file or of a directory     */
  struct source_file *files; /* file 0 is the one that was opened             */
  uint32_t n_files;
  ridge_model_file file;
  ridge_folder folder; /* what the format sees, during `open` */
  const ridge_format *format;
  struct instance *by;
  const char *format_name;
};

/* Maps the file and hands it to the first format of the set that says it is its own. */
RIDGE_MUST ridge_status source_open(const char *path, struct instances *,
                                    struct source *out, struct why *why);
void source_close(struct source *);

uint64_t source_bytes(const struct source *); /* of all files */
/* Where a tensor's bytes are. */
const uint8_t *source_data(const struct source *, const ridge_file_tensor *);
/* Nobody needs its pages for now: memory is free for others. They come back when read. */
void source_forget(const struct source *, const ridge_file_tensor *);
/* The file the tensor is read from; NULL: the format made its bytes. */
const struct source_file *source_file_of(const struct source *, const ridge_file_tensor *);

const ridge_fact *source_fact(const struct source *, const char *key);
const ridge_file_tensor *source_tensor(const struct source *, const char *name);
/* A fact that must be there, of that kind, within bounds; the sentence names the key. */
RIDGE_MUST ridge_status source_int(const struct source *, const char *key, int64_t lo,
                                   int64_t hi, int64_t *out, struct why *why);
RIDGE_MUST ridge_status source_real(const struct source *, const char *key, double *out,
                                    struct why *why);

/* source_files.c */
/* The file of that path as the next of the source.  RIDGE_DECLINED, and nothing said:
 * there is none. */
RIDGE_MUST ridge_status source_map(struct source *, const char *path, struct why *why);
/* ridge_folder's `map`, with the source as ctx. */
ridge_status source_map_beside(const ridge_folder *, const char *name, ridge_bytes *out,
                               uint32_t *number);
void source_unmap(struct source *);

/* source_entry.c: the file by which a directory is entered; freed by the caller. */
RIDGE_MUST ridge_status source_entry(const char *directory, struct instances *, char **path,
                                     struct why *why);

#endif
