/*
 * arch_inside.h - what the files that read a model's numbers share.
 */
#ifndef RIDGE_MODEL_ARCH_INSIDE_H
#define RIDGE_MODEL_ARCH_INSIDE_H

#include "model/arch.h"

/* More than any model has, and small enough that products stay in 64 bits. */
enum { MOST_LAYERS = 4096, MOST_HEADS = 65536, MOST_DIM = 1 << 20, MOST_EXPERTS = 65536 };
#define MOST_VOCAB ((int64_t)1 << 24)

/* One reading: the first failure stays, later steps then do nothing. */
struct arch_reading {
  const struct source *source;
  struct arch *arch;
  struct why *why;
  ridge_status status;
};

/* "llama.block_count" for the model at hand. */
const char *arch_key(const struct arch_reading *, const char *field, char room[128]);
const ridge_fact *arch_fact(const struct arch_reading *, const char *field);
void arch_int(struct arch_reading *, const char *field, int64_t lo, int64_t hi,
              int64_t *out);
/* As above, but a model may leave it out: then `out` keeps its value. */
void arch_int_maybe(struct arch_reading *, const char *field, int64_t lo, int64_t hi,
                    int64_t *out);
void arch_real(struct arch_reading *, const char *field, double lo, double *out);
void arch_real_maybe(struct arch_reading *, const char *field, double lo, double *out);
void arch_flag_maybe(struct arch_reading *, const char *field, bool *out);

/* arch_rope.c: positions, from rope_dims to original_context. */
void arch_read_rope(struct arch_reading *);
/* arch_parts.c: window and attention; experts. */
void arch_read_attention(struct arch_reading *);
void arch_read_experts(struct arch_reading *);

#endif
