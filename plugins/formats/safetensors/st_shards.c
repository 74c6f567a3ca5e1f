/*
 * st_shards.c - the files of a model: one, or several by an index.
 *
 * The index says which file has which tensor; the files say so too, and both have to
 * say the same, or a tensor would be missing, or be there and not be used.
 */
#include "st_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b) {
  const struct st_tensor *left = a, *right = b;
  return strcmp(left->name, right->name);
}

struct st_tensor *st_find(const struct st_model *model, const char *name) {
  struct st_tensor wanted = {.name = name};
  if (model->n_tensors == 0) return NULL;
  return bsearch(&wanted, model->tensors, (size_t)model->n_tensors, sizeof wanted, by_name);
}

ridge_status st_beside(struct st_model *model, const char *name, struct st_value *out) {
  ridge_bytes bytes;
  uint32_t number;
  ridge_status status = model->folder->map(model->folder, name, &bytes, &number);
  if (status == RIDGE_OK) status = st_json(model->host, &model->arena, name, bytes, 0, out);
  if (status != RIDGE_OK || out->kind == ST_OBJECT) return status;
  return st_fail(model, RIDGE_CORRUPT, "%s is %s; an object is wanted", name,
                 st_kind_name(out->kind));
}

/* ---- one list ------------------------------------------------------------------ */

static ridge_status keep(struct st_model *model, const struct st_list *list) {
  model->tensors = st_alloc(&model->arena, list->n + 1, sizeof *model->tensors);
  if (model->tensors == NULL) return st_no_memory(model->host);
  if (list->n > 0) memcpy(model->tensors, list->data, (size_t)(list->n * list->size));
  model->n_tensors = list->n;
  qsort(model->tensors, (size_t)list->n, sizeof *model->tensors, by_name);
  for (uint64_t i = 1; i < list->n; i++)
    if (strcmp(model->tensors[i - 1].name, model->tensors[i].name) == 0)
      return st_fail(model, RIDGE_CORRUPT, "two tensors are called %s",
                     model->tensors[i].name);
  if (list->n > 0) return RIDGE_OK;
  return st_fail(model, RIDGE_CORRUPT, "there is no tensor in the file");
}

/* ---- the index ----------------------------------------------------------------- */

struct indexing {
  struct st_model *model;
  const struct st_value *map;
  struct st_list *tensors;
  struct st_list files; /* of const struct st_value *: the distinct names */
};

static bool ends_well(const struct st_value *name) {
  static const char end[] = ".safetensors";
  uint64_t n = sizeof end - 1;
  return name->kind == ST_TEXT && name->n > n &&
         memcmp(name->is.text + name->n - n, end, n) == 0;
}

static bool same_text(const struct st_value *a, const struct st_value *b) {
  return a->n == b->n && memcmp(a->is.text, b->is.text, (size_t)a->n) == 0;
}

static ridge_status read_shard(struct indexing *x, const struct st_value *name) {
  struct st_model *model = x->model;
  char *plain = st_copy(model, name->is.text, name->n);
  ridge_bytes bytes;
  uint32_t number;
  if (plain == NULL) return st_no_memory(model->host);
  if (strlen(plain) != name->n)
    return st_fail_at(model->host, RIDGE_CORRUPT, model->folder->name, name->at,
                      "a file's name holds a NUL byte");
  ridge_status status = model->folder->map(model->folder, plain, &bytes, &number);
  if (status == RIDGE_DECLINED)
    return st_fail(model, RIDGE_IO,
                   "the index names the file `%s`, which is not beside it; was the "
                   "download cut off?",
                   plain);
  if (status != RIDGE_OK) return status;
  return st_read_header(model->host, &model->arena, plain, bytes, number, x->tensors);
}

/* Neighbours are mostly in one file, so that the search is short. */
static ridge_status add_file(struct indexing *x, const struct st_member *member) {
  const struct st_value *name = &member->value;
  const struct st_value **known = (const struct st_value **)(void *)x->files.data;
  if (!ends_well(name))
    return st_fail_at(x->model->host, RIDGE_CORRUPT, x->model->folder->name, name->at,
                      "tensor %.*s is not in a file named *.safetensors",
                      (int)(member->size < 80 ? member->size : 80), member->name);
  for (uint64_t i = x->files.n; i-- > 0;)
    if (same_text(known[i], name)) return RIDGE_OK;
  const struct st_value **to = st_push(x->model->host, &x->files);
  if (to == NULL) return st_no_memory(x->model->host);
  *to = name;
  return read_shard(x, name);
}

static ridge_status check_listed(const struct indexing *x) {
  struct st_model *model = x->model;
  for (uint64_t i = 0; i < x->map->n; i++) {
    const struct st_member *member = &x->map->is.members[i];
    char name[ST_MAX_NAME + 1];
    if (member->size <= ST_MAX_NAME) {
      memcpy(name, member->name, (size_t)member->size);
      name[member->size] = 0;
      if (strlen(name) == member->size && st_find(model, name) != NULL) continue;
    }
    return st_fail_at(model->host, RIDGE_CORRUPT, model->folder->name, member->value.at,
                      "no file has the tensor %.*s, which the index lists",
                      (int)(member->size < 80 ? member->size : 80), member->name);
  }
  if (x->map->n == model->n_tensors) return RIDGE_OK;
  return st_fail(model, RIDGE_CORRUPT,
                 "the index lists %" PRIu64 " tensors, the files have %" PRIu64
                 "; they do not belong together",
                 x->map->n, model->n_tensors);
}

static ridge_status read_index(struct st_model *model, struct st_list *tensors) {
  struct st_value index;
  struct indexing x = {.model = model,
                       .tensors = tensors,
                       .files = {.size = sizeof(const struct st_value *)}};
  ridge_status status = st_json(model->host, &model->arena, model->folder->name,
                                model->folder->file, 0, &index);
  if (status != RIDGE_OK) return status;
  x.map = st_get(&index, "weight_map");
  if (x.map == NULL || x.map->kind != ST_OBJECT || x.map->n == 0)
    return st_fail(model, RIDGE_UNSUPPORTED,
                   "%s is JSON, but no index: it has no object `weight_map`; give the "
                   "directory, or a file that ends in .safetensors",
                   model->folder->name);
  for (uint64_t i = 0; i < x.map->n && status == RIDGE_OK; i++)
    status = add_file(&x, &x.map->is.members[i]);
  st_drop(model->host, &x.files);
  if (status == RIDGE_OK) status = keep(model, tensors);
  return status != RIDGE_OK ? status : check_listed(&x);
}

ridge_status st_read_tensors(struct st_model *model) {
  const ridge_folder *folder = model->folder;
  struct st_list tensors = {.size = sizeof(struct st_tensor)};
  ridge_status status;
  if (!st_has_header(folder->file.data, folder->file.size) && folder->file.size > 0 &&
      folder->file.data[0] == '{') {
    status = read_index(model, &tensors);
  } else {
    status =
        st_read_header(model->host, &model->arena, folder->name, folder->file, 0, &tensors);
    if (status == RIDGE_OK) status = keep(model, &tensors);
  }
  st_drop(model->host, &tensors);
  return status;
}
