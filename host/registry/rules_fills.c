/* rules_fills.c - what the ABI promises of the seams a plugin says it fills. */
#include "registry/description.h"

#include "base/near.h"

#include <ridge/codec.h>
#include <ridge/format.h>
#include <ridge/kernel.h>
#include <stdio.h>
#include <string.h>

static ridge_status refuse_seam(const char *id, size_t row, struct why *why) {
  size_t n;
  const struct seam *seams = seam_list(&n);
  const char *names[64], *near;
  for (size_t i = 0; i < n; i++) names[i] = seams[i].id;
  near = near_of(id, names, n);
  if (near != NULL)
    return why_set(why, RIDGE_INVALID,
                   "fill %zu: this host has no seam `%.80s`; did you mean `%s`?", row + 1,
                   id, near);
  return why_set(why, RIDGE_INVALID, "fill %zu: this host has no seam `%.80s`", row + 1,
                 id);
}

/* Keys of a SET ----------------------------------------------------------------------- */

static bool takes_codec(const char *op) {
  return strcmp(op, "embed") == 0 || strcmp(op, "matmul") == 0 ||
         strcmp(op, "cache_put") == 0 || strcmp(op, "expert_matmul") == 0;
}

/* "rmsnorm", "matmul q4_0", "matmul *": see ridge/kernel.h. */
static ridge_status check_kernel_key(const char *key, size_t row, struct why *why) {
  static const char *const ops[] = {
#define X(id, name, doc) name,
      RIDGE_OP_MAP(X)
#undef X
  };
  size_t n = sizeof ops / sizeof *ops;
  char op[32];
  size_t size = strcspn(key, " ");
  snprintf(op, sizeof op, "%.*s", (int)(size < 31 ? size : 31), key);
  bool known = false;
  for (size_t i = 0; i < n; i++) known = known || strcmp(ops[i], op) == 0;
  if (!known) {
    const char *near = near_of(op, ops, n);
    return why_set(why, RIDGE_INVALID, "fill %zu: its key `%.80s` names no operator%s%s%s",
                   row + 1, key, near != NULL ? "; did you mean `" : "",
                   near != NULL ? near : "", near != NULL ? "`?" : "");
  }
  const char *codec = key[size] == ' ' ? key + size + 1 : NULL;
  if (codec == NULL && takes_codec(op))
    return why_set(why, RIDGE_INVALID,
                   "fill %zu: its key `%.80s` needs a codec too, or `*`: \"%s q8_0\"",
                   row + 1, key, op);
  if (codec != NULL && !takes_codec(op))
    return why_set(why, RIDGE_INVALID,
                   "fill %zu: its key `%.80s` is too long: %s takes no codec", row + 1, key,
                   op);
  if (codec != NULL && strcmp(codec, "*") != 0 && !rules_name(codec, strlen(codec), 0))
    return why_set(why, RIDGE_INVALID, "fill %zu: its key `%.80s` names no codec", row + 1,
                   key);
  return RIDGE_OK;
}

/* "avx2 fma": words and single blanks. */
static bool is_words(const char *text) {
  for (;;) {
    size_t size = strcspn(text, " ");
    if (!rules_name(text, size, 0)) return false;
    if (text[size] == 0) return true;
    text += size + 1;
  }
}

static ridge_status check_set(const ridge_fill *fill, size_t row, struct why *why) {
  char where[64];
  snprintf(where, sizeof where, "fill %zu: its `key`", row + 1);
  ridge_status status = rules_text(fill->key, (struct text_rule){.most = 64}, where, why);
  if (status != RIDGE_OK) return status;
  if (strcmp(fill->seam, RIDGE_SEAM_KERNEL) == 0) {
    status = check_kernel_key(fill->key, row, why);
    if (status != RIDGE_OK) return status;
  } else if (!rules_name(fill->key, strlen(fill->key), -1)) {
    return why_set(why, RIDGE_INVALID,
                   "fill %zu: its key is `%s`; a name like q8_0 is wanted", row + 1,
                   fill->key);
  }
  if (fill->needs != NULL && (strlen(fill->needs) > 200 || !is_words(fill->needs)))
    return why_set(
        why, RIDGE_INVALID,
        "fill %zu: its `needs` is `%.80s`; facts of the machine with single blanks "
        "between them are wanted, like \"avx2 fma\", or NULL",
        row + 1, fill->needs);
  return RIDGE_OK;
}

static ridge_status check_plain(const ridge_fill *fill, size_t row, struct why *why) {
  if (fill->key == NULL && fill->needs == NULL && fill->score == 0) return RIDGE_OK;
  return why_set(
      why, RIDGE_INVALID,
      "fill %zu: `key`, `needs` and `score` are for seams that are a set; %s is not",
      row + 1, fill->seam);
}

/* Twice ------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b) {
  return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* A chain may be filled twice (two passes of different stages); one filler, and one
 * provider of a key on the same machine, can be there only once. */
static ridge_status check_twice(const struct plugin_info *info, size_t row,
                                enum seam_kind kind, struct why *why) {
  const ridge_fill *fill = &info->fills[row];
  if (kind == SEAM_CHAIN || kind == SEAM_TAP) return RIDGE_OK;
  for (size_t i = 0; i < row; i++) {
    const ridge_fill *other = &info->fills[i];
    if (same(other->seam, fill->seam) && same(other->key, fill->key) &&
        same(other->needs, fill->needs))
      return why_set(why, RIDGE_INVALID, "fills %zu and %zu both fill %s%s%s", i + 1,
                     row + 1, fill->seam, fill->key != NULL ? " with key " : "",
                     fill->key != NULL ? fill->key : "");
  }
  return RIDGE_OK;
}

ridge_status rules_fills(const struct plugin_info *info, struct why *why) {
  if (info->n_fills == 0)
    return why_set(why, RIDGE_INVALID, "it fills no seam, so nothing would ever call it");
  for (size_t i = 0; i < info->n_fills; i++) {
    const ridge_fill *fill = &info->fills[i];
    char where[64];
    snprintf(where, sizeof where, "fill %zu: its `seam`", i + 1);
    ridge_status status =
        rules_text(fill->seam, (struct text_rule){.most = 64}, where, why);
    if (status != RIDGE_OK) return status;
    const struct seam *seam = seam_find(fill->seam);
    if (seam == NULL) return refuse_seam(fill->seam, i, why);
    status = seam->kind == SEAM_SET ? check_set(fill, i, why) : check_plain(fill, i, why);
    if (status == RIDGE_OK) status = check_twice(info, i, seam->kind, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}
