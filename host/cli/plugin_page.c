/* plugin_page.c - everything about one plugin, for people. */
#include "cli/plugin_page.h"

#include "base/human.h"
#include "base/text.h"
#include "cli/prose.h"
#include "registry/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD = 12 };

/* Pieces ------------------------------------------------------------------------------ */

/* Words of a paragraph; the first line is already begun. */
static void print_wrapped(const char *text, int indent) {
  prose_print_within(text, indent, indent, prose_width());
}

/* The same behind a line that was begun with what `text` starts with. */
static void print_item(const char *text) {
  printf("  ");
  prose_print_within(text, 2, 6, prose_width());
}

static void print_field(const char *name, const char *text) {
  if (text == NULL || text[0] == 0) return;
  printf("  %-*s", FIELD, name);
  print_wrapped(text, FIELD + 2);
}

static void print_head(const char *title, bool colour) {
  printf(colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", title);
}

/* Add " word" or "word". */
static void append(char *to, size_t room, const char *word) {
  size_t used = strlen(to);
  if (used < room) snprintf(to + used, room - used, "%s%s", used > 0 ? " " : "", word);
}

/* "kv.store/1" without its revision. */
static void seam_name(const char *seam, char name[64]) {
  snprintf(name, 64, "%.*s", (int)strcspn(seam, "/"), seam);
}

void plugin_seams_text(const struct plugin_info *info, char *to, size_t room) {
  to[0] = 0;
  for (size_t i = 0; i < info->n_fills; i++) {
    size_t same = 0;
    bool first = true;
    for (size_t k = 0; k < info->n_fills; k++) {
      if (strcmp(info->fills[k].seam, info->fills[i].seam) != 0) continue;
      same++;
      first = first && k >= i;
    }
    char name[64], word[96];
    seam_name(info->fills[i].seam, name);
    snprintf(word, sizeof word, same > 1 ? "%s(%zu)" : "%s", name, same);
    if (first) append(to, room, word);
  }
}

void plugin_phases_text(const struct plugin_info *info, char *to, size_t room) {
  to[0] = 0;
  for (uint32_t bit = 1; bit <= info->phases; bit <<= 1)
    if ((info->phases & bit) != 0) append(to, room, vocabulary_word(VOCABULARY_PHASE, bit));
}

static void value_text(uint32_t type, ridge_value value, char *to, size_t room) {
  switch (type) {
  case RIDGE_T_BOOL: snprintf(to, room, "%s", value.b ? "true" : "false"); return;
  case RIDGE_T_INT: snprintf(to, room, "%" PRId64, value.i); return;
  case RIDGE_T_REAL: snprintf(to, room, "%s", human_exact(value.r)); return;
  case RIDGE_T_TEXT:
  case RIDGE_T_CHOICE:
    snprintf(to, room, "\"%.100s\"", value.t != NULL ? value.t : "");
    return;
  }
  to[0] = 0;
}

/* Sections ---------------------------------------------------------------------------- */

static void print_overview(const struct plugin_info *info) {
  char text[512];
  print_field("file", info->path);
  print_field("kind", vocabulary_word(VOCABULARY_KIND, info->kind));
  snprintf(text, sizeof text, "%s", vocabulary_word(VOCABULARY_EFFECT, info->effect));
  if (info->effect == RIDGE_TOLERANT)
    snprintf(text, sizeof text, "tolerant: a logit differs by at most %g * (1 + its size)",
             info->tolerance);
  print_field("effect", text);
  plugin_phases_text(info, text, sizeof text);
  print_field("phases", text);
  print_field("technique", info->technique);
  print_field("license", info->license);
  print_field("source", info->source);
  text[0] = 0;
  for (size_t i = 0; i < info->n_provides; i++)
    append(text, sizeof text, info->provides[i]);
  print_field("provides", text);
}

static void print_bounds(const ridge_param *row) {
  char lo[128], hi[128], def[128];
  value_text(row->type, row->fallback, def, sizeof def);
  value_text(row->type, row->lo, lo, sizeof lo);
  value_text(row->type, row->hi, hi, sizeof hi);
  if ((row->flags & RIDGE_REQUIRED) != 0)
    printf("must be given");
  else
    printf("default %s", def);
  if (row->type == RIDGE_T_INT || row->type == RIDGE_T_REAL) printf(", %s to %s", lo, hi);
  if (row->unit != NULL && row->unit[0] != 0) printf(" %s", row->unit);
  for (size_t i = 0; row->type == RIDGE_T_CHOICE && row->choices[i] != NULL; i++)
    printf("%s%s", i == 0 ? "; one of " : ", ", row->choices[i]);
}

static void print_flags(const ridge_param *row) {
  for (uint32_t bit = 1; bit <= row->flags; bit <<= 1) {
    if ((row->flags & bit) == 0 || bit == RIDGE_REQUIRED) continue;
    const char *word = vocabulary_word(VOCABULARY_FLAG, bit);
    if (word != NULL) printf(" [%s]", word);
  }
}

static void print_params(const struct plugin_info *info, bool colour) {
  if (info->n_params > 0) print_head("Parameters", colour);
  for (size_t i = 0; i < info->n_params; i++) {
    const ridge_param *row = &info->params[i];
    printf("  %s (%s): ", row->name, vocabulary_word(VOCABULARY_TYPE, row->type));
    print_bounds(row);
    print_flags(row);
    printf("\n      ");
    print_wrapped(row->doc, 6);
  }
}

static void print_relations(const struct plugin_info *info, bool colour) {
  if (info->n_relations > 0) print_head("Relations", colour);
  for (size_t i = 0; i < info->n_relations; i++) {
    const ridge_relation *row = &info->relations[i];
    printf("  %s %s", vocabulary_word(VOCABULARY_RELATION, row->kind), row->target);
    if (row->op != RIDGE_ALWAYS) {
      char value[128];
      const ridge_param *param = row->param != NULL ? plugin_param(info, row->param) : NULL;
      value_text(plugin_relation_type(info, row), row->value, value, sizeof value);
      printf(param != NULL ? ", if %s %s %s" : "%s %s %s", param != NULL ? row->param : "",
             vocabulary_word(VOCABULARY_OP, row->op), value);
    }
    printf("\n      ");
    print_wrapped(row->why, 6);
  }
}

static void print_fills(const struct plugin_info *info, bool colour) {
  print_head("Fills", colour);
  for (size_t i = 0; i < info->n_fills; i++) {
    const ridge_fill *row = &info->fills[i];
    const struct seam *seam = seam_find(row->seam);
    printf("  %s (%s)", row->seam, seam_kind_word(seam->kind));
    if (row->key != NULL) printf(" %s, score %" PRId64, row->key, row->score);
    if (row->needs != NULL) printf(", needs %s", row->needs);
    printf(": %s\n", seam->doc);
  }
}

static void print_evidence(const struct plugin_info *info, bool colour) {
  if (info->n_evidence > 0) print_head("Evidence", colour);
  for (size_t i = 0; i < info->n_evidence; i++) {
    const ridge_evidence *row = &info->evidence[i];
    struct text text = text_new(1 << 16);
    text_format(&text, "%s: ", row->name);
    if (row->least > 0)
      text_format(&text, "at least %" PRIu64 ", or the run is inert. ", row->least);
    text_add(&text, row->doc);
    print_item(text.data);
    text_free(&text);
  }
}

static void print_metrics(const struct plugin_info *info, bool colour) {
  static const char *const better[] = {"lower is better", "neither way is better",
                                       "higher is better"};
  if (info->n_metrics > 0) print_head("Metrics", colour);
  for (size_t i = 0; i < info->n_metrics; i++) {
    const ridge_metric *row = &info->metrics[i];
    struct text text = text_new(1 << 16);
    text_format(&text, "%s%s%s (%s): %s", row->name,
                row->unit != NULL && row->unit[0] != 0 ? " in " : "",
                row->unit != NULL ? row->unit : "", better[row->better + 1], row->doc);
    print_item(text.data);
    text_free(&text);
  }
}

static void print_claims(const struct plugin_info *info, bool colour) {
  if (info->n_claims > 0) print_head("Claims", colour);
  for (size_t i = 0; i < info->n_claims; i++) {
    const ridge_claim *row = &info->claims[i];
    printf("  %s: %s %g to %g times, with it against without it\n      ", row->id,
           row->metric, row->ratio_lo, row->ratio_hi);
    print_wrapped(row->statement, 6);
    if (row->conditions != NULL && row->conditions[0] != 0) {
      printf("      ");
      print_wrapped(row->conditions, 6);
    }
    printf("      %s\n", row->source);
  }
}

/* Its lines are folded; those of tables and of code stay as they are. */
static void print_doc(const char *doc) {
  while (*doc != 0) {
    size_t size = strcspn(doc, "\n");
    char *line = strndup(doc, size);
    if (line == NULL) abort();
    if (line[0] == ' ' || line[0] == '|')
      printf("%s\n", line);
    else
      prose_line(line, 0, line[0] == '-' ? 2 : 0);
    free(line);
    doc += size + (doc[size] != 0);
  }
}

void plugin_page_print(const struct plugin_info *info, bool colour) {
  printf(colour ? "\033[1m%s %s\033[0m  " : "%s %s  ", info->id, info->version);
  print_wrapped(info->summary, (int)(strlen(info->id) + strlen(info->version)) + 3);
  print_overview(info);
  print_params(info, colour);
  print_relations(info, colour);
  print_fills(info, colour);
  print_evidence(info, colour);
  print_metrics(info, colour);
  print_claims(info, colour);
  printf("\n");
  print_doc(info->doc);
}
