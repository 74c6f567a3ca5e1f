/*
 * plugin_rules.c - what the ABI promises of a description: names, texts, enums,
 * evidence.  Parameters, relations and fills have files of their own.
 */
#include "registry/description.h"

#include "registry/vocabulary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Texts and names -------------------------------------------------------------------- */

ridge_status rules_text(const char *text, struct text_rule rule, const char *where,
                        struct why *why) {
  if (text == NULL || text[0] == 0) {
    if (rule.optional) return RIDGE_OK;
    return why_set(why, RIDGE_INVALID, "%s is missing", where);
  }
  size_t size = strlen(text);
  if (size > rule.most)
    return why_set(why, RIDGE_INVALID, "%s has %zu bytes; at most %zu are wanted", where,
                   size, rule.most);
  /* Control characters would reach the user's terminal. */
  for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
    bool breaks = *c == '\n' || *c == '\t';
    if ((*c >= ' ' && *c != 0x7f && !(*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)) ||
        (breaks && rule.lines))
      continue;
    return why_set(why, RIDGE_INVALID, "%s holds the control character 0x%02x; it is %s",
                   where, *c, rule.lines ? "plain text" : "one line of plain text");
  }
  return RIDGE_OK;
}

bool rules_name(const char *text, size_t size, int dots) {
  bool empty = true; /* the piece after the last dot */
  int seen = 0;
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!letter && (c != '.' || empty)) return false;
    seen += c == '.';
    empty = c == '.';
  }
  return !empty && (dots < 0 || seen == dots);
}

/* "1.4.2": three numbers. */
static bool is_version(const char *text) {
  int parts = 0;
  while (parts < 3) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6) return false;
    text += digits;
    parts++;
    if (parts < 3 && *text++ != '.') return false;
  }
  return *text == 0;
}

/* The head --------------------------------------------------------------------------- */

static const struct head_text {
  const char *where;
  size_t at;
  struct text_rule rule;
} head_texts[] = {
    {"its `id`", offsetof(struct plugin_info, id), {.most = 48}},
    {"its `version`", offsetof(struct plugin_info, version), {.most = 20}},
    {"its `summary`", offsetof(struct plugin_info, summary), {.most = 200}},
    {"its `doc`",
     offsetof(struct plugin_info, doc),
     {.most = DESCRIPTION_TEXT, .lines = true}},
    {"its `license`", offsetof(struct plugin_info, license), {.most = 100}},
    {"its `source`", offsetof(struct plugin_info, source), {.most = 500, .optional = true}},
    {"its `technique`",
     offsetof(struct plugin_info, technique),
     {.most = 64, .optional = true}},
};

static ridge_status check_head_texts(const struct plugin_info *info, struct why *why) {
  for (size_t i = 0; i < sizeof head_texts / sizeof *head_texts; i++) {
    const char *text;
    memcpy(&text, (const char *)info + head_texts[i].at, sizeof text);
    ridge_status status = rules_text(text, head_texts[i].rule, head_texts[i].where, why);
    if (status != RIDGE_OK) return status;
  }
  if (!rules_name(info->id, strlen(info->id), 1))
    return why_set(why, RIDGE_INVALID,
                   "its `id` is `%s`; it has to be family.name, of a-z, 0-9 and _",
                   info->id);
  if (!is_version(info->version))
    return why_set(why, RIDGE_INVALID,
                   "its `version` is `%s`; three numbers are wanted, like 1.4.2",
                   info->version);
  return RIDGE_OK;
}

static ridge_status check_head_numbers(const struct plugin_info *info, struct why *why) {
  if (vocabulary_word(VOCABULARY_KIND, info->kind) == NULL)
    return why_set(why, RIDGE_INVALID,
                   "its `kind` is %" PRIu32 "; RIDGE_STRATEGY or RIDGE_PART is wanted",
                   info->kind);
  if (info->phases == 0 || (info->phases & ~vocabulary_bits(VOCABULARY_PHASE)) != 0)
    return why_set(why, RIDGE_INVALID,
                   "its `phases` are %#" PRIx32
                   "; some of RIDGE_TRAIN, RIDGE_INFER and RIDGE_SERVE are wanted",
                   info->phases);
  if (vocabulary_word(VOCABULARY_EFFECT, info->effect) == NULL)
    return why_set(why, RIDGE_INVALID,
                   "its `effect` is %" PRIu32
                   "; RIDGE_EXACT, RIDGE_TOLERANT or RIDGE_LOSSY is wanted",
                   info->effect);
  bool tolerant = info->effect == RIDGE_TOLERANT;
  bool stated = isfinite(info->tolerance) && info->tolerance > 0;
  if (tolerant && !stated)
    return why_set(why, RIDGE_INVALID,
                   "its `tolerance` is %g; a tolerant plugin states one above 0",
                   info->tolerance);
  if (!tolerant && !(info->tolerance == 0))
    return why_set(
        why, RIDGE_INVALID,
        "its `tolerance` is %g, but its effect is %s: only a tolerant plugin has one",
        info->tolerance, vocabulary_word(VOCABULARY_EFFECT, info->effect));
  return RIDGE_OK;
}

/* Rows with a name, a unit and a doc -------------------------------------------------- */

static ridge_status check_named(const char *table, size_t row, const char *name,
                                const char *unit, const char *doc, struct why *why) {
  char where[160];
  snprintf(where, sizeof where, "table `%s`, row %zu: its `name`", table, row + 1);
  ridge_status status = rules_text(name, (struct text_rule){.most = 64}, where, why);
  if (status != RIDGE_OK) return status;
  snprintf(where, sizeof where, "%s `%s`: its `unit`", table, name);
  status = rules_text(unit, (struct text_rule){.most = 32, .optional = true}, where, why);
  if (status != RIDGE_OK) return status;
  snprintf(where, sizeof where, "%s `%s`: its `doc`", table, name);
  return rules_text(doc, (struct text_rule){.most = 1000}, where, why);
}

static ridge_status refuse_twice(const char *table, const char *name, struct why *why) {
  return why_set(why, RIDGE_INVALID, "%s `%s` is there twice; names have to differ", table,
                 name);
}

static ridge_status check_evidence(const struct plugin_info *info, struct why *why) {
  bool shows = false;
  for (size_t i = 0; i < info->n_evidence; i++) {
    const ridge_evidence *row = &info->evidence[i];
    ridge_status status = check_named("evidence", i, row->name, row->unit, row->doc, why);
    if (status != RIDGE_OK) return status;
    if (row->least > INT64_MAX)
      return why_set(why, RIDGE_INVALID,
                     "evidence `%s`: its `least` is %" PRIu64 ", more than can be counted",
                     row->name, row->least);
    for (size_t j = 0; j < i; j++)
      if (strcmp(info->evidence[j].name, row->name) == 0)
        return refuse_twice("evidence", row->name, why);
    shows = shows || row->least > 0;
  }
  if (info->kind == RIDGE_STRATEGY && !shows)
    return why_set(
        why, RIDGE_INVALID,
        "it has no evidence: a strategy declares at least one counter whose `least` is "
        "1 or more, so that a run in which it did nothing can be told");
  return RIDGE_OK;
}

static ridge_status check_metrics(const struct plugin_info *info, struct why *why) {
  for (size_t i = 0; i < info->n_metrics; i++) {
    const ridge_metric *row = &info->metrics[i];
    ridge_status status = check_named("metrics", i, row->name, row->unit, row->doc, why);
    if (status != RIDGE_OK) return status;
    if (row->better < -1 || row->better > 1)
      return why_set(why, RIDGE_INVALID,
                     "metrics `%s`: its `better` is %" PRId64 "; -1, 0 or 1 is wanted",
                     row->name, row->better);
    for (size_t j = 0; j < i; j++)
      if (strcmp(info->metrics[j].name, row->name) == 0)
        return refuse_twice("metrics", row->name, why);
  }
  return RIDGE_OK;
}

/* Claims and capabilities -------------------------------------------------------------- */

static ridge_status check_claim(const ridge_claim *row, size_t index, struct why *why) {
  const struct {
    const char *text, *field;
    struct text_rule rule;
  } texts[] = {
      {row->id, "id", {.most = 64}},
      {row->statement, "statement", {.most = 1000}},
      {row->metric, "metric", {.most = 64}},
      {row->conditions, "conditions", {.most = 1000, .optional = true}},
      {row->source, "source", {.most = 500}},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char where[64];
    snprintf(where, sizeof where, "table `claims`, row %zu: its `%s`", index + 1,
             texts[i].field);
    ridge_status status = rules_text(texts[i].text, texts[i].rule, where, why);
    if (status != RIDGE_OK) return status;
  }
  if (!isfinite(row->ratio_lo) || !isfinite(row->ratio_hi) || row->ratio_lo < 0 ||
      row->ratio_lo > row->ratio_hi)
    return why_set(
        why, RIDGE_INVALID,
        "claim `%s`: its ratio lies between %g and %g; two finite numbers from 0, the "
        "smaller first, are wanted",
        row->id, row->ratio_lo, row->ratio_hi);
  return RIDGE_OK;
}

static ridge_status check_claims(const struct plugin_info *info, struct why *why) {
  for (size_t i = 0; i < info->n_claims; i++) {
    ridge_status status = check_claim(&info->claims[i], i, why);
    if (status != RIDGE_OK) return status;
    for (size_t j = 0; j < i; j++)
      if (strcmp(info->claims[j].id, info->claims[i].id) == 0)
        return refuse_twice("claim", info->claims[i].id, why);
  }
  return RIDGE_OK;
}

static ridge_status check_provides(const struct plugin_info *info, struct why *why) {
  for (size_t i = 0; i < info->n_provides; i++) {
    const char *name = info->provides[i];
    if (name == NULL || strlen(name) > 64 || !rules_name(name, strlen(name), -1))
      return why_set(
          why, RIDGE_INVALID,
          "capability %zu is `%.80s`; a name like kv.blocks is wanted, without `cap:`",
          i + 1, name == NULL ? "" : name);
  }
  return RIDGE_OK;
}

/* All ---------------------------------------------------------------------------------- */

static ridge_status (*const rules[])(const struct plugin_info *, struct why *) = {
    check_head_texts, check_head_numbers, rules_params, rules_relations, rules_fills,
    check_evidence,   check_metrics,      check_claims, check_provides,
};

ridge_status plugin_rules(const struct plugin_info *info, struct why *why) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    ridge_status status = rules[i](info, why);
    if (status != RIDGE_OK) return status;
  }
  return RIDGE_OK;
}
