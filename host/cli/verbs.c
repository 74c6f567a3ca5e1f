/* verbs.c - the verbs of the command, as one table. */
#include "cli/cli.h"

static const struct cli_verb verbs[] = {
    {"run", "RECIPE [--set NAME=VALUE]... [--repeat N] [--seed N] [--quiet]",
     "Plan a recipe, execute it, and write the run into the catalog.", verb_run, false},
    {"plan", "RECIPE [--set NAME=VALUE]... [--seed N]",
     "Everything `run` would do, nothing done.", verb_plan, false},
    {"bench",
     "MODEL [--prefill N] [--decode N] [--depth A,B,C] [--batch N] [--repeat N]\n"
     "                   [--use ID,PARAM=VALUE]...",
     "Prefill and decode speed of a model, logged like any run.", verb_bench, false},
    {"ablate", "RECIPE [--set NAME=VALUE]... [--repeat N] [--seed N]",
     "What each strategy of a recipe is worth: whole, plain, and without each.",
     verb_ablate, false},
    {"plugins", "[ID]", "Installed strategies and parts, and files that cannot be used.",
     verb_plugins, false},
    {"techniques", "[ID] [--class C]",
     "What the literature offers, and what implements it here.", verb_techniques, false},
    {"claims", "[TECHNIQUE]", "What is claimed, and whether it holds here.", verb_claims,
     false},
    {"runs", "[--name NAME] [--status S] [--recipe R] [--limit N]", "Past runs.", verb_runs,
     false},
    {"show", "RUN [--text] [--operators] [--plan] [--points]",
     "One run: what was asked, what happened, what it was worth.", verb_show, false},
    {"diff", "A B", "What differs between two runs.", verb_diff, false},
    {"compare", "A B [--metric NAME]... [--repeat N] [--baseline] [--noise]",
     "Whether two runs or recipes differ, and by how much.", verb_compare, false},
    {"query", "[NAME | SQL] [--param NAME=VALUE]... [--format F]",
     "Ask the catalog: a named question, or read-only SQL.", verb_query, false},
    {"probe", "[--seconds N]", "Measure this machine's bandwidth and arithmetic peak.",
     verb_probe, false},
    {"doctor", "", "What is missing or odd on this machine, and what to do.", verb_doctor,
     false},
    {"vet", "FILE.so", "Check a plugin with the conformance kit.", verb_vet, false},
    {"new", "FAMILY.NAME", "Start a strategy from the template.", verb_new, false},
    {"eval-recipe", "FILE", "Evaluate a recipe in this process (child of a run).",
     verb_eval_recipe, true},
    {"scan-plugin", "FILE", "Describe a plugin in this process (child of a scan).",
     verb_scan_plugin, true},
    {"worker", "", "Execute a job from a pipe (child of a run).", verb_worker, true},
};

const struct cli_verb *cli_verbs(size_t *n) {
  *n = sizeof verbs / sizeof *verbs;
  return verbs;
}
