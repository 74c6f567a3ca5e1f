/* providers.c - choosing codecs and kernels from what is installed. */
#include "engine/providers.h"

#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

struct codec_search {
  const char *name;
  const ridge_codec *found;
  int64_t score;
  const struct provider_rules *rules;
};

static void look_codec(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct codec_search *search = ctx;
  if (strcmp(fill->key, search->name) != 0) return;
  if (search->rules->parts_only && !instance->is_part) return;
  if (search->found != NULL && fill->score <= search->score) return;
  search->found = fill->table;
  search->score = fill->score;
}

const ridge_codec *provider_codec(const struct provider_rules *rules, const char *name) {
  struct codec_search search = {.name = name, .rules = rules};
  instances_each_fill(rules->plugins, RIDGE_SEAM_CODEC, look_codec, &search);
  return search.found;
}

struct kernel_search {
  const struct provider_rules *rules;
  const ridge_kernel_site *site;
  const char *exact, *any; /* the keys that fit */
  struct kernel_verdict *out;
};

static void pass_over(struct kernel_verdict *out, const struct instance *by,
                      const char *reason) {
  const size_t most = sizeof out->passed / sizeof *out->passed;
  if ((size_t)out->n_passed >= most) return;
  struct passed_over *row = &out->passed[out->n_passed++];
  row->provider = by->plugin->id;
  snprintf(row->reason, sizeof row->reason, "%s", reason);
}

static void look_kernel(void *ctx, struct instance *instance, const ridge_fill *fill) {
  struct kernel_search *search = ctx;
  const struct provider_rules *rules = search->rules;
  if (strcmp(fill->key, search->exact) != 0 && strcmp(fill->key, search->any) != 0) return;
  if (rules->parts_only && !instance->is_part) return;
  char text[160] = "", missing[64] = "";
  if (!machine_has(rules->machine, fill->needs, missing, sizeof missing)) {
    snprintf(text, sizeof text, "this machine has no %s", missing);
    pass_over(search->out, instance, text);
    return;
  }
  const ridge_kernel *kernel = fill->table;
  if (kernel->accepts != NULL &&
      kernel->accepts(search->site, text, sizeof text) != RIDGE_OK) {
    pass_over(search->out, instance, text[0] == 0 ? "declined without a reason" : text);
    return;
  }
  struct kernel_choice *now = &search->out->choice;
  bool better = now->kernel == NULL || (rules->reference_only && instance->is_part
                                            ? fill->score < now->fill->score
                                            : fill->score > now->fill->score);
  /* A strategy's kernel was asked for by name: it is no mere alternative. */
  if (rules->reference_only && now->kernel != NULL && !now->by->is_part &&
      instance->is_part)
    better = false;
  if (!better) {
    snprintf(text, sizeof text, "score %lld", (long long)fill->score);
    pass_over(search->out, instance, text);
    return;
  }
  if (now->kernel != NULL) {
    snprintf(text, sizeof text, "score %lld", (long long)now->fill->score);
    pass_over(search->out, now->by, text);
  }
  *now = (struct kernel_choice){kernel, instance, fill};
}

int provider_keyed_input(uint32_t op) {
  switch (op) {
  case RIDGE_OP_EMBED: return 0;
  case RIDGE_OP_MATMUL:
  case RIDGE_OP_EXPERT_MATMUL:
  case RIDGE_OP_CACHE_PUT: return 1;
  default: return -1;
  }
}

const char *provider_key(const ridge_node *node, const char *codec, char *room) {
  if (codec == NULL)
    snprintf(room, 96, "%s", operator_name(node->op));
  else
    snprintf(room, 96, "%s %s", operator_name(node->op), codec);
  return room;
}

ridge_status provider_kernel(const struct provider_rules *rules, const char *codec,
                             const ridge_kernel_site *site, struct kernel_verdict *out,
                             struct why *why) {
  char exact[96], any[96];
  *out = (struct kernel_verdict){0};
  struct kernel_search search = {
      .rules = rules,
      .site = site,
      .exact = provider_key(site->node, codec, exact),
      .any = provider_key(site->node, codec == NULL ? NULL : "*", any),
      .out = out,
  };
  instances_each_fill(rules->plugins, RIDGE_SEAM_KERNEL, look_kernel, &search);
  if (out->choice.kernel != NULL) return RIDGE_OK;
  return why_set(why, RIDGE_UNSUPPORTED,
                 "no installed kernel serves `%s` for node `%s`%s%s", search.exact,
                 site->node->name, out->n_passed > 0 ? ": " : "",
                 out->n_passed > 0 ? out->passed[0].reason : "");
}
