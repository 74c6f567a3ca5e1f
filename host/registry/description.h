/*
 * description.h - the steps by which a description becomes data that can be trusted.
 * Inside registry/ only.
 *
 *   read    sizes, strides, alignment, texts: bounded copies into an arena
 *   rules   what the ABI promises of the copied data (also of data from a cache)
 *   tables  the seams' function tables, which only the opened file has
 */
#ifndef RIDGE_REGISTRY_DESCRIPTION_H
#define RIDGE_REGISTRY_DESCRIPTION_H

#include "registry/registry.h"

/* The largest of everything; a description beyond that is a mistake or a lie. */
enum {
  DESCRIPTION_ROWS = 4096,
  DESCRIPTION_CHOICES = 64,
  DESCRIPTION_ROW_BYTES = 4096,
  DESCRIPTION_TEXT = 64 * 1024,
  DESCRIPTION_PARAMS_BYTES = 64 * 1024,
};

RIDGE_MUST ridge_status plugin_read(const ridge_plugin *, struct arena *,
                                    struct plugin_info *out, struct why *why);
RIDGE_MUST ridge_status plugin_rules(const struct plugin_info *, struct why *why);
RIDGE_MUST ridge_status plugin_tables(const ridge_plugin *, const struct plugin_info *,
                                      struct why *why);

/* Parts of plugin_rules. */
RIDGE_MUST ridge_status rules_params(const struct plugin_info *, struct why *why);
RIDGE_MUST ridge_status rules_relations(const struct plugin_info *, struct why *why);
RIDGE_MUST ridge_status rules_fills(const struct plugin_info *, struct why *why);

struct text_rule {
  size_t most;   /* bytes                            */
  bool optional; /* may be NULL or empty             */
  bool lines;    /* may hold line breaks and tabs    */
};
/* `where` opens the sentence: "parameter `block`: its doc". */
RIDGE_MUST ridge_status rules_text(const char *text, struct text_rule, const char *where,
                                   struct why *why);
/* [a-z0-9_]+ joined by dots, `dots` of them (-1: any number). */
bool rules_name(const char *text, size_t size, int dots);

json_t *info_to_json(const struct plugin_info *);
/* Changes when this host would describe or judge a file otherwise: ABI minor, seams. */
struct digest description_judge(void);

#endif
