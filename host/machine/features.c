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
#include <stdlib.h>
#include <string.h>

#define LEFT_OUT "RIDGE_NO_FEATURES"

/* Is `name` one of the words of the variable? */
static int is_left_out(const char *name) {
  const char *words = getenv(LEFT_OUT);
  size_t size = strlen(name);
  for (const char *at = words == NULL ? "" : words; *at != 0; at += strcspn(at, " ")) {
    at += strspn(at, " ");
    if (strcspn(at, " ") == size && memcmp(at, name, size) == 0) return 1;
  }
  return 0;
}

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

/* The usable features that are left out, or those that are not. */
static void list(int left_out, char *out, size_t room) {
  uint64_t saved = saved_state();
  size_t size = 0;
  out[0] = 0;
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    if (!is_usable(&features[i], saved) || is_left_out(features[i].name) != left_out)
      continue;
    int n =
        snprintf(out + size, room - size, "%s%s", size > 0 ? " " : "", features[i].name);
    if (n < 0 || (size_t)n >= room - size) {
      out[size] = 0;
      return;
    }
    size += (size_t)n;
  }
}

static int is_known(const char *name, size_t size) {
  for (size_t i = 0; i < sizeof features / sizeof *features; i++)
    if (strlen(features[i].name) == size && memcmp(features[i].name, name, size) == 0)
      return 1;
  return 0;
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

static void list(int left_out, char *out, size_t room) {
  (void)left_out, (void)room;
  out[0] = 0;
}

static int is_known(const char *name, size_t size) {
  (void)name, (void)size, (void)is_left_out;
  return 0;
}

void features_brand(char *cpu, size_t cpu_room, char *vendor, size_t vendor_room) {
  (void)cpu, (void)cpu_room, (void)vendor, (void)vendor_room;
}

#endif

void features_read(char *out, size_t room) { list(0, out, room); }

void features_left_out(char *out, size_t room) { list(1, out, room); }

ridge_status features_check(struct why *why) {
  const char *words = getenv(LEFT_OUT);
  for (const char *at = words == NULL ? "" : words; *at != 0;) {
    at += strspn(at, " ");
    size_t size = strcspn(at, " ");
    if (size > 0 && !is_known(at, size))
      return why_set(why, RIDGE_INVALID,
                     LEFT_OUT
                     ": `%.*s` is no processor feature known here; "
                     "the names are those that `ridge probe` prints, blanks between",
                     (int)size, at);
    at += size;
  }
  return RIDGE_OK;
}
