/* scan.c - describe plugin files in child processes, and say how a child ended. */
#include "registry/scan.h"

#include "registry/children.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What a child said, gathered from its lines. */
struct answer {
  const char *stage;   /* the last one begun; in the arena */
  const char *problem; /* in the arena                     */
  bool of_opening;     /* ... said while the file was opened */
  json_t *plugin;
  const char *build; /* in the arena                     */
};

static void take_line(struct answer *answer, const char *line, size_t size,
                      struct arena *arena) {
  json_t *object = json_loadb(line, size, 0, NULL);
  const char *stage = json_string_value(json_object_get(object, "stage"));
  const char *problem = json_string_value(json_object_get(object, "problem"));
  const char *build = json_string_value(json_object_get(object, "build"));
  json_t *plugin = json_object_get(object, "plugin");
  if (stage != NULL) answer->stage = arena_text(arena, stage);
  if (problem != NULL) {
    answer->problem = arena_text(arena, problem);
    answer->of_opening = strcmp(answer->stage, SCAN_OPENED) == 0;
  }
  if (build != NULL) answer->build = arena_text(arena, build);
  if (json_is_object(plugin)) {
    json_decref(answer->plugin);
    answer->plugin = json_incref(plugin);
  }
  json_decref(object);
}

static struct answer take_answer(const struct text *output, struct arena *arena) {
  struct answer answer = {.stage = SCAN_OPENED};
  const char *at = output->data, *end = output->data + output->size;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (stop == NULL) break;
    take_line(&answer, at, (size_t)(stop - at), arena);
    at = stop + 1;
  }
  return answer;
}

/* Sentences ---------------------------------------------------------------------------- */

static const char *while_(const char *stage) {
  if (strcmp(stage, SCAN_OPENED) == 0) return "while being opened";
  if (strcmp(stage, SCAN_CLOSED) == 0) return "while being closed";
  return "while being described";
}

static const char *of_signal(const struct answer *answer, int number, struct arena *arena) {
  char room[32];
  const char *when = while_(answer->stage), *cause = "";
  if (number == SIGXCPU) return arena_format(arena, "it computes without end %s", when);
  if (number == SIGXFSZ) return arena_format(arena, "it prints without end %s", when);
  if (number == SIGKILL)
    return arena_format(arena, "it was killed %s, perhaps for want of memory", when);
  if (strcmp(answer->stage, SCAN_CHECKED) == 0)
    cause = ": a pointer or a size in its description is wrong";
  if (strcmp(answer->stage, SCAN_OPENED) == 0)
    cause = ": the file is damaged, or code of it runs at load";
  return arena_format(arena, "it crashed %s (%s)%s", when, signal_word(number, room),
                      cause);
}

/* NULL when the child ended well and gave a description. */
static const char *problem_of(const struct child *child, const struct answer *answer,
                              const struct digest *build, uint64_t timeout_ms,
                              struct arena *arena) {
  const char *when = while_(answer->stage);
  if (answer->problem != NULL && !child->too_much) return answer->problem;
  if (child->timed_out)
    return arena_format(arena,
                        "it did not come back within %" PRIu64 " ms %s, and was ended "
                        "(`ridge plugins --rescan` tries again)",
                        timeout_ms, when);
  if (child->too_much)
    return arena_format(arena, "its description is larger than %d MiB",
                        CHILD_OUTPUT_MOST >> 20);
  if (WIFSIGNALED(child->status)) return of_signal(answer, WTERMSIG(child->status), arena);
  if (answer->plugin == NULL || WEXITSTATUS(child->status) != 0)
    return arena_format(arena,
                        "it ended the process (exit status %d) %s; a plugin never exits",
                        WEXITSTATUS(child->status), when);
  if (answer->build == NULL || strcmp(answer->build, build->hex) != 0)
    return "its description is not of these bytes: the file changed meanwhile, or forged "
           "an answer";
  return NULL;
}

/* What a file says while it is opened may be about a library that is missing, and one
 * that was killed may have met a full machine: those are asked again. */
static bool is_lasting(const struct child *child, const struct answer *answer) {
  bool killed = !child->timed_out && !child->too_much && WIFSIGNALED(child->status) &&
                WTERMSIG(child->status) == SIGKILL;
  return !answer->of_opening && !killed;
}

/* A child may be made to say anything; its sentence is shown on a terminal. */
static const char *cleaned(const char *sentence, struct arena *arena) {
  char *copy = arena_text(arena, sentence);
  for (char *c = copy; *c != 0; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  if (strlen(copy) > 600) memcpy(copy + 600, "...", 4);
  return copy;
}

ridge_status scan_files(const char *self, struct scan_item *items, size_t n,
                        uint64_t timeout_ms, struct arena *arena, struct why *why) {
  if (n == 0) return RIDGE_OK;
  struct child *children = calloc(n, sizeof *children);
  if (children == NULL) return why_set(why, RIDGE_NO_MEMORY, "out of memory");
  for (size_t i = 0; i < n; i++) {
    children[i].words[0] = self;
    children[i].words[1] = "scan-plugin";
    children[i].words[2] = "--";
    children[i].words[3] = items[i].path;
  }
  ridge_status status = children_run(children, n, timeout_ms, why);
  for (size_t i = 0; i < n && status == RIDGE_OK; i++) {
    struct answer answer = take_answer(&children[i].output, arena);
    const char *problem =
        problem_of(&children[i], &answer, &items[i].build, timeout_ms, arena);
    items[i].problem = problem != NULL ? cleaned(problem, arena) : NULL;
    items[i].lasting = is_lasting(&children[i], &answer);
    if (problem == NULL) items[i].description = json_incref(answer.plugin);
    json_decref(answer.plugin);
  }
  children_free(children, n);
  free(children);
  return status;
}
