/*
 * check_kernel.c - what a kernel says of a site: the same twice, and with a reason.
 *
 * That it computes the right numbers is shown elsewhere: tests/exact compares every
 * kernel with the portable one.
 */
#include "plugins/conformance/rig.h"

#include <ridge/kernel.h>
#include <stdio.h>
#include <string.h>

/* Codecs that a key may name: how long their blocks are. */
static const ridge_codec codecs[] = {
    {.struct_size = sizeof(ridge_codec), .name = "f32", .block = 1, .block_bytes = 4},
    {.struct_size = sizeof(ridge_codec), .name = "f16", .block = 1, .block_bytes = 2},
    {.struct_size = sizeof(ridge_codec), .name = "bf16", .block = 1, .block_bytes = 2},
    {.struct_size = sizeof(ridge_codec), .name = "q8_0", .block = 32, .block_bytes = 34},
    {.struct_size = sizeof(ridge_codec), .name = "q4_0", .block = 32, .block_bytes = 18},
};

static const ridge_codec *find_codec(const char *name) {
  for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
    if (strcmp(codecs[i].name, name) == 0) return &codecs[i];
  return NULL;
}

/* Inputs and outputs of each operator, and which input has the codec of the key. */
static const struct {
  const char *name;
  uint32_t n_in, n_out, coded;
} shapes[RIDGE_OP_COUNT] = {
    [RIDGE_OP_EMBED] = {"embed", 2, 1, 0},
    [RIDGE_OP_RMSNORM] = {"rmsnorm", 2, 1, 9},
    [RIDGE_OP_LAYERNORM] = {"layernorm", 3, 1, 9},
    [RIDGE_OP_MATMUL] = {"matmul", 2, 1, 1},
    [RIDGE_OP_ADD] = {"add", 2, 1, 9},
    [RIDGE_OP_MUL] = {"mul", 2, 1, 9},
    [RIDGE_OP_SCALE] = {"scale", 1, 1, 9},
    [RIDGE_OP_ACT] = {"act", 1, 1, 9},
    [RIDGE_OP_GLU] = {"glu", 2, 1, 9},
    [RIDGE_OP_ROPE_TABLE] = {"rope_table", 1, 1, 9},
    [RIDGE_OP_ROPE] = {"rope", 2, 1, 9},
    [RIDGE_OP_CACHE_PUT] = {"cache_put", 2, 0, 1},
    [RIDGE_OP_ATTENTION] = {"attention", 3, 1, 9},
    [RIDGE_OP_ROWS] = {"rows", 1, 1, 9},
    [RIDGE_OP_SLICE] = {"slice", 1, 1, 9},
    [RIDGE_OP_SOFTCAP] = {"softcap", 1, 1, 9},
    [RIDGE_OP_ADD_RMSNORM] = {"add_rmsnorm", 3, 2, 9},
    [RIDGE_OP_ADD_LAYERNORM] = {"add_layernorm", 4, 2, 9},
    [RIDGE_OP_ROUTE] = {"route", 1, 2, 9},
    [RIDGE_OP_EXPERT_MATMUL] = {"expert_matmul", 3, 1, 1},
    [RIDGE_OP_WEIGHTED_SUM] = {"weighted_sum", 2, 1, 9},
};

struct site {
  ridge_kernel_site site;
  ridge_node node;
};

/* A site of 256 columns; false when the codec's blocks are not known here. */
static bool make_site(struct site *s, const char *key, uint32_t act) {
  char op[32], codec[32] = "f32";
  if (sscanf(key, "%31s %31s", op, codec) < 1) return false;
  const ridge_codec *coded = find_codec(strcmp(codec, "*") == 0 ? "q8_0" : codec);
  uint32_t which = 0;
  while (which < RIDGE_OP_COUNT && strcmp(shapes[which].name, op) != 0) which++;
  if (coded == NULL || which == RIDGE_OP_COUNT) return false;
  memset(s, 0, sizeof *s);
  s->node = (ridge_node){.struct_size = sizeof s->node,
                         .name = "blk.0.made_up",
                         .op = which,
                         .n_in = shapes[which].n_in,
                         .n_out = shapes[which].n_out};
  s->node.attrs = (ridge_attrs){.struct_size = sizeof s->node.attrs,
                                .eps = 1e-5,
                                .scale = 0.25,
                                .base = 10000,
                                .freq_scale = 1,
                                .heads = 4,
                                .kv_heads = 2,
                                .head_dim = 64,
                                .dims = 64,
                                .act = act,
                                .experts = 4,
                                .used = 2};
  for (int i = 0; i < RIDGE_MAX_IN; i++) s->node.in[i] = i < (int)s->node.n_in ? i : -1;
  s->site = (ridge_kernel_site){.struct_size = sizeof s->site,
                                .node = &s->node,
                                .max_rows = 32,
                                .max_context = 256,
                                .block_tokens = 16,
                                .threads = 2};
  for (uint32_t i = 0; i < s->node.n_in; i++) {
    s->site.in_codec[i] = i == shapes[which].coded ? coded : &codecs[0];
    s->site.in_dims[i][0] = i == shapes[which].coded ? 256 : RIDGE_DIM_TOKENS;
    s->site.in_dims[i][1] = 256;
  }
  for (uint32_t i = 0; i < s->node.n_out; i++) {
    s->site.out_dims[i][0] = RIDGE_DIM_TOKENS;
    s->site.out_dims[i][1] = 256;
  }
  return true;
}

/* Sizes are asked only of a site that was accepted. */
static bool same_sizes(const ridge_kernel *kernel, const ridge_kernel_site *site) {
  uint64_t (*const sizes[])(const ridge_kernel_site *) = {
      kernel->scratch_bytes, kernel->pack_bytes, kernel->prepared_bytes};
  for (size_t i = 0; i < 3; i++)
    if (sizes[i] != NULL && sizes[i](site) != sizes[i](site)) return false;
  return true;
}

static void check_one(const ridge_fill *fill, const struct site *s,
                      struct finding *finding) {
  const ridge_kernel *kernel = fill->table;
  enum { ROOM = 64 };
  char *first = guarded_new(ROOM), *second = guarded_new(ROOM);
  ridge_status one = RIDGE_OK, two = RIDGE_OK;
  if (kernel->accepts != NULL) {
    one = kernel->accepts(&s->site, first, ROOM);
    two = kernel->accepts(&s->site, second, ROOM);
  }
  if (memchr(first, 0, ROOM) == NULL)
    finding_fail(finding, "%s: its reason is not ended within the room given", fill->key);
  else if (one != two || strcmp(first, second) != 0)
    finding_fail(finding, "%s: `accepts` gives two answers about one site", fill->key);
  else if (one != RIDGE_OK && one != RIDGE_DECLINED)
    finding_fail(finding, "%s: `accepts` returns %s; it is OK or DECLINED", fill->key,
                 status_name(one));
  else if (one == RIDGE_DECLINED && first[0] == 0)
    finding_fail(finding, "%s: it declines a site without a reason", fill->key);
  else if (one == RIDGE_OK && !same_sizes(kernel, &s->site))
    finding_fail(finding, "%s: asked twice, it gives two sizes for one site", fill->key);
  guarded_free(first, ROOM);
  guarded_free(second, ROOM);
}

void check_kernel(struct vetting *v, struct finding *finding) {
  const ridge_table *fills = &v->plugin->fills;
  int seen = 0, unknown = 0;
  for (size_t i = 0; i < fills->count; i++) {
    const void *row = (const char *)fills->rows + i * fills->stride;
    const ridge_fill *fill = row;
    if (strcmp(fill->seam, RIDGE_SEAM_KERNEL) != 0) continue;
    seen++;
    for (uint32_t act = 0; act < RIDGE_ACT_COUNT; act++) {
      struct site site;
      if (make_site(&site, fill->key, act))
        check_one(fill, &site, finding);
      else
        unknown += act == 0;
    }
  }
  finding_note(finding,
               "%d kernels, %d of codecs that the kit does not know; numbers are compared "
               "in tests/exact",
               seen, unknown);
}
