/*
 * ridge/format.h - reading and writing model files.  Seam "format/1", a SET keyed by the
 * format's name ("gguf").
 *
 * A format turns bytes into facts (key and value, under GGUF's names, which are
 * the field's common tongue) and a list of tensors; it copies no weights that can be
 * read where they lie.  The bytes are hostile: every length is checked before it is
 * used.  A model may be several files of one directory: the host maps them, and the
 * format sees nothing else of the disk.
 *
 * Ownership: what `open` returns points into the bytes and into memory of its own
 *            until `close`; mapped files live as long.
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

/* What a format may see of the disk: the opened file and those beside it. */
typedef struct ridge_folder ridge_folder;
struct ridge_folder {
  uint64_t struct_size;
  void *ctx;
  const char *path; /* of the opened file, for messages                         */
  const char *name; /* its name in the directory                                */
  ridge_bytes file; /* file 0                                                   */
  /* Maps the file of that name, read-only: its bytes and its number.  The same name
   * gives the same number.  A name is plain: no separators, not "." or "..".
   * RIDGE_DECLINED: there is no such file, and nothing was said; after any other
   * failure the sentence has been said.  [main], during `open` only */
  ridge_status (*map)(const ridge_folder *, const char *name, ridge_bytes *out,
                      uint32_t *number);
};
RIDGE_SEALED(ridge_folder, map);

/* How a file holds a number: kept, so that a writer can hold it in the same way. */
enum ridge_stored {
  RIDGE_STORED_ANY = 0, /* not known; the writer chooses by key and value          */
  RIDGE_STORED_U8,
  RIDGE_STORED_I8,
  RIDGE_STORED_U16,
  RIDGE_STORED_I16,
  RIDGE_STORED_U32,
  RIDGE_STORED_I32,
  RIDGE_STORED_U64,
  RIDGE_STORED_I64,
  RIDGE_STORED_BOOL,
  RIDGE_STORED_F32,
  RIDGE_STORED_F64,
};
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
  uint32_t type;
  uint32_t stored; /* of numbers: enum ridge_stored                              */
} ridge_fact;
RIDGE_SEALED(ridge_fact, stored);

typedef struct ridge_file_tensor {
  uint64_t struct_size;
  const char *name;       /* "blk.0.attn_q.weight"                                   */
  const char *codec;      /* "q4_0"                                                  */
  int64_t dims[4];        /* outermost first                                         */
  uint64_t offset, bytes; /* inside the file                                    */
  uint32_t rank;
  uint32_t file;    /* which one: 0 is the opened one                                */
  const void *data; /* not NULL: these bytes, which the format made and owns until
                       close; then `file` and `offset` mean nothing                  */
} ridge_file_tensor;
RIDGE_SEALED(ridge_file_tensor, data);

typedef struct ridge_model_file {
  uint64_t struct_size;
  const ridge_fact *facts;
  const ridge_file_tensor *tensors;
  uint64_t n_facts, n_tensors;
  void *opaque; /* the format's own                                             */
} ridge_model_file;
RIDGE_SEALED(ridge_model_file, opaque);

/* One of the files that a written model becomes: the tensors first .. first + n - 1. */
typedef struct ridge_piece {
  uint64_t struct_size;
  uint64_t first, n;
  uint32_t number, count; /* from 0; a model in one file has one                     */
} ridge_piece;
RIDGE_SEALED(ridge_piece, count);

/* Where the bytes of a written file go, in order; the host's. */
typedef struct ridge_output ridge_output;
struct ridge_output {
  uint64_t struct_size;
  void *ctx;
  /* On failure the sentence has been said: return the status. [main] */
  ridge_status (*put)(const ridge_output *, const void *data, uint64_t size);
};
RIDGE_SEALED(ridge_output, put);

typedef struct ridge_format {
  uint64_t struct_size;
  /* Is it ours?  Looks at the first bytes only. [pure] */
  bool (*probe)(const uint8_t *head, uint64_t size);
  /* On failure the sentence went through host->fail: what, where (byte), wanted. */
  ridge_status (*open)(const ridge_host *, const ridge_folder *, ridge_model_file *out);
  void (*close)(ridge_model_file *);
  /* Patterns (as in a shell: "*.gguf") of the names by which a directory is entered,
   * the better first, ended by NULL: the first that fits anything is the one, and has
   * to fit one file.  NULL: a model of this format is never a directory. */
  const char *const *entries;
  /* Writing: all three, or none (a format that is only read).  `model` has the facts and
   * all tensors in their order; of a tensor, name, codec, dims, rank and bytes count.  For
   * each piece the host calls write_head, puts the bytes of the first tensor itself,
   * calls write_after for it, and so on: a file is written from its beginning to its end,
   * and no tensor need be in memory as a whole.  Facts about pieces ("split.count") are
   * the format's own to write; the host hands over those of the model. [main] */
  ridge_status (*write_head)(const ridge_host *, const ridge_model_file *model,
                             const ridge_piece *, const ridge_output *);
  ridge_status (*write_after)(const ridge_host *, const ridge_model_file *model,
                              const ridge_piece *, uint64_t tensor, const ridge_output *);
  /* The file name of a piece, made from the name the user gave the model. */
  ridge_status (*piece_name)(const ridge_host *, const char *name, const ridge_piece *,
                             char *to, uint64_t room);
} ridge_format;
RIDGE_SEALED(ridge_format, piece_name);

#endif
