/*
 * plot_labels.h - room for labels: places that meet no other label, point or border.
 *
 * Greedy, in the order asked: what matters most comes first.  Sizes are estimated, since
 * nobody knows the reader's fonts; the estimate is generous.
 */
#ifndef RIDGE_CLI_PLOT_LABELS_H
#define RIDGE_CLI_PLOT_LABELS_H

#include <stdbool.h>
#include <stddef.h>

struct plot_box {
  double left, top, right, bottom;
};

enum { PLOT_BOXES = 1024 };
struct plot_labels {
  struct plot_box frame, taken[PLOT_BOXES];
  size_t n;
};

enum plot_anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };
struct plot_place {
  double x, y; /* of the text's base line */
  enum plot_anchor anchor;
  struct plot_box box;
  bool far; /* so far from its point that it wants a line to it */
};

double plot_text_width(const char *text, double size);
bool plot_overlap(const struct plot_box *, const struct plot_box *);
bool plot_is_free(const struct plot_labels *, const struct plot_box *);
/* Takes the room; what is beyond PLOT_BOXES is forgotten. */
void plot_take(struct plot_labels *, struct plot_box);
/* A place for `text` near the point, taken when it is found; false: none. */
bool plot_label(struct plot_labels *, double x, double y, double radius, const char *text,
                double size, struct plot_place *out);
/* Room for text along a line from (x, y) at `angle` (radians, y downwards), `above` it;
 * where it begins goes to *at (distance along the line).  False: none. */
bool plot_label_along(struct plot_labels *, double x, double y, double angle, double length,
                      const char *text, double size, double *at);

#endif
