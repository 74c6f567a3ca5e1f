/* importance.c - means out of sums and counts. */
#include "convert/importance.h"

#include "convert/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ridge_file_tensor *part_of(const struct source *source, const char *name,
                                        const char *part) {
  char full[160];
  snprintf(full, sizeof full, "%.128s.%s", name, part);
  return source_tensor(source, full);
}

static ridge_status check(const struct source *source, const ridge_file_tensor *part,
                          uint64_t numbers, struct why *why) {
  if (part != NULL && strcmp(part->codec, "f32") == 0 &&
      part->bytes == numbers * sizeof(float))
    return RIDGE_OK;
  if (part == NULL)
    return why_set(why, RIDGE_CORRUPT,
                   "%s: has sums without counts; a file of llama.cpp's imatrix is wanted",
                   source->path);
  return why_set(
      why, RIDGE_CORRUPT,
      "%s: %s has %llu bytes of %s; the tensor it speaks of wants %llu numbers of "
      "f32: is it of another model?",
      source->path, part->name, (unsigned long long)part->bytes, part->codec,
      (unsigned long long)numbers);
}

/* Means relative to their own mean; nothing seen: all alike. */
static bool fill_means(const float *sums, float count, int64_t cols, float *to) {
  double whole = 0;
  for (int64_t i = 0; i < cols; i++) {
    if (!(sums[i] >= 0 && sums[i] < INFINITY)) return false;
    whole += (double)sums[i];
  }
  if (!(count >= 0 && count < INFINITY)) return false;
  for (int64_t i = 0; i < cols; i++)
    to[i] = whole > 0 && count > 0 ? (float)((double)sums[i] * (double)cols / whole) : 1.0f;
  return true;
}

ridge_status importance_of(const struct source *source, const ridge_file_tensor *tensor,
                           struct arena *arena, const float **out, struct why *why) {
  const ridge_file_tensor *sums = part_of(source, tensor->name, "in_sum2");
  const ridge_file_tensor *counts = part_of(source, tensor->name, "counts");
  const int64_t cols = output_cols(tensor);
  const int64_t matrices =
      tensor->rank > 2 ? output_rows(tensor) / tensor->dims[tensor->rank - 2] : 1;
  *out = NULL;
  if (sums == NULL) return RIDGE_OK;
  ridge_status status = check(source, sums, (uint64_t)(cols * matrices), why);
  if (status == RIDGE_OK) status = check(source, counts, (uint64_t)matrices, why);
  if (status != RIDGE_OK) return status;
  float *to = arena_array(arena, (size_t)(cols * matrices), sizeof *to), row[1];
  float *from = arena_array(arena, (size_t)cols, sizeof *from);
  for (int64_t m = 0; m < matrices; m++) {
    const size_t bytes = (size_t)cols * sizeof *from;
    memcpy(from, source_data(source, sums) + (size_t)m * bytes, bytes); /* may not align */
    memcpy(row, source_data(source, counts) + (size_t)m * sizeof *row, sizeof row);
    if (!fill_means(from, row[0], cols, to + m * cols))
      return why_set(why, RIDGE_CORRUPT,
                     "%s: %s holds what is no mean of squares (negative or not finite)",
                     source->path, sums->name);
  }
  *out = to;
  return RIDGE_OK;
}
