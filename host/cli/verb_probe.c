/* verb_probe.c - `ridge probe`: measure the machine, and keep it for plans. */
#include "catalog.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "machine/machine.h"
#include "run/workplace.h"

#include <stdio.h>
#include <stdlib.h>

static void print_machine(const struct machine *machine) {
  printf("%s, %d cores, %d threads to run with", machine->cpu, machine->cores,
         machine->threads);
  if (machine->quota > 0) printf(" (quota %.2f CPUs)", machine->quota);
  printf("; caches %s, %s, %s; memory %s\n%s\n", human_bytes((double)machine->l1d),
         human_bytes((double)machine->l2), human_bytes((double)machine->l3),
         human_bytes((double)machine->memory_bytes), machine->features);
}

static void print_flops(const struct cli *cli, const struct machine_speed *speed) {
  struct table *table = table_new(">threads|>GFLOP/s best|>median");
  for (int i = 0; i < speed->n_flops; i++) {
    table_cellf(table, "%d", speed->flops[i].threads);
    table_cellf(table, "%.1f", speed->flops[i].best * 1e-9);
    table_cellf(table, "%.1f", speed->flops[i].median * 1e-9);
  }
  printf("\nmultiply-adds, 32 bits\n");
  table_print(table, cli->terminal, cli->colour);
}

static void print_reads(const struct cli *cli, const struct machine_speed *speed) {
  struct table *table = table_new(">threads|>working set|>GB/s best|>median");
  for (int i = 0; i < speed->n_read; i++) {
    table_cellf(table, "%d", speed->read[i].threads);
    table_cell(table, human_bytes((double)speed->read[i].bytes));
    table_cellf(table, "%.1f", speed->read[i].best * 1e-9);
    table_cellf(table, "%.1f", speed->read[i].median * 1e-9);
  }
  printf("\nreading\n");
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
  double seconds = 6;
  const struct cli_option rows[] = {
      {.name = "--seconds",
       .value = "N",
       .kind = OPTION_REAL,
       .to = &seconds,
       .lo = 0.1,
       .hi = 600,
       .doc = "time to measure, about; 6 if not given"},
  };
  int exit = options_parse(cli, "probe", rows, sizeof rows / sizeof *rows, argc, argv);
  if (exit >= 0) return exit;
  struct machine machine;
  struct machine_speed *speed = calloc(1, sizeof *speed);
  if (speed == NULL) abort();
  machine_read(&machine);
  machine_probe(&machine, seconds, speed);
  exit = store(cli, &machine, speed);
  if (cli->json) {
    print_json(json_pack("{s:o, s:o, s:b}", "machine", machine_json(&machine), "speed",
                         machine_speed_json(speed), "stored", exit == EXIT_OK));
  } else {
    print_machine(&machine);
    print_flops(cli, speed);
    print_reads(cli, speed);
    if (exit == EXIT_OK)
      printf("\nstored; plans now say the most that this machine can reach\n");
  }
  free(speed);
  return exit;
}
