/*
 * check_format.c - a model format against files that are none, or damaged.
 *
 * Files end where a page without access begins, so that a length taken on trust is a
 * crash, and the crash is the finding.
 */
#include "plugins/conformance/rig.h"

#include "base/philox.h"

#include <inttypes.h>
#include <ridge/format.h>
#include <string.h>

enum { FILE_MOST = 512, ROUNDS = 400 };

struct trial {
  struct rig *rig;
  const ridge_format *format;
  struct finding *finding;
  int refused, taken;
};

/* Beside the file lies one other, the same bytes again under any name that begins with
 * "m"; every other name is free. */
static ridge_status map_again(const ridge_folder *folder, const char *name,
                              ridge_bytes *out, uint32_t *number) {
  if (name[0] != 'm') return RIDGE_DECLINED;
  *out = folder->file;
  *number = 1;
  return RIDGE_OK;
}

static void try_open(struct trial *t, const uint8_t *bytes, uint64_t size) {
  ridge_model_file out = {.struct_size = sizeof out};
  char said[1024];
  struct instance *instance = t->rig->instance;
  instance->said[0] = 0;
  const ridge_folder folder = {.struct_size = sizeof folder,
                               .path = "model.bin",
                               .name = "model.bin",
                               .file = {bytes, size},
                               .map = map_again};
  ridge_status status = t->format->open(&instance->host, &folder, &out);
  if (status == RIDGE_OK) {
    t->format->close(&out);
    t->taken++;
    return;
  }
  memcpy(said, instance->said, sizeof said);
  t->refused++;
  if (said[0] == 0)
    finding_fail(t->finding,
                 "a damaged file of %" PRIu64 " bytes is refused (%s) without a "
                 "sentence; say through host->fail what is wrong and where",
                 size, status_text(status));
}

static void try_bytes(struct trial *t, const uint8_t *bytes, uint64_t size) {
  uint8_t *guarded = guarded_new(size);
  /* The end of the file lies at the guard, whatever its length is a multiple of. */
  uint8_t *at = guarded + ((16 - size % 16) % 16);
  memcpy(at, bytes, size);
  bool first = t->format->probe(at, size), second = t->format->probe(at, size);
  if (first != second)
    finding_fail(t->finding, "`probe` gives two answers about the same bytes");
  if (memcmp(at, bytes, size) != 0) finding_fail(t->finding, "`probe` writes to the file");
  try_open(t, at, size);
  guarded_free(guarded, size);
}

/* Random bytes behind marks that formats begin with, and small numbers among them. */
static uint64_t make_file(uint8_t *to, int round) {
  static const char *const marks[] = {"", "GGUF", "\x93NUMPY", "{\"", "PK\x03\x04", "ggml"};
  uint64_t size = 0;
  for (uint64_t i = 0; i < FILE_MOST; i += 16) {
    uint32_t words[4];
    philox(99, (uint64_t)round, i, words);
    for (int k = 0; k < 4; k++)
      if (words[k] % 3 != 0)
        words[k] = words[(k + 1) % 4] % 5; /* versions, counts, types */
    memcpy(to + i, words, sizeof words);
    if (i == 0) size = words[0] % FILE_MOST;
  }
  const char *mark = marks[round % 6];
  memcpy(to, mark, strlen(mark));
  return round % 7 == 0 ? size : FILE_MOST - (uint64_t)round % 64;
}

void check_format(struct vetting *v, struct finding *finding) {
  struct rig rig;
  uint8_t bytes[FILE_MOST + 16];
  if (!rig_ready(&rig, v, finding)) return;
  struct trial t = {&rig, rig_table(&rig, RIDGE_SEAM_FORMAT), finding, 0, 0};
  (void)t.format->probe(bytes, 0);
  for (int round = 0; round < ROUNDS && finding->verdict == VERDICT_OK; round++) {
    uint64_t size = make_file(bytes, round);
    try_bytes(&t, bytes, size);
  }
  uint64_t left = atomic_load(&rig.instance->bytes);
  finding_note(finding, "%d made files refused, %d taken", t.refused, t.taken);
  if (left > 1 << 16)
    finding_fail(finding,
                 "%" PRIu64 " bytes are still held after %d files were refused or closed",
                 left, ROUNDS);
  rig_close(&rig);
}
