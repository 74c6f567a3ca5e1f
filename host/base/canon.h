/*
 * canon.h - canonical JSON: sorted keys, no blanks, the shortest number that reads
 * back the same.  Equal values give equal bytes, and so equal digests.
 */
#ifndef RIDGE_BASE_CANON_H
#define RIDGE_BASE_CANON_H

#include "base/digest.h"

#include <jansson.h>

/* The caller frees. */
char *canon_text(const json_t *value);
struct digest canon_digest(const json_t *value);
/* The shortest decimal form that reads back as `value` (finite), ended by NUL. */
void canon_real(double value, char out[32]);

#endif
