/*
 * gguf_split.c - a model in one file or in several: any piece opens the whole.
 *
 * Pieces are called NAME-00001-of-00003.gguf; each says which of how many it is
 * (split.no from 0, split.count) and how many tensors there are in all
 * (split.tensors.count).  The first has the metadata of the model.  What these say of
 * each other has to agree, so that pieces of two models do not become a third.
 */
#include "gguf_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TAIL_BYTES 20u /* "-00001-of-00003.gguf" */

struct joining {
  const ridge_host *host;
  const ridge_folder *folder;
  struct gguf_model *model;
  struct gguf_file *pieces; /* (count) */
  uint32_t *numbers;        /* (count) of the host's files */
  int64_t count, opened;
};

bool gguf_is_split_key(const char *key) { return strncmp(key, "split.", 6) == 0; }

/* ---- names ---- */

static bool read_digits(const char *from, int64_t *out) {
  *out = 0;
  for (int i = 0; i < 5; i++) {
    if (from[i] < '0' || from[i] > '9') return false;
    *out = *out * 10 + (from[i] - '0');
  }
  return true;
}

/* Numbers of NAME-00001-of-00003.gguf: 1 and 3. */
static bool read_name(const char *name, int64_t *number, int64_t *count) {
  const size_t size = strlen(name);
  if (size <= TAIL_BYTES) return false;
  const char *tail = name + size - TAIL_BYTES;
  return tail[0] == '-' && read_digits(tail + 1, number) &&
         memcmp(tail + 6, "-of-", 4) == 0 && read_digits(tail + 10, count) &&
         strcmp(tail + 15, ".gguf") == 0;
}

static const char *name_of(const struct joining *j, int64_t piece, char *to, size_t room) {
  const char *name = j->folder->name;
  snprintf(to, room, "%.*s-%05" PRId64 "-of-%05" PRId64 ".gguf",
           (int)(strlen(name) - TAIL_BYTES), name, piece + 1, j->count);
  return to;
}

static ridge_status check_name(const struct joining *j, const struct gguf_split *split) {
  int64_t number, count;
  const ridge_host *host = j->host;
  if (!read_name(j->folder->name, &number, &count))
    return host->fail(host, RIDGE_INVALID,
                      "it is piece %" PRId64 " of %" PRId64 " of a model, and the others "
                      "cannot be found from its name; it has to end in -%05" PRId64
                      "-of-%05" PRId64 ".gguf: rename it",
                      split->number + 1, split->count, split->number + 1, split->count);
  if (number != split->number + 1 || count != split->count)
    return host->fail(host, RIDGE_CORRUPT,
                      "by its name it is piece %" PRId64 " of %" PRId64
                      ", by what is in it (split.no, split.count) piece %" PRId64
                      " of %" PRId64 "; it was renamed or mixed up: fetch it again",
                      number, count, split->number + 1, split->count);
  return RIDGE_OK;
}

/* ---- pieces ---- */

static ridge_status check_piece(const struct joining *j, int64_t piece, const char *name) {
  const struct gguf_split *found = &j->pieces[piece].split,
                          *opened = &j->pieces[j->opened].split;
  const ridge_host *host = j->host;
  if (found->number != piece || found->count != j->count)
    return host->fail(host, RIDGE_CORRUPT,
                      "%s beside it says it is piece %" PRId64 " of %" PRId64
                      " (split.no, split.count); by its name it is %" PRId64 " of %" PRId64
                      ": fetch it again",
                      name, found->number + 1, found->count, piece + 1, j->count);
  if (found->tensors != opened->tensors)
    return host->fail(host, RIDGE_CORRUPT,
                      "%s beside it is of a model with %" PRId64
                      " tensors (split.tensors.count), this one of a model with %" PRId64
                      ": pieces of two models are mixed",
                      name, found->tensors, opened->tensors);
  return RIDGE_OK;
}

static ridge_status read_piece(struct joining *j, int64_t piece) {
  char name[512];
  ridge_bytes bytes;
  const ridge_host *host = j->host;
  if (piece == j->opened) return RIDGE_OK; /* read already */
  name_of(j, piece, name, sizeof name);
  ridge_status status = j->folder->map(j->folder, name, &bytes, &j->numbers[piece]);
  if (status == RIDGE_DECLINED)
    return host->fail(host, RIDGE_IO,
                      "piece %" PRId64 " of %" PRId64
                      " of the model, %s, is not beside it; fetch it into the same "
                      "directory",
                      piece + 1, j->count, name);
  if (status != RIDGE_OK) return status;
  j->pieces[piece].arena = &j->model->arena;
  struct gguf_cursor c = {
      .host = host, .name = name, .data = bytes.data, .size = bytes.size};
  status = gguf_read_file(&c, &j->pieces[piece]);
  return status != RIDGE_OK ? status : check_piece(j, piece, name);
}

/* ---- the whole ---- */

/* What is said of pieces is no fact of the model. */
static void take_facts(struct gguf_model *model, const struct gguf_file *from) {
  model->facts = from->facts;
  for (uint64_t i = 0; i < from->n_facts; i++)
    if (!gguf_is_split_key(from->facts[i].key))
      model->facts[model->n_facts++] = from->facts[i];
}

static ridge_status refuse_tensor_twice(const struct joining *j) {
  struct gguf_model *model = j->model;
  const char **names = gguf_alloc(&model->arena, model->n_tensors, sizeof *names);
  if (names == NULL)
    return j->host->fail(j->host, RIDGE_NO_MEMORY, "there is no memory for the tensors");
  for (uint64_t i = 0; i < model->n_tensors; i++) names[i] = model->tensors[i].name;
  const char *twice = gguf_twice(names, model->n_tensors);
  if (twice == NULL) return RIDGE_OK;
  return j->host->fail(j->host, RIDGE_CORRUPT,
                       "the tensor %s is in two pieces of the model; pieces of two models "
                       "are mixed",
                       twice);
}

static ridge_status take_tensors(struct joining *j) {
  struct gguf_model *model = j->model;
  uint64_t n = 0;
  for (int64_t p = 0; p < j->count; p++) n += j->pieces[p].n_tensors;
  const int64_t wanted = j->pieces[j->opened].split.tensors;
  if (wanted >= 0 && n != (uint64_t)wanted)
    return j->host->fail(j->host, RIDGE_CORRUPT,
                         "the %" PRId64 " pieces of the model have %" PRIu64
                         " tensors in all, but %" PRId64
                         " are promised (split.tensors.count); pieces of two models are "
                         "mixed, or one is damaged",
                         j->count, n, wanted);
  model->tensors = gguf_alloc(&model->arena, n, sizeof *model->tensors);
  if (model->tensors == NULL)
    return j->host->fail(j->host, RIDGE_NO_MEMORY, "there is no memory for the tensors");
  for (int64_t p = 0; p < j->count; p++)
    for (uint64_t i = 0; i < j->pieces[p].n_tensors; i++) {
      ridge_file_tensor *tensor = &model->tensors[model->n_tensors++];
      *tensor = j->pieces[p].tensors[i];
      tensor->file = j->numbers[p];
    }
  return refuse_tensor_twice(j);
}

static ridge_status join(struct joining *j, const struct gguf_file *opened) {
  j->count = opened->split.count;
  j->opened = opened->split.number;
  ridge_status status = check_name(j, &opened->split);
  if (status != RIDGE_OK) return status;
  j->pieces = gguf_alloc(&j->model->arena, (uint64_t)j->count, sizeof *j->pieces);
  j->numbers = gguf_alloc(&j->model->arena, (uint64_t)j->count, sizeof *j->numbers);
  if (j->pieces == NULL || j->numbers == NULL)
    return j->host->fail(j->host, RIDGE_NO_MEMORY, "there is no memory for the pieces");
  j->pieces[j->opened] = *opened;
  for (int64_t p = 0; p < j->count && status == RIDGE_OK; p++) status = read_piece(j, p);
  if (status != RIDGE_OK) return status;
  take_facts(j->model, &j->pieces[0]);
  return take_tensors(j);
}

ridge_status gguf_read_model(const ridge_host *host, const ridge_folder *folder,
                             struct gguf_model *model) {
  struct gguf_cursor c = {
      .host = host, .data = folder->file.data, .size = folder->file.size};
  struct gguf_file file = {.arena = &model->arena};
  ridge_status status = gguf_read_file(&c, &file);
  if (status != RIDGE_OK) return status;
  if (file.split.count > 1) {
    struct joining j = {.host = host, .folder = folder, .model = model};
    return join(&j, &file);
  }
  take_facts(model, &file);
  model->tensors = file.tensors;
  model->n_tensors = file.n_tensors;
  return RIDGE_OK;
}
