/*
 * interrupts.h - whoever asked for the work wants it to end: Ctrl-C, or a reader who left.
 *
 * A command that writes things down must not die between two of its runs, or before a run
 * has its end.  From interrupts_take to interrupts_give_back SIGINT, SIGTERM and SIGHUP
 * are noted, and a closed pipe is an error of the write instead of a death.  Calls nest.
 * While a worker runs, child.h hears the signals first.
 *
 * Caveat: signals are the process's, so there is one state for all; one thread at a time.
 */
#ifndef RIDGE_RUN_INTERRUPTS_H
#define RIDGE_RUN_INTERRUPTS_H

#include <stdbool.h>

void interrupts_take(void);
void interrupts_give_back(void);
/* A signal was noted since the outermost take. */
bool interrupts_noted(void);
/* The same, or nobody reads the output any more. */
bool interrupts_seen(void);

/* Standard output or standard error is a pipe that nobody reads any more: what is made
 * from now on is for nobody.  One that was closed on purpose is none. */
bool output_is_unread(void);

#endif
