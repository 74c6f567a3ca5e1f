/*
 * sink.h - where the words of a session go, and whether it is to stop.
 *
 * The words are those of run/message.h, worker to supervisor.
 */
#ifndef RIDGE_ENGINE_SINK_H
#define RIDGE_ENGINE_SINK_H

#include <jansson.h>
#include <stdbool.h>

/* `say` takes over the reference.  All calls come from the step thread. */
struct message_sink {
  void *ctx;
  void (*say)(void *ctx, json_t *message);
  bool (*stopped)(void *ctx); /* a stop was asked for; may be NULL */
};

#endif
