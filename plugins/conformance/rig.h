/*
 * rig.h - a plugin at work on the conformance kit's bench: a made-up plan, the host's
 * services in small, and memory that ends where a page without access begins.
 */
#ifndef RIDGE_CONFORMANCE_RIG_H
#define RIDGE_CONFORMANCE_RIG_H

#include "plugins/conformance/conformance.h"

#include "registry/instance.h"

#include <ridge/seam/kv_store.h>

enum { RIG_VOCAB = 512, RIG_BLOCKS_MOST = 1 << 16 };

struct rig {
  struct vetting *v;
  struct instances set;
  struct instance *instance;
  ridge_plan plan;
  ridge_kv_layout layout;
  int32_t *held; /* owners of each block, by hold and drop; (layout.blocks) */
  bool overdropped;
  struct why why; /* of what failed last */
};

/* Open and create with these parameters (NULL: rig_defaults).  When it fails, `why` says
 * so, and rig_close is not needed. */
RIDGE_MUST ridge_status rig_open(struct rig *, struct vetting *, const json_t *params);
/* The same, for a check that is about something else: a plugin that cannot be created
 * with stand-ins for required parameters skips it, another one fails it. */
bool rig_ready(struct rig *, struct vetting *, struct finding *);
void rig_close(struct rig *);

/* Every default, and stand-ins for what a recipe has to give. */
json_t *rig_defaults(const struct plugin_info *);
bool rig_has_required(const struct plugin_info *);
/* The first table that fills the seam. */
const void *rig_table(const struct rig *, const char *seam);

/* The status of a call of the plugin's: a failure that is none of the ABI's, or comes
 * without a sentence, fails the check.  True when the call succeeded. */
bool rig_passed(struct rig *, ridge_status, const char *what, struct finding *);

/* Zeroed bytes that end (but for alignment to 16) at a page without access. */
void *guarded_new(size_t bytes);
void guarded_free(void *, size_t bytes);
/* Numbers that look like weights or logits: about normal, from a fixed stream. */
void rig_numbers(float *to, size_t n, uint64_t stream);

#endif
