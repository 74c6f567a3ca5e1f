/* verb_probe.c - `ridge probe`: measure the machine, and keep it for plans. */
#include "catalog.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "machine/machine.h"
#include "run/workplace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_machine(const struct machine *machine) {
  printf("%s, %d cores, %d threads to run with", machine->cpu, machine->cores,
         machine->threads);
  if (machine->quota > 0) printf(" (quota %.2f CPUs)", machine->quota);
  if (machine->governor[0] != 0) printf("; governor %s", machine->governor);
  printf("; caches %s, %s, %s; memory %s\n%s\n", human_bytes((double)machine->l1d),
         human_bytes((double)machine->l2), human_bytes((double)machine->l3),
         human_bytes((double)machine->memory_bytes), machine->features);
}

static void print_peaks(const struct cli *cli, const struct machine_speed *speed) {
  const struct {
    const char *what, *by;
    const struct machine_point *points;
    int n;
  } kinds[] = {
      {"multiply-adds, 32-bit floats", speed->flops_by, speed->flops, speed->n_flops},
      {"byte products, 32-bit sums", speed->int8_by, speed->int8, speed->n_int8},
  };
  struct table *table = table_new("arithmetic|instructions|>threads|>Gop/s best|>typical");
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (int i = 0; i < kinds[k].n; i++) {
      table_cell(table, kinds[k].what);
      table_cell(table, kinds[k].by);
      table_cellf(table, "%d", kinds[k].points[i].threads);
      table_cellf(table, "%.1f", kinds[k].points[i].best * 1e-9);
      table_cellf(table, "%.1f", kinds[k].points[i].median * 1e-9);
    }
  printf("\n");
  table_print(table, cli->terminal, cli->colour);
  if (speed->n_int8 == 0) printf("no instructions for byte products are known here\n");
}

/* "fits the first cache of 2 cores" is what a reader wants beside a size. */
static const char *level_of(const struct machine *machine, const struct machine_point *p) {
  uint64_t threads = (uint64_t)p->threads;
  if (p->bytes <= machine->l1d * threads) return "L1";
  if (p->bytes <= machine->l2 * threads) return "L2";
  if (p->bytes <= machine->l3) return "L3";
  return "memory";
}

static void print_reads(const struct cli *cli, const struct machine *machine,
                        const struct machine_speed *speed) {
  struct table *table = table_new(">threads|>working set|fits|>GB/s best|>typical");
  for (int i = 0; i < speed->n_read; i++) {
    table_cellf(table, "%d", speed->read[i].threads);
    table_cell(table, human_bytes((double)speed->read[i].bytes));
    table_cell(table, level_of(machine, &speed->read[i]));
    table_cellf(table, "%.1f", speed->read[i].best * 1e-9);
    table_cellf(table, "%.1f", speed->read[i].median * 1e-9);
  }
  printf("\nreading, all threads together (%s)\n", speed->read_by);
  table_print(table, cli->terminal, cli->colour);
}

static int store(const struct cli *cli, const struct machine *machine,
                 const struct machine_speed *speed) {
  char path[CATALOG_PATH_ROOM];
  struct catalog *catalog = NULL;
  struct why why;
  json_t *facts = machine_identity(machine), *curve = machine_speed_json(speed);
  ridge_status status = catalog_path(cli->catalog, path, sizeof path, &why);
  if (status == RIDGE_OK) status = catalog_open(path, CATALOG_WRITE, &catalog, &why);
  if (status == RIDGE_OK) status = catalog_calibration_put(catalog, facts, curve, &why);
  catalog_close(catalog);
  json_decref(facts);
  json_decref(curve);
  if (status == RIDGE_OK) return EXIT_OK;
  fprintf(stderr, "ridge: %s\n", why.text);
  return workplace_exit(status);
}

int verb_probe(struct cli *cli, int argc, char **argv) {
  double seconds = 0;
  int64_t threads = 0;
  const struct cli_option rows[] = {
      {.name = "--seconds",
       .value = "N",
       .kind = OPTION_REAL,
       .to = &seconds,
       .lo = 0.1,
       .hi = 600,
       .doc = "time for each thread count, about; 3 if not given"},
      {.name = "--threads",
       .value = "N",
       .kind = OPTION_INT,
       .to = &threads,
       .lo = 1,
       .hi = 256,
       .doc = "measure with this many only, not with 1, 2 ... all"},
  };
  int exit = options_parse(cli, "probe", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  struct machine machine;
  machine_read(&machine);
  if (threads > machine.threads)
    return options_refuse(cli, "probe",
                          "--threads: %" PRId64 " were asked for, %d can be used here",
                          threads, machine.threads);
  struct machine_speed *speed = calloc(1, sizeof *speed);
  if (speed == NULL) abort();
  machine_probe(&machine, seconds > 0 ? seconds : 3, (int)threads, speed);
  exit = store(cli, &machine, speed);
  if (cli->json) {
    print_json(json_pack("{s:o, s:o, s:b}", "machine", machine_json(&machine), "speed",
                         machine_speed_json(speed), "stored", exit == EXIT_OK));
  } else {
    print_machine(&machine);
    print_peaks(cli, speed);
    print_reads(cli, &machine, speed);
    if (exit == EXIT_OK)
      printf("\nstored; plans now say what this machine can reach at most, and what to "
             "expect\n");
  }
  free(speed);
  return exit;
}
