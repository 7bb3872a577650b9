/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-canvas.h"

#include "training/lib/bpg-training-error.h"

#include <cairo-svg.h>
#include <math.h>

#define PNG_SCALE 2.0
#define FONT "DejaVu Sans"

#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_suppressions (void);

/* Fontconfig never lets go of the pattern it found a font by, once a process. */
const char *
__lsan_default_suppressions (void)
{
  return "leak:libfontconfig\n";
}
#endif

static void
set_colour (BpgCanvas *self, BpgColour colour)
{
  cairo_set_source_rgba (self->cairo, colour.red, colour.green, colour.blue, colour.alpha);
}

BpgCanvas *
bpg_canvas_new (const char *path, double width, double height, GError **error)
{
  g_autoptr (BpgCanvas) self = g_new0 (BpgCanvas, 1);

  self->png = g_str_has_suffix (path, ".png");
  if (!self->png && !g_str_has_suffix (path, ".svg")) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT,
                 "%s ends neither in .svg nor in .png; name the picture so", path);
    return NULL;
  }
  self->path = g_strdup (path);
  self->width = width = ceil (width);
  self->height = height = ceil (height);
  self->surface = self->png ? cairo_image_surface_create (CAIRO_FORMAT_RGB24, (int) (width * PNG_SCALE),
                                                          (int) (height * PNG_SCALE))
                            : cairo_svg_surface_create (path, width, height);
  if (cairo_surface_status (self->surface) != CAIRO_STATUS_SUCCESS) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED, "%s: %s; check the folder", path,
                 cairo_status_to_string (cairo_surface_status (self->surface)));
    return NULL;
  }
  if (!self->png)
    cairo_svg_surface_set_document_unit (self->surface, CAIRO_SVG_UNIT_PX);
  self->cairo = cairo_create (self->surface);
  if (self->png)
    cairo_scale (self->cairo, PNG_SCALE, PNG_SCALE);
  bpg_canvas_rectangle (self, 0, 0, width, height, BPG_PAPER);
  return g_steal_pointer (&self);
}

void
bpg_canvas_free (BpgCanvas *self)
{
  g_clear_pointer (&self->cairo, cairo_destroy);
  g_clear_pointer (&self->surface, cairo_surface_destroy);
  g_free (self->path);
  g_free (self);
}

gboolean
bpg_canvas_finish (BpgCanvas *self, GError **error)
{
  g_autoptr (BpgCanvas) owned = self;
  cairo_status_t status = cairo_status (self->cairo);

  if (status == CAIRO_STATUS_SUCCESS && self->png)
    status = cairo_surface_write_to_png (self->surface, self->path);
  cairo_surface_finish (self->surface);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status (self->surface);
  if (status == CAIRO_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED, "%s: %s; check the folder and its free space",
               self->path, cairo_status_to_string (status));
  return FALSE;
}

void
bpg_canvas_rectangle (BpgCanvas *self, double x, double y, double width, double height, BpgColour colour)
{
  set_colour (self, colour);
  cairo_rectangle (self->cairo, x, y, width, height);
  cairo_fill (self->cairo);
}

void
bpg_canvas_frame (BpgCanvas *self, double x, double y, double width, double height, BpgColour colour)
{
  set_colour (self, colour);
  cairo_set_line_width (self->cairo, 1.0);
  cairo_rectangle (self->cairo, x, y, width, height);
  cairo_stroke (self->cairo);
}

void
bpg_canvas_line (BpgCanvas *self, double x1, double y1, double x2, double y2, double width, BpgColour colour)
{
  set_colour (self, colour);
  cairo_set_line_width (self->cairo, width);
  cairo_move_to (self->cairo, x1, y1);
  cairo_line_to (self->cairo, x2, y2);
  cairo_stroke (self->cairo);
}

static void
set_font (BpgCanvas *self, double size, gboolean bold)
{
  cairo_select_font_face (self->cairo, FONT, CAIRO_FONT_SLANT_NORMAL,
                          bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size (self->cairo, size);
}

double
bpg_canvas_get_text_width (BpgCanvas *self, double size, gboolean bold, const char *text)
{
  cairo_text_extents_t extents;

  set_font (self, size, bold);
  cairo_text_extents (self->cairo, text, &extents);
  return extents.x_advance;
}

static double
get_offset (BpgCanvas *self, BpgAlign align, double size, gboolean bold, const char *text)
{
  double width = bpg_canvas_get_text_width (self, size, bold, text);

  return align == BPG_ALIGN_LEFT ? 0.0 : align == BPG_ALIGN_CENTRE ? width / 2.0 : width;
}

void
bpg_canvas_text (BpgCanvas *self, double x, double y, BpgAlign align, double size, gboolean bold, BpgColour colour,
                 const char *text)
{
  double offset = get_offset (self, align, size, bold, text);

  set_colour (self, colour);
  cairo_move_to (self->cairo, x - offset, y);
  cairo_show_text (self->cairo, text);
  cairo_new_path (self->cairo);
}

void
bpg_canvas_turned_text (BpgCanvas *self, double x, double y, double degrees, BpgAlign align, double size,
                        BpgColour colour, const char *text)
{
  cairo_save (self->cairo);
  cairo_translate (self->cairo, x, y);
  cairo_rotate (self->cairo, -degrees * G_PI / 180.0);
  bpg_canvas_text (self, 0, 0, align, size, FALSE, colour, text);
  cairo_restore (self->cairo);
}

double
bpg_canvas_get_step (double range, guint most)
{
  double rough = range / MAX (most, 1);
  double power = pow (10.0, floor (log10 (rough)));
  double part = rough / power;

  return power * (part <= 1.0 ? 1.0 : part <= 2.0 ? 2.0 : part <= 5.0 ? 5.0 : 10.0);
}

BpgColour
bpg_movement_colour (guint code)
{
  static const guint32 colours[] = {0x0072b2, 0xe69f00, 0x117733, 0xcc6677, 0x88ccee, 0x882255,
                                    0x44aa99, 0xd55e00, 0x332288, 0xddcc77, 0xaa4499, 0x999933};
  guint32 colour = code == 0 ? 0xd0d0d4 : colours[(code - 1) % G_N_ELEMENTS (colours)];

  return (BpgColour){(colour >> 16) / 255.0, (colour >> 8 & 0xff) / 255.0, (colour & 0xff) / 255.0, 1.0};
}

char *
bpg_movement_label (const char *name)
{
  return g_strdelimit (g_utf8_make_valid (name, -1), "_", ' ');
}
