/*
 * step.c - one generated row times a matrix, once, by the best kernel of a part for the
 * machine: what bench/instructions.sh counts the instructions of.
 *
 *   build/bench_step CODEC N K [PART]
 */
#include "exact/kernels_rig.h"

static const ridge_fill *best_kernel(const ridge_plugin *plugin, const char *codec) {
  const ridge_fill *best = NULL;
  for (uint32_t i = 0; i < plugin->fills.count; i++) {
    const ridge_fill *fill = rig_fill_at(plugin, i);
    static struct machine machine;
    if (!machine.logical) machine_read(&machine);
    if (!rig_covers(fill, "matmul", codec) || !machine_has(&machine, fill->needs, NULL, 0))
      continue;
    if (best == NULL || fill->score > best->score) best = fill;
  }
  return best;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: bench_step CODEC N K [PART]\n");
    return 2;
  }
  const ridge_plugin *portable = rig_open("portable"),
                     *plugin = rig_open(argc > 4 ? argv[4] : "x86");
  const ridge_codec *codec = rig_codec(portable, argv[1]);
  const int64_t n = atoll(argv[2]), k = atoll(argv[3]);
  const ridge_fill *fill = best_kernel(plugin, codec->name);
  if (fill == NULL || n < 1 || k < 1 || k % codec->block != 0) {
    fprintf(stderr, "no kernel for %s, or rows of %lld do not divide\n", codec->name,
            (long long)k);
    return 2;
  }
  struct rig_random random = {1};
  const uint64_t row_bytes = rig_row_bytes(codec, k);
  char *w = malloc((size_t)n * row_bytes);
  float *x = malloc((size_t)k * sizeof *x), *y = malloc((size_t)n * sizeof *y);
  rig_weight_row(&random, codec, w, k);
  for (int64_t i = 1; i < n; i++) memcpy(w + (uint64_t)i * row_bytes, w, row_bytes);
  rig_fill(&random, x, k, 1.0f);

  struct rig_job job;
  rig_job(&job, RIDGE_OP_MATMUL);
  rig_activation(&job, 0, x, 1, k, rig_codec(portable, "f32"));
  rig_weight(&job, 1, w, n, k, codec);
  rig_out(&job, 0, y, 1, n);
  job.call.rows = job.batch.rows = 1;
  if (rig_run(&job, fill->table, 1) != RIDGE_OK) {
    fprintf(stderr, "%s declined: %s\n", fill->key, job.why);
    return 1;
  }
  printf("%s, %s\n", fill->key, fill->needs ? fill->needs : "any machine");
  free(w), free(x), free(y);
  return 0;
}
