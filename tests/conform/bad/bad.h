/*
 * bad.h - a good plugin to start from; each file beside this one spoils one thing.
 * The host must survive it, and say in one line what is wrong.
 */
#ifndef BAD_H
#define BAD_H

#include <ridge/plugin.h>
#include <ridge/seam/logits_shape.h>

struct params {
  int64_t first, second;
};

static const ridge_param good_params[] = {
    RIDGE_INT(struct params, first, 1, 0, 10, "", 0, "Does nothing."),
    RIDGE_INT(struct params, second, 2, 0, 10, "", 0, "Does nothing either."),
};

static const ridge_evidence good_evidence[] = {{"calls seen", "call", "Calls it got.", 1}};

static inline ridge_status good_shape(void *self, const ridge_shape_view *view,
                                      float *logits, int64_t vocab) {
  (void)self, (void)view, (void)logits, (void)vocab;
  return RIDGE_OK;
}

static const ridge_logits_shape good_table = {sizeof good_table, good_shape};
static const ridge_fill good_fills[] = {
    {.seam = RIDGE_SEAM_LOGITS_SHAPE, .table = &good_table}};

/* Filled at the call, so that a file can change what it likes. */
static inline ridge_plugin *good_plugin(ridge_plugin *to, const char *id) {
  *to = (ridge_plugin){
      .struct_size = sizeof *to,
      .abi_minor = RIDGE_ABI_MINOR,
      .kind = RIDGE_STRATEGY,
      .phases = RIDGE_INFER,
      .effect = RIDGE_EXACT,
      .id = id,
      .version = "1.0.0",
      .summary = "a plugin with one fault",
      .doc = "Made for tests.",
      .license = "MIT",
      .params = RIDGE_ROWS(good_params),
      .fills = RIDGE_ROWS(good_fills),
      .evidence = RIDGE_ROWS(good_evidence),
      .params_size = sizeof(struct params),
  };
  return to;
}

/* The usual file: one static description, spoiled by `spoil`. */
#define BAD_PLUGIN(id, ...)                                                                \
  const ridge_plugin *ridge_plugin_v1(void) {                                              \
    static ridge_plugin plugin;                                                            \
    ridge_plugin *p = good_plugin(&plugin, id);                                            \
    __VA_ARGS__                                                                            \
    return p;                                                                              \
  }

/* An address that no process has: a write there is SIGSEGV, no sanitizer's null check
 * gets in the way, and no compiler knows it beforehand. */
static volatile uintptr_t nowhere __attribute__((unused)) = 16;
#define NOWHERE ((volatile int *)nowhere)

#endif
