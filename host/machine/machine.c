/* machine.c - facts of the machine, gathered, and as JSON both ways. */
#include "machine/machine.h"

#include "machine/features.h"
#include "machine/topology.h"

#include <gnu/libc-version.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_SELF "/proc/self/cgroup"
#define GOVERNOR    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"

/* Also what blame.h has slots for; a larger machine needs a larger table in both. */
enum { MOST_CPUS = sizeof((struct machine *)0)->cpus / sizeof(int) };

static void read_system(struct machine *out) {
  struct utsname name;
  if (uname(&name) == 0)
    snprintf(out->kernel, sizeof out->kernel, "%.40s %.80s", name.sysname, name.release);
  snprintf(out->libc, sizeof out->libc, "glibc %s", gnu_get_libc_version());
  if (gethostname(out->hostname, sizeof out->hostname - 1) != 0) out->hostname[0] = 0;
}

static void read_governor(struct machine *out) {
  FILE *file = fopen(GOVERNOR, "re");
  if (file == NULL) return; /* a virtual machine shows none */
  if (fgets(out->governor, sizeof out->governor, file) == NULL) out->governor[0] = 0;
  out->governor[strcspn(out->governor, "\n")] = 0;
  fclose(file);
}

static void read_memory(struct machine *out) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
  if (pages > 0 && page > 0) out->memory_total = (uint64_t)pages * (uint64_t)page;
  out->cgroup_memory = machine_memory_limit(CGROUP_ROOT, CGROUP_SELF);
  out->memory_bytes = out->memory_total;
  if (out->cgroup_memory != 0 && out->cgroup_memory < out->memory_bytes)
    out->memory_bytes = out->cgroup_memory;
}

/* Where a quota leaves only some of the CPUs, other groups run on all of them: start
 * at the CPU we are on, so that not every group piles onto the first ones.  The list
 * names each core once per round, so that any stretch of it has distinct cores first. */
static void turn_cpus(struct machine *out) {
  int here = sched_getcpu(), start = 0, turned[MOST_CPUS];
  for (int i = 0; i < out->n_cpus; i++)
    if (out->cpus[i] == here) start = i;
  for (int i = 0; i < out->n_cpus; i++) turned[i] = out->cpus[(start + i) % out->n_cpus];
  memcpy(out->cpus, turned, (size_t)out->n_cpus * sizeof *turned);
}

static void choose_threads(struct machine *out) {
  out->quota = machine_cpu_quota(CGROUP_ROOT, CGROUP_SELF);
  out->threads = out->affinity < MOST_CPUS ? out->affinity : MOST_CPUS;
  if (out->quota > 0 && out->quota < out->threads) {
    out->threads = out->quota < 1 ? 1 : (int)floor(out->quota);
    turn_cpus(out);
  }
  if (out->n_cpus > out->threads) out->n_cpus = out->threads;
}

void machine_read(struct machine *out) {
  *out = (struct machine){.cpu = "unknown", .vendor = "unknown"};
  features_brand(out->cpu, sizeof out->cpu, out->vendor, sizeof out->vendor);
  features_read(out->features, sizeof out->features);
  read_system(out);
  read_governor(out);
  topology_read(out);
  choose_threads(out);
  read_memory(out);
}

static bool has_word(const char *words, const char *word, size_t size) {
  for (const char *at = words; *at != 0;) {
    at += strspn(at, " ");
    size_t n = strcspn(at, " ");
    if (n == size && memcmp(at, word, n) == 0) return true;
    at += n;
  }
  return false;
}

bool machine_has(const struct machine *machine, const char *needs, char *missing,
                 size_t room) {
  if (needs == NULL) return true;
  for (const char *at = needs + strspn(needs, " "); *at != 0; at += strspn(at, " ")) {
    size_t size = strcspn(at, " ");
    if (!has_word(machine->features, at, size)) {
      if (missing != NULL && room > 0) snprintf(missing, room, "%.*s", (int)size, at);
      return false;
    }
    at += size;
  }
  return true;
}

/* JSON ---------------------------------------------------------------------------- */

enum kind { TEXT, INT, U64, REAL };
struct row {
  const char *name;
  enum kind kind;
  size_t offset, room;
};

#define ROW(kind_, field)                                                                  \
  { #field, kind_, offsetof(struct machine, field), sizeof((struct machine *)0)->field }
static const struct row rows[] = {
    ROW(TEXT, cpu),         ROW(TEXT, vendor),      ROW(TEXT, kernel),
    ROW(TEXT, libc),        ROW(TEXT, governor),    ROW(TEXT, hostname),
    ROW(TEXT, features),    ROW(INT, logical),      ROW(INT, cores),
    ROW(INT, affinity),     ROW(REAL, quota),       ROW(INT, threads),
    ROW(U64, memory_bytes), ROW(U64, memory_total), ROW(U64, cgroup_memory),
    ROW(U64, l1d),          ROW(U64, l2),           ROW(U64, l3),
};
#undef ROW
enum { N_ROWS = sizeof rows / sizeof *rows };

static json_t *row_json(const struct row *row, const struct machine *machine) {
  const char *at = (const char *)machine + row->offset;
  switch (row->kind) {
  case TEXT: return json_string(at);
  case INT: return json_integer(*(const int *)(const void *)at);
  case U64: return json_integer((json_int_t) * (const uint64_t *)(const void *)at);
  case REAL: return json_real(*(const double *)(const void *)at);
  }
  return NULL;
}

json_t *machine_json(const struct machine *machine) {
  json_t *object = json_object(), *cpus = json_array();
  for (size_t i = 0; i < N_ROWS; i++)
    json_object_set_new(object, rows[i].name, row_json(&rows[i], machine));
  for (int i = 0; i < machine->n_cpus; i++)
    json_array_append_new(cpus, json_integer(machine->cpus[i]));
  json_object_set_new(object, "cpus", cpus);
  return object;
}

json_t *machine_identity(const struct machine *machine) {
  json_t *object = machine_json(machine);
  json_object_del(object, "cpus");
  return object;
}

static bool read_row(const struct row *row, const json_t *value, struct machine *out) {
  char *at = (char *)out + row->offset;
  if (row->kind == TEXT) {
    if (!json_is_string(value) || json_string_length(value) >= row->room) return false;
    memcpy(at, json_string_value(value), json_string_length(value) + 1);
    return true;
  }
  if (row->kind == REAL) {
    if (!json_is_number(value)) return false;
    *(double *)(void *)at = json_number_value(value);
    return true;
  }
  json_int_t number = json_integer_value(value);
  if (!json_is_integer(value) || number < 0) return false;
  if (row->kind == INT && number > INT32_MAX) return false;
  if (row->kind == INT)
    *(int *)(void *)at = (int)number;
  else
    *(uint64_t *)(void *)at = (uint64_t)number;
  return true;
}

static bool read_cpus(const json_t *list, struct machine *out) {
  size_t n = json_array_size(list);
  if (!json_is_array(list) || n > MOST_CPUS) return false;
  for (size_t i = 0; i < n; i++) {
    const json_t *cpu = json_array_get(list, i);
    json_int_t number = json_integer_value(cpu);
    if (!json_is_integer(cpu) || number < 0 || number > INT32_MAX) return false;
    out->cpus[i] = (int)number;
  }
  out->n_cpus = (int)n;
  return true;
}

ridge_status machine_from_json(const json_t *json, struct machine *out, struct why *why) {
  *out = (struct machine){0};
  for (size_t i = 0; i < N_ROWS; i++)
    if (!read_row(&rows[i], json_object_get(json, rows[i].name), out))
      return why_set(why, RIDGE_CORRUPT,
                     "machine facts: `%s` is missing or of another type", rows[i].name);
  if (!read_cpus(json_object_get(json, "cpus"), out))
    return why_set(why, RIDGE_CORRUPT,
                   "machine facts: `cpus` is not a list of CPU numbers");
  if (out->threads < 1)
    return why_set(why, RIDGE_CORRUPT,
                   "machine facts: `threads` is %d; it must be at least 1", out->threads);
  return RIDGE_OK;
}
