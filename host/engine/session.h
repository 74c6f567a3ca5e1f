/*
 * session.h - one run in the worker: plan, and unless asked only to plan, execute.
 *
 * Ownership: the job and everything it points to stay the caller's and outlive the
 *            call.  What is to be known leaves through `sink` (run/message.h).
 */
#ifndef RIDGE_ENGINE_SESSION_H
#define RIDGE_ENGINE_SESSION_H

#include "engine/sink.h"
#include "machine/machine.h"
#include "registry/instance.h"

struct session_job {
  const json_t *composition, *paths, *recipe, *origins; /* see compose/compose.h */
  struct instances *plugins;
  const struct machine *machine;
  const struct machine_speed *speed; /* or NULL: not measured, nothing is predicted */
  int64_t calibration, calibrated;   /* its row in the catalog; when, us since 1970  */
  struct message_sink sink;
  bool plan_only;
};

/* Exit code as in cli/cli.h; says everything through the sink. */
int session_run(struct session_job *job);

#endif
