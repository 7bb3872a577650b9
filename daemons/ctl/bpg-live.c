/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-live.h"

#include "bpg-movement.h"
#include "bpg-progress.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define DECAY 0.985 /* of the bars' scale in an interval, so that it follows a signal that has become weak */
#define BAR_CELLS 24
#define METER_CELLS 20

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define PLAIN "\033[0m"
#define CLEAR_LINE "\033[K\n"

const char *
bpg_live_event_name (guint32 kind)
{
  static const char *const names[] = {"unknown",        "battery-low",  "over-current",  "over-temperature",
                                      "electrode-dead", "electrode-ok", "model-started", "trial-ended",
                                      "button",         "fault",        "model-rejected"};

  return names[kind < G_N_ELEMENTS (names) ? kind : 0];
}

static void
take_samples (BpgLive *self, const BpgStreamHeader *header, const gint16 *samples)
{
  guint channels = header->channels;

  if (channels == 0 || channels > BPG_LIVE_CHANNELS || header->length != header->count * channels * sizeof (gint16))
    return;
  self->channels = channels;
  self->samples += header->count;
  self->dead = header->dead;
  for (guint i = 0; i < header->count; i++) {
    for (guint c = 0; c < channels; c++) {
      double value = samples[i * channels + c];

      self->sums[c] += value;
      self->squares[c] += value * value;
    }
  }
  self->n_samples += header->count;
}

void
bpg_live_take (BpgLive *self, const BpgStreamHeader *header, const void *body)
{
  self->lost += header->lost;
  self->dropped += header->dropped;
  self->tick = header->tick;
  if (header->type == BPG_STREAM_SAMPLES) {
    take_samples (self, header, body);
  } else if (header->type == BPG_STREAM_DECISION && header->length >= sizeof (BpgStreamDecision)) {
    memcpy (&self->decision, body, sizeof self->decision);
    self->decided = TRUE;
    self->n_decisions++;
  } else if (header->type == BPG_STREAM_EVENT && header->length >= sizeof (BpgStreamEvent)) {
    const BpgStreamEvent *event = body;

    g_free (self->event);
    self->event = g_strdup_printf ("%s (%u, %u)", bpg_live_event_name (event->kind), event->a, event->b);
  }
}

void
bpg_live_step (BpgLive *self)
{
  if (self->n_samples == 0)
    return;
  self->largest *= DECAY;
  for (guint c = 0; c < self->channels; c++) {
    double mean = self->sums[c] / self->n_samples;

    self->rms[c] = sqrt (MAX (self->squares[c] / self->n_samples - mean * mean, 0.0));
    self->largest = MAX (self->largest, self->rms[c]);
    memmove (&self->history[c][0], &self->history[c][1], sizeof (double) * (BPG_LIVE_HISTORY - 1));
    self->history[c][BPG_LIVE_HISTORY - 1] = self->rms[c];
    self->sums[c] = self->squares[c] = 0.0;
  }
  self->n_history = MIN (self->n_history + 1, BPG_LIVE_HISTORY);
  self->n_samples = 0;
}

static void
append_history (BpgLive *self, GString *out, guint channel, int cells)
{
  static const char *const levels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

  for (int i = MAX (BPG_LIVE_HISTORY - cells, 0); i < BPG_LIVE_HISTORY; i++) {
    double share = self->largest > 0.0 ? self->history[channel][i] / self->largest : 0.0;

    g_string_append (out, levels[(guint) CLAMP (lround (share * 8), 0, 8)]);
  }
}

static void
append_electrode (BpgLive *self, GString *out, guint channel, int columns)
{
  gboolean dead = (self->dead & 1u << channel) != 0;
  g_autofree char *bar = bpg_progress_bar (self->largest > 0.0 ? self->rms[channel] / self->largest : 0.0, BAR_CELLS);

  g_string_append_printf (out, " %sE%-2u%s ▕%s▏ %9.3g %-9.9s ", dead ? RED : "", channel + 1, dead ? PLAIN : "", bar,
                          self->rms[channel] * self->lsb, dead ? _("dead") : self->unit);
  append_history (self, out, channel, columns - BAR_CELLS - 30);
  g_string_append (out, CLEAR_LINE);
}

static void
append_decision (BpgLive *self, GString *out)
{
  g_autofree char *confidence = bpg_progress_bar (self->decision.confidence / 1000.0, METER_CELLS);
  g_autofree char *speed = bpg_progress_bar (self->decision.speed / 1000.0, METER_CELLS);
  g_autofree char *name = g_strdelimit (g_strdup (bpg_movement_get_name (self->decision.movement)), "_", ' ');

  if (!self->decided) {
    g_string_append_printf (out, " %s" CLEAR_LINE, _("no decision yet"));
    return;
  }
  g_string_append_printf (out, " " BOLD "%-18s" PLAIN " %s ▕%s▏ %3u %%" CLEAR_LINE, name, _("confidence"), confidence,
                          self->decision.confidence / 10);
  g_string_append_printf (out, " %-18s %s ▕%s▏ %3u %%   %s %.2f ms" CLEAR_LINE, "", _("speed     "), speed,
                          self->decision.speed / 10, _("latency"), self->decision.latency / 1000.0);
}

char *
bpg_live_draw (BpgLive *self, const char *title, int columns, int rows)
{
  GString *out = g_string_new ("\033[H");
  guint shown = (guint) CLAMP (rows - 7, 1, (int) self->channels);

  g_string_append_printf (out, " " BOLD "%s" PLAIN "  %s" CLEAR_LINE CLEAR_LINE, title, _("q quits"));
  for (guint c = 0; c < MIN (shown, self->channels); c++)
    append_electrode (self, out, c, columns);
  g_string_append (out, CLEAR_LINE);
  append_decision (self, out);
  g_string_append_printf (out, " " DIM "%" G_GUINT64_FORMAT " %s, %" G_GUINT64_FORMAT " %s, %" G_GUINT64_FORMAT " %s%s%s" PLAIN
                          "\033[K\033[J",
                          self->samples, _("samples"), self->lost, _("lost"), self->dropped, _("dropped here"),
                          self->event != NULL ? "   " : "", self->event != NULL ? self->event : "");
  return g_string_free (out, FALSE);
}

GVariant *
bpg_live_describe (BpgLive *self)
{
  GVariantDict line;
  GVariantBuilder rms;

  g_variant_dict_init (&line, NULL);
  g_variant_builder_init (&rms, G_VARIANT_TYPE ("ad"));
  for (guint c = 0; c < self->channels; c++)
    g_variant_builder_add (&rms, "d", self->rms[c] * self->lsb);
  g_variant_dict_insert (&line, "tick", "t", self->tick);
  g_variant_dict_insert (&line, "samples", "t", self->samples);
  g_variant_dict_insert (&line, "lost", "t", self->lost);
  g_variant_dict_insert (&line, "dropped", "t", self->dropped);
  g_variant_dict_insert (&line, "dead", "u", self->dead);
  g_variant_dict_insert_value (&line, "rms", g_variant_builder_end (&rms));
  if (self->decided) {
    g_variant_dict_insert (&line, "movement", "s", bpg_movement_get_name (self->decision.movement));
    g_variant_dict_insert (&line, "code", "y", self->decision.movement);
    g_variant_dict_insert (&line, "confidence", "d", self->decision.confidence / 1000.0);
    g_variant_dict_insert (&line, "speed", "d", self->decision.speed / 1000.0);
    g_variant_dict_insert (&line, "latency_us", "u", self->decision.latency);
    g_variant_dict_insert (&line, "decisions", "u", self->n_decisions);
  }
  return g_variant_dict_end (&line);
}

void
bpg_live_clear (BpgLive *self)
{
  g_clear_pointer (&self->event, g_free);
}
