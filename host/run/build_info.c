/* build_info.c - what this build is; the facts come from cmake/write_version.cmake. */
#include "run/build_info.h"

#include "run/wire.h"

#include <stdio.h>
#include <string.h>
#include <version.h>

static const unsigned char patch_bytes[] = {RIDGE_PATCH_BYTES};

static const struct build_info facts = {
    .version = RIDGE_VERSION,
    .commit = RIDGE_COMMIT,
    .compiler = RIDGE_COMPILER,
    .flags = RIDGE_FLAGS,
    .patch = (const char *)patch_bytes,
    .patch_bytes = sizeof patch_bytes - 1,
};

const struct build_info *build_info(void) { return &facts; }

json_t *build_info_json(void) {
  return json_pack(
      "{s:s, s:s, s:o, s:s, s:s}", "version", facts.version, "commit", facts.commit,
      "patch", wire_clean(facts.patch, facts.patch_bytes) /* a diff may hold any bytes */,
      "compiler", facts.compiler, "flags", facts.flags);
}

void build_info_print(void) {
  printf("ridge %s (commit %s%s, %s, %s)\n", facts.version,
         facts.commit[0] != 0 ? facts.commit : "unknown",
         facts.patch_bytes > 0 ? " with changes" : "", facts.compiler, facts.flags);
}
