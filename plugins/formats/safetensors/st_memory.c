/*
 * st_memory.c - memory of one opened model, taken from the host in chunks.
 */
#include "st_parts.h"

#include <string.h>

#define CHUNK_BYTES 65536u
#define ALIGN       64u

struct st_chunk {
  struct st_chunk *next;
  uint64_t used, room;
};
_Static_assert(sizeof(struct st_chunk) <= ALIGN, "the head fits its place");

static struct st_chunk *chunk_new(struct st_arena *arena, uint64_t room) {
  uint64_t total;
  if (__builtin_add_overflow(room, ALIGN, &total) || total > SIZE_MAX / 2) return NULL;
  struct st_chunk *chunk = arena->host->alloc(arena->host, (size_t)total, ALIGN);
  if (chunk == NULL) return NULL;
  *chunk = (struct st_chunk){.room = room, .next = arena->chunks};
  /* A large one is full at once; the one in use stays first. */
  if (arena->chunks != NULL && room > CHUNK_BYTES) {
    chunk->next = arena->chunks->next;
    arena->chunks->next = chunk;
  } else {
    arena->chunks = chunk;
  }
  return chunk;
}

void *st_alloc(struct st_arena *arena, uint64_t count, uint64_t size) {
  uint64_t bytes, padded;
  uint64_t align = count > 1 && size >= 16 ? 16 : 8;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  if (bytes >= 4096) align = ALIGN;
  if (__builtin_add_overflow(bytes, align, &padded)) return NULL;
  padded = padded / align * align;
  struct st_chunk *chunk = arena->chunks;
  uint64_t start = 0;
  if (chunk != NULL) start = (chunk->used + align - 1) / align * align;
  if (chunk == NULL || start > chunk->room || padded > chunk->room - start) {
    chunk = chunk_new(arena, padded > CHUNK_BYTES ? padded : CHUNK_BYTES);
    start = 0;
  }
  if (chunk == NULL) return NULL;
  chunk->used = start + padded;
  return (uint8_t *)chunk + ALIGN + start;
}

void st_arena_free(struct st_arena *arena) {
  while (arena->chunks != NULL) {
    struct st_chunk *chunk = arena->chunks;
    arena->chunks = chunk->next;
    arena->host->free(arena->host, chunk);
  }
}

void *st_push(const ridge_host *host, struct st_list *list) {
  if (list->n == list->room) {
    uint64_t room = list->room == 0 ? 64 : 2 * list->room, bytes;
    if (__builtin_mul_overflow(room, list->size, &bytes) || bytes > SIZE_MAX / 2)
      return NULL;
    uint8_t *data = host->alloc(host, (size_t)bytes, ALIGN);
    if (data == NULL) return NULL;
    if (list->n > 0) memcpy(data, list->data, (size_t)(list->n * list->size));
    host->free(host, list->data);
    list->data = data;
    list->room = room;
  }
  void *at = list->data + list->n++ * list->size;
  memset(at, 0, (size_t)list->size);
  return at;
}

void st_drop(const ridge_host *host, struct st_list *list) {
  host->free(host, list->data);
  list->data = NULL;
  list->n = list->room = 0;
}
