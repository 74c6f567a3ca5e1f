/*
 * plugin_read.c - bounded copies of a description out of a file's memory.
 *
 * Sizes and strides are checked before a row is touched; texts are read up to a limit
 * and have to be UTF-8.  A pointer that leads nowhere cannot be told from a good one:
 * it faults, which is why this first runs in a child process.
 */
#include "registry/description.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

/* Bytes up to and with a field: what the first minor of the ABI had.  Name the last
 * field of minor 0 here for ever, whatever is appended. */
#define UPTO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

static const uint32_t own_minor = RIDGE_ABI_MINOR;

struct reader {
  const ridge_plugin *plugin;
  struct arena *arena;
  struct why *why;
  ridge_status status; /* the first failure stays */
  const char *table;   /* for the sentence: which row is being read */
  size_t row;
};

static void RIDGE_FORMAT(2, 3) refuse(struct reader *r, const char *fmt, ...) {
  if (r->status != RIDGE_OK) return;
  va_list args;
  va_start(args, fmt);
  vsnprintf(r->why->text, sizeof r->why->text, fmt, args);
  va_end(args);
  r->status = RIDGE_INVALID;
  if (r->table != NULL)
    r->status = why_prefix(r->why, r->status, "table `%s`, row %zu", r->table, r->row + 1);
}

/* Texts ------------------------------------------------------------------------------ */

static bool is_utf8(const char *text, size_t size) {
  for (size_t i = 0; i < size;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                          (utf8proc_ssize_t)(size - i), &code);
    if (n <= 0) return false;
    i += (size_t)n;
  }
  return true;
}

static const char *copy_text(struct reader *r, const char *from, const char *field) {
  if (from == NULL || r->status != RIDGE_OK) return NULL;
  size_t size = strnlen(from, DESCRIPTION_TEXT + 1);
  if (size > DESCRIPTION_TEXT) {
    refuse(r, "`%s` has no end within %d bytes", field, DESCRIPTION_TEXT);
    return NULL;
  }
  if (!is_utf8(from, size)) {
    refuse(r, "`%s` is not UTF-8", field);
    return NULL;
  }
  return arena_bytes(r->arena, from, size);
}

/* Tables ----------------------------------------------------------------------------- */

/* What a row takes here (own), and took under minor 0 (base). */
struct row_size {
  size_t own, base;
};
#define ROW(type, last) ((struct row_size){sizeof(type), UPTO(type, last)})

static bool fits(uint32_t minor, uint64_t size, struct row_size row) {
  if (size % sizeof(void *) != 0 || size > DESCRIPTION_ROW_BYTES) return false;
  if (minor == own_minor) return size == row.own;
  return minor > own_minor ? size >= row.own : size >= row.base;
}

static bool check_table(struct reader *r, const ridge_table *table, struct row_size row,
                        const char *name) {
  if (table->count > DESCRIPTION_ROWS)
    refuse(r, "table `%s` says it has %" PRIu32 " rows; at most %d are plausible", name,
           table->count, DESCRIPTION_ROWS);
  else if (table->rows == NULL || (uintptr_t)table->rows % sizeof(void *) != 0)
    refuse(r,
           "table `%s` has %" PRIu32
           " rows at %p, which is no place for rows; use RIDGE_ROWS",
           name, table->count, table->rows);
  else if (!fits(r->plugin->abi_minor, table->stride, row))
    refuse(r,
           "table `%s` says that a row takes %" PRIu32 " bytes under abi_minor %" PRIu32
           "; in ABI 1.%" PRIu32
           " it takes %zu: use RIDGE_ROWS and the headers of that ABI",
           name, table->stride, r->plugin->abi_minor, own_minor, row.own);
  return r->status == RIDGE_OK;
}

/* The rows as this host knows them: what a newer plugin appended is left behind, what
 * an older one lacks is zero. */
static void *copy_rows(struct reader *r, const ridge_table *table, struct row_size row,
                       const char *name, size_t *n) {
  *n = 0;
  if (r->status != RIDGE_OK || table->count == 0 || !check_table(r, table, row, name))
    return NULL;
  unsigned char *rows = arena_array(r->arena, table->count, row.own);
  size_t bytes = table->stride < row.own ? table->stride : row.own;
  for (size_t i = 0; i < table->count; i++)
    memcpy(rows + i * row.own, (const unsigned char *)table->rows + i * table->stride,
           bytes);
  *n = table->count;
  r->table = name;
  return rows;
}

/* Values ----------------------------------------------------------------------------- */

/* A union holds what its writer meant; only the member of that type is read. */
static void settle_value(struct reader *r, ridge_value *value, uint32_t type,
                         const char *field) {
  ridge_value raw = *value;
  unsigned char byte;
  *value = (ridge_value){.i = 0};
  switch (type) {
  case RIDGE_T_BOOL:
    memcpy(&byte, &raw, 1); /* a bool that is neither 0 nor 1 must not be loaded as one */
    if (byte > 1)
      refuse(r, "`%s` of a bool is %u; it must be true or false", field, byte);
    else
      value->b = byte == 1;
    return;
  case RIDGE_T_INT: value->i = raw.i; return;
  case RIDGE_T_REAL: value->r = raw.r; return;
  case RIDGE_T_TEXT:
  case RIDGE_T_CHOICE: value->t = copy_text(r, raw.t, field); return;
  }
}

static const char *const *copy_choices(struct reader *r, const ridge_param *row) {
  if (row->choices == NULL || r->status != RIDGE_OK) return NULL;
  if (row->type != RIDGE_T_CHOICE) {
    refuse(r, "`choices` belong to a choice only; declare it with RIDGE_CHOICE");
    return NULL;
  }
  size_t n = 0;
  while (n <= DESCRIPTION_CHOICES && row->choices[n] != NULL) n++;
  if (n > DESCRIPTION_CHOICES) {
    refuse(r, "`choices` has no NULL within %d entries", DESCRIPTION_CHOICES);
    return NULL;
  }
  const char **choices = arena_array(r->arena, n + 1, sizeof *choices);
  for (size_t i = 0; i < n; i++) choices[i] = copy_text(r, row->choices[i], "choices");
  return choices;
}

/* Rows ------------------------------------------------------------------------------- */

static void read_param(struct reader *r, ridge_param *row) {
  row->name = copy_text(r, row->name, "name");
  row->doc = copy_text(r, row->doc, "doc");
  row->unit = copy_text(r, row->unit, "unit");
  row->choices = copy_choices(r, row);
  if ((row->flags & RIDGE_REQUIRED) != 0)
    row->fallback = (ridge_value){.i = 0};
  else
    settle_value(r, &row->fallback, row->type, "fallback");
  if (row->type == RIDGE_T_INT || row->type == RIDGE_T_REAL) return;
  row->lo = row->hi = (ridge_value){.i = 0};
}

static void read_params(struct reader *r, struct plugin_info *out) {
  ridge_param *rows =
      copy_rows(r, &r->plugin->params, ROW(ridge_param, offset), "params", &out->n_params);
  for (r->row = 0; r->row < out->n_params; r->row++) read_param(r, &rows[r->row]);
  out->params = rows;
}

static void read_relations(struct reader *r, struct plugin_info *out) {
  ridge_relation *rows = copy_rows(r, &r->plugin->relations, ROW(ridge_relation, op),
                                   "relations", &out->n_relations);
  for (r->row = 0; r->row < out->n_relations; r->row++) {
    ridge_relation *row = &rows[r->row];
    row->target = copy_text(r, row->target, "target");
    row->why = copy_text(r, row->why, "why");
    row->param = copy_text(r, row->param, "param");
    if (r->status != RIDGE_OK) return;
    settle_value(r, &row->value, plugin_relation_type(out, row), "value");
  }
  out->relations = rows;
}

static void read_fills(struct reader *r, struct plugin_info *out) {
  ridge_fill *rows =
      copy_rows(r, &r->plugin->fills, ROW(ridge_fill, score), "fills", &out->n_fills);
  for (r->row = 0; r->row < out->n_fills; r->row++) {
    ridge_fill *row = &rows[r->row];
    row->seam = copy_text(r, row->seam, "seam");
    row->key = copy_text(r, row->key, "key");
    row->needs = copy_text(r, row->needs, "needs");
    row->table = NULL;
  }
  out->fills = rows;
}

static void read_provides(struct reader *r, struct plugin_info *out) {
  struct row_size one = {sizeof(const char *), sizeof(const char *)};
  const char **rows = copy_rows(r, &r->plugin->provides, one, "provides", &out->n_provides);
  for (r->row = 0; r->row < out->n_provides; r->row++)
    rows[r->row] = copy_text(r, rows[r->row], "provides");
  out->provides = rows;
}

static void read_evidence(struct reader *r, struct plugin_info *out) {
  ridge_evidence *rows = copy_rows(r, &r->plugin->evidence, ROW(ridge_evidence, least),
                                   "evidence", &out->n_evidence);
  for (r->row = 0; r->row < out->n_evidence; r->row++) {
    ridge_evidence *row = &rows[r->row];
    row->name = copy_text(r, row->name, "name");
    row->unit = copy_text(r, row->unit, "unit");
    row->doc = copy_text(r, row->doc, "doc");
  }
  out->evidence = rows;
}

static void read_metrics(struct reader *r, struct plugin_info *out) {
  ridge_metric *rows = copy_rows(r, &r->plugin->metrics, ROW(ridge_metric, better),
                                 "metrics", &out->n_metrics);
  for (r->row = 0; r->row < out->n_metrics; r->row++) {
    ridge_metric *row = &rows[r->row];
    row->name = copy_text(r, row->name, "name");
    row->unit = copy_text(r, row->unit, "unit");
    row->doc = copy_text(r, row->doc, "doc");
  }
  out->metrics = rows;
}

static void read_claims(struct reader *r, struct plugin_info *out) {
  ridge_claim *rows = copy_rows(r, &r->plugin->claims, ROW(ridge_claim, ratio_hi), "claims",
                                &out->n_claims);
  for (r->row = 0; r->row < out->n_claims; r->row++) {
    ridge_claim *row = &rows[r->row];
    row->id = copy_text(r, row->id, "id");
    row->statement = copy_text(r, row->statement, "statement");
    row->metric = copy_text(r, row->metric, "metric");
    row->conditions = copy_text(r, row->conditions, "conditions");
    row->source = copy_text(r, row->source, "source");
  }
  out->claims = rows;
}

/* The head --------------------------------------------------------------------------- */

static void check_size(struct reader *r) {
  uint64_t size = r->plugin->struct_size;
  struct row_size own = ROW(ridge_plugin, load);
  bool readable = size >= UPTO(ridge_plugin, abi_minor);
  uint32_t minor = readable ? r->plugin->abi_minor : 0;
  if (!readable || minor > 1000 || !fits(minor, size, own))
    refuse(r,
           "its struct_size %" PRIu64 " and abi_minor %" PRIu32
           " do not go together: in ABI 1.%" PRIu32
           " a ridge_plugin has %zu bytes; set them to sizeof(ridge_plugin) and "
           "RIDGE_ABI_MINOR",
           size, minor, own_minor, own.own);
}

static void read_head(struct reader *r, struct plugin_info *out) {
  const ridge_plugin *from = r->plugin;
  if (r->status != RIDGE_OK) return;
  out->abi_minor = from->abi_minor;
  out->kind = from->kind;
  out->phases = from->phases;
  out->effect = from->effect;
  out->tolerance = from->tolerance;
  out->params_size = from->params_size;
  out->id = copy_text(r, from->id, "id");
  out->technique = copy_text(r, from->technique, "technique");
  out->version = copy_text(r, from->version, "version");
  out->summary = copy_text(r, from->summary, "summary");
  out->doc = copy_text(r, from->doc, "doc");
  out->license = copy_text(r, from->license, "license");
  out->source = copy_text(r, from->source, "source");
}

static void (*const readers[])(struct reader *, struct plugin_info *) = {
    read_head,     read_params,   read_relations, read_fills,
    read_provides, read_evidence, read_metrics,   read_claims,
};

ridge_status plugin_read(const ridge_plugin *plugin, struct arena *arena,
                         struct plugin_info *out, struct why *why) {
  struct reader r = {.plugin = plugin, .arena = arena, .why = why, .status = RIDGE_OK};
  *out = (struct plugin_info){0};
  if (plugin == NULL) return why_set(why, RIDGE_INVALID, "ridge_plugin_v1 returned NULL");
  if ((uintptr_t)plugin % sizeof(void *) != 0)
    return why_set(why, RIDGE_INVALID, "ridge_plugin_v1 returned %p, which is not aligned",
                   (const void *)plugin);
  check_size(&r);
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    readers[i](&r, out);
    r.table = NULL;
    r.row = 0;
  }
  if (r.status != RIDGE_OK) return r.status;
  const char *dot = out->id != NULL ? strchr(out->id, '.') : NULL;
  out->family =
      dot != NULL ? arena_bytes(arena, out->id, (size_t)(dot - out->id)) : out->id;
  return RIDGE_OK;
}
