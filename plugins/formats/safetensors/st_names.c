/*
 * st_names.c - every tensor of the files gets its name in the model, or is refused.
 *
 * Patterns come from the architecture's tables.  A tensor that no row knows would
 * silently not be part of the model, so it is an error, unless it belongs to a part
 * (sight, hearing) that a text model leaves out.
 */
#include "st_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct match {
  const struct st_name *row;
  int64_t layer, expert;
  const char *suffix; /* ".weight", ".bias" or "" */
};

static bool take_number(const char **at, int64_t *out, int64_t most) {
  int64_t value = 0;
  const char *from = *at;
  while (**at >= '0' && **at <= '9') {
    value = value * 10 + (**at - '0');
    if (value >= most) return false;
    (*at)++;
  }
  bool plain = *at - from == 1 || (*at > from && *from != '0');
  *out = value;
  return plain;
}

static bool fits(const char *name, const struct st_name *row, struct match *m) {
  const char *at = name;
  *m = (struct match){.row = row};
  for (const char *p = row->from; *p != 0; p++) {
    if (*p == '#') {
      if (!take_number(&at, &m->layer, ST_MAX_LAYERS)) return false;
    } else if (*p == '%') {
      if (!take_number(&at, &m->expert, ST_MAX_EXPERTS)) return false;
    } else if (*p != *at++) {
      return false;
    }
  }
  m->suffix = at;
  return strcmp(at, ".weight") == 0 || strcmp(at, ".bias") == 0 ||
         (*at == 0 && row->change == ST_DROP);
}

/* Heads of names that differ between ways of saving the same model. */
static const char *const heads[] = {
    "model.language_model.",
    "language_model.model.",
    "language_model.",
    "transformer.",
    "model.",
};
/* Parts of a model that sees. */
static const char *const others[] = {"vision_tower.", "model.vision_tower.",
                                     "multi_modal_projector.",
                                     "model.multi_modal_projector."};

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

static bool find_row(const struct st_arch *arch, const char *name, struct match *m) {
  for (size_t t = 0; t < sizeof arch->names / sizeof *arch->names; t++)
    for (const struct st_name *row = arch->names[t]; row != NULL && row->from != NULL;
         row++)
      if (fits(name, row, m)) return true;
  return false;
}

/* As it is; then with a head put off, or put off and "model." put on. */
static bool find_match(const struct st_arch *arch, const char *name, struct match *m,
                       char room[ST_MAX_NAME + 16]) {
  if (find_row(arch, name, m)) return true;
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    if (!begins(name, heads[i])) continue;
    snprintf(room, ST_MAX_NAME + 16, "model.%s", name + strlen(heads[i]));
    if (find_row(arch, room + 6, m) || find_row(arch, room, m)) return true;
  }
  return false;
}

static void spell(const struct match *m, char *to, size_t room) {
  size_t n = 0;
  for (const char *p = m->row->to; *p != 0 && n + 8 < room; p++) {
    if (*p == '#')
      n += (size_t)snprintf(to + n, room - n, "%lld", (long long)m->layer);
    else
      to[n++] = *p;
  }
  snprintf(to + n, room - n, "%s", m->suffix);
}

static const struct st_value *tie(const struct st_model *model) {
  const struct st_value *tied = st_get_set(&model->config, "tie_word_embeddings");
  return tied != NULL ? tied : st_get_set(&model->whole_config, "tie_word_embeddings");
}

static bool is_tied(const struct st_model *model) {
  const struct st_value *value = tie(model);
  return value == NULL ? model->arch->tied : st_true(value);
}

/* ---- experts ------------------------------------------------------------------- */

/* How many there have to be, and where in the name their number stands. */
static ridge_status count_parts(struct st_model *model, const char *name, int64_t *n,
                                int *head) {
  static const struct {
    const char *mark, *part, *key;
  } rows[] = {{".experts.0.", "", ".expert_count"},
              {".norms.0.", "q_layernorm", ".attention.head_count"},
              {".norms.0.", "k_layernorm", ".attention.head_count_kv"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *mark = strstr(name, rows[i].mark);
    if (mark == NULL || strstr(name, rows[i].part) == NULL) continue;
    const ridge_fact *fact = st_fact(model, rows[i].key);
    if (fact == NULL) fact = st_fact(model, ".attention.head_count");
    *n = fact == NULL ? 0 : fact->value.i;
    *head = (int)(mark - name) + (int)strlen(rows[i].mark) - 2;
    if (*n >= 1 && *n <= ST_MAX_EXPERTS) return RIDGE_OK;
    return st_fail(model, RIDGE_CORRUPT,
                   "config.json: %lld parts of %s; 1 to %d are possible", (long long)*n,
                   name, ST_MAX_EXPERTS);
  }
  return st_fail(model, RIDGE_INTERNAL, "%s is no part of a stack", name);
}

/* The other parts' names differ in the number alone. */
static ridge_status stack(struct st_model *model, const struct st_tensor *first,
                          const char *name) {
  int64_t n = 0;
  int head = 0;
  ridge_status status = count_parts(model, first->name, &n, &head);
  if (status != RIDGE_OK) return status;
  struct st_tensor **parts = st_alloc(&model->arena, (uint64_t)n, sizeof(void *));
  if (parts == NULL) return st_no_memory(model->host);
  for (int64_t i = 0; i < n; i++) {
    char one[ST_MAX_NAME + 24];
    snprintf(one, sizeof one, "%.*s%lld%s", head, first->name, (long long)i,
             first->name + head + 1);
    parts[i] = st_find(model, one);
    if (parts[i] == NULL)
      return st_fail(model, RIDGE_CORRUPT,
                     "there is no tensor %s; config.json counts %lld of them", one,
                     (long long)n);
    parts[i]->used = true;
  }
  return st_add_stack(model, parts, (uint64_t)n, name);
}

/* ---- all ----------------------------------------------------------------------- */

static ridge_status place(struct st_model *model, struct st_tensor *t,
                          const struct match *m) {
  char name[ST_MAX_NAME + 16];
  bool head =
      strcmp(m->row->from, "lm_head") == 0 || strcmp(m->row->from, "embed_out") == 0;
  if (m->row->change != ST_STACK) t->used = true;
  if (m->row->change == ST_DROP) return RIDGE_OK;
  if (head && is_tied(model) && strcmp(m->suffix, ".weight") == 0)
    return RIDGE_OK; /* the embeddings, written a second time */
  spell(m, name, sizeof name);
  if (m->row->change != ST_STACK) return st_add_tensor(model, t, name, m->row->change);
  return m->expert == 0 ? stack(model, t, name) : RIDGE_OK;
}

static ridge_status name_one(struct st_model *model, struct st_tensor *t) {
  struct match m;
  char room[ST_MAX_NAME + 16];
  if (find_match(model->arch, t->name, &m, room)) {
    /* The suffix lies in `room` when a head was put off. */
    return place(model, t, &m);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (begins(t->name, others[i])) {
      t->used = true;
      return RIDGE_OK;
    }
  return st_fail(model, RIDGE_UNSUPPORTED,
                 "tensor %s has no place in a model of type %s as it is known here; it "
                 "would not be used",
                 t->name, model->arch->type);
}

static bool has_head(const struct st_model *model) {
  const ridge_file_tensor *made = (const ridge_file_tensor *)(const void *)model->made.data;
  for (uint64_t i = 0; i < model->made.n; i++)
    if (strcmp(made[i].name, "output.weight") == 0) return true;
  return false;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two ways of writing one name in the same files. */
static ridge_status refuse_twice(struct st_model *model) {
  const ridge_file_tensor *made = (const ridge_file_tensor *)(const void *)model->made.data;
  uint64_t n = model->made.n;
  const char **names = st_alloc(&model->arena, n + 1, sizeof *names);
  if (names == NULL) return st_no_memory(model->host);
  for (uint64_t i = 0; i < n; i++) names[i] = made[i].name;
  qsort(names, (size_t)n, sizeof *names, by_name);
  for (uint64_t i = 1; i < n; i++)
    if (strcmp(names[i - 1], names[i]) == 0)
      return st_fail(model, RIDGE_CORRUPT, "two tensors of the files are both %s",
                     names[i]);
  return RIDGE_OK;
}

ridge_status st_name_tensors(struct st_model *model) {
  for (uint64_t i = 0; i < model->n_tensors; i++) {
    ridge_status status = name_one(model, &model->tensors[i]);
    if (status != RIDGE_OK) return status;
  }
  for (uint64_t i = 0; i < model->n_tensors; i++)
    if (!model->tensors[i].used)
      return st_fail(model, RIDGE_CORRUPT,
                     "tensor %s belongs to no expert or head that config.json counts",
                     model->tensors[i].name);
  if (!is_tied(model) && !has_head(model))
    return st_fail(model, RIDGE_CORRUPT,
                   "there is no output matrix (lm_head.weight), and config.json does not "
                   "say that the embeddings serve as one (tie_word_embeddings)");
  return refuse_twice(model);
}
