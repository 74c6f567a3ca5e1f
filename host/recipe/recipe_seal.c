/*
 * recipe_seal.c - a filter of system calls around the evaluation of a recipe.
 *
 * The sandbox of Lua has no door; this is for the day when its interpreter has a hole.
 * Calls that computing and answering need are let through, every other one fails with
 * EPERM (killing would turn a call that a future C library makes into a refusal of
 * every recipe).  On a machine or kernel without such filters the limits of
 * recipe_child.c are all there is.
 */
#include "recipe/recipe.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#ifdef MACHINE
#define LET(call)                                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1),                                  \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

void recipe_seal(void) {
  struct sock_filter calls[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      LET(write),
      LET(exit_group),
      LET(exit),
      LET(brk),
      LET(mmap),
      LET(munmap),
      LET(mremap),
      LET(madvise),
      LET(rt_sigreturn),
      LET(futex),
      LET(getrandom),
      LET(clock_gettime),
      LET(fstat),
      LET(newfstatat),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA)),
  };
  struct sock_fprog program = {.len = sizeof calls / sizeof *calls, .filter = calls};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#else
void recipe_seal(void) {}
#endif
