/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Recordings in the emgpack format: X.json beside X.bin. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct sim_segment
{
  guint64 start;
  guint64 count;
  unsigned gesture;
  unsigned repetition;
  char *name;
};

/* What the converter would have to be to deliver a recording. */
struct sim_converter
{
  unsigned rate;
  unsigned channels;
  double lsb;
  char *unit;
};

struct sim_recording
{
  char *path; /* of X.json */
  struct sim_converter converter;
  guint64 samples;
  gint16 *values; /* samples x channels, interleaved */
  GArray *segments; /* struct sim_segment, ascending */
};

/* Reads X.json and X.bin; bounded (16 MB of JSON, 64 MB of samples, 16
 * channels). Hostile input. */
struct sim_recording *sim_recording_load (const char *path, GError **error);

/* Frees it; NULL is nothing. */
void sim_recording_free (struct sim_recording *recording);
typedef struct sim_recording SimRecording;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimRecording, sim_recording_free)

/* The segment that holds @sample, NULL when none does. */
const struct sim_segment *sim_recording_segment_at (const struct sim_recording *recording,
                                                    guint64 sample);

/* The first sample at or after @sample (going round) of a rest segment;
 * G_MAXUINT64 when the recording has no rest. */
guint64 sim_recording_next_rest (const struct sim_recording *recording, guint64 sample);

/* Whether two converters are the same. */
bool sim_converter_equal (const struct sim_converter *a, const struct sim_converter *b);
