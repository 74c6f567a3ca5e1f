/*
 * portable_embed.c - y(T,D) = rows of a table picked by tokens or positions,
 * decoded from any codec.
 *
 * The host checks ids before a step; one outside the table gives a row of NaN, so
 * that a mistake shows in every result instead of reading other memory.
 */
#include "portable.h"

#include <math.h>

static void run(const ridge_kernel_call *call, int32_t thread, int32_t threads) {
  const ridge_span *table = &call->in[0];
  const struct share mine = share_of(call->rows, thread, threads);
  for (int64_t row = mine.lo; row < mine.hi; row++) {
    int32_t from_input;
    memcpy(&from_input, span_bytes(&call->in[1], 0) + (size_t)row * sizeof from_input,
           sizeof from_input);
    const int64_t id = from_input + call->site->node->attrs.from;
    float *y = span_row(&call->out[0], row);
    if (id >= 0 && id < table->rows) {
      span_decode(table, id, y);
      continue;
    }
    for (int64_t i = 0; i < table->cols; i++) y[i] = NAN;
  }
}

const ridge_kernel portable_embed = {
    .struct_size = sizeof(ridge_kernel),
    .run = run,
};
