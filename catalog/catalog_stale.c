/*
 * catalog_stale.c - runs and sweeps whose supervisor was killed.
 *
 * A run carries the boot, the process space (containers count their own), the process
 * and the process's start.  Another boot, or a process that is not there or started at
 * another time: it is gone, since the disk is local.  Another space of the same boot
 * cannot be looked into, so its runs are left alone.
 */
#include "catalog_inside.h"
#include "catalog_read.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct process {
  char boot[64], space[64];
  int pid;
  unsigned long long start; /* clock ticks since boot */
};
#define PROCESS_FORMAT "%s %s %d %llu"

static void read_boot(char boot[64]) {
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file == NULL || fscanf(file, "%63s", boot) != 1) snprintf(boot, 64, "-");
  if (file != NULL) fclose(file);
}

static void read_space(char space[64]) {
  ssize_t n = readlink("/proc/self/ns/pid", space, 63);
  if (n <= 0) n = snprintf(space, 64, "-");
  space[n] = 0;
}

/* State and start of a process; false when it cannot be read.  The name in the second
 * field may hold anything, so counting begins after its last ')'. */
static bool read_stat(int pid, char *state, unsigned long long *start) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  size_t n = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[n] = 0;
  const char *at = strrchr(line, ')');
  return at != NULL &&
         sscanf(at + 1,
                " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                "%*s %llu",
                state, start) == 2;
}

void supervisor_self(char out[160]) {
  struct process self = {.pid = (int)getpid()};
  char state;
  read_boot(self.boot);
  read_space(self.space);
  if (!read_stat(self.pid, &state, &self.start)) self.start = 0;
  snprintf(out, 160, PROCESS_FORMAT, self.boot, self.space, self.pid, self.start);
}

enum supervisor_life supervisor_life(const char *text) {
  struct process it, self;
  char state = 0;
  unsigned long long start = 0;
  if (sscanf(text, "%63s %63s %d %llu", it.boot, it.space, &it.pid, &it.start) != 4)
    return SUPERVISOR_UNKNOWN;
  read_boot(self.boot);
  read_space(self.space);
  if (strcmp(it.boot, "-") == 0 || strcmp(self.boot, "-") == 0) return SUPERVISOR_UNKNOWN;
  if (strcmp(it.boot, self.boot) != 0) return SUPERVISOR_GONE;
  if (strcmp(it.space, self.space) != 0 || it.pid <= 0) return SUPERVISOR_UNKNOWN;
  if (kill(it.pid, 0) != 0 && errno == ESRCH) return SUPERVISOR_GONE;
  if (!read_stat(it.pid, &state, &start)) return SUPERVISOR_UNKNOWN;
  bool dead = state == 'Z' || state == 'X' || (it.start != 0 && it.start != start);
  return dead ? SUPERVISOR_GONE : SUPERVISOR_ALIVE;
}

static const struct {
  const char *open, *close; /* ?1: the row, ?2: now */
} kinds[] = {
    {"SELECT run_id AS id, supervisor FROM run WHERE status = 'running'",
     "UPDATE run SET status = 'crashed', ended = ?2, why = 'supervisor was killed; "
     "noticed when the catalog was next opened' WHERE run_id = ?1 AND status = 'running'"},
    {"SELECT sweep_id AS id, supervisor FROM sweep WHERE ended IS NULL",
     "UPDATE sweep SET status = 'crashed', ended = ?2 WHERE sweep_id = ?1 AND ended IS "
     "NULL"},
};

static ridge_status close_kind(struct catalog *c, size_t kind, struct why *why) {
  json_t *rows = NULL;
  ridge_status status = sql_rows(c, kinds[kind].open, SQL_NONE, &rows, why);
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    if (supervisor_life(text_or(row, "supervisor", "")) == SUPERVISOR_GONE)
      status =
          sql_do(c, kinds[kind].close,
                 SQL_ARGS(SQL_INT(int_or(row, "id", 0)), SQL_INT(clock_utc_us())), why);
  }
  json_decref(rows);
  return status;
}

ridge_status catalog_close_stale(struct catalog *c, struct why *why) {
  ridge_status status = RIDGE_OK;
  for (size_t i = 0; status == RIDGE_OK && i < sizeof kinds / sizeof *kinds; i++)
    status = close_kind(c, i, why);
  return status;
}

ridge_status catalog_unseen(struct catalog *c, json_t **out, struct why *why) {
  json_t *rows = NULL, *unseen = json_array();
  ridge_status status = sql_rows(
      c, "SELECT run_id, supervisor FROM run WHERE status = 'running' ORDER BY run_id",
      SQL_NONE, &rows, why);
  for (size_t i = 0; status == RIDGE_OK && i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    if (supervisor_life(text_or(row, "supervisor", "")) == SUPERVISOR_UNKNOWN)
      json_array_append(unseen, json_object_get(row, "run_id"));
  }
  json_decref(rows);
  *out = unseen;
  return status;
}
