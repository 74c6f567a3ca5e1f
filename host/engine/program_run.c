/* program_run.c - one step of a program: all threads walk along the list of calls. */
#include "engine/program.h"

#include "base/clock.h"

#include <string.h>

/* Of generated tokens: two clock reads a node would cost a small model 3 %. */
enum { TIMED_EVERY = 8 };
/* Bytes and operations that take about as long as two barriers of two threads (0.5 us). */
enum { SMALL = 48 << 10 };

struct running {
  struct program *program;
  struct pool *pool;
  const ridge_batch *batch;
  uint64_t round;           /* steps before this one                    */
  enum program_phase phase; /* PROGRAM_PHASES: not counted              */
  double depth;             /* positions that all rows look back on     */
  bool timed;
  uint64_t before; /* when thread 0 was done with the op before */
};

static int64_t rows_of(const struct program_op *op, const ridge_batch *batch) {
  return op->rows_kind == RIDGE_DIM_WANTED ? batch->wanted_rows : batch->rows;
}

/* What differs from step to step in a call. */
static void update_call(const struct program *p, const struct program_op *op,
                        ridge_kernel_call *call, const ridge_batch *batch) {
  bool wanted = op->rows_kind == RIDGE_DIM_WANTED;
  call->batch = batch;
  call->rows = rows_of(op, batch);
  call->prompt_rows = wanted ? batch->wanted_prompt : batch->prompt_rows;
  for (uint32_t i = 0; i < op->node->n_in; i++) {
    if (op->node->in[i] < 0) continue;
    const ridge_tensor *t = p->graph->tensors[op->node->in[i]];
    if (t->role == RIDGE_INPUT) {
      bool positions = strcmp(t->name, "positions") == 0;
      call->in[i].data = (void *)(uintptr_t)(positions ? batch->position : batch->token);
      call->in[i].rows = batch->rows;
      call->in[i].stride = sizeof(int32_t);
    } else if (p->buffer_of[op->node->in[i]] >= 0) {
      call->in[i].rows = t->dims[0] == RIDGE_DIM_WANTED ? batch->wanted_rows : batch->rows;
    }
  }
  for (uint32_t i = 0; i < op->node->n_out; i++) call->out[i].rows = call->rows;
}

/* The streamed weight of this call: where the ring has it now. */
static bool take_weight(const struct program *p, const struct program_op *op,
                        uint64_t round, ridge_kernel_call *call, bool first) {
  const void *at = stream_take(p->stream, round, op->stream_item, first);
  int keyed = provider_keyed_input(op->node->op);
  if (op->packs)
    call->in[keyed].packed = at;
  else
    call->in[keyed].data = (void *)(uintptr_t)at;
  return at != NULL;
}

static void run_op(const struct program_op *op, const ridge_kernel_call *call, int thread,
                   int threads) {
  const struct kernel_choice *choice = &op->verdict.choice;
  uint32_t former = blame_enter(choice->by->index);
  if (op->kind == PROGRAM_PREPARE)
    choice->kernel->prepare(call, (void *)(uintptr_t)call->prepared, thread, threads);
  else
    choice->kernel->run(call, thread, threads);
  blame_leave(former);
}

/* So little that one thread is done before others would have come and gone again. */
static bool is_small(const struct program_op *op, int64_t rows, double depth) {
  if (op->streamed) return false;
  return rows == 0 || (double)rows * op->row_work + depth * op->position_work < SMALL;
}

static void note_op(struct running *running, struct program_op *op) {
  struct program *p = running->program;
  p->turns[op - p->ops].taken = 0; /* nobody looks at it before the next step */
  if (op->streamed) stream_give(p->stream, running->round, op->stream_item);
  if (running->phase == PROGRAM_PHASES) return;
  op->count[running->phase].calls += rows_of(op, running->batch) > 0;
  if (!running->timed) return;
  const uint64_t now = clock_ns();
  op->count[running->phase].ns += now - running->before;
  running->before = now;
}

/* All threads walk the list.  A barrier stands after an op that all have worked on, and
 * before one if thread 0 has worked alone since the last; so small ops in a row cost
 * none, and a small model's step is that of one thread. */
static void run_thread(void *arg, int thread, int threads) {
  struct running *running = arg;
  struct program *p = running->program;
  ridge_kernel_call *calls = p->calls + (size_t)thread * (size_t)p->n_ops;
  bool alone = false;
  for (int32_t i = 0; i < p->n_ops; i++) {
    struct program_op *op = &p->ops[i];
    ridge_kernel_call *call = &calls[i];
    const bool small =
        threads > 1 && is_small(op, rows_of(op, running->batch), running->depth);
    if (small) {
      alone = true;
      if (thread != 0) continue;
    } else if (alone) {
      pool_barrier(running->pool);
      alone = false;
    }
    update_call(p, op, call, running->batch);
    const bool there =
        !op->streamed || take_weight(p, op, running->round, call, thread == 0);
    if (call->rows > 0 && there) run_op(op, call, small ? 0 : thread, small ? 1 : threads);
    if (!small) pool_barrier(running->pool);
    if (thread == 0) note_op(running, op);
  }
}

/* A look at the clock after each operator is nothing beside a prompt; a generated token
 * of a small model would feel it. */
static bool is_timed(const struct program *p, enum program_phase phase) {
  if (phase == PROGRAM_PHASES) return false;
  return phase != PROGRAM_DECODE || p->stage[phase].steps % TIMED_EVERY == 0;
}

static double depth_of(const ridge_batch *batch) {
  double depth = 0;
  for (int64_t i = 0; i < batch->rows; i++) depth += (double)batch->position[i] + 1;
  return depth;
}

float *program_run(struct program *p, struct pool *pool, const ridge_batch *batch) {
  const enum program_phase phase = program_phase_of(p, batch);
  const uint64_t start = clock_ns();
  struct running running = {.program = p,
                            .pool = pool,
                            .batch = batch,
                            .round = p->steps,
                            .phase = phase,
                            .depth = depth_of(batch),
                            .timed = is_timed(p, phase),
                            .before = start};
  p->steps++;
  pool_run(pool, run_thread, &running);
  program_count(p, phase, batch, clock_ns() - start, running.timed);
  for (int32_t i = 0; i < p->n_ops; i++)
    atomic_fetch_add_explicit(&p->ops[i].verdict.choice.by->calls, 1, memory_order_relaxed);
  int32_t logits = p->graph->outputs[0];
  return (float *)(void *)(p->arena + p->buffers[p->buffer_of[logits]].offset);
}
