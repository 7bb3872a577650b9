/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cairo.h>
#include <glib.h>

/* A picture that is written to SVG or PNG, with the few things our plots are made of. */

typedef struct {
  double red, green, blue, alpha;
} BpgColour;

#define BPG_INK ((BpgColour){0.13, 0.13, 0.15, 1.0})
#define BPG_GREY ((BpgColour){0.45, 0.45, 0.48, 1.0})
#define BPG_RULE ((BpgColour){0.86, 0.86, 0.88, 1.0})
#define BPG_PAPER ((BpgColour){1.0, 1.0, 1.0, 1.0})
#define BPG_GOOD ((BpgColour){0.07, 0.47, 0.20, 1.0})
#define BPG_BAD ((BpgColour){0.80, 0.24, 0.05, 1.0})

typedef struct {
  cairo_t *cairo;
  cairo_surface_t *surface;
  char *path;
  gboolean png;
  double width, height;
} BpgCanvas;

typedef enum {
  BPG_ALIGN_LEFT,
  BPG_ALIGN_CENTRE,
  BPG_ALIGN_RIGHT,
} BpgAlign;

/**
 * bpg_canvas_new:
 * @path: ends in .svg or .png
 * @width: @height: in pixels of 1/96 inch; a PNG gets twice as many
 *
 * Returns: (transfer full): a white canvas, or %NULL with #BpgTrainingError INVALID_ARGUMENT or FAILED.
 */
BpgCanvas *bpg_canvas_new (const char *path, double width, double height, GError **error);

/**
 * bpg_canvas_finish:
 * @self: (transfer full)
 *
 * Writes the file.
 */
gboolean bpg_canvas_finish (BpgCanvas *self, GError **error);

void bpg_canvas_free (BpgCanvas *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgCanvas, bpg_canvas_free)

void bpg_canvas_rectangle (BpgCanvas *self, double x, double y, double width, double height, BpgColour colour);
void bpg_canvas_frame (BpgCanvas *self, double x, double y, double width, double height, BpgColour colour);
void bpg_canvas_line (BpgCanvas *self, double x1, double y1, double x2, double y2, double width, BpgColour colour);

/**
 * bpg_canvas_text:
 * @y: of the baseline
 * @size: in pixels
 */
void bpg_canvas_text (BpgCanvas *self, double x, double y, BpgAlign align, double size, gboolean bold, BpgColour colour,
                      const char *text);

/**
 * bpg_canvas_turned_text:
 * @degrees: anticlockwise
 *
 * Text that begins (or, aligned right, ends) at a point.
 */
void bpg_canvas_turned_text (BpgCanvas *self, double x, double y, double degrees, BpgAlign align, double size,
                             BpgColour colour, const char *text);

double bpg_canvas_get_text_width (BpgCanvas *self, double size, gboolean bold, const char *text);

/**
 * bpg_canvas_get_step:
 * @range: what an axis spans
 * @most: how many ticks there is room for
 *
 * Returns: 1, 2 or 5 times a power of ten.
 */
double bpg_canvas_get_step (double range, guint most);

/**
 * bpg_movement_colour:
 * @code: gesture code; rest is grey
 *
 * Returns: one of Paul Tol's and Okabe and Ito's colours, which people with any colour vision can tell apart.
 */
BpgColour bpg_movement_colour (guint code);

/**
 * bpg_movement_label:
 *
 * Returns: (transfer full): the name with spaces.
 */
char *bpg_movement_label (const char *name);
