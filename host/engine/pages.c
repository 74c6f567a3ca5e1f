/* pages.c - pieces of large mappings on huge pages. */
#include "engine/pages.h"

#include <sys/mman.h>

#define HUGE ((uint64_t)2 << 20)

enum { MOST_CHUNKS = sizeof((struct pages *)0)->chunks / sizeof(struct pages_chunk) };

static uint64_t whole_pages(uint64_t bytes) { return (bytes + HUGE - 1) & ~(HUGE - 1); }

/* `size` bytes (a multiple of HUGE) at a multiple of HUGE. */
static uint8_t *map_aligned(uint64_t size) {
  uint8_t *data = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return NULL;
  uint64_t skip = whole_pages((uintptr_t)data) - (uintptr_t)data;
  if (skip > 0) munmap(data, skip);
  if (skip < HUGE) munmap(data + skip + size, HUGE - skip);
  madvise(data + skip, size, MADV_HUGEPAGE); /* advice: small pages work too */
  return data + skip;
}

/* Another chunk: what is expected, or twice the last, so that there are never many. */
static struct pages_chunk *chunk_add(struct pages *pages, uint64_t bytes) {
  if (pages->n == MOST_CHUNKS) return NULL;
  uint64_t size = bytes, twice = pages->n > 0 ? 2 * pages->chunks[pages->n - 1].size : 0;
  if (size < pages->expected) size = pages->expected;
  if (size < twice) size = twice;
  struct pages_chunk *chunk = &pages->chunks[pages->n];
  *chunk = (struct pages_chunk){.size = whole_pages(size)};
  chunk->data = map_aligned(chunk->size);
  if (chunk->data == NULL) return NULL;
  pages->n++;
  return chunk;
}

void pages_expect(struct pages *pages, uint64_t bytes) { pages->expected += bytes + 127; }

void *pages_take(struct pages *pages, uint64_t bytes) {
  if (bytes > (uint64_t)1 << 62) return NULL;
  uint64_t need = (bytes + 127) & ~(uint64_t)63;
  struct pages_chunk *chunk = pages->n > 0 ? &pages->chunks[pages->n - 1] : NULL;
  if (chunk == NULL || chunk->size - chunk->used < need) chunk = chunk_add(pages, need);
  if (chunk == NULL) return NULL;
  void *data = chunk->data + chunk->used;
  chunk->used += need;
  pages->expected -= pages->expected < need ? pages->expected : need;
  return data;
}

void pages_free(struct pages *pages) {
  for (int i = 0; i < pages->n; i++) munmap(pages->chunks[i].data, pages->chunks[i].size);
  *pages = (struct pages){0};
}
