/*
 * verb_roofline.c - `ridge roofline --shape NAME`: a model's roofline from its shape alone.
 *
 * For models that are not at hand and machines that are not here; for a recipe on this
 * machine `ridge plan` knows more.
 */
#include "base/human.h"
#include "base/near.h"
#include "cli/look_back.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "graph/roofline.h"
#include "machine/roof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
  const char *shape, *device;
  int64_t prefill, batch;
  double weights, activations, cache;
  bool fused, compat, list;
};

/* What can be asked about ----------------------------------------------------------- */

static json_t *shape_json(const struct roofline_shape *s) {
  return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "name", s->name, "dim",
                   (json_int_t)s->dim, "layers", (json_int_t)s->layers, "heads",
                   (json_int_t)s->heads, "kv_heads", (json_int_t)s->kv_heads, "ffn",
                   (json_int_t)s->ffn, "vocab", (json_int_t)s->vocab, "tied", (int)s->tied);
}

static json_t *device_json(const struct roofline_device *d) {
  return json_pack("{s:s, s:f, s:f, s:f, s:f}", "name", d->name, "bandwidth", d->bandwidth,
                   "flops", d->flops, "int8", d->int8, "on_chip", d->on_chip);
}

static void print_shapes(const struct cli *cli) {
  size_t n;
  const struct roofline_shape *shapes = roofline_shapes(&n);
  struct table *table =
      table_new("shape|>width|>layers|>heads|>key/value|>feed-forward|>vocabulary");
  for (size_t i = 0; i < n; i++) {
    const int64_t numbers[] = {shapes[i].dim,      shapes[i].layers, shapes[i].heads,
                               shapes[i].kv_heads, shapes[i].ffn,    shapes[i].vocab};
    table_cell(table, shapes[i].name);
    for (size_t k = 0; k < 6; k++) table_cellf(table, "%" PRId64, numbers[k]);
  }
  table_print(table, cli->terminal, cli->colour);
}

static void print_devices(const struct cli *cli) {
  size_t n;
  const struct roofline_device *devices = roofline_devices(&n);
  struct table *table = table_new("device|>GB/s|>Top/s in 16 bits|>in 8 bits|>ridge");
  for (size_t i = 0; i < n; i++) {
    table_cell(table, devices[i].name);
    table_cellf(table, "%.1f", devices[i].bandwidth * 1e-9);
    table_cellf(table, "%.4g", devices[i].flops * 1e-12);
    if (devices[i].int8 > 0)
      table_cellf(table, "%.4g", devices[i].int8 * 1e-12);
    else
      table_cell(table, NULL);
    table_cellf(table, "%.0f", devices[i].flops / devices[i].bandwidth);
  }
  printf("\n");
  table_print(table, cli->terminal, cli->colour);
}

static int list_all(const struct cli *cli) {
  size_t n;
  if (!cli->json) {
    print_shapes(cli);
    print_devices(cli);
    printf("\nand `here`, this machine as `ridge probe` measured it\n");
    return EXIT_OK;
  }
  json_t *shapes = json_array(), *devices = json_array();
  const struct roofline_shape *shape = roofline_shapes(&n);
  for (size_t i = 0; i < n; i++) json_array_append_new(shapes, shape_json(&shape[i]));
  const struct roofline_device *device = roofline_devices(&n);
  for (size_t i = 0; i < n; i++) json_array_append_new(devices, device_json(&device[i]));
  print_json(json_pack("{s:o, s:o}", "shapes", shapes, "devices", devices));
  return EXIT_OK;
}

/* This machine ---------------------------------------------------------------------- */

/* Every thread, the bandwidth of the largest working set, best rates. */
static ridge_status device_from(const struct machine *machine, const json_t *curve,
                                struct roofline_device *out, struct why *why) {
  struct machine_speed *speed = calloc(1, sizeof *speed);
  if (speed == NULL) abort();
  ridge_status status = machine_speed_from_json(curve, speed, why);
  const struct roof roof = {speed, machine->threads, RATE_BEST, 0};
  if (status == RIDGE_OK)
    *out = (struct roofline_device){.name = "here",
                                    .bandwidth = roof_bandwidth(&roof, 0x1p62),
                                    .flops = roof_peak(&roof, false),
                                    .int8 = speed->n_int8 > 0 ? roof_peak(&roof, true) : 0,
                                    .on_chip = (double)machine->l3};
  free(speed);
  return status;
}

static int device_here(const struct cli *cli, struct roofline_device *out) {
  struct catalog *catalog = NULL;
  struct catalog_calibration found = {0};
  struct machine machine;
  struct why why;
  machine_read(&machine);
  int exit = look_back_open(cli, "roofline", &catalog);
  if (exit >= 0) return exit;
  json_t *identity = machine_identity(&machine);
  ridge_status status =
      catalog_calibration_get(catalog, identity, machine.threads, &found, &why);
  if (status == RIDGE_OK && found.speed == NULL)
    status = why_set(&why, RIDGE_INVALID,
                     "this machine was not measured yet (ridge probe); or name a --device");
  if (status == RIDGE_OK) status = device_from(&machine, found.speed, out, &why);
  json_decref(identity);
  json_decref(found.speed);
  catalog_close(catalog);
  return status == RIDGE_OK ? -1 : look_back_fail(cli, "roofline", status, &why);
}

/* The answer ------------------------------------------------------------------------ */

static void print_op(struct table *table, const struct roofline_op *op) {
  table_cellf(table, "%" PRId64 " %s", op->count, op->name);
  table_cell(table, human_count(op->ops));
  table_cell(table, human_bytes(op->bytes));
  table_cellf(table, "%.4g", op->ops / op->bytes);
  table_cell(table, human_seconds(op->seconds));
  table_cell(table, op->compute ? "compute" : "memory");
}

static void print_stage(const struct cli *cli, const char *title,
                        const struct roofline_stage *stage, double tokens) {
  printf("\n%s%s%s\n", cli->colour ? "\033[1m" : "", title, cli->colour ? "\033[0m" : "");
  struct table *table =
      table_new("operator, each|>operations|>bytes|>operations/byte|>time|bound by");
  for (int i = 0; i < stage->n; i++) print_op(table, &stage->op[i]);
  table_cell(table, "all");
  table_cell(table, human_count(stage->ops));
  table_cell(table, human_bytes(stage->bytes));
  table_cellf(table, "%.4g", stage->ops / stage->bytes);
  table_cell(table, human_seconds(stage->seconds));
  table_cell(table, NULL);
  table_print(table, cli->terminal, cli->colour);
  printf("%s tokens/s; memory %s: weights %s, cache %s, activations %s\n",
         human_number(tokens / stage->seconds),
         human_bytes(stage->weights + stage->cache + stage->activations),
         human_bytes(stage->weights), human_bytes(stage->cache),
         human_bytes(stage->activations));
}

static json_t *stage_json(const struct roofline_stage *stage) {
  json_t *ops = json_array();
  for (int i = 0; i < stage->n; i++) {
    const struct roofline_op *op = &stage->op[i];
    json_array_append_new(ops, json_pack("{s:s, s:I, s:f, s:f, s:f, s:s}", "name", op->name,
                                         "count", (json_int_t)op->count, "ops", op->ops,
                                         "bytes", op->bytes, "seconds", op->seconds,
                                         "bound", op->compute ? "compute" : "memory"));
  }
  return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "peak", stage->peak, "ops",
                   stage->ops, "bytes", stage->bytes, "seconds", stage->seconds, "weights",
                   stage->weights, "cache", stage->cache, "activations", stage->activations,
                   "operators", ops);
}

static int answer(const struct cli *cli, const struct asked *asked,
                  struct roofline_query *q) {
  struct roofline_stage prefill, decode;
  struct why why;
  char title[128];
  ridge_status status = roofline_step(q, &prefill, &why);
  q->tokens = 1;
  if (status == RIDGE_OK) status = roofline_step(q, &decode, &why);
  if (status != RIDGE_OK) return options_refuse(cli, "roofline", "%s", why.text);
  if (cli->json) {
    print_json(json_pack("{s:o, s:o, s:b, s:o, s:o}", "shape", shape_json(&q->shape),
                         "device", device_json(&q->device), "compat", (int)asked->compat,
                         "prefill", stage_json(&prefill), "decode", stage_json(&decode)));
    return EXIT_OK;
  }
  printf("%s on %s: %s/s, %sop/s%s\n", q->shape.name, q->device.name,
         human_bytes(q->device.bandwidth), human_count(prefill.peak),
         asked->compat ? "; as the program of arXiv 2402.16363 computes it" : "");
  snprintf(title, sizeof title, "prefill of %" PRId64 " tokens, %" PRId64 " sequence%s",
           asked->prefill, asked->batch, asked->batch > 1 ? "s" : "");
  print_stage(cli, title, &prefill, (double)(asked->prefill * asked->batch));
  snprintf(title, sizeof title, "a token of each, looking back on %" PRId64,
           asked->prefill);
  print_stage(cli, title, &decode, (double)asked->batch);
  return EXIT_OK;
}

enum { NAMES = 64 };

static const char *near_shape(const char *name) {
  const char *names[NAMES];
  size_t n, k = 0;
  const struct roofline_shape *rows = roofline_shapes(&n);
  for (; k < n && k < NAMES; k++) names[k] = rows[k].name;
  return near_of(name, names, k);
}

static const char *near_device(const char *name) {
  const char *names[NAMES];
  size_t n, k = 0;
  const struct roofline_device *rows = roofline_devices(&n);
  for (; k < n && k < NAMES; k++) names[k] = rows[k].name;
  return near_of(name, names, k);
}

static int refuse_name(const struct cli *cli, const char *option, const char *name,
                       const char *near) {
  if (near != NULL)
    return options_refuse(cli, "roofline", "%s: `%s` is not known; did you mean `%s`?",
                          option, name, near);
  return options_refuse(cli, "roofline", "%s: `%s` is not known; --list names them", option,
                        name);
}

static int ask(const struct cli *cli, const struct asked *asked) {
  const struct roofline_shape *shape =
      asked->shape == NULL ? NULL : roofline_shape_find(asked->shape);
  const struct roofline_device *device =
      asked->device == NULL ? NULL : roofline_device_find(asked->device);
  bool here = asked->device == NULL || strcmp(asked->device, "here") == 0;
  if (asked->shape == NULL)
    return options_refuse(cli, "roofline", "--shape names the model; --list has them all");
  if (shape == NULL)
    return refuse_name(cli, "--shape", asked->shape, near_shape(asked->shape));
  if (device == NULL && !here)
    return refuse_name(cli, "--device", asked->device, near_device(asked->device));
  struct roofline_query q = {.shape = *shape,
                             .batch = asked->batch,
                             .tokens = asked->prefill,
                             .context = asked->prefill,
                             .weight_bits = asked->weights,
                             .activation_bits = asked->activations,
                             .cache_bits = asked->cache,
                             .fused = asked->fused,
                             .compat = asked->compat};
  if (device != NULL) q.device = *device;
  int exit = here ? device_here(cli, &q.device) : -1;
  return exit >= 0 ? exit : answer(cli, asked, &q);
}

int verb_roofline(struct cli *cli, int argc, char **argv) {
  struct asked asked = {
      .prefill = 2048, .batch = 1, .weights = 16, .activations = 16, .cache = 16};
  const struct cli_option rows[] = {
      {.name = "--shape",
       .value = "NAME",
       .kind = OPTION_TEXT,
       .to = &asked.shape,
       .doc = "the model's shape: llama-2-7b ..."},
      {.name = "--device",
       .value = "NAME",
       .kind = OPTION_TEXT,
       .to = &asked.device,
       .doc = "a6000 ...; this machine as measured, if not given"},
      {.name = "--prefill",
       .value = "N",
       .kind = OPTION_INT,
       .to = &asked.prefill,
       .lo = 1,
       .hi = 1 << 24,
       .doc =
           "tokens of the prompt, and positions a token looks back on; 2048 if not given"},
      {.name = "--batch",
       .value = "N",
       .kind = OPTION_INT,
       .to = &asked.batch,
       .lo = 1,
       .hi = 1 << 20,
       .doc = "sequences side by side"},
      {.name = "--weights",
       .value = "BITS",
       .kind = OPTION_REAL,
       .to = &asked.weights,
       .lo = 0.5,
       .hi = 64,
       .doc = "of a weight, scales included: 4.5 for q4_0; 16 if not given"},
      {.name = "--activations",
       .value = "BITS",
       .kind = OPTION_REAL,
       .to = &asked.activations,
       .lo = 0.5,
       .hi = 64,
       .doc = "of an activation; 16 if not given"},
      {.name = "--cache",
       .value = "BITS",
       .kind = OPTION_REAL,
       .to = &asked.cache,
       .lo = 0.5,
       .hi = 64,
       .doc = "of a cached key or value; 16 if not given"},
      {.name = "--fused",
       .kind = OPTION_FLAG,
       .to = &asked.fused,
       .doc = "attention as one operator that writes no scores"},
      {.name = "--compat",
       .kind = OPTION_FLAG,
       .to = &asked.compat,
       .doc = "with the mistakes of the paper's program, to compare with it"},
      {.name = "--list",
       .kind = OPTION_FLAG,
       .to = &asked.list,
       .doc = "shapes and devices that are known"},
  };
  int exit = options_parse(cli, "roofline", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  return asked.list ? list_all(cli) : ask(cli, &asked);
}
