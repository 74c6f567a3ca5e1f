/*
 * build_info.h - what this build is: version, commit, uncommitted changes, compiler.
 */
#ifndef RIDGE_RUN_BUILD_INFO_H
#define RIDGE_RUN_BUILD_INFO_H

#include <jansson.h>
#include <stddef.h>

struct build_info {
  const char *version, *commit, *compiler, *flags;
  const char *patch; /* the whole diff against the commit; "" when there is none */
  size_t patch_bytes;
};

const struct build_info *build_info(void);
/* {"version","commit","patch","compiler","flags"} */
json_t *build_info_json(void);
void build_info_print(void);

#endif
