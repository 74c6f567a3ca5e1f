/* stream.c - weights that come from disk by a ring, ahead of their use. */
#include "engine/stream.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGN = 4096 };

struct stream_item {
  int fd;
  uint64_t offset, bytes, at; /* at: place in the ring */
};

struct stream {
  struct stream_item *items;
  uint64_t n, room;
  int own_fd;
  uint64_t own_bytes;
  uint8_t *ring;
  uint64_t ring_bytes, head; /* head: where the next item goes, the I/O thread's */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Items read and items given back since the start; item k of round r has number
   * r * n + k. */
  _Atomic uint64_t loaded, given;
  _Atomic bool ending, failed;
  int error;
  _Atomic uint64_t bytes, reads, wait_ns;
  bool started;
};

static uint64_t rounded(uint64_t bytes) {
  return (bytes + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

ridge_status stream_new(uint64_t ring_bytes, struct stream **out, struct why *why) {
  struct stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory to stream weights");
  stream->own_fd = -1;
  /* One page an item is lost to alignment, at most two items are in flight at least. */
  stream->ring_bytes = rounded(ring_bytes) + 4 * ALIGN;
  stream->ring = mmap(NULL, stream->ring_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stream->ring == MAP_FAILED) {
    free(stream);
    return why_set(why, RIDGE_NO_MEMORY, "no memory for a ring of %llu MiB",
                   (unsigned long long)(ring_bytes >> 20));
  }
  pthread_mutex_init(&stream->lock, NULL);
  pthread_cond_init(&stream->changed, NULL);
  *out = stream;
  return RIDGE_OK;
}

/* A file without a name: it goes when the process does, however it ends. */
static ridge_status open_own(struct stream *stream, struct why *why) {
  const char *const places[] = {"/var/tmp", "/tmp"};
  for (size_t i = 0; i < 2 && stream->own_fd < 0; i++)
    stream->own_fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (stream->own_fd >= 0) return RIDGE_OK;
  return why_set(why, RIDGE_IO,
                 "no file for packed weights can be made in /var/tmp or /tmp: %s",
                 strerror(errno));
}

static ridge_status write_own(struct stream *stream, const uint8_t *bytes, uint64_t size,
                              struct why *why) {
  for (uint64_t done = 0; done < size;) {
    ssize_t n = pwrite(stream->own_fd, bytes + done, size - done,
                       (off_t)(stream->own_bytes + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return why_set(
          why, RIDGE_IO, "writing packed weights to /var/tmp failed after %llu MiB: %s",
          (unsigned long long)((stream->own_bytes + done) >> 20), strerror(errno));
    done += (uint64_t)n;
  }
  return RIDGE_OK;
}

ridge_status stream_add(struct stream *stream, int fd, uint64_t offset, const void *bytes,
                        uint64_t size, struct why *why) {
  ridge_status status = RIDGE_OK;
  if (fd < 0) {
    if (stream->own_fd < 0) status = open_own(stream, why);
    if (status == RIDGE_OK) status = write_own(stream, bytes, size, why);
    if (status != RIDGE_OK) return status;
    fd = stream->own_fd;
    offset = stream->own_bytes;
    stream->own_bytes += rounded(size);
  }
  if (rounded(size) + ALIGN > stream->ring_bytes)
    return why_set(why, RIDGE_INVALID,
                   "a weight of %llu bytes does not fit into the ring of %llu",
                   (unsigned long long)size, (unsigned long long)stream->ring_bytes);
  if (stream->n == stream->room) {
    uint64_t room = stream->room == 0 ? 64 : stream->room * 2;
    struct stream_item *items = realloc(stream->items, room * sizeof *items);
    if (items == NULL) return why_set(why, RIDGE_NO_MEMORY, "no memory to stream weights");
    stream->items = items;
    stream->room = room;
  }
  stream->items[stream->n++] =
      (struct stream_item){.fd = fd, .offset = offset, .bytes = size};
  return RIDGE_OK;
}

/* --- the I/O thread ------------------------------------------------------------------ */

/* Is there room for the item now?  Live items lie between the oldest and head. */
static bool find_place(struct stream *stream, uint64_t number, uint64_t *at) {
  uint64_t given = atomic_load(&stream->given);
  uint64_t size = rounded(stream->items[number % stream->n].bytes);
  if (number >= given + stream->n) return false; /* its last round is still in use */
  if (number == given) {                         /* nothing is live */
    *at = 0;
    return true;
  }
  uint64_t tail = stream->items[given % stream->n].at;
  if (stream->head > tail && stream->head + size <= stream->ring_bytes)
    *at = stream->head;
  else if (stream->head > tail && size < tail)
    *at = 0;
  else if (stream->head <= tail && stream->head + size < tail)
    *at = stream->head;
  else
    return false;
  return true;
}

static bool read_item(struct stream *stream, struct stream_item *item) {
  uint8_t *to = stream->ring + item->at;
  for (uint64_t done = 0; done < item->bytes;) {
    ssize_t n =
        pread(item->fd, to + done, item->bytes - done, (off_t)(item->offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      stream->error = n == 0 ? ENODATA : errno;
      return false;
    }
    done += (uint64_t)n;
    atomic_fetch_add(&stream->reads, 1);
  }
  atomic_fetch_add(&stream->bytes, item->bytes);
  return true;
}

static void announce(struct stream *stream) {
  pthread_mutex_lock(&stream->lock);
  pthread_cond_broadcast(&stream->changed);
  pthread_mutex_unlock(&stream->lock);
}

static void *read_ahead(void *arg) {
  struct stream *stream = arg;
  for (uint64_t number = 0;; number++) {
    uint64_t at = 0;
    pthread_mutex_lock(&stream->lock);
    while (!stream->ending && !find_place(stream, number, &at))
      pthread_cond_wait(&stream->changed, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    if (stream->ending) return NULL;
    struct stream_item *item = &stream->items[number % stream->n];
    item->at = at;
    stream->head = at + rounded(item->bytes);
    if (!read_item(stream, item)) {
      stream->failed = true;
      announce(stream);
      return NULL;
    }
    atomic_store(&stream->loaded, number + 1);
    announce(stream);
  }
}

ridge_status stream_start(struct stream *stream, struct why *why) {
  if (stream->n == 0) return RIDGE_OK;
  if (pthread_create(&stream->thread, NULL, read_ahead, stream) != 0)
    return why_set(why, RIDGE_NO_MEMORY,
                   "the thread that reads weights could not be started");
  stream->started = true;
  return RIDGE_OK;
}

/* --- the compute threads -------------------------------------------------------------- */

const void *stream_take(struct stream *stream, uint64_t round, uint64_t index,
                        bool count_wait) {
  uint64_t number = round * stream->n + index;
  if (atomic_load(&stream->loaded) <= number) {
    uint64_t start = clock_ns();
    pthread_mutex_lock(&stream->lock);
    while (atomic_load(&stream->loaded) <= number && !stream->failed)
      pthread_cond_wait(&stream->changed, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    if (count_wait) atomic_fetch_add(&stream->wait_ns, clock_ns() - start);
  }
  if (atomic_load(&stream->loaded) <= number) return NULL;
  return stream->ring + stream->items[index].at;
}

void stream_give(struct stream *stream, uint64_t round, uint64_t index) {
  atomic_store(&stream->given, round * stream->n + index + 1);
  announce(stream);
}

struct stream_totals stream_totals(struct stream *stream) {
  return (struct stream_totals){
      .bytes = atomic_exchange(&stream->bytes, 0),
      .reads = atomic_exchange(&stream->reads, 0),
      .wait_ns = atomic_exchange(&stream->wait_ns, 0),
  };
}

bool stream_failed(const struct stream *stream, struct why *why) {
  if (!atomic_load(&stream->failed)) return false;
  why_set(why, RIDGE_IO, "reading streamed weights failed: %s",
          stream->error == ENODATA ? "the file became shorter" : strerror(stream->error));
  return true;
}

void stream_free(struct stream *stream) {
  if (stream == NULL) return;
  stream->ending = true;
  announce(stream);
  if (stream->started) pthread_join(stream->thread, NULL);
  if (stream->own_fd >= 0) close(stream->own_fd);
  munmap(stream->ring, stream->ring_bytes);
  pthread_mutex_destroy(&stream->lock);
  pthread_cond_destroy(&stream->changed);
  free(stream->items);
  free(stream);
}
