/*
 * conformance.h - the kit that vets any plugin: what the ABI promises and a program can
 * check, one check after the other, each in a child process of its own.
 *
 * It cannot show that a strategy is right: the tests under tests/exact compare with the
 * reference, and a run's evidence shows what was done.
 */
#ifndef RIDGE_CONFORMANCE_H
#define RIDGE_CONFORMANCE_H

#include "registry/elf.h"
#include "registry/registry.h"

enum verdict {
  VERDICT_OK,
  VERDICT_FAILED,
  VERDICT_SKIPPED, /* could not be checked; the note says why   */
  VERDICT_ABSENT,  /* about a seam that the plugin does not fill */
};

struct finding {
  enum verdict verdict;
  char note[600];
};

/* What a check is given. */
struct vetting {
  const char *path;
  struct arena arena;
  struct elf_facts elf;
  const ridge_plugin *plugin; /* NULL for a check that opens nothing */
  struct plugin_info info;
};

struct conformance_check {
  const char *name;
  const char *doc;  /* what holds when it says ok                    */
  const char *seam; /* only about plugins that fill it; NULL: about all */
  bool opens;       /* looks at the opened file, not at its bytes    */
  void (*run)(struct vetting *, struct finding *);
};

const struct conformance_check *conformance_list(size_t *n);
const char *verdict_word(enum verdict);

/* Run all, several at once, and call back in the order of the list.  `self` is the
 * ridge command, started as `ridge vet --check NAME FILE`.  Fails when no child can be
 * started, or there is no such file. */
RIDGE_MUST ridge_status conformance_run(
    const char *self, const char *path, uint64_t timeout_ms,
    void (*each)(void *ctx, const struct conformance_check *, const struct finding *),
    void *ctx, struct why *why);
/* In the child: run one check, print its finding as JSON; exit status. */
int conformance_child(const char *check, const char *path);

/* What a check says.  The first failure stays; a note is kept beside ok. */
void finding_fail(struct finding *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
void finding_skip(struct finding *, const char *fmt, ...) RIDGE_FORMAT(2, 3);
void finding_note(struct finding *, const char *fmt, ...) RIDGE_FORMAT(2, 3);

/* The checks, by file. */
void check_exports(struct vetting *, struct finding *);
void check_imports(struct vetting *, struct finding *);
void check_load(struct vetting *, struct finding *);
void check_description(struct vetting *, struct finding *);
void check_life(struct vetting *, struct finding *);
void check_memory(struct vetting *, struct finding *);
void check_values(struct vetting *, struct finding *);
void check_pure(struct vetting *, struct finding *);
void check_checkpoint(struct vetting *, struct finding *);
void check_format(struct vetting *, struct finding *);
void check_codec(struct vetting *, struct finding *);
void check_kernel(struct vetting *, struct finding *);
void check_placement(struct vetting *, struct finding *);
void check_weights(struct vetting *, struct finding *);
void check_pass(struct vetting *, struct finding *);
void check_schedule(struct vetting *, struct finding *);
void check_draft(struct vetting *, struct finding *);
void check_store(struct vetting *, struct finding *);
void check_prefix(struct vetting *, struct finding *);
void check_shape(struct vetting *, struct finding *);
void check_pick(struct vetting *, struct finding *);
void check_tap(struct vetting *, struct finding *);

#endif
