/*
 * ridge/seam/graph_pass.h - seam "graph.pass/1", a CHAIN: rewrite the graph.
 *
 * Called once while the plan is made, before a weight is read: a pass sees shapes
 * and codecs, no numbers.  Stages run in the order of the enum, and in recipe
 * order within one.  After each pass the host verifies the graph and counts the
 * nodes and codecs that changed: a pass that changed nothing is inert.
 */
#ifndef RIDGE_SEAM_GRAPH_PASS_H
#define RIDGE_SEAM_GRAPH_PASS_H

#include <ridge/graph.h>

#define RIDGE_SEAM_GRAPH_PASS "graph.pass/1"

enum ridge_stage {
  RIDGE_STAGE_ADAPT = 1,
  RIDGE_STAGE_DIFFERENTIATE, /* the host's own */
  RIDGE_STAGE_SHARD,
  RIDGE_STAGE_PRECISION,
  RIDGE_STAGE_MEMORY,
  RIDGE_STAGE_FUSE,
};

typedef struct ridge_graph_pass {
  uint64_t struct_size;
  int64_t stage;
  ridge_status (*rewrite)(void *self, ridge_graph *graph); /* [main] */
} ridge_graph_pass;
RIDGE_SEALED(ridge_graph_pass, rewrite);

#endif
