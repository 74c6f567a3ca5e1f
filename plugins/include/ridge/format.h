/*
 * ridge/format.h - reading model files.  Seam "format/1", a SET keyed by the
 * format's name ("gguf").
 *
 * A format turns bytes into facts (key and value, under GGUF's names, which are
 * the field's common tongue) and a list of tensors; it copies no weights.  The
 * bytes are hostile: every length is checked before it is used.
 *
 * Ownership: what `open` returns points into the bytes and into memory of its own
 *            until `close`.
 * Threads:   [main]; a file is opened and closed by one thread.
 */
#ifndef RIDGE_FORMAT_H
#define RIDGE_FORMAT_H

#include <ridge/plugin.h>

#define RIDGE_SEAM_FORMAT "format/1"

typedef struct ridge_bytes {
  const uint8_t *data;
  uint64_t size;
} ridge_bytes;

enum ridge_fact_type {
  RIDGE_FACT_INT = 1, /* any integer or bool; values beyond int64 are refused   */
  RIDGE_FACT_REAL,
  RIDGE_FACT_TEXT, /* `text`, not ended by NUL                                  */
  RIDGE_FACT_INTS,
  RIDGE_FACT_REALS,
  RIDGE_FACT_TEXTS,
};
typedef struct ridge_fact {
  uint64_t struct_size;
  const char *key; /* "llama.block_count"                                       */
  union {
    int64_t i;
    double r;
    ridge_bytes text;
    const int64_t *ints;
    const double *reals;
    const ridge_bytes *texts;
  } value;
  uint64_t count; /* of an array                                               */
  uint32_t type, reserved;
} ridge_fact;
RIDGE_SEALED(ridge_fact, reserved);

typedef struct ridge_file_tensor {
  uint64_t struct_size;
  const char *name;       /* "blk.0.attn_q.weight"                                   */
  const char *codec;      /* "q4_0"                                                  */
  int64_t dims[4];        /* outermost first                                         */
  uint64_t offset, bytes; /* inside the file                                    */
  uint32_t rank, reserved;
} ridge_file_tensor;
RIDGE_SEALED(ridge_file_tensor, reserved);

typedef struct ridge_model_file {
  uint64_t struct_size;
  const ridge_fact *facts;
  const ridge_file_tensor *tensors;
  uint64_t n_facts, n_tensors;
  void *opaque; /* the format's own                                             */
} ridge_model_file;
RIDGE_SEALED(ridge_model_file, opaque);

typedef struct ridge_format {
  uint64_t struct_size;
  /* Is it ours?  Looks at the first bytes only. [pure] */
  bool (*probe)(const uint8_t *head, uint64_t size);
  /* On failure the sentence went through host->fail: what, where (byte), wanted. */
  ridge_status (*open)(const ridge_host *, ridge_bytes file, ridge_model_file *out);
  void (*close)(ridge_model_file *);
} ridge_format;
RIDGE_SEALED(ridge_format, close);

#endif
