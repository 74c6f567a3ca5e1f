/* verb_worker.c - `ridge worker`: the child of a run; not for people. */
#include "cli/options.h"
#include "run/worker.h"

#include <fcntl.h>

int verb_worker(struct cli *cli, int argc, char **argv) {
  int exit = options_parse(cli, "worker", NULL, 0, argc, argv);
  if (exit >= 0) return exit;
  if (fcntl(WORKER_FD, F_GETFD) < 0)
    return options_refuse(cli, "worker",
                          "there is no message pipe; `ridge run` starts workers");
  return worker_main(WORKER_FD);
}
