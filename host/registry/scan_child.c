/*
 * scan_child.c - describe one file, in a process that may die of it.
 *
 * The answer goes to a private copy of standard output; what the plugin itself writes
 * there, or to standard error, is caught in a memory file and held against it.  Limits
 * on processor time, memory and file size end what the parent's clock does not.
 */
#include "registry/description.h"
#include "registry/elf.h"
#include "registry/scan.h"

#include "base/text.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENTRY        "ridge_plugin_v1"
#define ENTRY_FAMILY "ridge_plugin_v"

enum {
  CPU_SECONDS = 10,
  PRINTED_MOST = 1 << 20,
  ANSWER_FD = 100, /* out of the way of what a constructor may open or close */
};

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct scan {
  const char *path;
  int answer, caught;
  struct arena arena;
  struct elf_facts elf;
  struct digest build;
  const ridge_plugin *plugin;
};

/* The answer --------------------------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

/* Takes over the reference. */
static bool say(const struct scan *scan, json_t *object) {
  char *line = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(object);
  if (line == NULL) return false;
  bool said = write_all(scan->answer, line, strlen(line)) && write_all(scan->answer, "\n", 1);
  free(line);
  return said;
}

static void say_stage(const struct scan *scan, const char *stage) {
  if (!say(scan, json_pack("{s:s}", "stage", stage))) _exit(2); /* nobody listens */
}

static bool say_problem(const struct scan *scan, const char *sentence) {
  struct text text = text_new(4096);
  for (const char *c = sentence; *c != 0; c++)
    text_bytes(&text, (*c >= ' ' && *c <= '~') ? c : "?", 1);
  bool said = say(scan, json_pack("{s:s}", "problem", text.data));
  text_free(&text);
  return said;
}

/* The room it is done in ---------------------------------------------------------------- */

static bool redirect(struct scan *scan) {
  scan->answer = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, ANSWER_FD);
  scan->caught = memfd_create("ridge-scan", MFD_CLOEXEC);
  return scan->answer >= 0 && scan->caught >= 0 &&
         dup2(scan->caught, STDOUT_FILENO) == STDOUT_FILENO &&
         dup2(scan->caught, STDERR_FILENO) == STDERR_FILENO;
}

static void limit(__rlimit_resource_t what, rlim_t most) {
  struct rlimit now;
  if (getrlimit(what, &now) != 0) return;
  if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most) most = now.rlim_max;
  now.rlim_cur = now.rlim_max = most;
  setrlimit(what, &now);
}

static void confine(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the host is interrupted, this ends too */
  limit(RLIMIT_CPU, CPU_SECONDS);
  limit(RLIMIT_FSIZE, PRINTED_MOST);
  limit(RLIMIT_CORE, 0);
  if (!SANITIZED) limit(RLIMIT_AS, (rlim_t)4 << 30); /* shadow memory takes terabytes */
  /* A sanitizer's handlers would turn the signal into an exit status. */
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], SIG_DFL);
}

/* Threads and processes that it started would outlive the description. */
static ridge_status check_alone(struct why *why) {
  if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
    return why_set(why, RIDGE_INVALID,
                   "it starts a process while being described; a plugin runs nothing of its own");
  DIR *tasks = SANITIZED ? NULL : opendir("/proc/self/task"); /* sanitizers have threads */
  size_t entries = 0;
  while (tasks != NULL && readdir(tasks) != NULL) entries++;
  if (tasks != NULL) closedir(tasks);
  if (entries <= 3) return RIDGE_OK; /* this thread, "." and ".." */
  return why_set(why, RIDGE_INVALID,
                 "it starts a thread while being described; a plugin uses the host's `parallel`");
}

/* What it wrote, if anything, as a problem. */
static ridge_status check_silence(const struct scan *scan, struct why *why) {
  char piece[60];
  fflush(NULL);
  ssize_t n = pread(scan->caught, piece, sizeof piece, 0);
  if (n <= 0) return RIDGE_OK;
  struct text quoted = text_new(1024);
  text_quote(&quoted, piece, (size_t)n);
  why_set(why, RIDGE_INVALID, "it prints while being described (%s%s); a plugin stays silent",
          quoted.data, n == (ssize_t)sizeof piece ? "..." : "");
  text_free(&quoted);
  return RIDGE_INVALID;
}

/* The file ------------------------------------------------------------------------------ */

/* The linker's and the compilers' own; reserved names cannot clash with a library's. */
static bool is_toolchain(const char *symbol) {
  static const char *const known[] = {"_init", "_fini", "_edata", "_end"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(symbol, known[i]) == 0) return true;
  return strncmp(symbol, "__", 2) == 0;
}

static ridge_status check_exports(const struct elf_facts *elf, struct why *why) {
  const char *other = NULL, *extra = NULL;
  bool found = false;
  for (size_t i = 0; i < elf->n_exports; i++) {
    const char *symbol = elf->exports[i];
    if (strcmp(symbol, ENTRY) == 0) found = true;
    else if (strncmp(symbol, ENTRY_FAMILY, strlen(ENTRY_FAMILY)) == 0) other = symbol;
    else if (!is_toolchain(symbol)) extra = symbol;
  }
  if (!found && other != NULL)
    return why_set(why, RIDGE_UNSUPPORTED,
                   "it exports %.80s, but this host wants " ENTRY
                   ": the plugin was built for another ABI",
                   other);
  if (!found)
    return why_set(why, RIDGE_INVALID, "it exports no " ENTRY ", so it is no plugin of ridge");
  if (extra != NULL)
    return why_set(why, RIDGE_INVALID,
                   "it exports %.80s beside " ENTRY ", which could clash with others: build it "
                   "with -fvisibility=hidden, or make that static",
                   extra);
  return RIDGE_OK;
}

static ridge_status open_file(struct scan *scan, struct why *why) {
  say_stage(scan, SCAN_OPENED);
  ridge_status status = digest_file(scan->path, &scan->build, why);
  if (status == RIDGE_OK) status = elf_read(scan->path, &scan->arena, &scan->elf, why);
  if (status == RIDGE_OK) status = check_exports(&scan->elf, why);
  if (status != RIDGE_OK) return status;
  void *file = dlopen(scan->path, RTLD_NOW | RTLD_LOCAL);
  if (file == NULL) {
    const char *text = dlerror();
    size_t prefix = strlen(scan->path);
    if (strncmp(text, scan->path, prefix) == 0 && strncmp(text + prefix, ": ", 2) == 0)
      text += prefix + 2;
    return why_set(why, RIDGE_INVALID, "it cannot be opened: %s", text);
  }
  say_stage(scan, SCAN_DESCRIBED);
  const ridge_plugin *(*entry)(void) = NULL;
  void *symbol = dlsym(file, ENTRY);
  if (symbol == NULL) return why_set(why, RIDGE_INVALID, "its " ENTRY " cannot be found");
  memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to a function */
  scan->plugin = entry();
  return RIDGE_OK;
}

static ridge_status check_file(struct scan *scan, json_t **description, struct why *why) {
  struct plugin_info info;
  say_stage(scan, SCAN_CHECKED);
  ridge_status status = plugin_read(scan->plugin, &scan->arena, &info, why);
  if (status == RIDGE_OK) status = plugin_rules(&info, why);
  if (status == RIDGE_OK) status = plugin_tables(scan->plugin, &info, why);
  if (status == RIDGE_OK) status = check_silence(scan, why);
  if (status == RIDGE_OK) status = check_alone(why);
  if (status == RIDGE_OK) *description = info_to_json(&info);
  return status;
}

int registry_scan_main(const char *path) {
  struct scan scan = {.path = path};
  struct why why;
  json_t *description = NULL;
  char full[PATH_MAX];
  if (!redirect(&scan)) return 2;
  confine();
  if (realpath(path, full) != NULL) scan.path = full; /* dlopen searches for a bare name */
  ridge_status status = open_file(&scan, &why);
  if (status == RIDGE_OK) status = check_file(&scan, &description, &why);
  bool said = status == RIDGE_OK
                  ? say(&scan, json_pack("{s:o,s:s}", "plugin", description, "build",
                                         scan.build.hex))
                  : say_problem(&scan, why.text);
  arena_free(&scan.arena);
  if (!said) return 2;
  say_stage(&scan, SCAN_CLOSED); /* what runs at exit is the plugin's too */
  return status == RIDGE_OK ? 0 : 1;
}
