/*
 * features.c - what the CPU can do and the system lets programs use.
 *
 * A bit of cpuid says what the silicon can do; a vector unit is usable only if the
 * system also saves its registers, which xgetbv tells (Intel SDM vol. 1, 13.3 and
 * 14.3).  Names are those of gcc's -m options.
 */
#include "machine/features.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };
/* Register state the system must save: XCR0 bits. */
enum { SSE_STATE = 0, AVX_STATE = 0x6, AVX512_STATE = 0xe6, AMX_STATE = 0x60000 };

struct feature {
  const char *name;
  uint32_t leaf, subleaf;
  int reg, bit;
  uint64_t state;
};

static const struct feature features[] = {
    /* sorted by name */
    {"amx-bf16", 7, 0, EDX, 22, AMX_STATE},
    {"amx-int8", 7, 0, EDX, 25, AMX_STATE},
    {"amx-tile", 7, 0, EDX, 24, AMX_STATE},
    {"avx", 1, 0, ECX, 28, AVX_STATE},
    {"avx2", 7, 0, EBX, 5, AVX_STATE},
    {"avx512bf16", 7, 1, EAX, 5, AVX512_STATE},
    {"avx512bitalg", 7, 0, ECX, 12, AVX512_STATE},
    {"avx512bw", 7, 0, EBX, 30, AVX512_STATE},
    {"avx512cd", 7, 0, EBX, 28, AVX512_STATE},
    {"avx512dq", 7, 0, EBX, 17, AVX512_STATE},
    {"avx512f", 7, 0, EBX, 16, AVX512_STATE},
    {"avx512fp16", 7, 0, EDX, 23, AVX512_STATE},
    {"avx512ifma", 7, 0, EBX, 21, AVX512_STATE},
    {"avx512vbmi", 7, 0, ECX, 1, AVX512_STATE},
    {"avx512vbmi2", 7, 0, ECX, 6, AVX512_STATE},
    {"avx512vl", 7, 0, EBX, 31, AVX512_STATE},
    {"avx512vnni", 7, 0, ECX, 11, AVX512_STATE},
    {"avx512vpopcntdq", 7, 0, ECX, 14, AVX512_STATE},
    {"avxvnni", 7, 1, EAX, 4, AVX_STATE},
    {"bmi", 7, 0, EBX, 3, SSE_STATE},
    {"bmi2", 7, 0, EBX, 8, SSE_STATE},
    {"f16c", 1, 0, ECX, 29, AVX_STATE},
    {"fma", 1, 0, ECX, 12, AVX_STATE},
    {"popcnt", 1, 0, ECX, 23, SSE_STATE},
    {"sse2", 1, 0, EDX, 26, SSE_STATE},
    {"sse3", 1, 0, ECX, 0, SSE_STATE},
    {"sse4.1", 1, 0, ECX, 19, SSE_STATE},
    {"sse4.2", 1, 0, ECX, 20, SSE_STATE},
    {"ssse3", 1, 0, ECX, 9, SSE_STATE},
};

static uint64_t saved_state(void) {
  uint32_t r[4], low, high;
  if (!__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) return 0;
  if ((r[ECX] >> 27 & 1) == 0) return 0; /* OSXSAVE: may xgetbv be executed? */
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int is_usable(const struct feature *feature, uint64_t saved) {
  uint32_t r[4] = {0};
  if ((saved & feature->state) != feature->state) return 0;
  if (!__get_cpuid_count(feature->leaf, feature->subleaf, &r[EAX], &r[EBX], &r[ECX],
                         &r[EDX]))
    return 0;
  return (int)(r[feature->reg] >> feature->bit & 1);
}

void features_read(char *out, size_t room) {
  uint64_t saved = saved_state();
  size_t size = 0;
  out[0] = 0;
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    if (!is_usable(&features[i], saved)) continue;
    int n =
        snprintf(out + size, room - size, "%s%s", size > 0 ? " " : "", features[i].name);
    if (n < 0 || (size_t)n >= room - size) {
      out[size] = 0;
      return;
    }
    size += (size_t)n;
  }
}

void features_brand(char *cpu, size_t cpu_room, char *vendor, size_t vendor_room) {
  uint32_t r[4], name[13] = {0};
  if (__get_cpuid(0, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) {
    char text[13] = {0};
    memcpy(text, &r[EBX], 4);
    memcpy(text + 4, &r[EDX], 4);
    memcpy(text + 8, &r[ECX], 4);
    snprintf(vendor, vendor_room, "%s", text);
  }
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t *to = name + (size_t)4 * i;
    if (!__get_cpuid(0x80000002 + i, &to[EAX], &to[EBX], &to[ECX], &to[EDX])) return;
  }
  const char *text = (const char *)name;
  text += strspn(text, " ");
  size_t size = strlen(text);
  while (size > 0 && text[size - 1] == ' ') size--;
  if (size > 0) snprintf(cpu, cpu_room, "%.*s", (int)size, text);
}

#else

void features_read(char *out, size_t room) {
  (void)room;
  out[0] = 0;
}

void features_brand(char *cpu, size_t cpu_room, char *vendor, size_t vendor_room) {
  (void)cpu, (void)cpu_room, (void)vendor, (void)vendor_room;
}

#endif
