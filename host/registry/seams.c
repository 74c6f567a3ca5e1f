/* seams.c - the seams of this host, as one table. */
#include "registry/registry.h"

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
#include <string.h>

/* In the order in which a run comes to them. */
static const struct seam seams[] = {
    {RIDGE_SEAM_FORMAT, SEAM_SET, sizeof(ridge_format), "read and write model files"},
    {RIDGE_SEAM_CODEC, SEAM_SET, sizeof(ridge_codec), "how a row of numbers is stored"},
    {RIDGE_SEAM_KERNEL, SEAM_SET, sizeof(ridge_kernel), "compute a node of the graph"},
    {RIDGE_SEAM_PLACEMENT, SEAM_ONE, sizeof(ridge_placement), "where weights live"},
    {RIDGE_SEAM_WEIGHTS, SEAM_CHAIN, sizeof(ridge_weights), "rewrite weights at load"},
    {RIDGE_SEAM_GRAPH_PASS, SEAM_CHAIN, sizeof(ridge_graph_pass), "rewrite the graph"},
    {RIDGE_SEAM_SCHEDULE_ADMIT, SEAM_ONE, sizeof(ridge_schedule),
     "which sequences get how many tokens in the next step"},
    {RIDGE_SEAM_DECODE_DRAFT, SEAM_ONE, sizeof(ridge_draft),
     "propose tokens ahead of the model"},
    {RIDGE_SEAM_KV_STORE, SEAM_ONE, sizeof(ridge_kv_store),
     "which cache blocks hold which sequence"},
    {RIDGE_SEAM_KV_PREFIX, SEAM_ONE, sizeof(ridge_kv_prefix),
     "reuse cache blocks of prompt beginnings"},
    {RIDGE_SEAM_LOGITS_SHAPE, SEAM_CHAIN, sizeof(ridge_logits_shape),
     "edit the logits before a token is picked"},
    {RIDGE_SEAM_SAMPLE_PICK, SEAM_ONE, sizeof(ridge_sample_pick), "choose the token"},
    {RIDGE_SEAM_TOKEN_TAP, SEAM_TAP, sizeof(ridge_token_tap),
     "look at tokens as they come"},
};

const struct seam *seam_list(size_t *n) {
  *n = sizeof seams / sizeof *seams;
  return seams;
}

const struct seam *seam_find(const char *id) {
  for (size_t i = 0; i < sizeof seams / sizeof *seams; i++)
    if (strcmp(seams[i].id, id) == 0) return &seams[i];
  return NULL;
}

const char *seam_kind_word(enum seam_kind kind) {
  static const char *const words[] = {"one", "chain", "tap", "set"};
  return (size_t)kind < sizeof words / sizeof *words ? words[kind] : "?";
}
