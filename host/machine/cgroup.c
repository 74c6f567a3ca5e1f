/*
 * cgroup.c - what the control groups leave of CPU time and memory.
 *
 * A limit may stand at any level between the process's group and the root, in
 * version 2 files (cpu.max), version 1 files (cpu.cfs_quota_us), or both on a hybrid
 * system: all are read, the least counts.  In a container without a namespace of its
 * own the path names directories that are not mounted; those levels are skipped, and
 * the mounted root, which then is the container's own group, is always read.
 */
#include "machine/machine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One limit: which controller it belongs to in version 1, and how a directory is
 * asked for it (false: none there). */
struct limit {
  const char *controller;
  bool (*read_v1)(const char *dir, double *out);
  bool (*read_v2)(const char *dir, double *out);
};

static bool read_line(const char *dir, const char *name, char *line, size_t room) {
  char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  bool got = fgets(line, (int)room, file) != NULL;
  fclose(file);
  return got;
}

static bool read_number(const char *dir, const char *name, double *out) {
  char line[128], *end;
  if (!read_line(dir, name, line, sizeof line)) return false;
  *out = strtod(line, &end);
  return end != line;
}

static bool cpu_v1(const char *dir, double *out) {
  double quota, period;
  if (!read_number(dir, "cpu.cfs_quota_us", &quota) || quota <= 0)
    return false; /* -1: none */
  if (!read_number(dir, "cpu.cfs_period_us", &period) || period <= 0) return false;
  *out = quota / period;
  return true;
}

static bool cpu_v2(const char *dir, double *out) {
  char line[128];
  double quota, period;
  if (!read_line(dir, "cpu.max", line, sizeof line)) return false; /* "max 100000": none */
  if (sscanf(line, "%lf %lf", &quota, &period) != 2 || quota <= 0 || period <= 0)
    return false;
  *out = quota / period;
  return true;
}

static bool memory_v1(const char *dir, double *out) {
  /* "None" is the largest page-aligned number of 63 bits. */
  return read_number(dir, "memory.limit_in_bytes", out) && *out > 0 && *out < 0x1p60;
}

static bool memory_v2(const char *dir, double *out) {
  return read_number(dir, "memory.max", out) && *out > 0 && *out < 0x1p60;
}

static void keep_least(double *least, double value) {
  if (*least == 0 || value < *least) *least = value;
}

/* Read `base` and every level of `path` below it. */
static void walk(const char *base, const char *path, bool (*read)(const char *, double *),
                 double *least) {
  char dir[PATH_MAX];
  double value;
  if (read(base, &value)) keep_least(least, value);
  if (strstr(path, "/..") != NULL) return; /* outside of what is mounted here */
  for (const char *at = path; *at != 0;) {
    at += 1 + strcspn(at + 1, "/");
    int n = snprintf(dir, sizeof dir, "%s%.*s", base, (int)(at - path), path);
    if (n < 0 || (size_t)n >= sizeof dir) return;
    if (read(dir, &value)) keep_least(least, value);
  }
}

static bool names_controller(const char *list, const char *controller) {
  size_t size = strlen(controller);
  for (const char *at = list; *at != 0; at += *at == ',') {
    size_t n = strcspn(at, ",");
    if (n == size && memcmp(at, controller, n) == 0) return true;
    at += n;
  }
  return false;
}

/* One line of /proc/self/cgroup: "4:cpu,cpuacct:/a/b" or "0::/a/b". */
static void read_group(const char *root, char *line, const struct limit *limit,
                       double *least) {
  char base[PATH_MAX];
  line[strcspn(line, "\n")] = 0;
  char *list = strchr(line, ':');
  char *path = list != NULL ? strchr(list + 1, ':') : NULL;
  if (path == NULL) return;
  *list++ = 0;
  *path++ = 0;
  if (list[0] == 0) {
    walk(root, path, limit->read_v2, least);
    snprintf(base, sizeof base, "%s/unified", root); /* hybrid systems mount it there */
    walk(base, path, limit->read_v2, least);
  } else if (names_controller(list, limit->controller)) {
    snprintf(base, sizeof base, "%s/%s", root, list);
    walk(base, path, limit->read_v1, least);
    snprintf(base, sizeof base, "%s/%s", root, limit->controller);
    walk(base, path, limit->read_v1, least);
  }
}

static double least_limit(const char *root, const char *cgroup, const struct limit *limit) {
  FILE *file = fopen(cgroup, "re");
  if (file == NULL) return 0;
  char *line = NULL;
  size_t room = 0;
  double least = 0;
  while (getline(&line, &room, file) > 0) read_group(root, line, limit, &least);
  free(line);
  fclose(file);
  return least;
}

double machine_cpu_quota(const char *root, const char *cgroup) {
  return least_limit(root, cgroup, &(struct limit){"cpu", cpu_v1, cpu_v2});
}

uint64_t machine_memory_limit(const char *root, const char *cgroup) {
  return (uint64_t)least_limit(root, cgroup,
                               &(struct limit){"memory", memory_v1, memory_v2});
}
