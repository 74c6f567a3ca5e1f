/* verb_eval_recipe.c - hidden: the child process that evaluates a recipe. */
#include "cli/cli.h"
#include "recipe/recipe.h"

#include <stdio.h>

int verb_eval_recipe(struct cli *cli, int argc, char **argv) {
  (void)cli;
  if (argc != 2) {
    fputs("ridge eval-recipe: one file is wanted, or - for standard input\n", stderr);
    return EXIT_REFUSED;
  }
  return recipe_child_main(argv[1]) == 0 ? EXIT_OK : EXIT_FAILED;
}
