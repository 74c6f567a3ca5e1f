/*
 * weights_late.c - weights that are packed after the first token.
 *
 * A kernel that also reads rows makes the first token from the mapped file as it is, so
 * that this waits for the disk alone.  What packing takes - time, and memory that nobody
 * has touched before - is taken when there is something to read already.  A long first
 * prompt is worth it at once.
 */
#include "engine/weights_loading.h"

#include <stdlib.h>

bool loading_may_wait(const struct loading *l, const struct program_op *op) {
  const ridge_kernel *kernel = op->verdict.choice.kernel;
  const ridge_tensor *tensor = l->program->graph->tensors[weights_packed_tensor(op)];
  if (op->streamed || (kernel->flags & RIDGE_KERNEL_READS_ROWS) == 0) return false;
  if (tensor->n_parts > 0) return false;
  const struct weight *weight = weights_find(l->weights, weights_packed_tensor(op));
  return !weight->changed && source_file_of(l->weights->source, weight->file) != NULL;
}

/* Has the disk read, in the order of use, what the first token will ask for. */
static void *read_ahead(void *arg) {
  struct weights_late *late = arg;
  for (int32_t i = 0; i < late->program->n_ops && !late->enough; i++)
    if (late->program->ops[i].waits)
      loading_want(late->weights, &late->program->ops[i], &late->enough);
  return NULL;
}

void loading_start_late(struct weights *weights, struct program *program) {
  struct weights_late *late = &weights->late;
  if (late->waiting == 0) return;
  late->weights = weights;
  late->program = program;
  /* Without it pages come as they are touched: later, but they come. */
  late->reading = pthread_create(&late->reader, NULL, read_ahead, late) == 0;
}

void weights_stop_late(struct weights *weights) {
  if (!weights->late.reading) return;
  weights->late.enough = true;
  pthread_join(weights->late.reader, NULL);
  weights->late.reading = false;
}

ridge_status weights_pack_late(struct weights *weights, struct program *program,
                               struct pool *pool, struct why *why) {
  struct loading l = {.weights = weights, .program = program, .pool = pool};
  weights_stop_late(weights);
  for (int32_t i = 0; i < program->n_ops; i++) {
    if (!program->ops[i].waits) continue;
    ridge_status status = loading_pack_op(&l, &program->ops[i], why);
    if (status != RIDGE_OK) return status;
    program->ops[i].waits = false;
    program_take_weight(program, i);
  }
  weights->late.waiting = 0;
  return RIDGE_OK;
}
