/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-plot-signals.h"

#include "bpg-canvas.h"
#include "training/lib/bpg-training-error.h"

#include <math.h>
#include <string.h>

#define WIDTH 1240.0
#define LEFT 86.0
#define RIGHT 84.0
#define TOP 62.0
#define LEGEND_ROW 18.0
#define STRIP 20.0
#define MARKS 20.0
#define REASONS 13.0
#define ROW 46.0
#define GAP 8.0
#define CONFIDENCE 26.0
#define BOTTOM 46.0
#define SHADE 0.13

typedef struct {
  const BpgSignalsPlot *plot;
  BpgCanvas *canvas;
  guint rate, channels;
  gsize first, last; /* samples, the last one excluded */
  double width;      /* of the time axis */
  double traces;     /* y where the electrodes begin */
  double bottom;     /* y where they end */
  double amplitude;  /* of half a row, in counts */
} Signals;

static double
to_x (Signals *self, double sample)
{
  return LEFT + self->width * (sample - (double) self->first) / (double) (self->last - self->first);
}

static int
compare_counts (gconstpointer a, gconstpointer b)
{
  return *(const gint16 *) a - *(const gint16 *) b;
}

/* What nearly every sample stays below: a single spike must not flatten all the rest. */
static double
get_amplitude (Signals *self)
{
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (gint16));
  gsize step = MAX ((self->last - self->first) / 20000, 1);

  for (gsize i = self->first; i < self->last; i += step) {
    const gint16 *sample = bpg_emg_recording_get_sample (self->plot->recording, i);

    for (guint c = 0; c < self->channels; c++) {
      gint16 value = (gint16) MIN (abs (sample[c]), G_MAXINT16);

      g_array_append_val (values, value);
    }
  }
  g_array_sort (values, compare_counts);
  return MAX (g_array_index (values, gint16, (guint) (0.998 * (values->len - 1))) * 1.1, 1.0);
}

/* Gesture codes that occur, with their names. */
static GPtrArray *
collect_movements (Signals *self)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_set_size (names, 256);
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (self->plot->recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (self->plot->recording, i);

    if (names->pdata[segment->gesture] == NULL)
      names->pdata[segment->gesture] = bpg_movement_label (segment->name);
  }
  for (guint i = 0; self->plot->decisions != NULL && i < self->plot->decisions->len; i++) {
    guint code = g_array_index (self->plot->decisions, BpgDecisionRow, i).movement;

    if (names->pdata[code] == NULL)
      names->pdata[code] = code == 0 ? g_strdup ("rest") : g_strdup_printf ("movement %u", code);
  }
  return names;
}

/* Draws the legend, or with @draw FALSE only measures it. Returns its height. */
static double
draw_legend (Signals *self, GPtrArray *names, gboolean draw)
{
  double x = LEFT, y = TOP;

  for (guint code = 0; code < names->len; code++) {
    g_autofree char *text = NULL;
    double width;

    if (names->pdata[code] == NULL)
      continue;
    text = g_strdup_printf ("%u  %s", code, (char *) names->pdata[code]);
    width = 30.0 + bpg_canvas_get_text_width (self->canvas, 11, FALSE, text);
    if (x + width > LEFT + self->width) {
      x = LEFT;
      y += LEGEND_ROW;
    }
    if (draw) {
      bpg_canvas_rectangle (self->canvas, x, y + 1, 11, 11, bpg_movement_colour (code));
      bpg_canvas_text (self->canvas, x + 16, y + 10.5, BPG_ALIGN_LEFT, 11, FALSE, BPG_INK, text);
    }
    x += width;
  }
  return y - TOP + LEGEND_ROW + GAP;
}

static double
get_luminance (BpgColour colour)
{
  return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue;
}

/* A coloured part of a strip, with the movement's name or number when there is room. */
static void
draw_span (Signals *self, double from, double to, double y, guint code, const char *name)
{
  double x = to_x (self, MAX (from, (double) self->first));
  double width = to_x (self, MIN (to, (double) self->last)) - x;
  BpgColour colour = bpg_movement_colour (code);
  g_autofree char *number = g_strdup_printf ("%u", code);
  const char *text = NULL;

  if (width <= 0.0)
    return;
  bpg_canvas_rectangle (self->canvas, x, y, width, STRIP - 4, colour);
  if (name != NULL && bpg_canvas_get_text_width (self->canvas, 10, FALSE, name) < width - 6)
    text = name;
  else if (bpg_canvas_get_text_width (self->canvas, 10, FALSE, number) < width - 2)
    text = number;
  if (text != NULL)
    bpg_canvas_text (self->canvas, x + width / 2, y + STRIP - 8.5, BPG_ALIGN_CENTRE, 10, FALSE,
                     get_luminance (colour) > 0.55 ? BPG_INK : BPG_PAPER, text);
}

static void
draw_prompts (Signals *self, double y, GPtrArray *names)
{
  bpg_canvas_text (self->canvas, LEFT - 8, y + STRIP - 8, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, "prompt");
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (self->plot->recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (self->plot->recording, i);
    double from = MAX ((double) segment->start, (double) self->first);
    double to = MIN ((double) (segment->start + segment->count), (double) self->last);
    BpgColour shade = bpg_movement_colour (segment->gesture);

    if (to <= from)
      continue;
    draw_span (self, from, to, y, segment->gesture, names->pdata[segment->gesture]);
    shade.alpha = SHADE;
    if (segment->gesture != 0)
      bpg_canvas_rectangle (self->canvas, to_x (self, from), self->traces, to_x (self, to) - to_x (self, from),
                            self->bottom - self->traces, shade);
  }
}

static void
draw_tick (Signals *self, double x, double y)
{
  cairo_t *cairo = self->canvas->cairo;

  cairo_set_source_rgb (cairo, BPG_GOOD.red, BPG_GOOD.green, BPG_GOOD.blue);
  cairo_set_line_width (cairo, 2.0);
  cairo_move_to (cairo, x - 4, y);
  cairo_line_to (cairo, x - 1, y + 3.5);
  cairo_line_to (cairo, x + 5, y - 4.5);
  cairo_stroke (cairo);
}

static void
draw_cross (Signals *self, double x, double y)
{
  bpg_canvas_line (self->canvas, x - 4, y - 4, x + 4, y + 4, 2.0, BPG_BAD);
  bpg_canvas_line (self->canvas, x - 4, y + 4, x + 4, y - 4, 2.0, BPG_BAD);
}

/* The marks of one repetition side by side in its middle. Returns the last reason why one was refused. */
static const char *
draw_marks (Signals *self, const BpgSegment *segment, double middle, double y)
{
  const char *reason = NULL;
  guint n_marks = 0;
  double x;

  for (guint i = 0; i < self->plot->verdicts->len; i++) {
    const BpgVerdictMark *mark = &g_array_index (self->plot->verdicts, BpgVerdictMark, i);

    n_marks += strcmp (mark->movement, segment->name) == 0 && mark->repetition == segment->repetition;
  }
  x = middle - 6.5 * (n_marks > 0 ? n_marks - 1 : 0);
  for (guint i = 0; i < self->plot->verdicts->len; i++) {
    const BpgVerdictMark *mark = &g_array_index (self->plot->verdicts, BpgVerdictMark, i);

    if (strcmp (mark->movement, segment->name) != 0 || mark->repetition != segment->repetition)
      continue;
    if (mark->accepted) {
      draw_tick (self, x, y);
    } else {
      draw_cross (self, x, y);
      reason = mark->reason;
    }
    x += 13;
  }
  return reason;
}

/* A reason below its marks, moved aside where it would run into the one before. Returns where it ends. */
static double
draw_reason (Signals *self, const char *reason, double middle, double y, double next_free)
{
  g_autofree char *text = g_strdelimit (g_strdup (reason), "-_", ' ');
  double width = bpg_canvas_get_text_width (self->canvas, 10, FALSE, text);
  double x = MAX (MIN (middle - width / 2, LEFT + self->width - width), next_free);

  bpg_canvas_text (self->canvas, x, y, BPG_ALIGN_LEFT, 10, FALSE, BPG_BAD, text);
  return x + width + 8;
}

static void
draw_verdicts (Signals *self, double y)
{
  double next_free = LEFT;

  if (self->plot->verdicts == NULL)
    return;
  bpg_canvas_text (self->canvas, LEFT - 8, y + 4, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, "verdict");
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (self->plot->recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (self->plot->recording, i);
    gsize at = segment->start + segment->count / 2;
    double middle = to_x (self, (double) at);
    const char *reason;

    if (at < self->first || at >= self->last)
      continue;
    reason = draw_marks (self, segment, middle, y);
    if (reason != NULL)
      next_free = draw_reason (self, reason, middle, y + 17, next_free);
  }
}

/* Height of the marks, and of the reasons below them when there is one. */
static double
get_verdicts_height (const BpgSignalsPlot *plot)
{
  for (guint i = 0; plot->verdicts != NULL && i < plot->verdicts->len; i++) {
    if (g_array_index (plot->verdicts, BpgVerdictMark, i).reason != NULL)
      return MARKS + REASONS;
  }
  return plot->verdicts != NULL ? MARKS : 0.0;
}

/* One electrode as the band between the least and the largest value of each column of pixels. */
static void
draw_trace (Signals *self, guint channel, double middle)
{
  cairo_t *cairo = self->canvas->cairo;
  guint columns = (guint) self->width * 2;
  double half = ROW / 2 - 2;
  double scale = half / self->amplitude;
  gsize n_samples = self->last - self->first;

  cairo_set_source_rgb (cairo, 0.16, 0.20, 0.30);
  cairo_set_line_width (cairo, n_samples > columns ? 0.6 : 0.9);
  cairo_set_line_join (cairo, CAIRO_LINE_JOIN_ROUND);
  if (n_samples <= columns) {
    for (gsize i = self->first; i < self->last; i++) {
      double value = bpg_emg_recording_get_sample (self->plot->recording, i)[channel] * scale;

      cairo_line_to (cairo, to_x (self, (double) i), middle - CLAMP (value, -half, half));
    }
  } else {
    for (guint column = 0; column < columns; column++) {
      gsize from = self->first + n_samples * column / columns, to = self->first + n_samples * (column + 1) / columns;
      double least = G_MAXDOUBLE, most = -G_MAXDOUBLE;

      for (gsize i = from; i < MAX (to, from + 1); i++) {
        double value = bpg_emg_recording_get_sample (self->plot->recording, i)[channel] * scale;

        least = MIN (least, value);
        most = MAX (most, value);
      }
      cairo_line_to (cairo, LEFT + column / 2.0, middle - CLAMP (most, -half, half));
      cairo_line_to (cairo, LEFT + column / 2.0, middle - CLAMP (least, -half, half));
    }
  }
  cairo_stroke (cairo);
}

static void
draw_electrodes (Signals *self)
{
  for (guint c = 0; c < self->channels; c++) {
    double middle = self->traces + ROW * (c + 0.5);
    g_autofree char *label = g_strdup_printf ("E%u", c + 1);

    bpg_canvas_line (self->canvas, LEFT, middle, LEFT + self->width, middle, 0.6, BPG_RULE);
    bpg_canvas_text (self->canvas, LEFT - 8, middle + 4, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, label);
    draw_trace (self, c, middle);
  }
}

static void
draw_gaps (Signals *self)
{
  for (guint i = 0; i < bpg_emg_recording_get_n_gaps (self->plot->recording); i++) {
    const BpgGap *gap = bpg_emg_recording_get_gap (self->plot->recording, i);
    double x = to_x (self, (double) CLAMP (gap->start, self->first, self->last));
    double width = to_x (self, (double) CLAMP (gap->start + gap->count, self->first, self->last)) - x;

    if (width > 0.0)
      bpg_canvas_rectangle (self->canvas, x, self->traces, MAX (width, 1.0), self->bottom - self->traces,
                            (BpgColour){0.8, 0.24, 0.05, 0.35});
  }
}

/* A bar of a round value at the right of the last electrode, instead of an axis for each. */
static void
draw_scale_bar (Signals *self)
{
  double lsb = (double) bpg_emg_recording_get_scale_nano (self->plot->recording) / 1e9;
  enum bpg_bpm_unit unit = bpg_emg_recording_get_unit (self->plot->recording);
  double value = bpg_canvas_get_step (self->amplitude * lsb, 2);
  double height = value / lsb / self->amplitude * (ROW / 2 - 2);
  double x = LEFT + self->width + 12, y = self->bottom - ROW / 2;
  gboolean milli = unit == BPG_UNIT_VOLT_AFTER_GAIN && value < 0.5;
  g_autofree char *text = g_strdup_printf ("%g %s", milli ? value * 1000 : value,
                                           unit == BPG_UNIT_MICROVOLT         ? "µV"
                                           : unit == BPG_UNIT_VOLT_AFTER_GAIN ? (milli ? "mV" : "V")
                                           : unit == BPG_UNIT_MYO_COUNT       ? "counts"
                                                                              : "× full");

  bpg_canvas_line (self->canvas, x, y - height / 2, x, y + height / 2, 1.4, BPG_INK);
  bpg_canvas_line (self->canvas, x - 3, y - height / 2, x + 3, y - height / 2, 1.4, BPG_INK);
  bpg_canvas_line (self->canvas, x - 3, y + height / 2, x + 3, y + height / 2, 1.4, BPG_INK);
  bpg_canvas_text (self->canvas, x + 7, y + 3.5, BPG_ALIGN_LEFT, 10, FALSE, BPG_INK, text);
  if (unit == BPG_UNIT_MYO_FULL_SCALE)
    bpg_canvas_text (self->canvas, x + 7, y + 15, BPG_ALIGN_LEFT, 10, FALSE, BPG_INK, "scale");
}

static guint
get_prompt (Signals *self, guint64 sample)
{
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (self->plot->recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (self->plot->recording, i);

    if (sample >= segment->start && sample - segment->start < segment->count)
      return segment->gesture;
  }
  return G_MAXUINT;
}

static void
draw_decisions (Signals *self, double y, GPtrArray *names)
{
  GArray *rows = self->plot->decisions;
  double since = -1.0;
  guint current = 0;

  bpg_canvas_text (self->canvas, LEFT - 8, y + STRIP - 8, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, "decision");
  for (guint i = 0; i < rows->len; i++) {
    const BpgDecisionRow *row = &g_array_index (rows, BpgDecisionRow, i);

    if (since >= 0.0 && row->movement != current)
      draw_span (self, since, (double) row->sample, y, current, names->pdata[current]);
    if (since < 0.0 || row->movement != current) {
      since = (double) row->sample;
      current = row->movement;
    }
  }
  if (since >= 0.0)
    draw_span (self, since, (double) g_array_index (rows, BpgDecisionRow, rows->len - 1).sample, y, current,
               names->pdata[current]);
}

/* Where a movement was made that was not asked for. */
static void
draw_wrong (Signals *self, double y)
{
  GArray *rows = self->plot->decisions;

  bpg_canvas_text (self->canvas, LEFT - 8, y + 7, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, "wrong");
  for (guint i = 0; i + 1 < rows->len; i++) {
    const BpgDecisionRow *row = &g_array_index (rows, BpgDecisionRow, i);
    guint64 next = (row + 1)->sample;
    guint prompt = get_prompt (self, row->sample);

    if (row->movement == 0 || prompt == G_MAXUINT || prompt == row->movement || row->sample < self->first ||
        next > self->last)
      continue;
    bpg_canvas_rectangle (self->canvas, to_x (self, (double) row->sample), y,
                          to_x (self, (double) next) - to_x (self, (double) row->sample) + 0.5, 8, BPG_BAD);
  }
}

static void
draw_confidence (Signals *self, double y)
{
  GArray *rows = self->plot->decisions;
  cairo_t *cairo = self->canvas->cairo;
  gboolean begun = FALSE;

  bpg_canvas_text (self->canvas, LEFT - 8, y + CONFIDENCE / 2 + 4, BPG_ALIGN_RIGHT, 11, FALSE, BPG_INK, "confidence");
  bpg_canvas_line (self->canvas, LEFT, y, LEFT + self->width, y, 0.6, BPG_RULE);
  bpg_canvas_line (self->canvas, LEFT, y + CONFIDENCE, LEFT + self->width, y + CONFIDENCE, 0.6, BPG_RULE);
  bpg_canvas_text (self->canvas, LEFT + self->width + 7, y + 4, BPG_ALIGN_LEFT, 9, FALSE, BPG_GREY, "1");
  bpg_canvas_text (self->canvas, LEFT + self->width + 7, y + CONFIDENCE + 3, BPG_ALIGN_LEFT, 9, FALSE, BPG_GREY, "0");
  for (guint i = 0; i < rows->len; i++) {
    const BpgDecisionRow *row = &g_array_index (rows, BpgDecisionRow, i);

    if (row->confidence < 0.0 || row->sample < self->first || row->sample >= self->last)
      continue;
    cairo_line_to (cairo, to_x (self, (double) row->sample), y + CONFIDENCE * (1.0 - row->confidence));
    begun = TRUE;
  }
  if (begun) {
    cairo_set_source_rgb (cairo, 0.0, 0.35, 0.6);
    cairo_set_line_width (cairo, 0.8);
    cairo_stroke (cairo);
  }
}

static void
draw_axis (Signals *self, double y)
{
  double from = (double) self->first / self->rate, to = (double) self->last / self->rate;
  double step = bpg_canvas_get_step (to - from, 14);

  bpg_canvas_line (self->canvas, LEFT, y, LEFT + self->width, y, 1.0, BPG_INK);
  for (double t = ceil (from / step - 1e-9) * step; t <= to + 1e-9; t += step) {
    double x = to_x (self, t * self->rate);
    g_autofree char *text = g_strdup_printf ("%g", fabs (t) < step / 1e6 ? 0.0 : t);

    bpg_canvas_line (self->canvas, x, y, x, y + 5, 1.0, BPG_INK);
    bpg_canvas_text (self->canvas, x, y + 18, BPG_ALIGN_CENTRE, 11, FALSE, BPG_INK, text);
  }
  bpg_canvas_text (self->canvas, LEFT + self->width / 2, y + 36, BPG_ALIGN_CENTRE, 12, FALSE, BPG_INK, "time (s)");
}

static gboolean
choose_range (Signals *self, GError **error)
{
  gsize n_samples = bpg_emg_recording_get_n_samples (self->plot->recording);
  double to = self->plot->to > 0.0 ? self->plot->to * self->rate : (double) n_samples;

  self->first = (gsize) CLAMP (self->plot->from * self->rate, 0.0, (double) n_samples);
  self->last = (gsize) CLAMP (to, 0.0, (double) n_samples);
  if (self->last < self->first + 2) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES,
                 "nothing is recorded between these times; the recording lasts %.1f s", (double) n_samples / self->rate);
    return FALSE;
  }
  return TRUE;
}

static double
get_height (const BpgSignalsPlot *plot, double legend, guint channels)
{
  return TOP + legend + STRIP + get_verdicts_height (plot) + GAP + ROW * channels + GAP +
         (plot->decisions != NULL ? STRIP + 14 + CONFIDENCE + 2 * GAP : 0) + BOTTOM;
}

/* The legend's height is needed before there is a canvas of the right height to measure its letters on. */
static double
measure_legend (Signals *self, GPtrArray *names)
{
  BpgCanvas scratch = {.surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, 1, 1)};
  double height;

  scratch.cairo = cairo_create (scratch.surface);
  self->canvas = &scratch;
  height = draw_legend (self, names, FALSE);
  self->canvas = NULL;
  cairo_destroy (scratch.cairo);
  cairo_surface_destroy (scratch.surface);
  return height;
}

static void
draw (Signals *self, GPtrArray *names, double legend)
{
  const BpgSignalsPlot *plot = self->plot;
  double strip = TOP + legend, y;

  self->traces = strip + STRIP + get_verdicts_height (plot) + GAP;
  self->bottom = self->traces + ROW * self->channels;
  bpg_canvas_text (self->canvas, LEFT, 28, BPG_ALIGN_LEFT, 17, TRUE, BPG_INK, plot->title);
  if (plot->subtitle != NULL)
    bpg_canvas_text (self->canvas, LEFT, 47, BPG_ALIGN_LEFT, 12, FALSE, BPG_GREY, plot->subtitle);
  draw_legend (self, names, TRUE);
  draw_prompts (self, strip, names);
  draw_verdicts (self, strip + STRIP + MARKS / 2);
  draw_electrodes (self);
  draw_gaps (self);
  draw_scale_bar (self);
  y = self->bottom + GAP;
  if (plot->decisions != NULL) {
    draw_decisions (self, y, names);
    draw_wrong (self, y + STRIP);
    draw_confidence (self, y + STRIP + 14 + GAP / 2);
    y += STRIP + 14 + CONFIDENCE + 2 * GAP;
  }
  draw_axis (self, y);
}

gboolean
bpg_plot_signals (const BpgSignalsPlot *plot, const char *path, GError **error)
{
  Signals self = {
    .plot = plot,
    .rate = bpg_emg_recording_get_rate (plot->recording),
    .channels = bpg_emg_recording_get_channels (plot->recording),
    .width = WIDTH - LEFT - RIGHT,
  };
  g_autoptr (GPtrArray) names = collect_movements (&self);
  double legend;

  if (!choose_range (&self, error))
    return FALSE;
  self.amplitude = get_amplitude (&self);
  legend = measure_legend (&self, names);
  self.canvas = bpg_canvas_new (path, WIDTH, get_height (plot, legend, self.channels), error);
  if (self.canvas == NULL)
    return FALSE;
  draw (&self, names, legend);
  return bpg_canvas_finish (self.canvas, error);
}
