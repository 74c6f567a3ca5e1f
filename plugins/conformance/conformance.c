/* conformance.c - the list of checks, and running each in a child process. */
#include "plugins/conformance/conformance.h"

#include "registry/children.h"
#include "registry/closed_room.h"
#include "registry/description.h"
#include "registry/exports.h"

#include <ridge/codec.h>
#include <ridge/format.h>
#include <ridge/kernel.h>
#include <ridge/seam/decode_draft.h>
#include <ridge/seam/graph_pass.h>
#include <ridge/seam/kv_prefix.h>
#include <ridge/seam/kv_store.h>
#include <ridge/seam/placement.h>
#include <ridge/seam/sample_pick.h>
#include <ridge/seam/schedule_admit.h>
#include <ridge/seam/token_tap.h>
#include <ridge/seam/weights.h>

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPU_SECONDS = 60 };

static const struct conformance_check checks[] = {
    {"exports", "exports ridge_plugin_v1 and nothing else", NULL, false, check_exports},
    {"imports", "calls nothing that is the host's business", NULL, false, check_imports},
    {"load", "runs no code when it is opened", NULL, false, check_load},
    {"description", "its description is sound, and the same each time", NULL, true,
     check_description},
    {"life", "is created and destroyed a hundred times without a leak", NULL, true,
     check_life},
    {"memory", "takes no more memory than it declares", NULL, true, check_memory},
    {"values", "takes every parameter at its bounds, or refuses with a sentence", NULL,
     true, check_values},
    {"pure", "`need` and `check` give the same answer twice", NULL, true, check_pure},
    {"checkpoint", "what it saves and loads saves the same again", NULL, true,
     check_checkpoint},
    {"format", "refuses damaged files with a sentence", RIDGE_SEAM_FORMAT, true,
     check_format},
    {"codec", "rows survive encoding and decoding", RIDGE_SEAM_CODEC, true, check_codec},
    {"kernel", "chooses and sizes by the site alone", RIDGE_SEAM_KERNEL, true,
     check_kernel},
    {"placement", "streams only what can be, with room enough", RIDGE_SEAM_PLACEMENT, true,
     check_placement},
    {"weights", "chooses codecs and edits rows the same, however cut", RIDGE_SEAM_WEIGHTS,
     true, check_weights},
    {"graph.pass", "leaves a graph that verifies, the same each time",
     RIDGE_SEAM_GRAPH_PASS, true, check_pass},
    {"schedule.admit", "grants no more than there is, and starves nobody",
     RIDGE_SEAM_SCHEDULE_ADMIT, true, check_schedule},
    {"decode.draft", "proposes within its room", RIDGE_SEAM_DECODE_DRAFT, true,
     check_draft},
    {"kv.store", "gives each sequence blocks of its own", RIDGE_SEAM_KV_STORE, true,
     check_store},
    {"kv.prefix", "finds what it kept, and drops only what it held", RIDGE_SEAM_KV_PREFIX,
     true, check_prefix},
    {"logits.shape", "shapes by the view and the logits alone", RIDGE_SEAM_LOGITS_SHAPE,
     true, check_shape},
    {"sample.pick", "picks a token that is there, the same each time",
     RIDGE_SEAM_SAMPLE_PICK, true, check_pick},
    {"token.tap", "looks at any text", RIDGE_SEAM_TOKEN_TAP, true, check_tap},
};
enum { N_CHECKS = sizeof checks / sizeof *checks };

const struct conformance_check *conformance_list(size_t *n) {
  *n = N_CHECKS;
  return checks;
}

static const char *const words[] = {"ok", "failed", "skipped", "absent"};

const char *verdict_word(enum verdict verdict) { return words[verdict]; }

/* Findings ----------------------------------------------------------------------------- */

static void say(struct finding *finding, enum verdict verdict, const char *fmt,
                va_list args) {
  if (finding->verdict == VERDICT_FAILED) return;
  finding->verdict = verdict;
  vsnprintf(finding->note, sizeof finding->note, fmt, args);
}

void finding_fail(struct finding *finding, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  say(finding, VERDICT_FAILED, fmt, args);
  va_end(args);
}

void finding_skip(struct finding *finding, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  say(finding, VERDICT_SKIPPED, fmt, args);
  va_end(args);
}

void finding_note(struct finding *finding, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  if (finding->verdict == VERDICT_OK) say(finding, VERDICT_OK, fmt, args);
  va_end(args);
}

/* The child -----------------------------------------------------------------------------
 */

static const struct conformance_check *find_check(const char *name) {
  for (size_t i = 0; i < N_CHECKS; i++)
    if (strcmp(checks[i].name, name) == 0) return &checks[i];
  return NULL;
}

static bool fills(const struct vetting *v, const char *seam) {
  for (size_t i = 0; i < v->info.n_fills; i++)
    if (strcmp(v->info.fills[i].seam, seam) == 0) return true;
  return false;
}

/* Open it and read the description; a later check says nothing about a file that an
 * earlier one has failed. */
static bool open_plugin(struct vetting *v, struct finding *finding) {
  const ridge_plugin *(*entry)(void) = NULL;
  struct why why = {""};
  void *file = dlopen(v->path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = file != NULL ? dlsym(file, PLUGIN_ENTRY) : NULL;
  if (symbol == NULL) {
    finding_skip(finding, "it cannot be opened: %s", dlerror());
    return false;
  }
  memcpy(&entry, &symbol, sizeof entry);
  v->plugin = entry();
  if (plugin_read(v->plugin, &v->arena, &v->info, &why) == RIDGE_OK &&
      plugin_rules(&v->info, &why) == RIDGE_OK &&
      plugin_tables(v->plugin, &v->info, &why) == RIDGE_OK)
    return true;
  finding_skip(finding, "its description is not sound");
  return false;
}

static void run_check(const struct conformance_check *check, struct vetting *v,
                      struct finding *finding) {
  struct why why = {""};
  if (!check->opens) {
    if (elf_read(v->path, &v->arena, &v->elf, &why) == RIDGE_OK)
      check->run(v, finding);
    else
      finding_fail(finding, "%s", why.text);
    return;
  }
  if (check->run != check_description && !open_plugin(v, finding)) {
    if (check->seam != NULL)
      finding->verdict = VERDICT_ABSENT; /* nobody knows what it fills */
    return;
  }
  if (check->seam != NULL && !fills(v, check->seam))
    finding->verdict = VERDICT_ABSENT;
  else
    check->run(v, finding);
}

int conformance_child(const char *name, const char *path) {
  const struct conformance_check *check = find_check(name);
  struct closed_room room;
  struct vetting v = {.path = path};
  struct finding finding = {VERDICT_OK, ""};
  struct why why;
  char full[PATH_MAX];
  if (check == NULL || !closed_room_enter(&room, CPU_SECONDS)) return 2;
  if (realpath(path, full) != NULL) v.path = full;
  run_check(check, &v, &finding);
  if (closed_room_silent(&room, "while being checked", &why) != RIDGE_OK ||
      closed_room_alone(&room, "while being checked", &why) != RIDGE_OK)
    finding_fail(&finding, "%s", why.text);
  for (char *c = finding.note; *c != 0; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  bool said = closed_room_say(
      &room, json_pack("{s:i,s:s}", "verdict", (int)finding.verdict, "note", finding.note));
  arena_free(&v.arena);
  return said ? 0 : 2;
}

/* The parent -----------------------------------------------------------------------------
 */

/* The last line of the child's output, if it is a finding. */
static bool take_finding(const struct text *output, struct finding *finding) {
  json_t *object = json_loads(output->data, JSON_DISABLE_EOF_CHECK, NULL);
  const json_t *verdict = json_object_get(object, "verdict");
  const char *note = json_string_value(json_object_get(object, "note"));
  json_int_t value = json_integer_value(verdict);
  bool taken =
      json_is_integer(verdict) && value >= 0 && value <= VERDICT_ABSENT && note != NULL;
  if (taken) {
    finding->verdict = (enum verdict)value;
    snprintf(finding->note, sizeof finding->note, "%s", note);
  }
  json_decref(object);
  return taken;
}

static void judge(const struct child *child, uint64_t timeout_ms, struct finding *finding) {
  char room[32];
  *finding = (struct finding){VERDICT_OK, ""};
  if (child->timed_out)
    finding_fail(finding, "it did not come back within %" PRIu64 " ms", timeout_ms);
  else if (WIFSIGNALED(child->status) && WTERMSIG(child->status) == SIGXCPU)
    finding_fail(finding, "it computes without end");
  else if (WIFSIGNALED(child->status))
    finding_fail(finding, "it crashed (%s)", signal_word(WTERMSIG(child->status), room));
  else if (WEXITSTATUS(child->status) != 0 || !take_finding(&child->output, finding))
    finding_fail(finding, "it ended the process (exit status %d)",
                 WEXITSTATUS(child->status));
}

/* What a plugin is comes first: where that hangs or crashes, nothing else is tried. */
enum { FIRST_CHECKS = 4 };

static ridge_status run_some(const char *self, const char *path, uint64_t timeout_ms,
                             size_t lo, size_t hi, struct finding *findings,
                             struct why *why) {
  struct child children[N_CHECKS] = {0};
  for (size_t i = lo; i < hi; i++) {
    const char *line[] = {self, "vet", "--check", checks[i].name, "--", path, NULL};
    memcpy(children[i].words, line, sizeof line);
  }
  ridge_status status = children_run(children + lo, hi - lo, timeout_ms, why);
  for (size_t i = lo; i < hi && status == RIDGE_OK; i++)
    judge(&children[i], timeout_ms, &findings[i]);
  children_free(children, N_CHECKS);
  return status;
}

static void skip_rest(struct finding *findings) {
  for (size_t i = FIRST_CHECKS; i < N_CHECKS; i++) {
    findings[i] =
        (struct finding){VERDICT_ABSENT, ""}; /* nobody knows which seams it fills */
    if (checks[i].seam != NULL) continue;
    findings[i].verdict = VERDICT_OK;
    finding_skip(&findings[i], "its description is not sound");
  }
}

/* What is no shared object at all is told once, not by every check. */
static bool is_elf(const char *path) {
  char head[4] = "";
  FILE *file = fopen(path, "rb");
  if (file == NULL) return true; /* the checks say why */
  bool elf = fread(head, 1, 4, file) == 4 && memcmp(head, "\177ELF", 4) == 0;
  fclose(file);
  return elf;
}

ridge_status conformance_run(const char *self, const char *path, uint64_t timeout_ms,
                             void (*each)(void *ctx, const struct conformance_check *,
                                          const struct finding *),
                             void *ctx, struct why *why) {
  struct finding findings[N_CHECKS];
  if (access(path, R_OK) != 0)
    return why_set(why, RIDGE_IO, "%s cannot be read: %s", path, strerror(errno));
  if (!is_elf(path))
    return why_set(why, RIDGE_INVALID,
                   "%s is no shared object: it does not begin as an ELF file does; the "
                   "plugin's .so is wanted",
                   path);
  ridge_status status = run_some(self, path, timeout_ms, 0, FIRST_CHECKS, findings, why);
  if (status != RIDGE_OK) return status;
  if (findings[FIRST_CHECKS - 1].verdict == VERDICT_OK)
    status = run_some(self, path, timeout_ms, FIRST_CHECKS, N_CHECKS, findings, why);
  else
    skip_rest(findings);
  for (size_t i = 0; i < N_CHECKS && status == RIDGE_OK; i++)
    if (findings[i].verdict != VERDICT_ABSENT) each(ctx, &checks[i], &findings[i]);
  return status;
}
