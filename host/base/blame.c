/*
 * blame.c - who is executing, kept where the supervisor can read it after a crash.
 *
 * The page, the handler and the thread's slot are the process's, not a caller's: a
 * signal handler has no argument of ours, so this file has to keep state of its own.
 * Everything the handler touches is lock-free.
 */
#include "base/blame.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  STACK_BYTES = 64 * 1024, /* AVX-512 and AMX state make signal frames of up to 12 KiB */
  STRANGER = BLAME_THREADS + 1, /* `fallen` of a thread that has no slot */
};

static struct blame_page *page;
static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
static _Thread_local uint32_t own_slot = BLAME_NOBODY;

/* Worker: the handler --------------------------------------------------------------- */

static void note_and_raise(int signal_number) {
  uint32_t nobody = 0;
  uint32_t slot = own_slot == BLAME_NOBODY ? STRANGER : own_slot + 1;
  atomic_compare_exchange_strong(&page->fallen, &nobody, slot);
  /* The action is the default again (SA_RESETHAND).  The signal stays blocked until
   * this returns, and then ends the process, also when it was sent and not earned. */
  raise(signal_number);
}

static ridge_status install_handlers(struct why *why) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  struct sigaction action = {.sa_handler = note_and_raise, .sa_flags = SA_ONSTACK};
  action.sa_flags = (int)((unsigned)action.sa_flags | (unsigned)SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (sigaction(faults[i], &action, NULL) != 0)
      return why_set(why, RIDGE_INTERNAL, "no handler could be set for SIG%s: %s",
                     sigabbrev_np(faults[i]), strerror(errno));
  return RIDGE_OK;
}

/* Worker: the page ------------------------------------------------------------------ */

static ridge_status check_page(int fd, struct why *why) {
  struct stat facts;
  if (fstat(fd, &facts) != 0)
    return why_set(why, RIDGE_IO, "the blame page, descriptor %d, cannot be used: %s", fd,
                   strerror(errno));
  if (facts.st_size < (off_t)sizeof(struct blame_page))
    return why_set(why, RIDGE_INVALID,
                   "the blame page, descriptor %d, has %lld bytes; %zu are wanted", fd,
                   (long long)facts.st_size, sizeof(struct blame_page));
  return RIDGE_OK;
}

static struct blame_page *map_page(int fd) {
  int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
  void *at = mmap(NULL, sizeof(struct blame_page), PROT_READ | PROT_WRITE, flags, fd, 0);
  return at == MAP_FAILED ? NULL : at;
}

ridge_status blame_attach(int fd, struct why *why) {
  if (fd >= 0) {
    ridge_status status = check_page(fd, why);
    if (status != RIDGE_OK) return status;
  }
  struct blame_page *fresh = map_page(fd);
  if (fresh == NULL)
    return why_set(why, RIDGE_NO_MEMORY, "the blame page cannot be mapped: %s",
                   strerror(errno));
  if (page != NULL) munmap(page, sizeof *page);
  page = fresh;
  return install_handlers(why);
}

void blame_name(uint32_t instance, const char *name) {
  if (page == NULL || instance >= BLAME_THREADS) return;
  snprintf(page->names[instance], sizeof page->names[instance], "%s", name);
}

/* Worker: threads ------------------------------------------------------------------- */

static void drop_stack(void *stack) {
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  munmap(stack, STACK_BYTES);
}

static void make_key(void) { pthread_key_create(&stack_key, drop_stack); }

/* Without a stack of its own a handler cannot run after a stack overflow.  If there
 * is no memory for one, only that case goes unblamed. */
static void give_stack(void) {
  pthread_once(&stack_once, make_key);
  if (pthread_getspecific(stack_key) != NULL) return;
  void *stack =
      mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return;
  stack_t own = {.ss_sp = stack, .ss_size = STACK_BYTES};
  if (sigaltstack(&own, NULL) != 0 || pthread_setspecific(stack_key, stack) != 0)
    munmap(stack, STACK_BYTES);
}

void blame_thread(uint32_t slot) {
  if (slot >= BLAME_THREADS) return;
  own_slot = slot;
  give_stack();
}

static uint32_t who(uint64_t word) {
  return (uint32_t)(word & ((UINT64_C(1) << BLAME_WHO_BITS) - 1));
}

/* No other thread writes the slot, so reading and writing need not be one step. */
static uint32_t change_to(uint32_t now) {
  _Atomic uint64_t *slot = &page->executing[own_slot];
  uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);
  uint64_t next = ((word >> BLAME_WHO_BITS) + 1) << BLAME_WHO_BITS | now;
  atomic_store_explicit(slot, next, memory_order_relaxed);
  return who(word);
}

uint32_t blame_enter(uint32_t instance) {
  if (page == NULL || own_slot == BLAME_NOBODY || instance >= BLAME_THREADS) return 0;
  return change_to(instance + 1);
}

void blame_leave(uint32_t former) {
  if (page == NULL || own_slot == BLAME_NOBODY || former > BLAME_THREADS) return;
  (void)change_to(former);
}

/* Supervisor ------------------------------------------------------------------------- */

struct blame_page *blame_create(int *fd, struct why *why) {
  int file = memfd_create("ridge-blame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) {
    why_set(why, RIDGE_IO, "no memory file for the blame page: %s", strerror(errno));
    return NULL;
  }
  /* Sealed, or a plugin that shrinks the file would fault the supervisor's read. */
  if (ftruncate(file, sizeof(struct blame_page)) != 0 ||
      fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    why_set(why, RIDGE_IO, "the blame page cannot be sized: %s", strerror(errno));
    close(file);
    return NULL;
  }
  struct blame_page *made = map_page(file);
  if (made == NULL) {
    why_set(why, RIDGE_NO_MEMORY, "the blame page cannot be mapped: %s", strerror(errno));
    close(file);
    return NULL;
  }
  *fd = file;
  return made;
}

/* The instance index + 1 to blame.  Nobody fell when the process was killed from
 * outside: then the first thread that is inside a plugin is named. */
static uint32_t blamed(const struct blame_page *from) {
  uint32_t fallen = atomic_load(&from->fallen);
  if (fallen != 0)
    return fallen <= BLAME_THREADS ? who(atomic_load(&from->executing[fallen - 1])) : 0;
  for (size_t i = 0; i < BLAME_THREADS; i++) {
    uint32_t executing = who(atomic_load(&from->executing[i]));
    if (executing != 0) return executing;
  }
  return 0;
}

/* The page was writable by a process that crashed: nothing in it is taken on trust. */
static void read_name(const struct blame_page *from, uint32_t instance, char name[64]) {
  name[0] = 0;
  if (instance == 0 || instance > BLAME_THREADS) return;
  memcpy(name, from->names[instance - 1], 64);
  name[63] = 0;
  for (char *c = name; *c != 0; c++)
    if (*c < ' ' || *c > '~') *c = '?';
}

void blame_read(const struct blame_page *from, char name[64]) {
  read_name(from, blamed(from), name);
}

void blame_look(const struct blame_page *from, struct blame_watch *watch, uint64_t now_ns) {
  for (size_t i = 0; i < BLAME_THREADS; i++) {
    uint64_t word = atomic_load_explicit(&from->executing[i], memory_order_relaxed);
    if (word == watch->seen[i] && watch->since_ns[i] != 0) continue;
    watch->seen[i] = word;
    watch->since_ns[i] = now_ns;
  }
}

uint64_t blame_longest_ns(const struct blame_page *from, const struct blame_watch *watch,
                          uint64_t now_ns, char name[64]) {
  uint64_t longest = 0;
  uint32_t instance = 0;
  for (size_t i = 0; i < BLAME_THREADS; i++) {
    uint64_t age = now_ns - watch->since_ns[i];
    if (watch->since_ns[i] == 0 || who(watch->seen[i]) == 0 || age <= longest) continue;
    longest = age;
    instance = who(watch->seen[i]);
  }
  read_name(from, instance, name);
  return name[0] != 0 ? longest : 0;
}

void blame_free(struct blame_page *made) {
  if (made != NULL) munmap(made, sizeof *made);
}
