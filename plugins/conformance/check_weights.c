/* check_weights.c - the seams that see weights before a run: weights, placement. */
#include "plugins/conformance/rig.h"

#include <inttypes.h>
#include <math.h>
#include <ridge/seam/placement.h>
#include <ridge/seam/weights.h>
#include <stdio.h>
#include <string.h>

/* Weights -------------------------------------------------------------------------------
 */

enum { ROWS = 24, COLUMNS = 256 };

static ridge_tensor tensor(const char *name, const char *codec, uint32_t rank) {
  return (ridge_tensor){.struct_size = sizeof(ridge_tensor),
                        .name = name,
                        .codec = codec,
                        .dims = {rank == 2 ? ROWS : COLUMNS, rank == 2 ? COLUMNS : 1},
                        .rank = rank,
                        .role = RIDGE_WEIGHT,
                        .producer = -1,
                        .uses = RIDGE_USE_WHOLE};
}

struct choice {
  ridge_status status;
  const char *codec;
  bool edits;
};

static struct choice choose(struct rig *rig, const ridge_weights *table,
                            const ridge_tensor *t) {
  struct choice choice = {.codec = t->codec};
  choice.status = table->choose(rig->instance->self, t, &choice.codec, &choice.edits);
  return choice;
}

/* Edited at once and in two pieces, the rows have to come out the same. */
static void edit_pieces(struct rig *rig, const ridge_weights *table, const ridge_tensor *t,
                        struct finding *finding) {
  int64_t rows = t->rank == 2 ? ROWS : 1;
  size_t n = (size_t)rows * COLUMNS, bytes = n * sizeof(float);
  float *whole = guarded_new(bytes), *pieces = guarded_new(bytes);
  rig_numbers(whole, n, 5);
  memcpy(pieces, whole, bytes);
  void *self = rig->instance->self;
  bool passed = rig_passed(rig, table->edit(self, t, whole, 0, rows), "`edit`", finding);
  for (int64_t lo = 0; passed && lo < rows; lo += 7) {
    int64_t hi = lo + 7 < rows ? lo + 7 : rows;
    passed = rig_passed(rig, table->edit(self, t, pieces + lo * COLUMNS, lo, hi), "`edit`",
                        finding);
  }
  if (passed && memcmp(whole, pieces, bytes) != 0)
    finding_fail(finding,
                 "%s: rows edited in pieces differ from rows edited at once; a row's "
                 "values may hang on that row alone",
                 t->name);
  for (size_t i = 0; passed && i < n; i++)
    if (!isfinite(whole[i])) {
      finding_fail(finding, "%s: `edit` leaves %g among the weights", t->name,
                   (double)whole[i]);
      break;
    }
  guarded_free(whole, bytes);
  guarded_free(pieces, bytes);
}

/* Weights that are quantized already may be refused, with a reason. */
static bool is_fair_refusal(const struct rig *rig, const struct choice *choice,
                            const ridge_tensor *t) {
  return strcmp(t->codec, "q8_0") == 0 && choice->status < 0 && rig->instance->said[0] != 0;
}

static void try_tensor(struct rig *rig, const ridge_weights *table, const ridge_tensor *t,
                       struct finding *finding) {
  struct choice first = choose(rig, table, t), second = choose(rig, table, t);
  if (is_fair_refusal(rig, &first, t)) return;
  if (!rig_passed(rig, first.status, "`choose`", finding)) return;
  if (first.codec == NULL || strnlen(first.codec, 65) > 64)
    finding_fail(finding, "%s: the codec chosen has no name", t->name);
  else if (second.codec == NULL || strcmp(first.codec, second.codec) != 0 ||
           first.edits != second.edits)
    finding_fail(finding, "%s: asked twice, it chooses in two ways", t->name);
  else if (first.edits && table->edit == NULL)
    finding_fail(finding, "%s: it says that it edits, but has no `edit`", t->name);
  else if (first.edits)
    edit_pieces(rig, table, t, finding);
}

void check_weights(struct vetting *v, struct finding *finding) {
  static const char *const names[] = {"token_embd.weight",     "output_norm.weight",
                                      "output.weight",         "blk.0.attn_norm.weight",
                                      "blk.0.attn_q.weight",   "blk.0.attn_output.weight",
                                      "blk.1.ffn_down.weight", "blk.1.ffn_gate.weight"};
  struct rig rig;
  if (!rig_ready(&rig, v, finding)) return;
  const ridge_weights *table = rig_table(&rig, RIDGE_SEAM_WEIGHTS);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    bool vector = strstr(names[i], "norm") != NULL;
    static const char *const codecs[] = {"f32", "f16", "bf16"};
    ridge_tensor t = tensor(names[i], vector ? "f32" : codecs[i % 3], vector ? 1 : 2);
    try_tensor(&rig, table, &t, finding);
  }
  ridge_tensor quantized = tensor("blk.1.ffn_up.weight", "q8_0", 2);
  try_tensor(&rig, table, &quantized, finding);
  if (table->chosen != NULL)
    (void)rig_passed(&rig, table->chosen(rig.instance->self), "`chosen`", finding);
  rig_close(&rig);
}

/* Placement -----------------------------------------------------------------------------
 */

enum { PLACED = 40 };

/* Rows as a later host would have them: more bytes each than this plugin knows. */
struct longer {
  ridge_placed placed;
  uint64_t later;
};

static void fill_placed(struct longer rows[PLACED], char names[PLACED][32]) {
  for (int i = 0; i < PLACED; i++) {
    bool inside = i > 0 && i < PLACED - 1;
    snprintf(names[i], 32, inside ? "blk.%d.w%d" : "outside.%d", i / 4, i % 4);
    rows[i].placed = (ridge_placed){.struct_size = sizeof(ridge_placed),
                                    .name = names[i],
                                    .bytes = 1000 + 4096 * (uint64_t)(i % 7),
                                    .layer = inside ? i / 4 : -1,
                                    .pinned = i == 0 || i % 9 == 4};
    rows[i].later = UINT64_MAX;
  }
}

static void judge_placed(const struct longer rows[PLACED], uint64_t ring,
                         struct finding *finding) {
  uint64_t most = 0, last = 0;
  for (int i = 0; i < PLACED; i++) {
    const ridge_placed *p = &rows[i].placed;
    if (p->stream > 1) finding_fail(finding, "`stream` of %s is %u", p->name, p->stream);
    if (p->stream == 1 && p->pinned == 1)
      finding_fail(finding, "it streams %s, which is pinned", p->name);
    if (rows[i].later != UINT64_MAX)
      finding_fail(finding, "it writes past a row; step by `stride`, which may grow");
    if (p->stream != 1) continue;
    if (last + p->bytes > most) most = last + p->bytes;
    last = p->bytes;
  }
  if (ring < most)
    finding_fail(finding,
                 "its ring of %" PRIu64 " bytes cannot hold two streamed neighbours, "
                 "which take %" PRIu64,
                 ring, most);
}

void check_placement(struct vetting *v, struct finding *finding) {
  struct rig rig;
  struct longer first[PLACED], second[PLACED];
  char names[PLACED][32];
  uint64_t ring = 0, again = 0;
  if (!rig_ready(&rig, v, finding)) return;
  const ridge_placement *table = rig_table(&rig, RIDGE_SEAM_PLACEMENT);
  fill_placed(first, names);
  fill_placed(second, names);
  void *self = rig.instance->self;
  ridge_status status = table->place(self, &first[0].placed, PLACED, sizeof *first, &ring);
  /* No memory to work in is a fair answer to a budget that is a stand-in. */
  if (status != RIDGE_OK && rig_has_required(&v->info)) {
    finding_skip(finding, "it refuses the kit's stand-ins: %s", rig.instance->said);
  } else if (rig_passed(&rig, status, "`place`", finding)) {
    judge_placed(first, ring, finding);
    if (table->place(self, &second[0].placed, PLACED, sizeof *second, &again) != status ||
        ring != again || memcmp(first, second, sizeof first) != 0)
      finding_fail(finding, "asked twice, it places in two ways");
    table->moved(self, 4096, 1, 1000);
  }
  rig_close(&rig);
}
