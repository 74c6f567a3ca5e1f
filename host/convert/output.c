/* output.c - a model written: cut into files, written one after the other, named. */
#include "convert/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LONGEST_PATH = 4096 };

struct writing {
  const struct output_spec *spec;
  ridge_file_tensor *tensors; /* (n_tensors), as the format sees them */
  ridge_model_file model;
  ridge_piece *pieces;
  struct output_file *files; /* (n) */
  size_t n;
  uint64_t done, of;
  struct why *why;
};

/* ---- pieces ---- */

static bool is_full(const struct output_spec *spec, uint64_t n, uint64_t bytes,
                    uint64_t more) {
  if (n == 0) return false;
  if (spec->split_tensors > 0 && n >= spec->split_tensors) return true;
  return spec->split_bytes > 0 && bytes + more > spec->split_bytes;
}

static void cut(struct writing *w) {
  const struct output_spec *spec = w->spec;
  uint64_t bytes = 0;
  w->n = 1;
  w->pieces[0] = (ridge_piece){.struct_size = sizeof(ridge_piece)};
  for (size_t i = 0; i < spec->n_tensors; i++) {
    const uint64_t more = spec->tensors[i].file.bytes;
    if (is_full(spec, w->pieces[w->n - 1].n, bytes, more)) {
      w->pieces[w->n] = (ridge_piece){.struct_size = sizeof(ridge_piece), .first = i};
      w->n++;
      bytes = 0;
    }
    w->pieces[w->n - 1].n++;
    bytes += more;
    w->of += more;
  }
  for (size_t p = 0; p < w->n; p++) {
    w->pieces[p].number = (uint32_t)p;
    w->pieces[p].count = (uint32_t)w->n;
  }
}

static ridge_status prepare(struct writing *w) {
  const struct output_spec *spec = w->spec;
  w->tensors = calloc(spec->n_tensors + 1, sizeof *w->tensors);
  w->pieces = calloc(spec->n_tensors + 1, sizeof *w->pieces);
  if (w->tensors == NULL || w->pieces == NULL)
    return why_set(w->why, RIDGE_NO_MEMORY, "no memory for the list of tensors");
  for (size_t i = 0; i < spec->n_tensors; i++) w->tensors[i] = spec->tensors[i].file;
  w->model = (ridge_model_file){.struct_size = sizeof w->model,
                                .facts = spec->facts,
                                .tensors = w->tensors,
                                .n_facts = spec->n_facts,
                                .n_tensors = spec->n_tensors};
  cut(w);
  w->files = calloc(w->n, sizeof *w->files);
  if (w->files == NULL)
    return why_set(w->why, RIDGE_NO_MEMORY, "no memory for the list of files");
  for (size_t p = 0; p < w->n; p++) w->files[p].fd = -1;
  return RIDGE_OK;
}

/* ---- places ---- */

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static ridge_status path_of(struct writing *w, size_t piece, char path[LONGEST_PATH]) {
  const char *name = last_part(w->spec->path);
  const size_t folder = (size_t)(name - w->spec->path);
  struct instance *by = w->spec->by;
  if (w->spec->path[0] == 0)
    return why_set(w->why, RIDGE_INVALID, "the name of the file to write is empty");
  if (*name == 0)
    return why_set(w->why, RIDGE_INVALID,
                   "%s: is a directory; the name of a file is wanted", w->spec->path);
  if (folder >= LONGEST_PATH / 2)
    return why_set(w->why, RIDGE_INVALID, "%.80s...: is too long a path", w->spec->path);
  memcpy(path, w->spec->path, folder);
  uint64_t entered = instance_enter(by);
  ridge_status status = w->spec->format->piece_name(&by->host, name, &w->pieces[piece],
                                                    path + folder, LONGEST_PATH - folder);
  return instance_leave(by, entered, status, "format/1", w->why);
}

static const char *kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  return S_ISLNK(mode) ? "a link" : "a device or a pipe";
}

/* A finished file takes the place of what has its name: of a file, if that is forced, but
 * never of a device (or of the link /dev/stdout). */
static ridge_status check_free(struct writing *w, const char *path) {
  struct stat facts;
  if (lstat(path, &facts) != 0) return RIDGE_OK;
  if (!S_ISREG(facts.st_mode))
    return why_set(w->why, RIDGE_INVALID,
                   "%s: is %s, which is not replaced; the name of a file is wanted", path,
                   kind_of(facts.st_mode));
  if (w->spec->force) return RIDGE_OK;
  return why_set(w->why, RIDGE_INVALID,
                 "%s: is there already; give another name, or --force to replace it", path);
}

static int open_folder(const char *path) {
  char folder[LONGEST_PATH];
  const size_t size = (size_t)(last_part(path) - path);
  if (size >= sizeof folder) return -1;
  memcpy(folder, path, size);
  folder[size] = 0;
  return open(size > 0 ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Hours of work are not to end at a full disk. */
static ridge_status check_room(struct writing *w) {
  struct statvfs facts;
  int folder = open_folder(w->spec->path);
  if (folder < 0)
    return why_set(w->why, RIDGE_IO, "%s: its directory cannot be opened: %s",
                   w->spec->path, strerror(errno));
  bool known = fstatvfs(folder, &facts) == 0;
  close(folder);
  uint64_t room = 0;
  if (!known || __builtin_mul_overflow(facts.f_bavail, facts.f_frsize, &room) ||
      room >= w->of)
    return RIDGE_OK;
  return why_set(w->why, RIDGE_IO,
                 "%s: takes %llu bytes, and the disk has %llu left; free some, or choose a "
                 "smaller codec",
                 w->spec->path, (unsigned long long)w->of, (unsigned long long)room);
}

static ridge_status check_places(struct writing *w) {
  char path[LONGEST_PATH];
  ridge_status status = RIDGE_OK;
  for (size_t p = 0; p < w->n && status == RIDGE_OK; p++) {
    status = path_of(w, p, path);
    if (status == RIDGE_OK) status = check_free(w, path);
  }
  return status == RIDGE_OK ? check_room(w) : status;
}

/* ---- writing ---- */

static ridge_status put_head(struct writing *w, size_t p) {
  struct instance *by = w->spec->by;
  uint64_t entered = instance_enter(by);
  ridge_status status =
      w->spec->format->write_head(&by->host, &w->model, &w->pieces[p], &w->files[p].sink);
  return instance_leave(by, entered, status, "format/1", w->why);
}

static ridge_status put_after(struct writing *w, size_t p, uint64_t tensor) {
  struct instance *by = w->spec->by;
  uint64_t entered = instance_enter(by);
  ridge_status status = w->spec->format->write_after(&by->host, &w->model, &w->pieces[p],
                                                     tensor, &w->files[p].sink);
  return instance_leave(by, entered, status, "format/1", w->why);
}

static ridge_status write_piece(struct writing *w, size_t p) {
  char path[LONGEST_PATH];
  const ridge_piece *piece = &w->pieces[p];
  ridge_status status = path_of(w, p, path);
  if (status == RIDGE_OK)
    status = output_file_open(&w->files[p], path, w->spec->by, w->why);
  if (status == RIDGE_OK) status = put_head(w, p);
  for (uint64_t i = piece->first; i < piece->first + piece->n && status == RIDGE_OK; i++) {
    status = output_tensor_put(w->spec, (size_t)i, &w->files[p], &w->done, w->of, w->why);
    if (status == RIDGE_OK) status = put_after(w, p, i);
    if (w->spec->finished != NULL) w->spec->finished(w->spec->ctx, (size_t)i);
  }
  return status == RIDGE_OK ? output_file_finish(&w->files[p], w->why) : status;
}

/* Names too have to survive a power cut. */
static ridge_status settle(struct writing *w) {
  int folder = open_folder(w->spec->path);
  bool bad = folder < 0 || (fsync(folder) != 0 && errno != EINVAL);
  int fault = errno;
  if (folder >= 0) close(folder);
  return bad ? why_set(w->why, RIDGE_IO,
                       "%s: its directory cannot be brought to the disk: %s", w->spec->path,
                       strerror(fault))
             : RIDGE_OK;
}

static ridge_status report(const struct writing *w, struct output_result *out) {
  *out = (struct output_result){.paths = calloc(w->n, sizeof *out->paths)};
  for (size_t p = 0; p < w->n && out->paths != NULL; p++) {
    out->paths[p] = strdup(w->files[p].path);
    out->n++;
    out->bytes += w->files[p].bytes;
    if (out->paths[p] == NULL) break;
  }
  if (out->n == w->n && out->paths[w->n - 1] != NULL) return RIDGE_OK;
  output_result_free(out);
  return why_set(w->why, RIDGE_NO_MEMORY, "no memory for the names of the files");
}

static ridge_status write_all(struct writing *w, struct output_result *out) {
  ridge_status status = prepare(w);
  if (status == RIDGE_OK) status = check_places(w);
  for (size_t p = 0; p < w->n && status == RIDGE_OK; p++) status = write_piece(w, p);
  if (status == RIDGE_OK) status = report(w, out);
  for (size_t p = 0; p < w->n && status == RIDGE_OK; p++)
    status = output_file_name(&w->files[p], w->spec->force, w->why);
  return status == RIDGE_OK ? settle(w) : status;
}

static ridge_status put_nowhere(const ridge_output *out, const void *data, uint64_t size) {
  (void)out, (void)data, (void)size;
  return RIDGE_OK;
}

ridge_status output_check(const struct output_spec *spec, struct why *why) {
  struct writing w = {.spec = spec, .why = why};
  struct instance *by = spec->by;
  const ridge_output nowhere = {.struct_size = sizeof nowhere, .put = put_nowhere};
  ridge_status status = prepare(&w);
  for (size_t p = 0; p < w.n && status == RIDGE_OK; p++) {
    uint64_t entered = instance_enter(by);
    status = spec->format->write_head(&by->host, &w.model, &w.pieces[p], &nowhere);
    status = instance_leave(by, entered, status, "format/1", why);
  }
  free(w.files);
  free(w.pieces);
  free(w.tensors);
  return status;
}

ridge_status output_write(const struct output_spec *spec, struct output_result *out,
                          struct why *why) {
  struct writing w = {.spec = spec, .why = why};
  *out = (struct output_result){0};
  ridge_status status = write_all(&w, out);
  for (size_t p = 0; p < w.n && w.files != NULL; p++) output_file_close(&w.files[p]);
  if (status != RIDGE_OK) output_result_free(out);
  free(w.files);
  free(w.pieces);
  free(w.tensors);
  return status;
}

void output_result_free(struct output_result *result) {
  for (size_t i = 0; i < result->n; i++) free(result->paths[i]);
  free(result->paths);
  *result = (struct output_result){0};
}
