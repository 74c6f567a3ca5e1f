/* check_codec.c - a codec against itself: rows of every kind, at every alignment. */
#include "plugins/conformance/rig.h"

#include <math.h>
#include <ridge/codec.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MOST = 5, ROW_KINDS = 9 };

struct row {
  int64_t n;
  size_t bytes;
  float *plain, *once, *twice;            /* (n) */
  unsigned char *coded, *again;           /* (bytes) */
  unsigned char *coded_room, *again_room; /* what coded and again lie in */
};

static float *floats_new(int64_t n) { return guarded_new((size_t)n * sizeof(float)); }
static void floats_free(float *at, int64_t n) {
  guarded_free(at, (size_t)n * sizeof(float));
}

/* `skew` moves the bytes off any alignment; they end at the guard when it is 0. */
static struct row row_new(const ridge_codec *codec, int64_t blocks, size_t skew) {
  struct row row = {.n = blocks * codec->block,
                    .bytes = (size_t)blocks * codec->block_bytes};
  row.plain = floats_new(row.n);
  row.once = floats_new(row.n);
  row.twice = floats_new(row.n);
  row.coded_room = guarded_new(row.bytes + skew);
  row.again_room = guarded_new(row.bytes + skew);
  row.coded = row.coded_room + skew;
  row.again = row.again_room + skew;
  return row;
}

static void row_free(struct row *row, size_t skew) {
  floats_free(row->plain, row->n);
  floats_free(row->once, row->n);
  floats_free(row->twice, row->n);
  guarded_free(row->coded_room, row->bytes + skew);
  guarded_free(row->again_room, row->bytes + skew);
}

/* Rows that a model may have. */
static const char *fill(float *to, int64_t n, int kind) {
  static const char *const names[ROW_KINDS] = {
      "zeros",         "ones",        "about normal numbers",
      "a ramp",        "one outlier", "tiny numbers",
      "large numbers", "minus ones",  "signs in turn"};
  rig_numbers(to, (size_t)n, (uint64_t)kind);
  for (int64_t i = 0; i < n; i++) {
    switch (kind) {
    case 0: to[i] = 0; break;
    case 1: to[i] = 1; break;
    case 3: to[i] = (float)i / (float)n - 0.5f; break;
    case 4: to[i] = i == n / 2 ? -40.0f : to[i] * 0.01f; break;
    case 5: to[i] *= 1e-6f; break;
    case 6: to[i] *= 300.0f; break;
    case 7: to[i] = -1; break;
    case 8: to[i] = i % 2 == 0 ? 0.5f : -0.5f; break;
    }
  }
  return names[kind];
}

static float largest(const float *x, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; i++)
    if (fabsf(x[i]) > most) most = fabsf(x[i]);
  return most;
}

/* The least distance between two values of a decoded row: its quantization step. */
static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static float step_of(const float *x, int64_t n) {
  float *sorted = malloc((size_t)n * sizeof *sorted), step = INFINITY;
  if (sorted == NULL) abort();
  memcpy(sorted, x, (size_t)n * sizeof *sorted);
  qsort(sorted, (size_t)n, sizeof *sorted, by_value);
  for (int64_t i = 1; i < n; i++)
    if (sorted[i] > sorted[i - 1] && sorted[i] - sorted[i - 1] < step)
      step = sorted[i] - sorted[i - 1];
  free(sorted);
  return step;
}

/* Each value within half a step of what it was? */
static bool is_near(const struct row *row, int64_t block) {
  for (int64_t at = 0; at < row->n; at += block) {
    float half = 0.5f * step_of(row->once + at, block);
    for (int64_t i = at; i < at + block; i++)
      if (fabsf(row->once[i] - row->plain[i]) > half * 1.001f) return false;
  }
  return true;
}

/* Of an encoder that searches nothing more can be said than that a second trip goes less
 * far than the first: it may end at another way to say nearly the same. */
static float distance(const float *a, const float *b, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sqrtf(sum / (float)n);
}

static bool is_settled(const struct row *row, float most) {
  const float moved = distance(row->once, row->twice, row->n);
  return moved <= 0.8f * distance(row->plain, row->once, row->n) + 1e-3f * most;
}

static void judge(const ridge_codec *codec, const struct row *row, const char *kind,
                  struct finding *finding) {
  for (int64_t i = 0; i < row->n; i++) {
    if (!isfinite(row->once[i])) {
      finding_fail(finding, "%s: %s become %g at element %lld", codec->name, kind,
                   (double)row->once[i], (long long)i);
      return;
    }
  }
  float most = largest(row->plain, row->n), off = 0;
  for (int64_t i = 0; i < row->n; i++)
    if (fabsf(row->once[i] - row->plain[i]) > off)
      off = fabsf(row->once[i] - row->plain[i]);
  /* Worse than storing zeros; a search may be so for one number, never by much. */
  if (off > (codec->encode_weighted != NULL ? 1.5f * most : most))
    finding_fail(finding, "%s: %s come back off by %g; the largest of them is %g",
                 codec->name, kind, (double)off, (double)most);
  bool stable = memcmp(row->coded, row->again, row->bytes) == 0;
  stable = stable || (codec->encode_weighted != NULL ? is_settled(row, most)
                                                     : is_near(row, codec->block));
  if (!stable)
    finding_fail(finding, "%s: %s change when they are encoded a second time, and %s",
                 codec->name, kind,
                 codec->encode_weighted != NULL
                     ? "by more than four fifths of the first change"
                     : "are more than half a step off");
}

static void round_trip(const ridge_codec *codec, struct row *row, int kind,
                       struct finding *finding) {
  const char *name = fill(row->plain, row->n, kind);
  memset(row->coded, 0xa5, row->bytes);
  memset(row->once, 0xff,
         (size_t)row->n * sizeof *row->once); /* NaN where nothing is written */
  codec->encode(row->plain, row->coded, row->n);
  codec->decode(row->coded, row->once, row->n);
  codec->encode(row->once, row->again, row->n);
  codec->decode(row->again, row->twice, row->n);
  judge(codec, row, name, finding);
}

/* Any importance that is allowed, also none at all, gives numbers. */
static void weigh_all(const ridge_codec *codec, struct row *row, struct finding *finding) {
  fill(row->plain, row->n, 2);
  for (int round = 0; round < 2; round++) {
    for (int64_t i = 0; i < row->n; i++)
      row->twice[i] = round == 0 ? 0.0f : (float)(i % 7) * 0.25f;
    codec->encode_weighted(row->plain, row->twice, row->coded, row->n);
    codec->decode(row->coded, row->once, row->n);
    for (int64_t i = 0; i < row->n; i++)
      if (!isfinite(row->once[i])) {
        finding_fail(finding, "%s: encoded by importance, element %lld becomes %g",
                     codec->name, (long long)i, (double)row->once[i]);
        return;
      }
  }
}

/* Bytes out of a damaged file: decoding them twice is the same, and stays inside. */
static void decode_rubbish(const ridge_codec *codec, struct row *row,
                           struct finding *finding) {
  size_t bytes = (size_t)row->n * sizeof *row->once;
  for (int round = 0; round < 8; round++) {
    for (size_t i = 0; i < row->bytes; i++)
      row->coded[i] = (unsigned char)((i * 131 + (size_t)round * 77) ^ (i >> 3));
    memset(row->once, 0, bytes);
    memset(row->twice, 0xff, bytes);
    codec->decode(row->coded, row->once, row->n);
    codec->decode(row->coded, row->twice, row->n);
    if (memcmp(row->once, row->twice, bytes) != 0)
      finding_fail(finding,
                   "%s: the same bytes were decoded in two ways, or not all of them",
                   codec->name);
  }
}

static void check_one(const ridge_codec *codec, struct finding *finding) {
  for (size_t skew = 0; skew < 4; skew++)
    for (int64_t blocks = 1; blocks <= BLOCKS_MOST && finding->verdict == VERDICT_OK;
         blocks++) {
      struct row row = row_new(codec, blocks, skew);
      decode_rubbish(codec, &row, finding);
      for (int kind = 0; kind < ROW_KINDS && codec->encode != NULL; kind++)
        round_trip(codec, &row, kind, finding);
      if (codec->encode_weighted != NULL) weigh_all(codec, &row, finding);
      row_free(&row, skew);
    }
}

void check_codec(struct vetting *v, struct finding *finding) {
  const ridge_table *fills = &v->plugin->fills;
  int codecs = 0, readers = 0;
  for (size_t i = 0; i < fills->count; i++) {
    const void *row = (const char *)fills->rows + i * fills->stride;
    const ridge_fill *one = row;
    if (strcmp(one->seam, RIDGE_SEAM_CODEC) != 0) continue;
    const ridge_codec *codec = one->table;
    codecs++;
    readers += codec->encode == NULL;
    check_one(codec, finding);
  }
  finding_note(finding, "%d codecs, %d of them only read", codecs, readers);
}
