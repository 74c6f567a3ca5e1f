/* recipe_source.c - the text of a recipe, and where things stand in it. */
#include "recipe/recipe_source.h"
#include "recipe/recipe_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>

/* Lua takes \n, \r, \r\n and \n\r as one end of line each. */
static size_t line_end(const char *text, size_t size, size_t at) {
  if (text[at] != '\n' && text[at] != '\r') return 0;
  bool two = at + 1 < size && (text[at + 1] == '\n' || text[at + 1] == '\r') &&
             text[at + 1] != text[at];
  return two ? 2 : 1;
}

static int count_lines(const char *text, size_t size, size_t *starts) {
  int lines = 1;
  if (starts != NULL) starts[0] = 0;
  for (size_t i = 0; i < size;) {
    size_t end = line_end(text, size, i);
    i += end > 0 ? end : 1;
    if (end == 0) continue;
    if (starts != NULL) starts[lines] = i;
    lines++;
  }
  return lines;
}

struct recipe_source recipe_source_of(const char *text, size_t size) {
  struct recipe_source source = {.size = size};
  source.text = malloc(size + 1);
  if (source.text == NULL) abort();
  if (size > 0) memcpy(source.text, text, size);
  source.text[size] = 0;
  source.starts = calloc((size_t)count_lines(text, size, NULL), sizeof *source.starts);
  if (source.starts == NULL) abort();
  source.lines = count_lines(source.text, size, source.starts);
  return source;
}

void recipe_source_free(struct recipe_source *source) {
  free(source->text);
  free(source->starts);
  *source = (struct recipe_source){0};
}

static ridge_status read_all(int fd, const char *path, struct recipe_source *out,
                             struct why *why) {
  char *data = malloc(RECIPE_BYTES_MOST + 1);
  if (data == NULL) abort();
  size_t size = 0;
  while (size < RECIPE_BYTES_MOST + 1) {
    ssize_t got = read(fd, data + size, RECIPE_BYTES_MOST + 1 - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      free(data);
      return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    if (got == 0) break;
    size += (size_t)got;
  }
  bool cut = size > RECIPE_BYTES_MOST;
  *out = recipe_source_of(data, cut ? RECIPE_BYTES_MOST : size);
  out->cut = cut;
  free(data);
  return RIDGE_OK;
}

ridge_status recipe_source_read(const char *path, struct recipe_source *out,
                                struct why *why) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return why_set(why, RIDGE_IO, "%s: cannot be opened: %s", path, strerror(errno));
  struct stat info;
  ridge_status status;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    status = why_set(why, RIDGE_INVALID,
                     "%s: is not a regular file; a recipe is a file of Lua text", path);
  else
    status = read_all(fd, path, out, why);
  close(fd);
  return status;
}

static int characters(const char *text, size_t size) {
  int n = 0;
  for (size_t i = 0; i < size; i++) n += ((unsigned char)text[i] & 0xc0) != 0x80;
  return n;
}

static int line_of(const struct recipe_source *source, size_t offset) {
  int lo = 0, hi = source->lines - 1;
  while (lo < hi) {
    int middle = lo + (hi - lo + 1) / 2;
    if (source->starts[middle] <= offset)
      lo = middle;
    else
      hi = middle - 1;
  }
  return lo + 1;
}

const char *recipe_line(const struct recipe_source *source, int line, size_t *size) {
  *size = 0;
  if (line < 1 || line > source->lines) return NULL;
  size_t start = source->starts[line - 1];
  size_t end = line < source->lines ? source->starts[line] : source->size;
  while (end > start && (source->text[end - 1] == '\n' || source->text[end - 1] == '\r'))
    end--;
  *size = end - start;
  return source->text + start;
}

struct place recipe_place(const struct recipe_source *source, size_t offset, size_t size) {
  int line = line_of(source, offset);
  size_t start = source->starts[line - 1], length;
  const char *text = recipe_line(source, line, &length);
  size_t from = offset - start < length ? offset - start : length;
  size_t to = size < length - from ? from + size : length; /* one line only */
  return (struct place){line, characters(text, from) + 1,
                        characters(text + from, to - from)};
}

struct place recipe_place_line(const struct recipe_source *source, int line) {
  size_t size;
  const char *text = recipe_line(source, line, &size);
  if (text == NULL) return (struct place){0};
  size_t first = 0;
  while (first < size && (text[first] == ' ' || text[first] == '\t')) first++;
  while (size > first && (text[size - 1] == ' ' || text[size - 1] == '\t')) size--;
  return (struct place){line, characters(text, first) + 1,
                        characters(text + first, size - first)};
}

static json_t *problem_at(const struct recipe_source *source, size_t offset,
                          const char *text) {
  struct place at = recipe_place(source, offset, 1);
  at.length = 0; /* the byte cannot be shown */
  return fault_new("R001", at, "%s", text);
}

json_t *recipe_source_problem(const struct recipe_source *source) {
  if (source->cut) {
    json_t *fault = fault_new("R004", (struct place){0}, "the file is larger than %d bytes",
                              RECIPE_BYTES_MOST);
    fault_help(fault, "a recipe names models and data; it does not hold them");
    return fault;
  }
  if (source->size > 0 && source->text[0] == '\x1b')
    return problem_at(source, 0, "this is compiled Lua; a recipe is text");
  const char *nul = memchr(source->text, 0, source->size);
  if (nul != NULL)
    return problem_at(source, (size_t)(nul - source->text),
                      "a NUL byte: this is not a text file");
  if (source->size >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0)
    return problem_at(source, 0,
                      "the file opens with a byte-order mark: save it without one");
  for (size_t i = 0; i < source->size;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)source->text + i,
                                          (utf8proc_ssize_t)(source->size - i), &code);
    if (n <= 0)
      return problem_at(source, i, "a byte that is not UTF-8: save the file as UTF-8");
    i += (size_t)n;
  }
  return NULL;
}
