/* settings_read.c - reading the composition's settings, and words to the supervisor. */
#include "engine/session_state.h"

#include "base/settings.h"

#include <math.h>
#include <string.h>

static const json_t *value_of(const struct session *session, const char *name) {
  return json_object_get(json_object_get(session->job->composition, "settings"), name);
}

int64_t session_int(const struct session *session, const char *name) {
  const json_t *value = value_of(session, name);
  if (json_is_integer(value)) return json_integer_value(value);
  const struct setting *row = setting_find(name);
  return row == NULL ? 0 : row->fallback.i;
}

double session_real(const struct session *session, const char *name) {
  const json_t *value = value_of(session, name);
  if (json_is_number(value)) return json_number_value(value);
  const struct setting *row = setting_find(name);
  return row == NULL ? 0 : row->fallback.r;
}

bool session_bool(const struct session *session, const char *name) {
  const json_t *value = value_of(session, name);
  if (json_is_boolean(value)) return json_is_true(value);
  const struct setting *row = setting_find(name);
  return row != NULL && row->fallback.b;
}

const char *session_text(const struct session *session, const char *name) {
  const json_t *value = value_of(session, name);
  if (json_is_string(value)) return json_string_value(value);
  const struct setting *row = setting_find(name);
  return row == NULL ? NULL : row->fallback.t;
}

const char *session_path(const struct session *session, const char *name) {
  const json_t *paths = json_object_get(session->job->paths, "settings");
  return json_string_value(json_object_get(paths, name));
}

bool session_has_word(const struct session *session, const char *word) {
  size_t n = strlen(word);
  const char *name;
  json_t *value;
  json_t *settings = json_object_get(session->job->composition, "settings");
  json_object_foreach(settings, name, value)
    if (strncmp(name, word, n) == 0 && name[n] == '.') return true;
  return false;
}

void session_say(const struct session *session, json_t *message) {
  if (message != NULL) session->job->sink.say(session->job->sink.ctx, message);
}

void session_sample(const struct session *session, const char *metric, int64_t repeat,
                    double value) {
  json_t *number = isfinite(value) ? json_real(value)
                                   : json_string(isnan(value) ? "nan"
                                                 : value > 0  ? "+inf"
                                                              : "-inf");
  session_say(session, json_pack("{s:s, s:s, s:I, s:o}", "t", "sample", "metric", metric,
                                 "repeat", (json_int_t)repeat, "value", number));
}

void session_progress(const struct session *session, const char *phase, double done,
                      double of) {
  session_say(session, json_pack("{s:s, s:s, s:f, s:f}", "t", "progress", "phase", phase,
                                 "done", done, "of", of));
}

bool session_stopped(struct session *session) {
  const struct message_sink *sink = &session->job->sink;
  if (!session->stopped && sink->stopped != NULL && sink->stopped(sink->ctx))
    session->stopped = true;
  return session->stopped;
}
