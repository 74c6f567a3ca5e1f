/* speed.c - the measured curve: looked up between its points, and as JSON. */
#include "machine/machine.h"

#include <math.h>
#include <string.h>

struct curve {
  const struct machine_point *points;
  int n;
  enum machine_rate rate;
};

static double rate_of(const struct curve *curve, const struct machine_point *point) {
  return curve->rate == RATE_BEST ? point->best : point->median;
}

/* Rates of one thread count at `bytes`, straight in log(size); beyond the ends the end's.
 */
static double at_size(const struct curve *curve, int threads, uint64_t bytes) {
  const struct machine_point *below = NULL, *above = NULL;
  for (int i = 0; i < curve->n; i++) {
    const struct machine_point *point = &curve->points[i];
    if (point->threads != threads) continue;
    if (point->bytes <= bytes && (below == NULL || point->bytes > below->bytes))
      below = point;
    if (point->bytes >= bytes && (above == NULL || point->bytes < above->bytes))
      above = point;
  }
  if (below == NULL && above == NULL) return 0;
  if (below == NULL) return rate_of(curve, above);
  if (above == NULL || above->bytes == below->bytes) return rate_of(curve, below);
  double part = log((double)bytes / (double)below->bytes) /
                log((double)above->bytes / (double)below->bytes);
  return rate_of(curve, below) + part * (rate_of(curve, above) - rate_of(curve, below));
}

/* The measured thread counts around `threads`; equal when one fits or is the nearest. */
static void around(const struct curve *curve, int threads, int *low, int *high) {
  *low = *high = 0;
  for (int i = 0; i < curve->n; i++) {
    int t = curve->points[i].threads;
    if (t <= threads && t > *low) *low = t;
    if (t >= threads && (*high == 0 || t < *high)) *high = t;
  }
  if (*low == 0) *low = *high;
  if (*high == 0) *high = *low;
}

static double look_up(const struct curve *curve, int threads, uint64_t bytes) {
  int low, high;
  around(curve, threads, &low, &high);
  double first = at_size(curve, low, bytes);
  if (low == high) return first;
  double part = (double)(threads - low) / (double)(high - low);
  return first + part * (at_size(curve, high, bytes) - first);
}

double machine_speed_read(const struct machine_speed *speed, enum machine_rate rate,
                          int threads, uint64_t bytes) {
  return look_up(&(struct curve){speed->read, speed->n_read, rate}, threads, bytes);
}

double machine_speed_flops(const struct machine_speed *speed, enum machine_rate rate,
                           int threads) {
  return look_up(&(struct curve){speed->flops, speed->n_flops, rate}, threads, 0);
}

double machine_speed_int8(const struct machine_speed *speed, enum machine_rate rate,
                          int threads) {
  return look_up(&(struct curve){speed->int8, speed->n_int8, rate}, threads, 0);
}

bool machine_speed_covers(const struct machine_speed *speed, int threads) {
  bool fewer = false, more = false;
  for (int i = 0; i < speed->n_flops; i++) {
    fewer |= speed->flops[i].threads <= threads;
    more |= speed->flops[i].threads >= threads;
  }
  return fewer && more;
}

/* JSON: {"read":[[threads, bytes, best, median], ...], "flops":[...], "int8":[...],
 *        "by":{"read":"avx2 fma", ...}} */

static json_t *points_json(const struct machine_point *points, int n) {
  json_t *list = json_array();
  for (int i = 0; i < n; i++)
    json_array_append_new(list, json_pack("[i, I, f, f]", points[i].threads,
                                          (json_int_t)points[i].bytes, points[i].best,
                                          points[i].median));
  return list;
}

json_t *machine_speed_json(const struct machine_speed *speed) {
  return json_pack("{s:o, s:o, s:o, s:{s:s, s:s, s:s}}", "read",
                   points_json(speed->read, speed->n_read), "flops",
                   points_json(speed->flops, speed->n_flops), "int8",
                   points_json(speed->int8, speed->n_int8), "by", "read", speed->read_by,
                   "flops", speed->flops_by, "int8", speed->int8_by);
}

static bool read_point(const json_t *row, struct machine_point *out) {
  const json_t *threads = json_array_get(row, 0), *bytes = json_array_get(row, 1),
               *best = json_array_get(row, 2), *median = json_array_get(row, 3);
  if (json_array_size(row) != 4 || !json_is_integer(threads) || !json_is_integer(bytes) ||
      !json_is_number(best) || !json_is_number(median))
    return false;
  json_int_t count = json_integer_value(threads), size = json_integer_value(bytes);
  if (count < 1 || count > INT32_MAX || size < 0) return false;
  *out = (struct machine_point){(int)count, (uint64_t)size, json_number_value(best),
                                json_number_value(median)};
  return out->best > 0 && out->median > 0;
}

static bool read_points(const json_t *list, struct machine_point *out, size_t room,
                        int *n) {
  size_t size = json_array_size(list);
  if (!json_is_array(list) || size > room) return false;
  for (size_t i = 0; i < size; i++)
    if (!read_point(json_array_get(list, i), &out[i])) return false;
  *n = (int)size;
  return true;
}

static bool read_name(const json_t *by, const char *key, char *out, size_t room) {
  const char *name = json_string_value(json_object_get(by, key));
  if (name == NULL || strlen(name) >= room) return false;
  memcpy(out, name, strlen(name) + 1);
  return true;
}

ridge_status machine_speed_from_json(const json_t *json, struct machine_speed *out,
                                     struct why *why) {
  *out = (struct machine_speed){0};
  struct {
    const char *key;
    struct machine_point *points;
    size_t room;
    int *n;
    char *by;
    size_t by_room;
  } lists[] = {
      {"read", out->read, SPEED_READS, &out->n_read, out->read_by, sizeof out->read_by},
      {"flops", out->flops, SPEED_PEAKS, &out->n_flops, out->flops_by,
       sizeof out->flops_by},
      {"int8", out->int8, SPEED_PEAKS, &out->n_int8, out->int8_by, sizeof out->int8_by},
  };
  const json_t *by = json_object_get(json, "by");
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    if (!read_points(json_object_get(json, lists[i].key), lists[i].points, lists[i].room,
                     lists[i].n) ||
        !read_name(by, lists[i].key, lists[i].by, lists[i].by_room))
      return why_set(why, RIDGE_CORRUPT,
                     "machine speed: `%s` is not a list of [threads, bytes, best, median] "
                     "with the instructions it was measured by; run `ridge probe` again",
                     lists[i].key);
  return RIDGE_OK;
}
