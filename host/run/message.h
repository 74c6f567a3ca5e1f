/*
 * message.h - what supervisor and worker say to each other: JSON, one object a line.
 *
 * Supervisor to worker, once: the job
 *   {"mode":"plan"|"run", "composition", "paths", "origins", "recipe":{"seed","name",...},
 *    "plugins":[{"id","path","build","params","may_idle"}], (strategies in recipe order,
 *               then all parts)
 *    "machine":{...machine_json...},
 *    "speed":{"calibration","measured","curve":{...machine_speed_json...}}|null,
 *    "blame_fd":n|-1}
 * then optionally {"t":"stop"}: end cleanly after this step.
 *
 * Worker to supervisor, each with "t":
 *   input     role path                        a file that takes part; told once or more
 *   plan      plan:{...}                       what will execute (see engine/plan_json.c)
 *   refused   diagnostics:[...] exit:2|4       found while planning, nothing was run
 *   progress  phase done of note               "load", "warm up", "prompts", "perplexity"
 *   text      repeat sequence prompt text tokens stop   one finished sequence
 *   sample    metric repeat value              a measurement (repeat < 0: warm-up)
 *             value: message_real(), here and in point
 *   point     series step value
 *   strategies strategies:[...]                instances_report, at the end
 *   nodes     nodes:[{phase,name,op,kind,kernel,calls,ns,bytes,streamed,flops,narrow}]
 *             stages:[{phase,steps,rows,wanted,depth,reach,model_ns,step_ns}]
 *             of the measured repeats: what each operator took, and all steps of a phase
 *   event     level text
 *   done      status:"done"|"failed"|"stopped" why output    last
 *
 * Every message is a sign of life: a worker that says nothing for ten minutes is taken
 * for hung and killed, so long work says `progress` now and then.
 */
#ifndef RIDGE_RUN_MESSAGE_H
#define RIDGE_RUN_MESSAGE_H

#include "base/why.h"
#include "engine/sink.h"

#include <jansson.h>

/* A number for a message: JSON has no NaN and no infinities, they travel as the texts
 * "nan", "+inf", "-inf". */
json_t *message_real(double value);

#endif
