/*
 * gguf_memory.c - memory of one opened file, taken from the host in chunks.
 */
#include "gguf_parts.h"

#define CHUNK_BYTES 65536u
#define ALIGN       16u

struct gguf_chunk {
  struct gguf_chunk *next;
  uint64_t used, room;
};
_Static_assert(sizeof(struct gguf_chunk) <= 2 * ALIGN, "the head fits its place");
#define HEAD_BYTES (2 * ALIGN)

static struct gguf_chunk *chunk_new(struct gguf_arena *arena, uint64_t room) {
  uint64_t total;
  if (__builtin_add_overflow(room, HEAD_BYTES, &total) || total > SIZE_MAX / 2) return NULL;
  struct gguf_chunk *chunk = arena->host->alloc(arena->host, (size_t)total, ALIGN);
  if (chunk == NULL) return NULL;
  *chunk = (struct gguf_chunk){.room = room, .next = arena->chunks};
  arena->chunks = chunk;
  return chunk;
}

void *gguf_alloc(struct gguf_arena *arena, uint64_t count, uint64_t size) {
  uint64_t bytes, padded;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  if (__builtin_add_overflow(bytes, ALIGN - 1, &padded)) return NULL;
  padded = padded / ALIGN * ALIGN;
  struct gguf_chunk *chunk = arena->chunks;
  if (chunk == NULL || padded > chunk->room - chunk->used)
    chunk = chunk_new(arena, padded > CHUNK_BYTES ? padded : CHUNK_BYTES);
  if (chunk == NULL) return NULL;
  void *at = (uint8_t *)chunk + HEAD_BYTES + chunk->used;
  chunk->used += padded;
  return at;
}

void gguf_arena_free(struct gguf_arena *arena) {
  while (arena->chunks != NULL) {
    struct gguf_chunk *chunk = arena->chunks;
    arena->chunks = chunk->next;
    arena->host->free(arena->host, chunk);
  }
}
