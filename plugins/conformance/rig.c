/* rig.c - a plugin at work on the conformance kit's bench. */
#include "plugins/conformance/rig.h"

#include "base/philox.h"
#include "registry/params.h"

#include "graph/graph.h"

#include <math.h>
#include <ridge/seam/decode_draft.h>
#include <ridge/seam/kv_prefix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The plan: small, but wide enough for what divides rows and heads into blocks. */
static const ridge_plan plan = {
    .struct_size = sizeof plan,
    .architecture = "llama",
    .layers = 2,
    .dim = 256,
    .heads = 4,
    .kv_heads = 2,
    .head_dim = 64,
    .ffn = 320,
    .vocab = RIG_VOCAB,
    .context = 256,
    .sequences = 3,
    .rows = 32,
    .weight_bytes = 1 << 20,
    .cache_bytes = 1 << 19,
    .memory_bytes = 1 << 30,
};

static struct rig *of(const ridge_host *host) {
  return ((struct instance *)host->ctx)->set->ctx;
}

/* Services: the cache ------------------------------------------------------------------ */

static void copy_block(const ridge_host *host, int32_t from, int32_t to) {
  (void)host, (void)from, (void)to; /* there are no keys and values to copy */
}

static void give_layout(const ridge_host *host, ridge_kv_layout *out) {
  *out = of(host)->layout;
}

static int64_t block_tokens(const ridge_host *host) {
  return of(host)->layout.block_tokens;
}

static uint64_t block_bytes(const ridge_host *host) {
  return (uint64_t)of(host)->layout.block_tokens * 256;
}

static void own(struct rig *rig, const int32_t *blocks, int64_t n, int32_t change) {
  for (int64_t i = 0; i < n; i++) {
    bool inside = blocks[i] >= 0 && blocks[i] < rig->layout.blocks;
    if (!inside || rig->held[blocks[i]] + change < 0)
      rig->overdropped = true;
    else
      rig->held[blocks[i]] += change;
  }
}

static void hold(const ridge_host *host, const int32_t *blocks, int64_t n) {
  own(of(host), blocks, n, 1);
}

static void drop(const ridge_host *host, const int32_t *blocks, int64_t n) {
  own(of(host), blocks, n, -1);
}

static const ridge_kv_api kv_api = {sizeof kv_api, copy_block, give_layout};
static const ridge_kv_blocks_api blocks_api = {sizeof blocks_api, block_tokens, block_bytes,
                                               hold, drop};

/* Services: a second model, which counts on ----------------------------------------------
 */

static ridge_status draft_open(const ridge_host *host, const char *path, int64_t depth,
                               ridge_draft_model **out) {
  (void)path;
  if (depth < 1)
    return (host->fail)(host, RIDGE_INVALID, "a draft of %lld tokens", (long long)depth);
  *out = (ridge_draft_model *)(void *)of(host); /* any address that is not NULL */
  return RIDGE_OK;
}

static ridge_status draft_propose(ridge_draft_model *model, ridge_draft_seq *seqs,
                                  int64_t n) {
  (void)model;
  for (int64_t i = 0; i < n; i++)
    for (seqs[i].n_out = 0; seqs[i].n_out < seqs[i].room; seqs[i].n_out++)
      seqs[i].out[seqs[i].n_out] =
          (int32_t)((seqs[i].tokens[seqs[i].n - 1] + 1 + seqs[i].n_out) % RIG_VOCAB);
  return RIDGE_OK;
}

static void draft_finish(ridge_draft_model *model, int64_t id) { (void)model, (void)id; }
static void draft_close(ridge_draft_model *model) { (void)model; }

static const ridge_draft_model_api draft_api = {sizeof draft_api, draft_open, draft_propose,
                                                draft_finish, draft_close};

static const void *service(void *ctx, struct instance *caller, const char *id) {
  (void)ctx, (void)caller;
  if (strcmp(id, RIDGE_SERVICE_KV) == 0) return &kv_api;
  if (strcmp(id, RIDGE_SERVICE_KV_BLOCKS) == 0) return &blocks_api;
  if (strcmp(id, RIDGE_SERVICE_DRAFT_MODEL) == 0) return &draft_api;
  if (strcmp(id, RIDGE_SERVICE_GRAPH) == 0) return graph_api();
  return NULL;
}

/* Parameters -----------------------------------------------------------------------------
 */

bool rig_has_required(const struct plugin_info *info) {
  for (size_t i = 0; i < info->n_params; i++)
    if ((info->params[i].flags & RIDGE_REQUIRED) != 0) return true;
  return false;
}

/* Bytes enough to work with and too few for everything; of other numbers the least. */
static json_t *stand_in(const ridge_param *row) {
  const int64_t some_bytes = 256 * 1024;
  bool bytes = row->unit != NULL && strcmp(row->unit, "byte") == 0;
  switch (row->type) {
  case RIDGE_T_BOOL: return json_false();
  case RIDGE_T_INT:
    return json_integer(
        bytes && row->lo.i < some_bytes && row->hi.i > some_bytes ? some_bytes : row->lo.i);
  case RIDGE_T_REAL: return json_real(row->lo.r);
  case RIDGE_T_CHOICE: return json_string(row->choices[0]);
  }
  return json_string((row->flags & RIDGE_PATH) != 0 ? "/dev/null" : "x");
}

json_t *rig_defaults(const struct plugin_info *info) {
  json_t *values = params_defaults(info);
  for (size_t i = 0; i < info->n_params; i++)
    if ((info->params[i].flags & RIDGE_REQUIRED) != 0)
      json_object_set_new(values, info->params[i].name, stand_in(&info->params[i]));
  return values;
}

/* Opening --------------------------------------------------------------------------------
 */

const void *rig_table(const struct rig *rig, const char *seam) {
  const ridge_table *fills = &rig->v->plugin->fills;
  for (size_t i = 0; i < fills->count; i++) {
    const void *row = (const char *)fills->rows + i * fills->stride;
    if (strcmp(((const ridge_fill *)row)->seam, seam) == 0)
      return ((const ridge_fill *)row)->table;
  }
  return NULL;
}

/* A store lays out the cache itself; others find one laid out. */
static ridge_status lay_out(struct rig *rig) {
  const ridge_kv_store *store = rig_table(rig, RIDGE_SEAM_KV_STORE);
  rig->layout = (ridge_kv_layout){sizeof rig->layout, 16, 64};
  if (store != NULL) {
    uint64_t entered = instance_enter(rig->instance);
    ridge_status status = store->layout(rig->instance->params, plan.sequences, plan.context,
                                        256, &rig->layout);
    status = instance_leave(rig->instance, entered, status, "plan", &rig->why);
    if (status != RIDGE_OK) /* it is given no host to say why to */
      return why_set(&rig->why, status, "its `layout`: %s: it refuses",
                     status_text(status));
  }
  if (rig->layout.block_tokens < 1 || rig->layout.blocks < 1 ||
      rig->layout.blocks > RIG_BLOCKS_MOST)
    return why_set(&rig->why, RIDGE_INTERNAL, "its layout has %lld blocks of %lld tokens",
                   (long long)rig->layout.blocks, (long long)rig->layout.block_tokens);
  rig->held = calloc((size_t)rig->layout.blocks, sizeof *rig->held);
  return rig->held != NULL ? RIDGE_OK
                           : why_set(&rig->why, RIDGE_NO_MEMORY, "out of memory");
}

static ridge_status check_plan(struct rig *rig) {
  if (rig->instance->plugin->check == NULL) return RIDGE_OK;
  uint64_t entered = instance_enter(rig->instance);
  ridge_status status =
      rig->instance->plugin->check(&rig->instance->host, &rig->plan, rig->instance->params);
  return instance_leave(rig->instance, entered, status, "check", &rig->why);
}

ridge_status rig_open(struct rig *rig, struct vetting *v, const json_t *params) {
  json_t *values =
      params != NULL ? json_incref((json_t *)(uintptr_t)params) : rig_defaults(&v->info);
  *rig = (struct rig){.v = v, .plan = plan};
  rig->set = (struct instances){.seed = 1, .ctx = rig, .service = service};
  ridge_status status =
      instances_add(&rig->set, v->path, values, false, &rig->instance, &rig->why);
  json_decref(values);
  if (status == RIDGE_OK) status = check_plan(rig);
  if (status == RIDGE_OK) status = lay_out(rig);
  if (status == RIDGE_OK) status = instances_create(&rig->set, &rig->why);
  if (status != RIDGE_OK) {
    struct why kept = rig->why;
    rig_close(rig);
    rig->why = kept;
  }
  return status;
}

bool rig_ready(struct rig *rig, struct vetting *v, struct finding *finding) {
  if (rig_open(rig, v, NULL) == RIDGE_OK) return true;
  if (rig_has_required(&v->info))
    finding_skip(finding, "it refuses the kit's stand-ins for required parameters: %s",
                 rig->why.text);
  else
    finding_fail(finding, "with its own defaults: %s", rig->why.text);
  return false;
}

void rig_close(struct rig *rig) {
  instances_free(&rig->set);
  free(rig->held);
  rig->held = NULL;
}

bool rig_passed(struct rig *rig, ridge_status status, const char *what,
                struct finding *finding) {
  if (status == RIDGE_OK || status == RIDGE_DECLINED) return status == RIDGE_OK;
  if (strcmp(status_name(status), "UNKNOWN") == 0)
    finding_fail(finding, "%s returns the status %d, which is none", what, (int)status);
  else if (rig->instance->said[0] == 0)
    finding_fail(finding, "%s fails (%s) without a sentence; use host->fail", what,
                 status_text(status));
  else
    finding_fail(finding, "%s fails on an ordinary call: %s", what, rig->instance->said);
  return false;
}

/* Memory and numbers
 * ----------------------------------------------------------------------- */

/* Pages for `bytes`, and one without access behind them. */
static size_t pages_for(size_t bytes, size_t page) {
  return (bytes + page - 1) / page * page;
}

void *guarded_new(size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (bytes + 15) & ~(size_t)15;
  size_t room = pages_for(used, page);
  unsigned char *base =
      mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED || mprotect(base + room, page, PROT_NONE) != 0) abort();
  return base + room - used;
}

void guarded_free(void *bytes, size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (size + 15) & ~(size_t)15;
  size_t room = pages_for(used, page);
  munmap((unsigned char *)bytes + used - room, room + page);
}

void rig_numbers(float *to, size_t n, uint64_t stream) {
  for (size_t i = 0; i < n; i++) {
    uint32_t words[4];
    philox(stream, 0, i, words);
    double sum = 0; /* of four uniform numbers: mean 0, deviation 1 */
    for (int k = 0; k < 4; k++) sum += words[k] * 0x1p-32 - 0.5;
    to[i] = (float)(sum * sqrt(3.0));
  }
}
