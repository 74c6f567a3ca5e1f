/*
 * why.h - a status and the sentence that goes with it.
 *
 * A function that can fail takes a `struct why *` last, returns a status, and on
 * failure leaves a sentence that says where, what was found, what was wanted and
 * the likely fix.  The struct is the caller's; `why` may not be NULL.
 */
#ifndef RIDGE_BASE_WHY_H
#define RIDGE_BASE_WHY_H

#include <ridge/plugin.h>

#define RIDGE_MUST __attribute__((warn_unused_result))

struct why {
  char text[1024];
};

/* Write the sentence and return the status: `return why_set(why, RIDGE_IO, ...)`. */
ridge_status why_set(struct why *why, ridge_status status, const char *fmt, ...)
    RIDGE_FORMAT(3, 4);
/* Put "prefix: " before what is there. */
ridge_status why_prefix(struct why *why, ridge_status status, const char *fmt, ...)
    RIDGE_FORMAT(3, 4);
const char *status_name(ridge_status);
const char *status_text(ridge_status);

#endif
