/* plot_labels.c - room for labels: places that meet no other label, point or border. */
#include "cli/plot_labels.h"

#include <math.h>
#include <string.h>

/* Of the size of the font: wider than most faces are, on average. */
static const double CHARACTER = 0.58, ASCENT = 0.85, DESCENT = 0.25;

enum { DIRECTIONS = 16 };

double plot_text_width(const char *text, double size) {
  size_t characters = 0;
  for (const char *at = text; *at != 0; at++) /* not the bytes that continue one */
    characters += ((unsigned char)*at & 0xc0) != 0x80;
  return (double)characters * CHARACTER * size;
}

bool plot_overlap(const struct plot_box *a, const struct plot_box *b) {
  return a->left < b->right && b->left < a->right && a->top < b->bottom &&
         b->top < a->bottom;
}

bool plot_is_free(const struct plot_labels *labels, const struct plot_box *box) {
  const struct plot_box *f = &labels->frame;
  if (box->left < f->left || box->right > f->right || box->top < f->top ||
      box->bottom > f->bottom)
    return false;
  for (size_t i = 0; i < labels->n; i++)
    if (plot_overlap(box, &labels->taken[i])) return false;
  return true;
}

void plot_take(struct plot_labels *labels, struct plot_box box) {
  if (labels->n < PLOT_BOXES) labels->taken[labels->n++] = box;
}

/* Text whose near edge is at (x, y), on the side that the direction points to. */
static struct plot_place place_at(double x, double y, double angle, double width,
                                  double size) {
  double side = cos(angle);
  struct plot_place place = {.anchor = side > 0.3    ? ANCHOR_START
                                       : side < -0.3 ? ANCHOR_END
                                                     : ANCHOR_MIDDLE};
  double left = place.anchor == ANCHOR_START ? x
                : place.anchor == ANCHOR_END ? x - width
                                             : x - width / 2;
  double height = (ASCENT + DESCENT) * size, middle = y + sin(angle) * height / 2;
  place.x = x;
  place.y = middle + (ASCENT - DESCENT) * size / 2;
  place.box =
      (struct plot_box){left, middle - height / 2, left + width, middle + height / 2};
  return place;
}

bool plot_label(struct plot_labels *labels, double x, double y, double radius,
                const char *text, double size, struct plot_place *out) {
  static const double distances[] = {3, 8, 16, 26, 38, 52, 70, 92, 120, 155, 200, 260};
  double width = plot_text_width(text, size);
  for (size_t d = 0; d < sizeof distances / sizeof *distances; d++)
    for (int k = 0; k < DIRECTIONS; k++) {
      /* right, then by turns above and below it, on to the left */
      double turn = (double)((k + 1) / 2) * (k % 2 == 0 ? 1 : -1);
      double angle = turn * 2 * M_PI / DIRECTIONS, away = radius + distances[d];
      *out = place_at(x + cos(angle) * away, y + sin(angle) * away, angle, width, size);
      out->far = d > 2;
      if (!plot_is_free(labels, &out->box)) continue;
      plot_take(labels, out->box);
      return true;
    }
  return false;
}

/* Small boxes along slanted text stand for its shape. */
static size_t cut_along(double x, double y, double angle, double width, double size,
                        struct plot_box *out, size_t room) {
  size_t n = 0;
  for (double at = 0; at <= width && n < room; at += size / 2) {
    double cx = x + cos(angle) * at + sin(angle) * size / 2;
    double cy = y + sin(angle) * at - cos(angle) * size / 2;
    out[n++] =
        (struct plot_box){cx - size / 2, cy - size / 2, cx + size / 2, cy + size / 2};
  }
  return n;
}

bool plot_label_along(struct plot_labels *labels, double x, double y, double angle,
                      double length, const char *text, double size, double *at) {
  struct plot_box boxes[256];
  double width = plot_text_width(text, size);
  for (*at = 0; *at + width <= length; *at += size) {
    bool fits = true;
    size_t n = cut_along(x + cos(angle) * *at, y + sin(angle) * *at, angle, width, size,
                         boxes, sizeof boxes / sizeof *boxes);
    for (size_t i = 0; i < n && fits; i++) fits = plot_is_free(labels, &boxes[i]);
    if (!fits) continue;
    for (size_t i = 0; i < n; i++) plot_take(labels, boxes[i]);
    return true;
  }
  return false;
}
