/*
 * roofline_tables.c - shapes and devices that roofline.c can be asked about.
 *
 * Devices: the table of LLM Inference Unveiled (arXiv 2402.16363), dense FP16 and INT8
 * peaks; the V100's INT8 figure is as printed there.
 */
#include "graph/roofline.h"

#include <string.h>

static const struct roofline_shape shapes[] = {
    {"llama-2-7b", 4096, 32, 32, 32, 11008, 32000, false},
    {"llama-2-13b", 5120, 40, 40, 40, 13824, 32000, false},
    {"llama-2-70b", 8192, 80, 64, 8, 28672, 32000, false},
    {"llama-3-8b", 4096, 32, 32, 8, 14336, 128256, false},
    {"tinyllama-1.1b", 2048, 22, 32, 4, 5632, 32000, false},
    {"llama-160m", 768, 12, 12, 12, 3072, 32000, false},
    {"smollm2-135m", 576, 30, 9, 3, 1536, 49152, true},
    {"stories15m", 288, 6, 6, 6, 768, 32000, true},
};

#define GB 1e9
#define T  1e12
#define MB 1e6
static const struct roofline_device devices[] = {
    {"v100", 900 * GB, 112 * T, 62 * T, 20.5 * MB},
    {"a6000", 768 * GB, 154.84 * T, 309.7 * T, 21.5 * MB},
    {"a40", 696 * GB, 149.7 * T, 299.3 * T, 21.5 * MB},
    {"a100-40g", 1555 * GB, 312 * T, 624 * T, 27.6 * MB},
    {"a100-80g", 2039 * GB, 312 * T, 624 * T, 27.6 * MB},
    {"a800-80g", 2039 * GB, 312 * T, 624 * T, 27.6 * MB},
    {"l40", 864 * GB, 181 * T, 362 * T, 36.4 * MB},
    {"h100-pcie", 2048 * GB, 756.5 * T, 1513 * T, 29.2 * MB},
    {"h100-sxm", 3072 * GB, 989.5 * T, 1979 * T, 33.8 * MB},
    {"i9-13900k", 89.6 * GB, 1.38 * T, 0, 36 * MB},
};

const struct roofline_shape *roofline_shapes(size_t *n) {
  *n = sizeof shapes / sizeof *shapes;
  return shapes;
}

const struct roofline_device *roofline_devices(size_t *n) {
  *n = sizeof devices / sizeof *devices;
  return devices;
}

const struct roofline_shape *roofline_shape_find(const char *name) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (strcmp(shapes[i].name, name) == 0) return &shapes[i];
  return NULL;
}

const struct roofline_device *roofline_device_find(const char *name) {
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (strcmp(devices[i].name, name) == 0) return &devices[i];
  return NULL;
}
