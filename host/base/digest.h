/*
 * digest.h - SHA-256 names of contents, as 64 hexadecimal digits.
 */
#ifndef RIDGE_BASE_DIGEST_H
#define RIDGE_BASE_DIGEST_H

#include "base/why.h"

#include <stdbool.h>

struct digest {
  char hex[65];
};

struct digest digest_bytes(const void *data, size_t size);
RIDGE_MUST ridge_status digest_file(const char *path, struct digest *out, struct why *why);
/* The same while `go_on`, which is asked after each piece with its size, does not say no:
 * then RIDGE_CANCELLED. */
RIDGE_MUST ridge_status digest_file_while(const char *path,
                                          bool (*go_on)(void *ctx, size_t more), void *ctx,
                                          struct digest *out, struct why *why);

#endif
