/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-canvas.h"
#include "bpg-plot-signals.h"

#include "training/lib/bpg-training-error.h"

#include <math.h>

#define TOP 84.0
#define BOTTOM 66.0
#define RIGHT 150.0
#define CELL_MIN 34.0
#define CELL_MAX 58.0
#define SIDE 560.0
#define ANGLE 40.0

typedef struct {
  const BpgConfusion *confusion;
  BpgCanvas *canvas;
  guint n;
  double cell, left, top;
} Matrix;

/* White to dark blue; lightness falls evenly, so that it prints in grey as well. */
static BpgColour
get_shade (double share)
{
  static const double stops[][3] = {{1.0, 1.0, 1.0}, {0.78, 0.87, 0.95}, {0.42, 0.68, 0.84}, {0.13, 0.44, 0.71},
                                    {0.03, 0.19, 0.42}};
  double at = CLAMP (share, 0.0, 1.0) * (G_N_ELEMENTS (stops) - 1);
  guint i = MIN ((guint) at, G_N_ELEMENTS (stops) - 2);
  double part = at - i;

  return (BpgColour){stops[i][0] + part * (stops[i + 1][0] - stops[i][0]),
                     stops[i][1] + part * (stops[i + 1][1] - stops[i][1]),
                     stops[i][2] + part * (stops[i + 1][2] - stops[i][2]), 1.0};
}

static double
get_row_sum (const BpgConfusion *confusion, guint row)
{
  double sum = 0.0;

  for (guint column = 0; column < confusion->n_movements; column++)
    sum += confusion->counts[row * confusion->n_movements + column];
  return sum;
}

static void
draw_cell (Matrix *self, guint row, guint column)
{
  double count = self->confusion->counts[row * self->n + column];
  double sum = get_row_sum (self->confusion, row);
  double share = sum > 0.0 ? count / sum : 0.0;
  double x = self->left + column * self->cell, y = self->top + row * self->cell;
  BpgColour ink = share > 0.5 ? BPG_PAPER : BPG_INK;
  g_autofree char *percent =
    g_strdup_printf (share >= 0.9995 || share * 100.0 == floor (share * 100.0) ? "%.0f" : "%.1f", 100.0 * share);
  g_autofree char *number = g_strdup_printf ("%.0f", count);

  bpg_canvas_rectangle (self->canvas, x, y, self->cell, self->cell, get_shade (share));
  bpg_canvas_frame (self->canvas, x, y, self->cell, self->cell, BPG_RULE);
  if (count <= 0.0)
    return;
  bpg_canvas_text (self->canvas, x + self->cell / 2, y + self->cell / 2 + 1, BPG_ALIGN_CENTRE, self->cell > 42 ? 13 : 11,
                   row == column, ink, percent);
  bpg_canvas_text (self->canvas, x + self->cell / 2, y + self->cell / 2 + 14, BPG_ALIGN_CENTRE, 9, FALSE,
                   share > 0.5 ? BPG_PAPER : share > 0.15 ? BPG_INK : BPG_GREY, number);
}

static void
draw_labels (Matrix *self)
{
  double bottom = self->top + self->n * self->cell;

  for (guint i = 0; i < self->n; i++) {
    g_autofree char *label = bpg_movement_label (self->confusion->movements[i]);
    double middle = self->cell * (i + 0.5);

    bpg_canvas_text (self->canvas, self->left - 10, self->top + middle + 4, BPG_ALIGN_RIGHT, 12, FALSE, BPG_INK, label);
    bpg_canvas_turned_text (self->canvas, self->left + middle + 6, bottom + 14, ANGLE, BPG_ALIGN_RIGHT, 12, BPG_INK,
                            label);
  }
  bpg_canvas_turned_text (self->canvas, 22, self->top + self->n * self->cell / 2, 90, BPG_ALIGN_CENTRE, 13, BPG_INK,
                          "movement asked for");
}

static void
draw_colour_bar (Matrix *self)
{
  double x = self->left + self->n * self->cell + 34, height = self->n * self->cell, width = 16;

  for (guint i = 0; i < 200; i++)
    bpg_canvas_rectangle (self->canvas, x, self->top + height * (199 - i) / 200.0, width, height / 200.0 + 0.6,
                          get_shade (i / 199.0));
  bpg_canvas_frame (self->canvas, x, self->top, width, height, BPG_GREY);
  for (guint i = 0; i <= 4; i++) {
    g_autofree char *text = g_strdup_printf ("%u", i * 25);
    double y = self->top + height * (4 - i) / 4.0;

    bpg_canvas_line (self->canvas, x + width, y, x + width + 4, y, 1.0, BPG_GREY);
    bpg_canvas_text (self->canvas, x + width + 8, y + 4, BPG_ALIGN_LEFT, 11, FALSE, BPG_INK, text);
  }
  bpg_canvas_turned_text (self->canvas, x + width + 48, self->top + height / 2, 90, BPG_ALIGN_CENTRE, 12, BPG_INK,
                          "share of the decisions (%)");
}

static char *
get_subtitle (const BpgConfusion *confusion)
{
  double total = 0.0;

  for (guint row = 0; row < confusion->n_movements; row++)
    total += get_row_sum (confusion, row);
  if (confusion->accuracy < 0.0)
    return g_strdup_printf ("%.0f decisions", total);
  if (confusion->low < 0.0 || confusion->high < 0.0)
    return g_strdup_printf ("accuracy %.1f %% of %.0f decisions", 100 * confusion->accuracy, total);
  return g_strdup_printf ("accuracy %.1f %% (95 %% interval %.1f to %.1f %%), %.0f decisions", 100 * confusion->accuracy,
                          100 * confusion->low, 100 * confusion->high, total);
}

static double
measure_labels (const BpgConfusion *confusion)
{
  BpgCanvas scratch = {.surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, 1, 1)};
  double widest = 0.0;

  scratch.cairo = cairo_create (scratch.surface);
  for (guint i = 0; i < confusion->n_movements; i++) {
    g_autofree char *label = bpg_movement_label (confusion->movements[i]);

    widest = MAX (widest, bpg_canvas_get_text_width (&scratch, 12, FALSE, label));
  }
  cairo_destroy (scratch.cairo);
  cairo_surface_destroy (scratch.surface);
  return widest;
}

gboolean
bpg_plot_confusion (const BpgConfusion *confusion, const char *path, GError **error)
{
  Matrix self = {.confusion = confusion, .n = confusion->n_movements, .top = TOP};
  double widest = measure_labels (confusion);
  double drop = widest * sin (ANGLE * G_PI / 180.0) + 24;
  g_autofree char *subtitle = get_subtitle (confusion);
  double width;

  self.cell = CLAMP (SIDE / MAX (self.n, 1), CELL_MIN, CELL_MAX);
  self.left = 40 + widest + 14;
  width = MAX (self.left + self.n * self.cell + RIGHT, 620);
  self.canvas = bpg_canvas_new (path, width, TOP + self.n * self.cell + drop + BOTTOM - 30, error);
  if (self.canvas == NULL)
    return FALSE;
  bpg_canvas_text (self.canvas, 24, 32, BPG_ALIGN_LEFT, 17, TRUE, BPG_INK, confusion->title);
  bpg_canvas_text (self.canvas, 24, 54, BPG_ALIGN_LEFT, 12, FALSE, BPG_GREY, subtitle);
  for (guint row = 0; row < self.n; row++) {
    for (guint column = 0; column < self.n; column++)
      draw_cell (&self, row, column);
  }
  draw_labels (&self);
  draw_colour_bar (&self);
  bpg_canvas_text (self.canvas, self.left + self.n * self.cell / 2, self.canvas->height - 14, BPG_ALIGN_CENTRE, 13, FALSE,
                   BPG_INK, "movement decided");
  return bpg_canvas_finish (self.canvas, error);
}
