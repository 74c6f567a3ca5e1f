/*
 * source.h - a model file, mapped and described by the format part that knows it.
 *
 * Ownership: facts and tensors point into the mapping and into the format's memory
 *            until source_close.  Weights are read-only pages of the file.
 */
#ifndef RIDGE_MODEL_SOURCE_H
#define RIDGE_MODEL_SOURCE_H

#include "registry/instance.h"

#include <ridge/format.h>

struct source {
  char *path;
  int fd;
  ridge_bytes bytes; /* the whole file */
  ridge_model_file file;
  const ridge_format *format;
  struct instance *by;
  const char *format_name;
};

/* Maps the file and hands it to the first format of the set that says it is its own. */
RIDGE_MUST ridge_status source_open(const char *path, struct instances *,
                                    struct source *out, struct why *why);
void source_close(struct source *);

const ridge_fact *source_fact(const struct source *, const char *key);
const ridge_file_tensor *source_tensor(const struct source *, const char *name);
/* A fact that must be there, of that kind, within bounds; the sentence names the key. */
RIDGE_MUST ridge_status source_int(const struct source *, const char *key, int64_t lo,
                                   int64_t hi, int64_t *out, struct why *why);
RIDGE_MUST ridge_status source_real(const struct source *, const char *key, double *out,
                                    struct why *why);

#endif
