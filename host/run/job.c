/* job.c - what the worker is told: composition, plugins, machine. */
#include "run/attempt.h"

#include <stdlib.h>

static json_t *default_of(const ridge_param *param) {
  switch (param->type) {
  case RIDGE_T_BOOL: return json_boolean(param->fallback.b);
  case RIDGE_T_INT: return json_integer(param->fallback.i);
  case RIDGE_T_REAL: return json_real(param->fallback.r);
  default: return json_string(param->fallback.t != NULL ? param->fallback.t : "");
  }
}

static json_t *defaults_of(const struct plugin_info *info) {
  json_t *params = json_object();
  for (size_t i = 0; i < info->n_params; i++)
    json_object_set_new(params, info->params[i].name, default_of(&info->params[i]));
  return params;
}

/* Takes over `params`. */
static void add_plugin(struct attempt *a, json_t *list, const struct plugin_info *info,
                       json_t *params, bool may_idle) {
  json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:b}", "id", info->id, "path",
                                        info->path, "build", info->build.hex, "params",
                                        params, "may_idle", (int)may_idle));
  a->plugins[a->n_plugins++] = (struct catalog_plugin){
      .build = info->build.hex, .description = info->json, .may_idle = may_idle};
}

/* As in the composition, but files by their full names: the worker's folder is that of
 * whoever typed the command, not the recipe's.  A new reference. */
static json_t *params_of(const struct attempt *a, const json_t *strategy, size_t i) {
  json_t *params = json_copy(json_object_get(strategy, "params"));
  const json_t *paths = json_object_get(a->composed.paths, "strategies");
  if (params == NULL) abort();
  json_object_update(params, json_array_get(paths, i));
  return params;
}

/* Strategies in recipe order, then every part. */
static json_t *plugins_of(struct attempt *a) {
  const json_t *strategies = json_object_get(a->composed.composition, "strategies"), *row;
  json_t *list = json_array();
  size_t i;
  a->plugins = calloc(json_array_size(strategies) + a->place->registry.n_plugins + 1,
                      sizeof *a->plugins);
  if (a->plugins == NULL) abort();
  json_array_foreach(strategies, i, row) {
    const char *id = json_string_value(json_object_get(row, "id"));
    const struct plugin_info *info =
        id != NULL ? registry_find(&a->place->registry, id) : NULL;
    if (info == NULL) continue; /* compose has checked that it is there */
    add_plugin(a, list, info, params_of(a, row, i),
               json_is_true(json_object_get(row, "may_idle")));
  }
  for (i = 0; i < a->place->registry.n_plugins; i++)
    if (a->place->registry.plugins[i].kind == RIDGE_PART)
      add_plugin(a, list, &a->place->registry.plugins[i],
                 defaults_of(&a->place->registry.plugins[i]), false);
  return list;
}

/* As the session will read it: 0 is all that the machine offers. */
static int threads_of(const struct attempt *a) {
  const json_t *settings = json_object_get(a->composed.composition, "settings");
  json_int_t asked = json_integer_value(json_object_get(settings, "engine.threads"));
  return asked > 0 && asked <= INT32_MAX ? (int)asked : a->place->machine.threads;
}

/* The newest measurement that fits the threads of this plan; one that cannot be read is
 * as good as none, and says so. */
static json_t *speed_of(struct attempt *a) {
  struct catalog_calibration found = {0};
  struct machine_speed *speed = calloc(1, sizeof *speed);
  struct why why = {{0}};
  ridge_status status = RIDGE_OK;
  if (a->place->catalog != NULL)
    status = catalog_calibration_get(a->place->catalog, a->place->identity, threads_of(a),
                                     &found, &why);
  if (speed == NULL) abort();
  if (status == RIDGE_OK && found.speed != NULL)
    status = machine_speed_from_json(found.speed, speed, &why);
  free(speed);
  if (status == RIDGE_OK && found.speed != NULL)
    return json_pack("{s:I, s:I, s:o}", "calibration", (json_int_t)found.id, "measured",
                     (json_int_t)found.measured, "curve", found.speed);
  json_decref(found.speed);
  if (status != RIDGE_OK) outcome_event(a->outcome, "note", why.text);
  return json_null();
}

bool job_make(struct attempt *a) {
  const struct composed *c = &a->composed;
  a->job = json_pack("{s:s, s:O, s:O, s:O, s:O, s:o, s:o, s:o}", "mode",
                     a->options->plan_only ? "plan" : "run", "composition", c->composition,
                     "paths", c->paths, "origins", c->origins, "recipe", c->recipe,
                     "plugins", plugins_of(a), "machine", machine_json(&a->place->machine),
                     "speed", speed_of(a));
  if (a->job != NULL) return true;
  (void)why_set(&a->why, RIDGE_INTERNAL, "the job for the worker could not be made");
  return false;
}
