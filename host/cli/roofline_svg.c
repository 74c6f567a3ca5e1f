/*
 * roofline_svg.c - the roofline of a run as a plot.
 *
 * Along: operations a byte.  Up: operations a second.  Both logarithmic, so that a
 * bandwidth is a slope and a peak a level.  A point is a kind of operator in one phase, as
 * large as its share of the phase's time.  Plain SVG 1.1: no script, no font of its own,
 * a background of its own in the light and in the dark.
 */
#include "cli/roofline_page.h"

#include "base/human.h"
#include "cli/plot_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 960, HEIGHT = 640, LEFT = 78, RIGHT = 24, TOP = 84, BOTTOM = 60 };
enum { MOST_POINTS = 256 };
static const double LABEL = 11.5;
/* What hardly computes, as copying rows, would stretch the plot for nothing. */
static const double LEAST_INTENSITY = 0.01;

struct point {
  const char *phase;
  const struct roofline_kind *kind;
  double intensity, rate, share;
  int style;
};

struct plot {
  FILE *to;
  const struct roofline_view *view;
  struct roofline_level level[ROOFLINE_LEVELS];
  size_t n_levels;
  struct {
    double rate;
    char text[128];
  } ceiling[2];
  size_t n_ceilings;
  struct point point[MOST_POINTS];
  size_t n_points;
  double x0, x1, y0, y1; /* log10 of what is shown */
  struct plot_labels labels;
};

/* --- numbers ------------------------------------------------------------------------- */

static double px(const struct plot *p, double intensity) {
  return LEFT + (log10(intensity) - p->x0) / (p->x1 - p->x0) * (WIDTH - LEFT - RIGHT);
}

static double py(const struct plot *p, double rate) {
  return HEIGHT - BOTTOM -
         (log10(rate) - p->y0) / (p->y1 - p->y0) * (HEIGHT - TOP - BOTTOM);
}

static int style_of(const char *phase) {
  static const char *const names[] = {"prompt", "decode", "mixed", "score"};
  for (int i = 0; i < 4; i++)
    if (strcmp(phase, names[i]) == 0) return i;
  return 3;
}

static void collect(struct plot *p) {
  for (size_t i = 0; i < p->view->n; i++) {
    const struct roofline_phase *phase = &p->view->phases[i];
    for (size_t k = 0; k < phase->n && p->n_points < MOST_POINTS; k++) {
      const struct roofline_kind *kind = &phase->kinds[k];
      if (!(kind->flops > LEAST_INTENSITY * kind->bytes && kind->bytes > 0 &&
            kind->seconds > 0))
        continue;
      p->point[p->n_points++] = (struct point){phase->phase,
                                               kind,
                                               kind->flops / kind->bytes,
                                               kind->flops / kind->seconds,
                                               kind->seconds / phase->all.seconds,
                                               style_of(phase->phase)};
    }
  }
}

static void find_ceilings(struct plot *p) {
  if (p->view->speed == NULL) return;
  const struct roof roof = {p->view->speed, p->view->threads, RATE_BEST, 0};
  double floats = roof_peak(&roof, false), bytes = roof_peak(&roof, true);
  const struct {
    double rate;
    const char *what, *by;
  } rows[] = {{floats, "floats", p->view->speed->flops_by},
              {bytes > floats ? bytes : 0, "bytes", p->view->speed->int8_by}};
  for (size_t i = 0; i < 2; i++) {
    if (rows[i].rate <= 0) continue;
    p->ceiling[p->n_ceilings].rate = rows[i].rate;
    snprintf(p->ceiling[p->n_ceilings++].text, sizeof p->ceiling->text, "%s: %sop/s (%s)",
             rows[i].what, human_count(rows[i].rate), rows[i].by);
  }
  p->n_levels = roofline_levels(p->view, p->level);
}

static void widen(double *lo, double *hi, double value) {
  double at = log10(value);
  if (at < *lo) *lo = at;
  if (at > *hi) *hi = at;
}

/* Everything measured, and where each slope meets each ceiling. */
static void choose_range(struct plot *p) {
  p->x0 = p->y0 = INFINITY;
  p->x1 = p->y1 = -INFINITY;
  for (size_t i = 0; i < p->n_points; i++) {
    widen(&p->x0, &p->x1, p->point[i].intensity);
    widen(&p->y0, &p->y1, p->point[i].rate);
  }
  for (size_t c = 0; c < p->n_ceilings; c++) {
    widen(&p->y0, &p->y1, p->ceiling[c].rate);
    for (size_t l = 0; l < p->n_levels; l++)
      widen(&p->x0, &p->x1, p->ceiling[c].rate / p->level[l].bandwidth);
  }
  p->x0 -= 0.45, p->x1 += 0.45, p->y0 -= 0.35, p->y1 += 0.35;
}

/* --- marks --------------------------------------------------------------------------- */

/* Any text as XML: what would end it is written out, what XML forbids becomes `?`. */
static void put_text(FILE *to, const char *text) {
  for (const char *at = text; *at != 0; at++) {
    switch (*at) {
    case '<': fputs("&lt;", to); break;
    case '>': fputs("&gt;", to); break;
    case '&': fputs("&amp;", to); break;
    case '"': fputs("&quot;", to); break;
    default: fputc((unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at, to);
    }
  }
}

static const char *anchor_name(enum plot_anchor anchor) {
  static const char *const names[] = {"start", "middle", "end"};
  return names[anchor];
}

/* Twice: a halo in the colour of the ground, so that lines do not cut through. */
static void put_label(FILE *to, double x, double y, enum plot_anchor anchor, double angle,
                      const char *class, const char *text) {
  for (int i = 0; i < 2; i++) {
    fprintf(to, "<text class=\"%s%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"", class,
            i == 0 ? " halo" : "", x, y, anchor_name(anchor));
    if (angle != 0)
      fprintf(to, " transform=\"rotate(%.2f %.1f %.1f)\"", angle * 180 / M_PI, x, y);
    fputs(i == 0 ? " aria-hidden=\"true\">" : ">", to);
    put_text(to, text);
    fputs("</text>\n", to);
  }
}

static void put_mark(FILE *to, int style, double x, double y, double r) {
  switch (style) {
  case 0: fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>", x, y, r); break;
  case 1:
    fprintf(to, "<path d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz\"/>", x, y - r * 1.2,
            r * 1.2, r * 1.2, -r * 1.2, r * 1.2, -r * 1.2, -r * 1.2);
    break;
  case 2:
    fprintf(to, "<path d=\"M%.1f %.1fl%.1f %.1fh%.1fz\"/>", x, y - r, r * 1.15, r * 1.9,
            -r * 2.3);
    break;
  default:
    fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", x - r * 0.9,
            y - r * 0.9, r * 1.8, r * 1.8);
  }
}

/* --- parts of the plot ---------------------------------------------------------------- */

static void put_style(FILE *to) {
  fputs("<style>\n"
        "text { font-family: sans-serif; font-size: 11.5px; fill: #24292f }\n"
        ".title { font-size: 16px; font-weight: bold }\n"
        ".axis { font-size: 12.5px }\n"
        ".ground { fill: #ffffff }\n"
        ".halo { stroke: #ffffff; stroke-width: 3.5px; stroke-linejoin: round }\n"
        ".grid { stroke: #d8dee4; stroke-width: 1 }\n"
        ".frame { stroke: #6e7781; stroke-width: 1; fill: none }\n"
        ".roof { stroke: #57606a; stroke-width: 1.8; fill: none }\n"
        ".lead { stroke: #8c959f; stroke-width: 0.8 }\n"
        ".quiet { fill: #57606a }\n"
        ".p0 { fill: #1f6fb2 } .p1 { fill: #c2410c }\n"
        ".p2 { fill: #7a4fb5 } .p3 { fill: #2a7f4f }\n"
        ".mark { stroke: #ffffff; stroke-width: 1; fill-opacity: 0.88 }\n"
        "@media (prefers-color-scheme: dark) {\n"
        "text { fill: #e6edf3 }\n"
        ".ground { fill: #14181d }\n"
        ".halo { stroke: #14181d }\n"
        ".grid { stroke: #2d333b }\n"
        ".frame { stroke: #7d8590 }\n"
        ".roof { stroke: #9aa4af }\n"
        ".lead { stroke: #6e7681 }\n"
        ".quiet { fill: #9aa4af }\n"
        ".p0 { fill: #6cb2f0 } .p1 { fill: #f59e5b }\n"
        ".p2 { fill: #b99af0 } .p3 { fill: #6fce97 }\n"
        ".mark { stroke: #14181d }\n"
        "}\n</style>\n",
        to);
}

static void put_grid(const struct plot *p) {
  FILE *to = p->to;
  for (int e = (int)ceil(p->x0); e <= (int)floor(p->x1); e++) {
    double x = px(p, pow(10, e));
    fprintf(to, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x,
            TOP, x, HEIGHT - BOTTOM);
    fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f</text>\n", x,
            HEIGHT - BOTTOM + 18, e < 0 ? -e : 0, pow(10, e));
  }
  for (int e = (int)ceil(p->y0); e <= (int)floor(p->y1); e++) {
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    int unit = e < 0 ? 0 : e / 3 > 5 ? 5 : e / 3;
    double y = py(p, pow(10, e));
    fprintf(to, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n",
            LEFT, y, WIDTH - RIGHT, y);
    fprintf(to, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g %s</text>\n", LEFT - 8,
            y + 4, pow(10, e - 3 * unit), units[unit]);
  }
  fprintf(to, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
          LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
  fprintf(to,
          "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">operations a "
          "byte</text>\n",
          (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18);
  fprintf(to,
          "<text class=\"axis\" x=\"20\" y=\"%d\" text-anchor=\"middle\" "
          "transform=\"rotate(-90 20 %d)\">operations a second</text>\n",
          (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
}

/* A slope from the left or lower border up to the highest ceiling. */
static void put_slope(struct plot *p, const struct roofline_level *level) {
  double top = p->ceiling[p->n_ceilings - 1].rate;
  double from = pow(10, fmax(p->x0, p->y0 - log10(level->bandwidth)));
  double x0 = px(p, from), y0 = py(p, from * level->bandwidth);
  double x1 = px(p, top / level->bandwidth), y1 = py(p, top), at;
  double angle = atan2(y1 - y0, x1 - x0), length = hypot(x1 - x0, y1 - y0);
  char text[64];
  fprintf(p->to, "<line class=\"roof\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
          x0, y0, x1, y1);
  snprintf(text, sizeof text, "%s %.0f GB/s", level->name, level->bandwidth * 1e-9);
  double sx = x0 + cos(angle) * 10 + sin(angle) * 6,
         sy = y0 + sin(angle) * 10 - cos(angle) * 6;
  if (!plot_label_along(&p->labels, sx, sy, angle, length - 20, text, LABEL, &at)) return;
  put_label(p->to, sx + cos(angle) * at, sy + sin(angle) * at, ANCHOR_START, angle, "quiet",
            text);
}

static void put_ceiling(struct plot *p, size_t which) {
  double best = p->level[0].bandwidth, rate = p->ceiling[which].rate;
  for (size_t i = 1; i < p->n_levels; i++)
    if (p->level[i].bandwidth > best) best = p->level[i].bandwidth;
  const char *text = p->ceiling[which].text;
  double from = px(p, rate / best), y = py(p, rate), at;
  double width = plot_text_width(text, LABEL);
  fprintf(p->to, "<line class=\"roof\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n",
          from, y, WIDTH - RIGHT, y);
  double start = WIDTH - RIGHT - 8 - width;
  if (start < from) start = from;
  if (!plot_label_along(&p->labels, start, y - 4, 0, width + 1, text, LABEL, &at)) return;
  put_label(p->to, start, y - 4, ANCHOR_START, 0, "quiet", text);
}

/* Points are obstacles before any label is placed. */
static double radius_of(const struct point *point) { return 3.5 + 9 * sqrt(point->share); }

static void take_points(struct plot *p) {
  for (size_t i = 0; i < p->n_points; i++) {
    double x = px(p, p->point[i].intensity), y = py(p, p->point[i].rate),
           r = radius_of(&p->point[i]);
    plot_take(&p->labels, (struct plot_box){x - r, y - r, x + r, y + r});
  }
}

static void point_text(const struct point *point, char *out, size_t room) {
  const struct roofline_kind *k = point->kind;
  if (k->limit > 0)
    snprintf(out, room, "%s %.0f %%", k->kind, 100 * k->limit / k->seconds);
  else
    snprintf(out, room, "%s", k->kind);
}

static void put_point(const struct plot *p, const struct point *point) {
  const struct roofline_kind *k = point->kind;
  char told[256];
  fprintf(p->to, "<g class=\"mark p%d\">", point->style);
  put_mark(p->to, point->style, px(p, point->intensity), py(p, point->rate),
           radius_of(point));
  snprintf(told, sizeof told,
           "%s, %s: %.1f %% of the time, %s, %.3g operations a byte, %sop/s, %sB/s",
           point->phase, k->kind, 100 * point->share, human_seconds(k->seconds),
           point->intensity, human_count(point->rate), human_count(k->bytes / k->seconds));
  fputs("<title>", p->to);
  put_text(p->to, told);
  fputs("</title></g>\n", p->to);
}

static void put_point_label(struct plot *p, const struct point *point) {
  double x = px(p, point->intensity), y = py(p, point->rate);
  char text[128], class[8];
  struct plot_place place;
  point_text(point, text, sizeof text);
  if (!plot_label(&p->labels, x, y, radius_of(point), text, LABEL, &place)) return;
  snprintf(class, sizeof class, "p%d", point->style);
  if (place.far) {
    double nearest = fmin(fmax(x, place.box.left), place.box.right);
    double edge = y < place.box.top      ? place.box.top
                  : y > place.box.bottom ? place.box.bottom
                                         : y;
    fprintf(p->to,
            "<line class=\"lead\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x,
            y, nearest, edge);
  }
  put_label(p->to, place.x, place.y, place.anchor, 0, class, text);
}

static void put_head(const struct plot *p, const char *title) {
  FILE *to = p->to;
  fputs("<text class=\"title\" x=\"24\" y=\"30\">", to);
  put_text(to, title);
  fputs("</text>\n<text class=\"quiet\" x=\"24\" y=\"50\">", to);
  if (p->view->speed != NULL)
    fprintf(to,
            "limits of %d threads, measured %s; percent: of the limit; size: share of "
            "the phase's time",
            p->view->threads, human_date(p->view->measured));
  else
    fputs("no limits: the machine was not measured; size: share of the phase's time", to);
  fputs("</text>\n", to);
  double x = 24;
  for (size_t i = 0; i < p->view->n; i++) {
    const struct roofline_phase *phase = &p->view->phases[i];
    char text[96];
    int style = style_of(phase->phase);
    snprintf(text, sizeof text, "%s, %.0f %s a step", phase->phase,
             (double)phase->rows / (double)phase->steps,
             phase->rows == phase->steps ? "token" : "tokens");
    fprintf(to, "<g class=\"mark p%d\">", style);
    put_mark(to, style, x + 6, 68, 5.5);
    fprintf(to, "</g>\n<text x=\"%.1f\" y=\"72\">", x + 17);
    put_text(to, text);
    fputs("</text>\n", to);
    x += 17 + plot_text_width(text, LABEL) + 26;
  }
}

static int by_share(const void *a, const void *b) {
  double x = ((const struct point *)a)->share, y = ((const struct point *)b)->share;
  return (x < y) - (x > y);
}

bool roofline_svg_write(FILE *to, const struct roofline_view *view, const char *title) {
  struct plot *p = calloc(1, sizeof *p);
  if (p == NULL) abort();
  p->to = to;
  p->view = view;
  p->labels.frame =
      (struct plot_box){LEFT + 2, TOP + 2, WIDTH - RIGHT - 2, HEIGHT - BOTTOM - 2};
  collect(p);
  find_ceilings(p);
  bool any = p->n_points > 0;
  if (any) {
    choose_range(p);
    qsort(p->point, p->n_points, sizeof *p->point, by_share);
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" role=\"img\">\n<title>",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_text(to, title);
    fputs("</title>\n", to);
    put_style(to);
    fprintf(to, "<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", WIDTH, HEIGHT);
    put_head(p, title);
    put_grid(p);
    take_points(p);
    for (size_t i = 0; i < p->n_ceilings; i++) put_ceiling(p, i);
    for (size_t i = 0; i < p->n_levels && p->n_ceilings > 0; i++)
      put_slope(p, &p->level[i]);
    for (size_t i = 0; i < p->n_points; i++) put_point(p, &p->point[i]);
    for (size_t i = 0; i < p->n_points; i++) put_point_label(p, &p->point[i]);
    fputs("</svg>\n", to);
  }
  free(p);
  return any && ferror(to) == 0;
}
