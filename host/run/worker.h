/*
 * worker.h - the other end: one job read from a pipe, executed, reported.
 */
#ifndef RIDGE_RUN_WORKER_H
#define RIDGE_RUN_WORKER_H

enum { WORKER_FD = 3 }; /* the message pipe (child.h) */

/* Exit code as in cli/cli.h. */
int worker_main(int fd);

#endif
