/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-canvas.h"
#include "bpg-plot-signals.h"

#include "training/lib/bpg-training-error.h"

#include <math.h>

#define WIDTH 860.0
#define HEIGHT 440.0
#define LEFT 76.0
#define RIGHT 40.0
#define TOP 104.0
#define BOTTOM 62.0
#define LIMIT_US 100000.0
#define END_US 200000.0

typedef struct {
  BpgCanvas *canvas;
  const double *counts;
  guint n_counts;
  double total;
  double least, most; /* log10 of µs */
  double top_share;   /* of the y axis */
} Latency;

static double
get_begin (guint bucket)
{
  return pow (2.0, bucket / 2.0);
}

static double
to_x (Latency *self, double microseconds)
{
  return LEFT + (WIDTH - LEFT - RIGHT) * (log10 (microseconds) - self->least) / (self->most - self->least);
}

static double
to_y (Latency *self, double share)
{
  return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / self->top_share;
}

double
bpg_latency_get_percentile (const double *counts, guint n_counts, double fraction)
{
  double total = 0.0, sum = 0.0;

  for (guint i = 0; i < n_counts; i++)
    total += counts[i];
  for (guint i = 0; i < n_counts; i++) {
    if (counts[i] > 0.0 && sum + counts[i] >= fraction * total)
      return get_begin (i) * pow (2.0, 0.5 * (fraction * total - sum) / counts[i]);
    sum += counts[i];
  }
  return 0.0;
}

static char *
format_latency (double microseconds)
{
  if (microseconds < 1000.0)
    return g_strdup_printf ("%.3g µs", microseconds);
  return g_strdup_printf ("%.3g ms", microseconds / 1000.0);
}

static void
draw_axes (Latency *self)
{
  static const double parts[] = {1, 2, 5};
  double step = bpg_canvas_get_step (self->top_share * 100.0, 6);

  for (double share = 0.0; share <= self->top_share * 100.0 + 1e-9; share += step) {
    double y = to_y (self, share / 100.0);
    g_autofree char *text = g_strdup_printf ("%g", share);

    bpg_canvas_line (self->canvas, LEFT, y, WIDTH - RIGHT, y, 0.7, BPG_RULE);
    bpg_canvas_text (self->canvas, LEFT - 8, y + 4, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, text);
  }
  for (int power = -1; power <= 6; power++) {
    for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
      double value = parts[i] * pow (10.0, power), x;
      g_autofree char *text = format_latency (value);

      if (log10 (value) < self->least - 1e-9 || log10 (value) > self->most + 1e-9)
        continue;
      x = to_x (self, value);
      bpg_canvas_line (self->canvas, x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + (i == 0 ? 6 : 4), 1.0, BPG_INK);
      if (i == 0 || self->most - self->least < 2.5)
        bpg_canvas_text (self->canvas, x, HEIGHT - BOTTOM + 20, BPG_ALIGN_CENTRE, 11, FALSE, BPG_INK, text);
    }
  }
  bpg_canvas_line (self->canvas, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 1.0, BPG_INK);
  bpg_canvas_text (self->canvas, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, BPG_ALIGN_CENTRE, 12, FALSE, BPG_INK,
                   "decision latency: last sample of the window to actuator command (logarithmic)");
  bpg_canvas_turned_text (self->canvas, 24, (TOP + HEIGHT - BOTTOM) / 2, 90, BPG_ALIGN_CENTRE, 12, BPG_INK,
                          "share of the decisions (%)");
}

static void
draw_bars (Latency *self)
{
  for (guint i = 0; i < self->n_counts; i++) {
    double x = to_x (self, get_begin (i));
    double width = to_x (self, get_begin (i + 1)) - x;
    double y = to_y (self, self->counts[i] / self->total);

    if (self->counts[i] > 0.0)
      bpg_canvas_rectangle (self->canvas, x + 0.75, MIN (y, HEIGHT - BOTTOM - 1.5), width - 1.5,
                            MAX (HEIGHT - BOTTOM - y, 1.5),
                            get_begin (i) >= LIMIT_US ? BPG_BAD : (BpgColour){0.0, 0.447, 0.698, 1.0});
  }
}

/* A dashed line with its label on its own level, so that labels of lines close together never overlap. */
static void
draw_mark (Latency *self, double microseconds, guint level, BpgColour colour, const char *name)
{
  double x = to_x (self, microseconds), y = TOP - 8 - 16.0 * level;
  const double dashes[] = {5, 4};
  g_autofree char *value = format_latency (microseconds);
  g_autofree char *text = g_strdup_printf ("%s %s", name, value);
  gboolean right = x + 8 + bpg_canvas_get_text_width (self->canvas, 12, TRUE, text) < WIDTH - 6;

  cairo_save (self->canvas->cairo);
  cairo_set_dash (self->canvas->cairo, dashes, 2, 0);
  bpg_canvas_line (self->canvas, x, y - 9, x, HEIGHT - BOTTOM, 1.6, colour);
  cairo_restore (self->canvas->cairo);
  bpg_canvas_text (self->canvas, right ? x + 6 : x - 6, y, right ? BPG_ALIGN_LEFT : BPG_ALIGN_RIGHT, 12, TRUE, colour,
                   text);
}

static void
choose_range (Latency *self)
{
  guint first = self->n_counts;
  double largest = 0.0;

  for (guint i = 0; i < self->n_counts; i++) {
    if (self->counts[i] > 0.0)
      first = MIN (first, i);
    largest = MAX (largest, self->counts[i]);
  }
  /* The limit is always to be seen, and a little room on either side. */
  self->least = MAX (log10 (get_begin (first)) - 0.35, -0.5);
  self->most = log10 (END_US);
  if (self->n_counts > 0)
    self->most = MAX (self->most, log10 (get_begin (self->n_counts)));
  self->least = MIN (self->least, self->most - 1.5);
  self->top_share = largest / self->total;
  self->top_share = MIN (ceil (self->top_share * 1.05 * 10.0) / 10.0, 1.0);
}

gboolean
bpg_plot_latency (const double *counts, guint n_counts, const char *title, const char *path, GError **error)
{
  Latency self = {.counts = counts, .n_counts = n_counts};
  g_autofree char *subtitle = NULL;

  for (guint i = 0; i < n_counts; i++)
    self.total += counts[i];
  if (self.total <= 0.0) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES,
                 "no decision was measured; let the arm decide for a while");
    return FALSE;
  }
  choose_range (&self);
  self.canvas = bpg_canvas_new (path, WIDTH, HEIGHT, error);
  if (self.canvas == NULL)
    return FALSE;
  subtitle = g_strdup_printf ("%.0f decisions, measured by the program on the arm", self.total);
  bpg_canvas_text (self.canvas, 24, 30, BPG_ALIGN_LEFT, 17, TRUE, BPG_INK, title);
  bpg_canvas_text (self.canvas, 24, 50, BPG_ALIGN_LEFT, 12, FALSE, BPG_GREY, subtitle);
  draw_axes (&self);
  draw_bars (&self);
  draw_mark (&self, bpg_latency_get_percentile (counts, n_counts, 0.5), 1, BPG_INK, "median");
  draw_mark (&self, bpg_latency_get_percentile (counts, n_counts, 0.99), 0, (BpgColour){0.53, 0.13, 0.33, 1.0},
             "99 % below");
  draw_mark (&self, LIMIT_US, 1, BPG_BAD, "limit");
  return bpg_canvas_finish (self.canvas, error);
}
