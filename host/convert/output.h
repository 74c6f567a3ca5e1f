/*
 * output.h - a model on its way to disk: tensor by tensor, in one file or several.
 *
 * Each file is written under a temporary name beside its place, brought to the disk and
 * only then given its name; when anything fails, or somebody asks to stop, what was
 * written so far is removed and what was there before is untouched.  No more than a few
 * megabytes of a tensor are in memory at a time.
 *
 * Ownership: everything a spec points to is the caller's, during the call.
 */
#ifndef RIDGE_CONVERT_OUTPUT_H
#define RIDGE_CONVERT_OUTPUT_H

#include "engine/pool.h"
#include "registry/instance.h"

#include <ridge/codec.h>
#include <ridge/format.h>

struct output_tensor {
  ridge_file_tensor file;   /* name, codec, dims, rank, bytes                          */
  const ridge_codec *codec; /* encodes the rows; NULL: `raw` is copied                */
  const void *raw;          /* (file.bytes)                                            */
  const float *importance;  /* (matrices, cols) for the codec's weighted form, or NULL */
};

struct output_spec {
  const char *path; /* of the model; a split one makes its names from it              */
  bool force;       /* files that are there are replaced                              */
  struct instance *by;
  const ridge_format *format;
  const ridge_fact *facts;
  const struct output_tensor *tensors;
  size_t n_facts, n_tensors;
  uint64_t split_bytes;   /* of tensors in a file at most; 0: any                      */
  uint64_t split_tensors; /* in a file at most; 0: any                                */
  struct pool *pool;
  void *ctx;
  /* Rows [lo, hi) of tensor `index` as f32, of cols numbers each. [pool] */
  ridge_status (*rows)(void *ctx, size_t index, int64_t lo, int64_t hi, float *to,
                       struct why *why);
  void (*finished)(void *ctx, size_t index); /* is not asked for again; may be NULL   */
  void (*progress)(void *ctx, uint64_t done, uint64_t of); /* bytes; may be NULL      */
  bool (*stopped)(void *ctx);                              /* may be NULL             */
};

struct output_result {
  char **paths; /* (n) */
  size_t n;
  uint64_t bytes; /* of all files */
};

/* Can the format hold these facts and tensors?  Nothing is written. */
RIDGE_MUST ridge_status output_check(const struct output_spec *, struct why *why);
/* RIDGE_CANCELLED when `stopped` said so. */
RIDGE_MUST ridge_status output_write(const struct output_spec *, struct output_result *out,
                                     struct why *why);
void output_result_free(struct output_result *);

int64_t output_cols(const ridge_file_tensor *); /* innermost dimension             */
int64_t output_rows(const ridge_file_tensor *); /* product of the others           */

/* ---- output_file.c: one file under its temporary name ---- */

struct output_file {
  char *path, *temporary;
  int fd; /* -1: closed */
  uint8_t *buffer;
  size_t used;
  uint64_t bytes; /* put so far */
  struct instance *by;
  ridge_output sink; /* what a format puts into */
};

RIDGE_MUST ridge_status output_file_open(struct output_file *, const char *path,
                                         struct instance *by, struct why *why);
RIDGE_MUST ridge_status output_file_put(struct output_file *, const void *, uint64_t size,
                                        struct why *why);
/* All bytes are on the disk; the file is closed. */
RIDGE_MUST ridge_status output_file_finish(struct output_file *, struct why *why);
/* The file gets its name. */
RIDGE_MUST ridge_status output_file_name(struct output_file *, bool force, struct why *why);
/* Frees; what has no name yet is removed. */
void output_file_close(struct output_file *);

/* ---- output_rows.c ---- */

/* One tensor's bytes, encoded or copied; `done` grows. */
RIDGE_MUST ridge_status output_tensor_put(const struct output_spec *, size_t index,
                                          struct output_file *, uint64_t *done, uint64_t of,
                                          struct why *why);

#endif
