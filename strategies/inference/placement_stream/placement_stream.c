/*
 * placement.stream - keep of the weights what a memory budget holds, and read the rest
 * from disk at every step, ahead of its use.
 *
 * As in the block schedule of FlexGen (arXiv 2303.06865, sec. 4) the order of use is
 * known, so the next weights come while the present ones compute.  With P bytes that
 * must stay, W that may go, a budget M and a ring of r bytes,
 *     resident = M - P - r,   read in each step = W - resident,
 * and a step takes max(compute, read / bandwidth) if reading never pauses.  So the
 * resident weights are spread evenly among the streamed ones: the disk then works all
 * through the step, not only behind the last resident weight.  Exact, because the same
 * numbers are multiplied.  Does not move the cache or activations.
 */
#include <ridge/seam/placement.h>

struct stream_params {
  int64_t budget;
};

enum { BYTES_STREAMED, READS };
enum { WAIT_TIME, STEP_BYTES, RESIDENT_BYTES };

/* One weight in use, and two that are being read behind it. */
enum { IN_FLIGHT = 3 };

struct stream {
  const ridge_host *host;
  uint64_t budget, steps, bytes, wait_ns;
};

/* All weights, as the host lists them. */
struct list {
  char *rows;
  int64_t n;
  uint64_t stride;
};

static ridge_placed *row_of(const struct list *list, int64_t i) {
  return (ridge_placed *)(void *)(list->rows + (uint64_t)i * list->stride);
}

static uint64_t bytes_where(const struct list *list, uint32_t pinned, uint32_t stream) {
  uint64_t bytes = 0;
  for (int64_t i = 0; i < list->n; i++) {
    const ridge_placed *w = row_of(list, i);
    if (w->pinned == pinned && w->stream == stream) bytes += w->bytes;
  }
  return bytes;
}

/* The largest streamed weights together: whichever come next to each other fit. */
static uint64_t ring_for(const struct list *list) {
  uint64_t largest[IN_FLIGHT] = {0}, ring = 0;
  for (int64_t i = 0; i < list->n; i++) {
    const ridge_placed *w = row_of(list, i);
    if (w->stream == 0) continue;
    uint64_t bytes = w->bytes;
    for (int k = 0; k < IN_FLIGHT; k++) {
      if (bytes <= largest[k]) continue;
      uint64_t smaller = largest[k];
      largest[k] = bytes;
      bytes = smaller;
    }
  }
  for (int k = 0; k < IN_FLIGHT; k++) ring += largest[k];
  return ring;
}

/* Keep streamed weights up to `room` bytes, spread evenly over the order of use. */
static uint64_t keep_spread(const struct list *list, uint64_t room) {
  uint64_t seen = 0, kept = 0;
  double share = (double)room / (double)bytes_where(list, 0, 1);
  for (int64_t i = 0; i < list->n; i++) {
    ridge_placed *w = row_of(list, i);
    if (w->stream == 0) continue;
    seen += w->bytes;
    if ((double)(kept + w->bytes) > share * (double)seen) continue;
    w->stream = 0;
    kept += w->bytes;
  }
  return kept;
}

/* Then whatever still fits, in order of use. */
static uint64_t keep_rest(const struct list *list, uint64_t room) {
  uint64_t kept = 0;
  for (int64_t i = 0; i < list->n; i++) {
    ridge_placed *w = row_of(list, i);
    if (w->stream == 0 || kept + w->bytes > room) continue;
    w->stream = 0;
    kept += w->bytes;
  }
  return kept;
}

/* Fewer streamed weights need a smaller ring, which leaves room for further ones. */
static void keep_what_fits(const struct list *list, uint64_t budget, uint64_t pinned) {
  for (bool first = true;; first = false) {
    uint64_t used = pinned + bytes_where(list, 0, 0) + ring_for(list);
    if (used >= budget) return;
    uint64_t kept = first ? keep_spread(list, budget - used) : 0;
    kept += keep_rest(list, budget - used - kept);
    if (kept == 0) return;
  }
}

static ridge_status place(void *self, ridge_placed *w, int64_t n, uint64_t stride,
                          uint64_t *ring_bytes) {
  struct stream *stream = self;
  const ridge_host *host = stream->host;
  const struct list list = {(char *)w, n, stride};
  for (int64_t i = 0; i < n; i++) row_of(&list, i)->stream = 0;
  uint64_t all = bytes_where(&list, 0, 0) + bytes_where(&list, 1, 0);
  uint64_t pinned = bytes_where(&list, 1, 0);
  *ring_bytes = 0;
  host->record(host, RESIDENT_BYTES, (double)all);
  if (all <= stream->budget) return RIDGE_OK; /* nothing to do: the evidence will say so */

  for (int64_t i = 0; i < n; i++) row_of(&list, i)->stream = row_of(&list, i)->pinned == 0;
  uint64_t least = pinned + ring_for(&list);
  if (least > stream->budget) {
    return host->fail(
        host, RIDGE_NO_MEMORY,
        "`budget` is %llu bytes; %llu must stay in memory and the ring for the %d "
        "largest weights takes %llu, so at least %llu are needed",
        (unsigned long long)stream->budget, (unsigned long long)pinned, IN_FLIGHT,
        (unsigned long long)(least - pinned), (unsigned long long)least);
  }
  keep_what_fits(&list, stream->budget, pinned);
  *ring_bytes = ring_for(&list);
  host->record(host, RESIDENT_BYTES, (double)(pinned + bytes_where(&list, 0, 0)));
  return RIDGE_OK;
}

static void moved(void *self, uint64_t bytes, uint64_t reads, uint64_t wait_ns) {
  struct stream *stream = self;
  const ridge_host *host = stream->host;
  stream->steps++;
  stream->bytes += bytes;
  stream->wait_ns += wait_ns;
  if (bytes > 0) host->count(host, BYTES_STREAMED, bytes);
  if (reads > 0) host->count(host, READS, reads);
  host->record(host, WAIT_TIME, (double)stream->wait_ns / 1e9);
  host->record(host, STEP_BYTES, (double)stream->bytes / (double)stream->steps);
}

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  struct stream *stream = host->alloc(host, sizeof *stream, _Alignof(struct stream));
  if (stream == NULL)
    return host->fail(host, RIDGE_NO_MEMORY, "no memory for the instance");
  stream->host = host;
  stream->budget = (uint64_t)((const struct stream_params *)params)->budget;
  *self = stream;
  return RIDGE_OK;
}

/* ---- description ---- */

static const ridge_param params[] = {
    RIDGE_INT(
        struct stream_params, budget, 0, 1, INT64_C(1) << 50, "byte",
        RIDGE_REQUIRED | RIDGE_SWEEPABLE | RIDGE_LOG_SCALE,
        "Memory for weights, the ring of those on their way included: less memory, more "
        "bytes to read in every step."),
};

static const ridge_placement placement = {
    .struct_size = sizeof(ridge_placement), .place = place, .moved = moved};

static const ridge_fill fills[] = {{.seam = RIDGE_SEAM_PLACEMENT, .table = &placement}};

static const ridge_evidence evidence[] = {
    [BYTES_STREAMED] = {"bytes streamed", "byte", "Bytes of weights read while running.",
                        1},
    [READS] = {"reads", "read", "Reads that brought them.", 0},
};

static const ridge_metric metrics[] = {
    [WAIT_TIME] = {"wait", "second", "Time that computing stood still for a read.", -1},
    [STEP_BYTES] = {"step_bytes", "byte", "Bytes read for a step, as a mean.", -1},
    [RESIDENT_BYTES] = {"resident_bytes", "byte", "Weights that stayed in memory.", 0},
};

static const ridge_claim claims[] = {
    {.id = "offload-capacity",
     .statement = "a model twice the size of the memory runs from flash",
     .metric = "peak_rss_bytes",
     .conditions = "budget = half of the weights; speed is bound by the disk",
     .source = "arXiv:2312.11514, abstract",
     .ratio_lo = 0.5,
     .ratio_hi = 0.8},
};

static const ridge_plugin plugin = {
    .struct_size = sizeof(ridge_plugin),
    .abi_minor = RIDGE_ABI_MINOR,
    .kind = RIDGE_STRATEGY,
    .phases = RIDGE_INFER | RIDGE_SERVE,
    .effect = RIDGE_EXACT,
    .id = "placement.stream",
    .technique = "flexgen",
    .version = "1.0.0",
    .summary = "weights beyond a memory budget come from disk at every step",
    .doc =
        "Keeps at most `budget` bytes of weights in memory and reads the others ahead of "
        "their "
        "use, in every step.\n\n"
        "*When*: the model does not fit; prompts and large batches, which use each weight "
        "read for many rows.\n\n"
        "*When not*: the model fits: then each token waits for the disk for nothing.\n",
    .license = "Apache-2.0",
    .source = "arXiv:2303.06865",
    .params = RIDGE_ROWS(params),
    .fills = RIDGE_ROWS(fills),
    .evidence = RIDGE_ROWS(evidence),
    .metrics = RIDGE_ROWS(metrics),
    .claims = RIDGE_ROWS(claims),
    .params_size = sizeof(struct stream_params),
    .create = create,
};

RIDGE_EXPORT const ridge_plugin *ridge_plugin_v1(void) { return &plugin; }
