/* check_file.c - what can be told of a plugin from its bytes, and from its description. */
#include "plugins/conformance/conformance.h"

#include "registry/description.h"
#include "registry/exports.h"

#include "base/canon.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void check_exports(struct vetting *v, struct finding *finding) {
  struct why why;
  if (exports_check(&v->elf, &why) != RIDGE_OK) finding_fail(finding, "%s", why.text);
}

/* Imports ----------------------------------------------------------------------------- */

/* Functions of the C library that a plugin has no business with, and what to do. */
static const struct {
  const char *names; /* blank between, blank at both ends */
  const char *instead;
} denied[] = {
    {" exit _exit _Exit quick_exit abort __assert_fail ",
     "return a status through host->fail (an assert aborts: build with -DNDEBUG)"},
    {" longjmp siglongjmp __longjmp_chk ", "return a status"},
    {" fork vfork clone execve execv execvp execl execlp execle execvpe fexecve system "
     "popen "
     "posix_spawn posix_spawnp daemon wait waitpid kill raise ",
     "run nothing beside the host"},
    {" pthread_create thrd_create ", "use host->parallel"},
    {" dlopen dlmopen dlsym dlvsym dlclose ", "link against what you need"},
    {" syscall ", "use the functions of the C library, so that they can be looked at"},
    {" signal sigaction bsd_signal sysv_signal sigaltstack pthread_sigmask sigprocmask ",
     "leave signals to the host, which blames by them"},
    {" getenv secure_getenv setenv putenv unsetenv clearenv environ __environ setlocale ",
     "take a parameter: the environment changes no composition"},
    {" time clock clock_gettime gettimeofday timespec_get ftime times getrusage ",
     "use host->now_ns, and never for a result"},
    {" nanosleep clock_nanosleep usleep sleep alarm ", "never wait"},
    {" open open64 openat openat64 creat creat64 fopen fopen64 fdopen freopen freopen64 "
     "tmpfile "
     "tmpfile64 mkstemp opendir unlink remove rename ",
     "let the host open files"},
    {" socket connect bind listen accept ", "let the host speak to the network"},
    {" printf vprintf fprintf vfprintf dprintf puts putchar putc fputs fputc fwrite perror "
     "write "
     "__printf_chk __vprintf_chk __fprintf_chk __vfprintf_chk __dprintf_chk stdout stderr "
     "stdin "
     "putchar_unlocked puts_unlocked syslog ",
     "use host->log"},
    {" rand srand rand_r random srandom random_r drand48 lrand48 mrand48 srand48 erand48 "
     "nrand48 "
     "jrand48 arc4random arc4random_buf arc4random_uniform getrandom getentropy ",
     "use host->random: results hang on the recipe's seed"},
};

static const char *instead_of(const char *symbol) {
  char word[128];
  if (strlen(symbol) + 3 > sizeof word) return NULL;
  word[0] = ' ';
  strcpy(word + 1, symbol);
  strcat(word, " ");
  for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
    if (strstr(denied[i].names, word) != NULL) return denied[i].instead;
  return NULL;
}

void check_imports(struct vetting *v, struct finding *finding) {
  for (size_t i = 0; i < v->elf.n_imports; i++) {
    const char *instead = instead_of(v->elf.imports[i]);
    if (instead != NULL)
      finding_fail(finding, "it calls %s: %s", v->elf.imports[i], instead);
  }
}

/* Load --------------------------------------------------------------------------------- */

static bool is_sanitized(const struct elf_facts *elf) {
  for (size_t i = 0; i < elf->n_imports; i++)
    if (strncmp(elf->imports[i], "__asan_", 7) == 0 ||
        strncmp(elf->imports[i], "__tsan_", 7) == 0)
      return true;
  return false;
}

/* The compiler's start files bring one entry of their own (frame_dummy). */
void check_load(struct vetting *v, struct finding *finding) {
  if (is_sanitized(&v->elf))
    finding_skip(finding, "built with a sanitizer, which runs code at load");
  else if (v->elf.constructors > 1)
    finding_fail(finding,
                 "%zu functions run when it is opened; a plugin has no constructors",
                 v->elf.constructors - 1);
}

/* Description ---------------------------------------------------------------------------
 */

static char *describe(const ridge_plugin *plugin) {
  json_t *json = plugin_to_json(plugin);
  char *text = json != NULL ? canon_text(json) : NULL;
  json_decref(json);
  return text;
}

void check_description(struct vetting *v, struct finding *finding) {
  const ridge_plugin *(*entry)(void) = NULL;
  struct why why = {""};
  void *file = dlopen(v->path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = file != NULL ? dlsym(file, PLUGIN_ENTRY) : NULL;
  if (symbol == NULL) {
    finding_fail(finding, "it cannot be opened: %s", dlerror());
    return;
  }
  memcpy(&entry, &symbol, sizeof entry);
  const ridge_plugin *plugin = entry();
  if (plugin_validate(plugin, &why) != RIDGE_OK) {
    finding_fail(finding, "%s", why.text);
    return;
  }
  char *first = describe(plugin);
  const ridge_plugin *again = entry();
  char *second = describe(again);
  if (again != plugin || first == NULL || second == NULL || strcmp(first, second) != 0)
    finding_fail(finding,
                 "asked twice, it describes itself in two ways; return constant data");
  free(first);
  free(second);
}
