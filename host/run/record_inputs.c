/* record_inputs.c - the files of a run, written down before it and after it. */
#include "run/attempt.h"

#include "run/interrupts.h"
#include "run/wire.h"

#include <stdio.h>
#include <string.h>

static json_t *facts_of(const struct input *input) {
  const char *slash = strrchr(input->path, '/');
  const struct timespec *at = &input->before.st_mtim;
  return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "role", input->role, "name",
                   slash != NULL ? slash + 1 : input->path, "path", input->path, "digest",
                   input->read ? input->digest.hex : "", "bytes",
                   (json_int_t)input->before.st_size, "modified",
                   (json_int_t)at->tv_sec * 1000000000 + at->tv_nsec);
}

static void keep_broken(struct attempt *a, ridge_status status) {
  if (status != RIDGE_OK && a->broken.text[0] == 0) a->broken = a->why;
}

/* The contents are not known yet; the row has a place for their name. */
static void add(struct attempt *a, const char *role, const char *path) {
  if (role == NULL || path == NULL) return;
  const struct input *input = inputs_add(a->inputs, role, path);
  if (input == NULL) return;
  json_t *facts = facts_of(input);
  json_object_set_new(facts, "digest", json_string("")); /* though it may be there */
  keep_broken(a, catalog_run_input(a->place->catalog, a->outcome->run, facts, &a->why));
  json_decref(facts);
}

/* "model.path": the role is "model". */
static void add_setting(struct attempt *a, const char *name, const json_t *path) {
  char role[64];
  snprintf(role, sizeof role, "%.*s", (int)strcspn(name, "."), name);
  add(a, role, json_string_value(path));
}

void record_inputs_begin(struct attempt *a) {
  const json_t *strategies = json_object_get(a->composed.composition, "strategies"), *row;
  const char *name;
  json_t *path;
  size_t i;
  a->inputs = inputs_new();
  json_object_foreach(json_object_get(a->composed.paths, "settings"), name, path)
    add_setting(a, name, path);
  json_array_foreach(json_object_get(a->composed.paths, "strategies"), i, row) {
    const json_t *id = json_object_get(json_array_get(strategies, i), "id");
    json_object_foreach((json_t *)(uintptr_t)row, name, path)
      add(a, json_string_value(id), json_string_value(path));
  }
  inputs_start(a->inputs);
}

void record_input_message(struct attempt *a, const json_t *message) {
  const char *role, *path;
  if (a->inputs == NULL || !wire_text_of(message, "role", &role) ||
      !wire_text_of(message, "path", &path))
    return;
  add(a, role, path);
}

/* Long files take a while; the user may have had enough. */
static bool go_on(void *ctx, double done, double of) {
  const struct attempt *a = ctx;
  const struct run_view *view = a->view;
  if (view->progress != NULL)
    view->progress(view->ctx, "inputs", done, of, "their digests");
  if (view->tick != NULL) view->tick(view->ctx);
  return !interrupts_noted();
}

static void end_one(void *ctx, const struct input *input, const char *problem) {
  struct attempt *a = ctx;
  json_array_append_new(a->outcome->inputs, facts_of(input));
  if (problem == NULL) {
    keep_broken(a, catalog_run_input_read(a->place->catalog, a->outcome->run, input->role,
                                          input->path, input->digest.hex, &a->why));
    return;
  }
  record_event(a, "error", problem);
  if (a->outcome->status != CATALOG_DONE && a->outcome->status != CATALOG_INERT) return;
  outcome_fail(a->outcome, problem);
  if (interrupts_noted()) a->outcome->status = CATALOG_STOPPED;
}

void record_inputs_end(struct attempt *a) {
  if (a->inputs == NULL) return;
  if (a->outcome->status != CATALOG_REFUSED) inputs_finish(a->inputs, go_on, end_one, a);
  inputs_free(a->inputs);
  a->inputs = NULL;
}
