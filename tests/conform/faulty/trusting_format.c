/* trusting_format.c - believes a length that stands in the file. */
#include "../bad/bad.h"

#include <ridge/format.h>
#include <string.h>

static bool probe(const uint8_t *head, uint64_t size) {
  return size >= 4 && memcmp(head, "GGUF", 4) == 0;
}

static ridge_status open(const ridge_host *host, const ridge_folder *folder,
                         ridge_model_file *out) {
  ridge_bytes file = folder->file;
  uint32_t n, sum = 0;
  (void)out;
  if (file.size < 8) return host->fail(host, RIDGE_CORRUPT, "it is too short");
  memcpy(&n, file.data + 4, sizeof n);
  for (uint32_t i = 0; i < n % (1u << 20); i++)
    sum += ((const volatile uint8_t *)file.data)[i];
  return host->fail(host, RIDGE_CORRUPT, "its sum is %u", sum);
}

static void close(ridge_model_file *file) { (void)file; }

static const ridge_format table = {sizeof table, probe, open, close,
                                   NULL,         NULL,  NULL, NULL};
static const ridge_fill fills[] = {
    {.seam = RIDGE_SEAM_FORMAT, .table = &table, .key = "sum"}};

BAD_PLUGIN("faulty.trusting_format", p->fills = (ridge_table)RIDGE_ROWS(fills);)
