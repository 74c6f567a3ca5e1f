/*
 * gguf_parts.h - what the files of the part format.gguf share.
 *
 * Ownership: all memory hangs on the arena of the file; what points into the file
 *            points into the bytes the host lends.
 */
#ifndef GGUF_PARTS_H
#define GGUF_PARTS_H

#include <ridge/format.h>

#define GGUF_MUST __attribute__((warn_unused_result))

/* Bounds.  Each stands far above any model known and keeps what a damaged count
 * can cost small; where the file itself has a smaller bound, that one is met first. */
#define GGUF_MAX_KEY     65535u /* bytes; the specification's number                */
#define GGUF_MAX_NAME    64u    /* bytes of a tensor's name; the specification's    */
#define GGUF_MAX_FACTS   65536u
#define GGUF_MAX_TENSORS 65536u
#define GGUF_MAX_ARRAY   16777216u /* elements: the largest vocabularies have 2^18    */
#define GGUF_MAX_PIECES  1000u
#define GGUF_ALIGNMENT   32u /* where the file does not say                          */

/* Memory that goes away at once (gguf_memory.c). */
struct gguf_arena {
  const ridge_host *host;
  struct gguf_chunk *chunks;
};
void *gguf_alloc(struct gguf_arena *, uint64_t count, uint64_t size); /* zeroed, or NULL */
void gguf_arena_free(struct gguf_arena *);

/* A place in the file that only moves forward and never past the end. */
struct gguf_cursor {
  const ridge_host *host;
  const char *name; /* of the file, if it is not the one that was opened; or NULL   */
  const uint8_t *data;
  uint64_t size, at;
  char item[128]; /* what is being read, for sentences: "tensor 3 \"blk.0...\"" */
};

/* What a piece of a split model says of itself: split.no, .count, .tensors.count. */
struct gguf_split {
  int64_t number, count, tensors; /* number from 0; not said: 0, 1 and -1           */
};

/* One file, read. */
struct gguf_file {
  struct gguf_arena *arena;
  uint64_t n_facts, n_tensors, alignment;
  uint32_t version;
  ridge_fact *facts;
  ridge_file_tensor *tensors;
  struct gguf_split split;
};

/* What `opaque` points to. */
struct gguf_model {
  struct gguf_arena arena;
  ridge_fact *facts;
  ridge_file_tensor *tensors;
  uint64_t n_facts, n_tensors;
};

/* gguf_read.c */
ridge_status gguf_fail(const struct gguf_cursor *, ridge_status, uint64_t byte,
                       const char *fmt, ...) RIDGE_FORMAT(4, 5);
void gguf_item(struct gguf_cursor *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
GGUF_MUST ridge_status gguf_take(struct gguf_cursor *, uint64_t n, const char *what,
                                 const uint8_t **out);
/* Little-endian, of 1, 2, 4 or 8 bytes. */
GGUF_MUST ridge_status gguf_number(struct gguf_cursor *, uint32_t bytes, const char *what,
                                   uint64_t *out);
GGUF_MUST ridge_status gguf_string(struct gguf_cursor *, const char *what,
                                   ridge_bytes *out);
/* A name a person may see and a program may compare: 1..max bytes, no control bytes. */
GGUF_MUST ridge_status gguf_name(struct gguf_cursor *, struct gguf_arena *, uint64_t max,
                                 const char *what, const char **out);
uint64_t gguf_little(const uint8_t *from, uint32_t bytes);
/* The first of two equal names, or NULL; `names` gets sorted. */
const char *gguf_twice(const char **names, uint64_t n);
ridge_status gguf_no_memory(const struct gguf_cursor *, const char *what);

GGUF_MUST ridge_status gguf_read_file(struct gguf_cursor *, struct gguf_file *);

/* gguf_split.c: the file that was opened, and the others if it is one of several. */
GGUF_MUST ridge_status gguf_read_model(const ridge_host *, const ridge_folder *,
                                       struct gguf_model *);
bool gguf_is_split_key(const char *key);

/* gguf_write.c */
ridge_status gguf_write_head(const ridge_host *, const ridge_model_file *,
                             const ridge_piece *, const ridge_output *);
ridge_status gguf_write_after(const ridge_host *, const ridge_model_file *,
                              const ridge_piece *, uint64_t tensor, const ridge_output *);
ridge_status gguf_piece_name(const ridge_host *, const char *name, const ridge_piece *,
                             char *to, uint64_t room);

/* gguf_facts.c, gguf_tensors.c */
GGUF_MUST ridge_status gguf_read_facts(struct gguf_cursor *, struct gguf_file *);
GGUF_MUST ridge_status gguf_read_tensors(struct gguf_cursor *, struct gguf_file *);

/* gguf_types.c: how tensors are stored. */
struct gguf_type {
  const char *codec; /* NULL: no such id                                              */
  uint32_t block;    /* elements; 0: withdrawn from the format                        */
  uint32_t bytes;    /* of a block                                                    */
};
const struct gguf_type *gguf_type(uint32_t id); /* NULL: unknown */
bool gguf_type_find(const char *codec, uint32_t *id);
/* How metadata store a number: their own ids for it, and its bytes. */
uint32_t gguf_value_id(uint32_t stored);
uint32_t gguf_stored(uint32_t value_id);

#endif
