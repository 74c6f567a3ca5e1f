/* verbs.c - the verbs of the command, as one table. */
#include "cli/cli.h"

enum { NEITHER, CATALOG = CLI_CATALOG, PLUGINS = CLI_PLUGINS, BOTH = CATALOG | PLUGINS };

/* clang-format off */
static const struct cli_verb verbs[] = {
    {"run", "Plan a recipe, execute it, and write the run into the catalog.", verb_run, BOTH, false},
    {"plan", "Everything `run` would do, nothing done.", verb_plan, BOTH, false},
    {"bench", "Prefill and decode speed of a model, logged like any run.", verb_bench, BOTH, false},
    {"ablate", "What each strategy is worth: the recipe whole, plain, without each.", verb_ablate, BOTH, false},
    {"convert", "A model file in other codecs, another format, or other pieces.", verb_convert, PLUGINS, false},
    {"new-model", "A model of a real shape with random weights, to measure with.", verb_new_model, PLUGINS, false},
    {"plugins", "Installed strategies and parts, and files that cannot be used.", verb_plugins, BOTH, false},
    {"techniques", "What the literature offers, and what implements it here.", verb_techniques, CATALOG, false},
    {"claims", "What is claimed, and whether it holds here.", verb_claims, CATALOG, false},
    {"runs", "Past runs.", verb_runs, CATALOG, false},
    {"show", "One run: what was asked, what happened, what it was worth.", verb_show, CATALOG, false},
    {"diff", "What differs between two runs.", verb_diff, CATALOG, false},
    {"compare", "Whether two runs or recipes differ, and by how much.", verb_compare, BOTH, false},
    {"query", "Ask the catalog: a named question, or read-only SQL.", verb_query, CATALOG, false},
    {"probe", "Measure this machine's bandwidth and arithmetic peak.", verb_probe, CATALOG, false},
    {"roofline", "Operations, bytes and time of a model's shape on a device.", verb_roofline, CATALOG, false},
    {"doctor", "What is missing or odd on this machine, and what to do.", verb_doctor, BOTH, false},
    {"vet", "Check a plugin with the conformance kit.", verb_vet, NEITHER, false},
    {"new", "Start a strategy from the template.", verb_new, PLUGINS, false},
    {"eval-recipe", "Evaluate a recipe in this process (child of a run).", verb_eval_recipe, BOTH, true},
    {"scan-plugin", "Describe a plugin in this process (child of a scan).", verb_scan_plugin, BOTH, true},
    {"worker", "Execute a job from a pipe (child of a run).", verb_worker, BOTH, true},
};
/* clang-format on */

const struct cli_verb *cli_verbs(size_t *n) {
  *n = sizeof verbs / sizeof *verbs;
  return verbs;
}
