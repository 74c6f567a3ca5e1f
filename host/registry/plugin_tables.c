/*
 * plugin_tables.c - the function tables behind a plugin's fills: their sizes, the
 * functions that have to be there, and what must agree inside one table.
 */
#include "registry/description.h"

#include <inttypes.h>
#include <ridge/codec.h>
#include <ridge/format.h>
#include <ridge/kernel.h>
#include <ridge/seam/decode_draft.h>
#include <ridge/seam/graph_pass.h>
#include <ridge/seam/kv_prefix.h>
#include <ridge/seam/kv_store.h>
#include <ridge/seam/logits_shape.h>
#include <ridge/seam/placement.h>
#include <ridge/seam/sample_pick.h>
#include <ridge/seam/schedule_admit.h>
#include <ridge/seam/token_tap.h>
#include <ridge/seam/weights.h>
#include <stdio.h>
#include <string.h>

static const uint32_t own_minor = RIDGE_ABI_MINOR;

/* Functions that a table may not leave NULL. */
struct slot {
  const char *seam, *name;
  size_t at;
};
#define MUST(seam, type, field)                                                            \
  { seam, #field, offsetof(type, field) }
static const struct slot slots[] = {
    MUST(RIDGE_SEAM_FORMAT, ridge_format, probe),
    MUST(RIDGE_SEAM_FORMAT, ridge_format, open),
    MUST(RIDGE_SEAM_FORMAT, ridge_format, close),
    MUST(RIDGE_SEAM_CODEC, ridge_codec, decode),
    MUST(RIDGE_SEAM_KERNEL, ridge_kernel, run),
    MUST(RIDGE_SEAM_PLACEMENT, ridge_placement, place),
    MUST(RIDGE_SEAM_PLACEMENT, ridge_placement, moved),
    MUST(RIDGE_SEAM_WEIGHTS, ridge_weights, choose),
    MUST(RIDGE_SEAM_GRAPH_PASS, ridge_graph_pass, rewrite),
    MUST(RIDGE_SEAM_SCHEDULE_ADMIT, ridge_schedule, bounds),
    MUST(RIDGE_SEAM_SCHEDULE_ADMIT, ridge_schedule, admit),
    MUST(RIDGE_SEAM_DECODE_DRAFT, ridge_draft, depth),
    MUST(RIDGE_SEAM_DECODE_DRAFT, ridge_draft, propose),
    MUST(RIDGE_SEAM_DECODE_DRAFT, ridge_draft, outcome),
    MUST(RIDGE_SEAM_DECODE_DRAFT, ridge_draft, finish),
    MUST(RIDGE_SEAM_KV_STORE, ridge_kv_store, layout),
    MUST(RIDGE_SEAM_KV_STORE, ridge_kv_store, reserve),
    MUST(RIDGE_SEAM_KV_STORE, ridge_kv_store, truncate),
    MUST(RIDGE_SEAM_KV_STORE, ridge_kv_store, release),
    MUST(RIDGE_SEAM_KV_STORE, ridge_kv_store, table),
    MUST(RIDGE_SEAM_KV_STORE, ridge_kv_store, room),
    MUST(RIDGE_SEAM_KV_PREFIX, ridge_kv_prefix, find),
    MUST(RIDGE_SEAM_KV_PREFIX, ridge_kv_prefix, keep),
    MUST(RIDGE_SEAM_KV_PREFIX, ridge_kv_prefix, give_back),
    MUST(RIDGE_SEAM_LOGITS_SHAPE, ridge_logits_shape, shape),
    MUST(RIDGE_SEAM_SAMPLE_PICK, ridge_sample_pick, pick),
    MUST(RIDGE_SEAM_TOKEN_TAP, ridge_token_tap, token),
};

/* Is there a function at this place?  All function pointers have one size and one
 * NULL on the machines ridge runs on. */
static bool is_set(const void *table, size_t at) {
  void (*function)(void);
  memcpy(&function, (const char *)table + at, sizeof function);
  return function != NULL;
}

struct fill_site {
  const struct plugin_info *info;
  const ridge_fill *fill;
  size_t row;
  struct why *why;
};

static ridge_status refuse(const struct fill_site *site, const char *what) {
  return why_set(site->why, RIDGE_INVALID, "fill %zu (%s%s%s): %s", site->row + 1,
                 site->fill->seam, site->fill->key != NULL ? " " : "",
                 site->fill->key != NULL ? site->fill->key : "", what);
}

/* Agreement inside a table --------------------------------------------------------------
 */

static ridge_status check_codec(const struct fill_site *site, const void *at) {
  const ridge_codec *table = at;
  if (table->name == NULL || strnlen(table->name, 65) > 64 ||
      strcmp(table->name, site->fill->key) != 0)
    return refuse(site, "the codec's `name` is not the key it is given under");
  if (table->block < 1 || table->block > 1 << 20 || table->block_bytes < 1 ||
      table->block_bytes > 1 << 24)
    return refuse(site, "its `block` or `block_bytes` is not plausible");
  return RIDGE_OK;
}

static ridge_status check_kernel(const struct fill_site *site, const void *at) {
  const ridge_kernel *table = at;
  if ((table->pack_bytes != NULL) != (table->pack != NULL))
    return refuse(site, "`pack_bytes` and `pack` belong together: both or neither");
  if (table->pack != NULL && table->pack_grain < 1)
    return refuse(site, "`pack_grain` is below 1");
  bool form = table->prepared_form != NULL, bytes = table->prepared_bytes != NULL;
  if (form != bytes || form != (table->prepare != NULL))
    return refuse(site,
                  "`prepared_form`, `prepared_bytes` and `prepare` belong together: all "
                  "or none");
  if (form && strnlen(table->prepared_form, 65) > 64)
    return refuse(site, "`prepared_form` is longer than 64 bytes");
  return RIDGE_OK;
}

static ridge_status check_pass(const struct fill_site *site, const void *at) {
  const ridge_graph_pass *table = at;
  if (table->stage >= RIDGE_STAGE_ADAPT && table->stage <= RIDGE_STAGE_FUSE &&
      table->stage != RIDGE_STAGE_DIFFERENTIATE)
    return RIDGE_OK;
  return refuse(site, "its `stage` is none that a plugin can run in");
}

static bool provides(const struct plugin_info *info, const char *capability) {
  for (size_t i = 0; i < info->n_provides; i++)
    if (strcmp(info->provides[i], capability) == 0) return true;
  return false;
}

static ridge_status check_store(const struct fill_site *site, const void *at) {
  const ridge_kv_store *table = at;
  bool fork = table->fork != NULL;
  if (fork != (table->hold != NULL) || fork != (table->drop != NULL) ||
      fork != (table->adopt != NULL))
    return refuse(site, "`fork`, `hold`, `drop` and `adopt` belong together: all or none");
  if (fork != provides(site->info, "kv.blocks"))
    return refuse(site,
                  fork ? "it can share blocks, so it has to provide `kv.blocks`"
                       : "it provides `kv.blocks`, but its sharing functions are NULL");
  return RIDGE_OK;
}

static ridge_status check_format(const struct fill_site *site, const void *at) {
  const ridge_format *table = at;
  bool writes = table->write_head != NULL;
  if (writes != (table->write_after != NULL) || writes != (table->piece_name != NULL))
    return refuse(
        site, "`write_head`, `write_after` and `piece_name` belong together: all or none");
  return RIDGE_OK;
}

static const struct {
  const char *seam;
  ridge_status (*check)(const struct fill_site *, const void *table);
} agreements[] = {
    {RIDGE_SEAM_FORMAT, check_format},  {RIDGE_SEAM_CODEC, check_codec},
    {RIDGE_SEAM_KERNEL, check_kernel},  {RIDGE_SEAM_GRAPH_PASS, check_pass},
    {RIDGE_SEAM_KV_STORE, check_store},
};

/* One table ------------------------------------------------------------------------------
 */

static ridge_status check_size(const struct fill_site *site, const struct seam *seam,
                               const void *table) {
  uint64_t size;
  char text[160];
  if (table == NULL || (uintptr_t)table % sizeof(void *) != 0)
    return refuse(site, "it has no table of functions");
  memcpy(&size, table, sizeof size);
  bool same_abi = site->info->abi_minor == own_minor;
  if (size >= seam->table_bytes && size <= DESCRIPTION_ROW_BYTES &&
      size % sizeof(void *) == 0 && (size == seam->table_bytes || !same_abi))
    return RIDGE_OK;
  snprintf(text, sizeof text,
           "its table says that its struct_size is %" PRIu64
           "; the table of this seam has %zu bytes",
           size, seam->table_bytes);
  return refuse(site, text);
}

static ridge_status check_table(const struct fill_site *site, const void *table) {
  char text[96];
  ridge_status status = check_size(site, seam_find(site->fill->seam), table);
  if (status != RIDGE_OK) return status;
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    if (strcmp(slots[i].seam, site->fill->seam) != 0 || is_set(table, slots[i].at))
      continue;
    snprintf(text, sizeof text, "its table leaves `%s` NULL, which the host calls",
             slots[i].name);
    return refuse(site, text);
  }
  for (size_t i = 0; i < sizeof agreements / sizeof *agreements; i++)
    if (strcmp(agreements[i].seam, site->fill->seam) == 0)
      return agreements[i].check(site, table);
  return RIDGE_OK;
}

ridge_status plugin_tables(const ridge_plugin *plugin, const struct plugin_info *info,
                           struct why *why) {
  if (plugin->create == NULL && plugin->destroy != NULL)
    return why_set(why, RIDGE_INVALID, "`destroy` is there without a `create`");
  if ((plugin->save != NULL) != (plugin->load != NULL))
    return why_set(why, RIDGE_INVALID,
                   "`save` and `load` belong together: both or neither");
  const char *rows = plugin->fills.rows;
  for (size_t i = 0; i < info->n_fills; i++) {
    ridge_fill raw;
    struct fill_site site = {.info = info, .fill = &info->fills[i], .row = i, .why = why};
    memcpy(&raw, rows + i * plugin->fills.stride, sizeof raw);
    ridge_status status = check_table(&site, raw.table);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}
