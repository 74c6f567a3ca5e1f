/* arena.c - memory that is freed all at once. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024, ALIGN = 16 };

struct arena_chunk {
  struct arena_chunk *next;
  size_t used, size;
  _Alignas(ALIGN) unsigned char data[];
};

static struct arena_chunk *grow(struct arena *arena, size_t size) {
  size_t room = size > CHUNK ? size : CHUNK;
  struct arena_chunk *chunk = calloc(1, sizeof *chunk + room);
  if (chunk == NULL) {
    fputs("ridge: out of memory\n", stderr);
    abort();
  }
  chunk->size = room;
  chunk->next = arena->head;
  arena->head = chunk;
  return chunk;
}

void *arena_alloc(struct arena *arena, size_t size) {
  size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
  if (rounded < size) abort();
  struct arena_chunk *chunk = arena->head;
  if (chunk == NULL || chunk->size - chunk->used < rounded) chunk = grow(arena, rounded);
  void *at = chunk->data + chunk->used;
  chunk->used += rounded;
  arena->bytes += rounded;
  return at;
}

void *arena_array(struct arena *arena, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) abort();
  return arena_alloc(arena, total);
}

char *arena_bytes(struct arena *arena, const void *data, size_t size) {
  char *copy = arena_alloc(arena, size + 1);
  if (size > 0) memcpy(copy, data, size);
  return copy;
}

char *arena_text(struct arena *arena, const char *text) {
  return text == NULL ? NULL : arena_bytes(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  char *text = arena_alloc(arena, (size_t)(n < 0 ? 0 : n) + 1);
  if (n > 0) vsnprintf(text, (size_t)n + 1, fmt, again);
  va_end(again);
  return text;
}

void arena_free(struct arena *arena) {
  while (arena->head != NULL) {
    struct arena_chunk *next = arena->head->next;
    free(arena->head);
    arena->head = next;
  }
  arena->bytes = 0;
}
