/*
 * verb_doctor.c - `ridge doctor`: what is missing or odd here, and what to do about it.
 *
 * Exit code 1 when something keeps ridge from running, 2 when it is what the command
 * itself said; odd things are told and pass.
 */
#include "base/human.h"
#include "catalog_read.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "machine/features.h"
#include "run/build_info.h"
#include "run/conditions.h"
#include "run/workplace.h"

#include <ridge/format.h>
#include <ridge/kernel.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum finding { FINE, ODD, BROKEN };

struct doctor {
  struct cli *cli;
  struct workplace place;
  json_t *findings; /* [{"what","state","found","advice"}] */
  bool broken;
  bool misused; /* by the command's own words: exit 2, not 1 */
};

__attribute__((format(printf, 5, 6))) static void find(struct doctor *doctor,
                                                       enum finding state, const char *what,
                                                       const char *advice, const char *fmt,
                                                       ...) {
  static const char *const words[] = {[FINE] = "ok", [ODD] = "odd", [BROKEN] = "broken"};
  char found[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(found, sizeof found, fmt, args);
  va_end(args);
  doctor->broken = doctor->broken || state == BROKEN;
  json_array_append_new(doctor->findings,
                        json_pack("{s:s, s:s, s:s, s:s}", "what", what, "state",
                                  words[state], "found", found, "advice", advice));
}

/* Program, catalog ---------------------------------------------------------------- */

static void look_at_program(struct doctor *d) {
  const struct build_info *build = build_info();
  bool known = build->commit[0] != 0;
  find(d, FINE, "program", "", "ridge %s, commit %.12s%s, %s", build->version,
       known ? build->commit : "unknown", build->patch_bytes > 0 ? " with changes" : "",
       build->compiler);
}

/* Runs that ended with their supervisor were closed as the catalog was opened. */
static void look_at_running(struct doctor *d, struct catalog *catalog) {
  json_t *unseen = NULL;
  struct why why;
  ridge_status status = catalog_unseen(catalog, &unseen, &why);
  size_t n = json_array_size(unseen);
  if (status != RIDGE_OK)
    find(d, BROKEN, "catalog", "name another file with --catalog or RIDGE_CATALOG", "%s",
         why.text);
  else if (n > 0)
    find(d, ODD, "catalog",
         "open the catalog in that container, or after the next boot, and they are closed",
         "%zu %s (the first: %lld) in another container, and nobody here can see whether "
         "%s",
         n, n == 1 ? "run is `running`" : "runs are `running`",
         (long long)json_integer_value(json_array_get(unseen, 0)),
         n == 1 ? "it lives" : "they live");
  json_decref(unseen);
}

static void look_at_catalog(struct doctor *d) {
  char path[CATALOG_PATH_ROOM];
  struct catalog *catalog = NULL;
  struct why why;
  ridge_status status = catalog_path(d->cli->catalog, path, sizeof path, &why);
  if (status == RIDGE_OK) status = catalog_open(path, CATALOG_WRITE, &catalog, &why);
  if (status == RIDGE_OK) look_at_running(d, catalog);
  if (status == RIDGE_OK)
    find(d, FINE, "catalog", "", "%s can be written", path);
  else
    find(d, BROKEN, "catalog", "name another file with --catalog or RIDGE_CATALOG", "%s",
         why.text);
  catalog_close(catalog);
}

static void look_at_calibration(struct doctor *d) {
  struct catalog_calibration found = {0};
  struct why why;
  if (d->place.catalog != NULL &&
      catalog_calibration_get(d->place.catalog, d->place.identity, d->place.machine.threads,
                              &found, &why) != RIDGE_OK)
    found.speed = NULL;
  if (found.speed != NULL)
    find(d, FINE, "calibration", "", "this machine was measured on %s",
         human_date(found.measured));
  else
    find(d, ODD, "calibration", "ridge probe",
         "this machine was not measured: plans know no roof of speed");
  json_decref(found.speed);
}

/* Plugins ------------------------------------------------------------------------- */

static void look_at_places(struct doctor *d) {
  const struct registry *registry = &d->place.registry;
  for (size_t i = 0; i < registry->n_searched; i++) {
    if (access(registry->searched[i], R_OK) == 0)
      find(d, FINE, "plugins", "", "looked into %s", registry->searched[i]);
    else
      find(d, ODD, "plugins", "install ridge, or name the directory with --plugins",
           "%s is not there", registry->searched[i]);
  }
}

static void look_at_plugins(struct doctor *d) {
  const struct registry *registry = &d->place.registry;
  size_t strategies = 0;
  look_at_places(d);
  for (size_t i = 0; i < registry->n_plugins; i++)
    strategies += registry->plugins[i].kind == RIDGE_STRATEGY;
  find(d, registry->n_plugins > 0 ? FINE : BROKEN, "plugins",
       registry->n_plugins > 0
           ? ""
           : "build the plugins, or name their directory with --plugins",
       "%zu strategies and %zu parts can be used", strategies,
       registry->n_plugins - strategies);
  for (size_t i = 0; i < registry->n_problems; i++)
    find(d, ODD, "plugins", "ridge vet FILE.so says more", "%s: %s",
         registry->problems[i].path, registry->problems[i].sentence);
}

static bool fills_set(const struct plugin_info *info, const char *seam) {
  for (size_t i = 0; i < info->n_fills; i++)
    if (strcmp(info->fills[i].seam, seam) == 0) return true;
  return false;
}

/* Without these no model can be read or run. */
static void look_at_parts(struct doctor *d) {
  static const struct {
    const char *seam, *what;
  } needed[] = {{RIDGE_SEAM_FORMAT, "reads model files"}, {RIDGE_SEAM_KERNEL, "computes"}};
  const struct registry *registry = &d->place.registry;
  for (size_t k = 0; k < sizeof needed / sizeof *needed; k++) {
    bool there = false;
    for (size_t i = 0; i < registry->n_plugins; i++)
      there = there || fills_set(&registry->plugins[i], needed[k].seam);
    if (!there)
      find(d, BROKEN, "plugins", "the parts that come with ridge were not found: see above",
           "no plugin %s (seam %s)", needed[k].what, needed[k].seam);
  }
}

/* Machine ------------------------------------------------------------------------- */

static bool some_kernel_uses(const struct registry *registry, const char *feature) {
  for (size_t i = 0; i < registry->n_plugins; i++)
    for (size_t k = 0; k < registry->plugins[i].n_fills; k++) {
      const char *needs = registry->plugins[i].fills[k].needs;
      const char *at = needs != NULL ? strstr(needs, feature) : NULL;
      size_t n = strlen(feature);
      if (at != NULL && (at == needs || at[-1] == ' ') && (at[n] == ' ' || at[n] == 0))
        return true;
    }
  return false;
}

/* What would be fast and lies idle. */
static void look_at_features(struct doctor *d) {
  static const char *const fast[] = {"avx2",       "avxvnni",    "avx512f",
                                     "avx512vnni", "avx512bf16", "amx-int8"};
  char unused[256] = "";
  size_t n = 0;
  for (size_t i = 0; i < sizeof fast / sizeof *fast; i++) {
    if (!machine_has(&d->place.machine, fast[i], NULL, 0)) continue;
    if (some_kernel_uses(&d->place.registry, fast[i])) continue;
    int wrote = snprintf(unused + n, sizeof unused - n, "%s%s", n > 0 ? " " : "", fast[i]);
    n += wrote > 0 ? (size_t)wrote : 0;
  }
  if (n > 0)
    find(d, ODD, "kernels", "kernels for these would be faster; a part can bring them",
         "no installed kernel uses %s", unused);
  else
    find(d, FINE, "kernels", "", "all vector units of this CPU that we know of are used");
}

/* What the user asked not to use. */
static void look_at_left_out(struct doctor *d) {
  char names[512];
  features_left_out(names, sizeof names);
  if (names[0] != 0)
    find(d, ODD, "features", "unset RIDGE_NO_FEATURES to use them", "left out: %s", names);
}

static void look_at_threads(struct doctor *d) {
  const struct machine *m = &d->place.machine;
  if (m->quota > 0 && m->threads < m->affinity)
    find(d, ODD, "threads", "raise the CPU quota of the container or unit",
         "%d threads: the quota is %.2f CPUs of %d", m->threads, m->quota, m->affinity);
  else if (m->affinity < m->logical)
    find(d, ODD, "threads", "widen the CPU mask (taskset, cpuset) if that is not meant",
         "%d threads: this process may use %d of %d CPUs", m->threads, m->affinity,
         m->logical);
  else
    find(d, FINE, "threads", "", "%d threads on %d cores", m->threads, m->cores);
  if (m->governor[0] != 0 && strcmp(m->governor, "performance") != 0)
    find(d, ODD, "governor", "cpupower frequency-set -g performance, while measuring",
         "the CPU frequency governor is `%s`: speeds will vary", m->governor);
}

static void look_at_memory(struct doctor *d) {
  const struct machine *m = &d->place.machine;
  if (m->memory_bytes < m->memory_total)
    find(d, ODD, "memory", "raise the memory limit of the container or unit",
         "%s of %s may be used", human_bytes((double)m->memory_bytes),
         human_bytes((double)m->memory_total));
  else
    find(d, FINE, "memory", "", "%s", human_bytes((double)m->memory_total));
}

static void say_condition(void *ctx, const char *text) {
  find(ctx, ODD, "now", "measure when the machine is free", "%s", text);
}

static void look_at_load(struct doctor *d) {
  struct conditions before, after;
  conditions_read(&before);
  usleep(300000);
  conditions_read(&after);
  conditions_report(&before, &after, 0, say_condition, d);
}

/* Telling ------------------------------------------------------------------------- */

static void print_findings(const struct doctor *d) {
  struct table *table = table_new("what|state|found|what to do");
  size_t i;
  const json_t *row;
  static const char *const fields[] = {"what", "state", "found", "advice"};
  json_array_foreach(d->findings, i, row)
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
      table_cell(table, json_string_value(json_object_get(row, fields[k])));
  table_print(table, d->cli->terminal, d->cli->colour);
}

static void look_around(struct doctor *d) {
  struct why why;
  look_at_program(d);
  look_at_catalog(d);
  int exit = workplace_open(d->cli, CATALOG_READ, &d->place, &why);
  d->misused = exit == EXIT_REFUSED;
  if (exit >= 0) {
    find(d, BROKEN, "plugins", "see the message", "%s", why.text);
  } else {
    look_at_plugins(d);
    look_at_parts(d);
    look_at_features(d);
  }
  look_at_left_out(d);
  look_at_threads(d);
  look_at_memory(d);
  look_at_calibration(d);
  look_at_load(d);
}

int verb_doctor(struct cli *cli, int argc, char **argv) {
  int exit = options_parse(cli, "doctor", NULL, 0, argc, argv);
  if (exit >= 0) return exit;
  struct doctor doctor = {.cli = cli, .findings = json_array()};
  look_around(&doctor);
  exit = doctor.misused ? EXIT_REFUSED : doctor.broken ? EXIT_FAILED : EXIT_OK;
  if (cli->json) {
    print_json(json_pack("{s:i, s:O}", "exit", exit, "findings", doctor.findings));
  } else {
    print_findings(&doctor);
  }
  json_decref(doctor.findings);
  workplace_close(&doctor.place);
  return exit;
}
