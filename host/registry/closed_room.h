/*
 * closed_room.h - the process in which a plugin that nobody trusts yet is looked at.
 *
 * The answer goes to a private copy of standard output; what the plugin itself writes
 * there, or to standard error, is caught in a memory file and held against it.  Limits
 * on processor time, memory and file size end what the parent's clock does not.
 */
#ifndef RIDGE_REGISTRY_CLOSED_ROOM_H
#define RIDGE_REGISTRY_CLOSED_ROOM_H

#include "base/why.h"

#include <jansson.h>

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CLOSED_ROOM_SANITIZED 1
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define CLOSED_ROOM_SANITIZED 1
#endif
#ifndef CLOSED_ROOM_SANITIZED
#define CLOSED_ROOM_SANITIZED 0
#endif

struct closed_room {
  int answer, caught; /* descriptors                                              */
  size_t threads;     /* when it was entered: a sanitizer may have one of its own */
};

/* Enter it, for the rest of this process's life; closes every descriptor but the three
 * standard ones.  False when that cannot be done. */
bool closed_room_enter(struct closed_room *, unsigned cpu_seconds);
/* Write one JSON object on a line of the answer; takes the reference; false when
 * nobody listens. */
bool closed_room_say(const struct closed_room *, json_t *object);
/* Was anything written to standard output or error? */
RIDGE_MUST ridge_status closed_room_silent(const struct closed_room *, const char *when,
                                           struct why *why);
/* Has a thread or a child process been started? */
RIDGE_MUST ridge_status closed_room_alone(const struct closed_room *, const char *when,
                                          struct why *why);

#endif
