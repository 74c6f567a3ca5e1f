/*
 * check_life.c - creation, parameters, memory, checkpoints: what every plugin has.
 */
#include "plugins/conformance/rig.h"

#include "base/text.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the process has from malloc; 0 under a sanitizer, which has its own. */
static size_t heap_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/* Life ----------------------------------------------------------------------------------
 */

enum { WARM_UP = 5, ROUNDS = 100, LEAK_BYTES = 8 };

void check_life(struct vetting *v, struct finding *finding) {
  struct rig rig;
  size_t before = 0;
  for (int round = 0; round < WARM_UP + ROUNDS; round++) {
    if (round == WARM_UP) before = heap_bytes();
    if (!rig_ready(&rig, v, finding)) return;
    rig_close(&rig);
  }
  size_t after = heap_bytes();
  if (after >= before + ROUNDS * LEAK_BYTES)
    finding_fail(finding,
                 "%zu bytes are lost each time it is created and destroyed; what malloc "
                 "gave has to go in `destroy`",
                 (after - before) / ROUNDS);
  else if (after == 0)
    finding_note(finding, "leaks could not be counted: a sanitizer has the heap");
}

/* Memory --------------------------------------------------------------------------------
 */

/* What need not be declared: an instance's own few fields. */
enum { SMALL_BYTES = 64 * 1024 };

static bool ask_need(struct rig *rig, ridge_need *need, struct finding *finding) {
  *need = (ridge_need){.struct_size = sizeof *need};
  if (rig->instance->plugin->need == NULL) return true;
  return rig_passed(rig,
                    rig->instance->plugin->need(&rig->instance->host, &rig->plan,
                                                rig->instance->params, need),
                    "`need`", finding);
}

void check_memory(struct vetting *v, struct finding *finding) {
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return; /* once before, so that tables are loaded */
  rig_close(&rig);
  size_t before = heap_bytes();
  if (!rig_ready(&rig, v, finding)) return;
  size_t heap = heap_bytes() - before;
  uint64_t counted = atomic_load(&rig.instance->bytes_peak);
  ridge_need need;
  if (ask_need(&rig, &need, finding)) {
    uint64_t declared = need.state + need.scratch + SMALL_BYTES;
    if (counted > declared)
      finding_fail(finding,
                   "`create` takes %" PRIu64 " bytes; `need` declares %" PRIu64
                   " of state and scratch",
                   counted, need.state + need.scratch);
    else
      finding_note(finding, "%" PRIu64 " bytes by host->alloc, %" PRIu64 " declared",
                   counted, need.state + need.scratch);
  }
  /* The set itself takes one large arena; the rest of what grew is the plugin's. */
  size_t host = rig.set.arena.bytes + SMALL_BYTES * 4;
  if (heap > host && heap - host > counted + SMALL_BYTES)
    finding_fail(finding, "`create` takes %zu bytes that host->alloc did not count",
                 heap - host - (size_t)counted);
  rig_close(&rig);
}

/* Values --------------------------------------------------------------------------------
 */

struct trial {
  struct vetting *v;
  struct finding *finding;
  int accepted, refused;
  char first_refusal[200];
};

/* With one parameter changed it is created, or refused with a sentence. */
static void try_value(struct trial *t, const ridge_param *row, json_t *value) {
  struct rig rig;
  json_t *params = rig_defaults(&t->v->info);
  json_object_set_new(params, row->name, value);
  ridge_status status = rig_open(&rig, t->v, params);
  json_decref(params);
  if (status == RIDGE_OK) {
    t->accepted++;
    rig_close(&rig);
    return;
  }
  if (strstr(rig.why.text, "no reason was given") != NULL)
    finding_fail(t->finding,
                 "parameter `%s` at a value of its own bounds is refused without a "
                 "sentence: %s",
                 row->name, rig.why.text);
  if (t->refused++ == 0)
    snprintf(t->first_refusal, sizeof t->first_refusal, "%.190s", rig.why.text);
}

static void try_text(struct trial *t, const ridge_param *row) {
  struct text longer = text_new(8192);
  for (int i = 0; i < 4096; i++) text_add(&longer, "x");
  try_value(t, row, json_string(""));
  try_value(t, row, json_string("%s%n \xc3\xa9 *[("));
  try_value(t, row, json_string(longer.data));
  text_free(&longer);
}

static void try_param(struct trial *t, const ridge_param *row) {
  switch (row->type) {
  case RIDGE_T_BOOL:
    try_value(t, row, json_true());
    try_value(t, row, json_false());
    return;
  case RIDGE_T_INT:
    try_value(t, row, json_integer(row->lo.i));
    try_value(t, row, json_integer(row->hi.i));
    return;
  case RIDGE_T_REAL:
    try_value(t, row, json_real(row->lo.r));
    try_value(t, row, json_real(row->hi.r));
    return;
  case RIDGE_T_TEXT: try_text(t, row); return;
  case RIDGE_T_CHOICE:
    for (size_t i = 0; row->choices[i] != NULL; i++)
      try_value(t, row, json_string(row->choices[i]));
    return;
  }
}

void check_values(struct vetting *v, struct finding *finding) {
  struct trial t = {.v = v, .finding = finding};
  for (size_t i = 0; i < v->info.n_params; i++) try_param(&t, &v->info.params[i]);
  if (t.refused == 0)
    finding_note(finding, "%d values tried", t.accepted);
  else
    finding_note(finding, "%d values taken, %d refused with a sentence, the first: %s",
                 t.accepted, t.refused, t.first_refusal);
}

/* Purity --------------------------------------------------------------------------------
 */

void check_pure(struct vetting *v, struct finding *finding) {
  struct rig rig;
  ridge_need first, second;
  if (!rig_ready(&rig, v, finding)) return;
  if (ask_need(&rig, &first, finding) && ask_need(&rig, &second, finding) &&
      memcmp(&first, &second, sizeof first) != 0)
    finding_fail(finding, "`need` asked twice gives two answers");
  const ridge_plugin *plugin = rig.instance->plugin;
  const ridge_host *host = &rig.instance->host;
  if (plugin->check != NULL && plugin->check(host, &rig.plan, rig.instance->params) !=
                                   plugin->check(host, &rig.plan, rig.instance->params))
    finding_fail(finding, "`check` asked twice gives two answers");
  rig_close(&rig);
}

/* Checkpoints ---------------------------------------------------------------------------
 */

struct tape {
  struct text text; /* bytes, NULs among them */
  size_t at;
};

static ridge_status put(void *to, const void *bytes, size_t n) {
  struct tape *tape = to;
  text_bytes(&tape->text, bytes, n);
  return tape->text.full ? RIDGE_NO_MEMORY : RIDGE_OK;
}

static ridge_status get(void *from, void *bytes, size_t n) {
  struct tape *tape = from;
  if (n > tape->text.size - tape->at) return RIDGE_CORRUPT;
  memcpy(bytes, tape->text.data + tape->at, n);
  tape->at += n;
  return RIDGE_OK;
}

static bool save(struct rig *rig, struct tape *tape, struct finding *finding) {
  tape->text = text_new(256 << 20);
  return rig_passed(rig, rig->instance->plugin->save(rig->instance->self, put, tape),
                    "`save`", finding);
}

/* A state that is cut short is refused, not half taken. */
static void load_cut(struct vetting *v, struct tape *tape, struct finding *finding) {
  struct rig rig;
  size_t whole = tape->text.size;
  if (whole == 0 || rig_open(&rig, v, NULL) != RIDGE_OK) return;
  tape->at = 0;
  tape->text.size = whole - 1;
  if (rig.instance->plugin->load(rig.instance->self, get, tape) == RIDGE_OK)
    finding_fail(finding, "`load` takes a state whose last byte is missing");
  tape->text.size = whole;
  rig_close(&rig);
}

void check_checkpoint(struct vetting *v, struct finding *finding) {
  struct rig first, second;
  struct tape one = {0}, two = {0};
  if (v->plugin->save == NULL) {
    finding_note(finding, "it keeps no state over a checkpoint");
    return;
  }
  if (!rig_ready(&first, v, finding)) return;
  if (save(&first, &one, finding) && rig_ready(&second, v, finding)) {
    ridge_status status = second.instance->plugin->load(second.instance->self, get, &one);
    if (rig_passed(&second, status, "`load`", finding) && save(&second, &two, finding) &&
        (one.text.size != two.text.size ||
         memcmp(one.text.data, two.text.data, one.text.size) != 0))
      finding_fail(finding, "saved, loaded and saved again, its state is another");
    if (one.at != one.text.size)
      finding_fail(finding, "`load` leaves %zu of %zu saved bytes unread",
                   one.text.size - one.at, one.text.size);
    rig_close(&second);
    load_cut(v, &one, finding);
  }
  rig_close(&first);
  text_free(&one.text);
  text_free(&two.text);
}
