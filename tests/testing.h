/*
 * testing.h - what every test includes: cmocka, and where things are.
 */
#ifndef TESTING_H
#define TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Print a line that says why a test that needs `what` cannot run, then skip it. */
void testing_skip_without(const char *what);
/* A path under the source tree; the caller frees. */
char *testing_source(const char *relative);
/* A file beside the checkout, shared/`relative`; NULL when it is not there. */
char *testing_shared(const char *relative);
/* A fresh directory for scratch files, removed by testing_remove; at the end of the
 * program, however that came, if the test did not get there. */
char *testing_scratch(void);
void testing_remove(char *dir);

struct testing_output {
  char *out, *err; /* ended by NUL */
  size_t out_bytes, err_bytes;
  int exit; /* exit code, or 128 + signal */
};
/* Run the built `ridge` with these words (NULL-ended; without argv[0]). */
struct testing_output testing_ridge(const char *const *words);
void testing_output_free(struct testing_output *);

#endif
