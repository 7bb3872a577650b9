/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generate.h"

#include <glib/gstdio.h>
#include <math.h>

static guint64
next_random (guint64 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Sum of four uniform numbers: near enough to Gaussian, variance 1/3. */
static double
noise (guint64 *state)
{
  double sum = 0;

  for (guint i = 0; i < 4; i++)
    sum += (double) (next_random (state) >> 11) / (double) (1ull << 53) - 0.5;
  return sum;
}

/* How loud @movement is at @electrode: fixed for the made-up person. */
static double
gain (guint movement,
      guint electrode,
      guint channels)
{
  double centre = (double) movement * channels / 7.0;
  double away = fabs (remainder ((double) electrode - centre, channels));

  return movement == 0 ? 0.04 : 0.08 + (0.5 + 0.1 * (movement % 4)) * exp (-away * away / 2);
}

static void
fill_segment (const GeneratedSignal *signal,
              guint                  movement,
              gsize                  count,
              gint16                *samples,
              guint64               *state)
{
  double last[BPG_CHANNELS_MAX] = { 0 };
  double common = 0.9 + 0.2 * noise (state);

  for (gsize t = 0; t < count; t++)
    {
      double shared = noise (state);

      for (guint c = 0; c < signal->channels; c++)
        {
          double loud = gain (movement, (c + signal->shift) % signal->channels, signal->channels) * common;
          double fresh = 0.8 * noise (state) + 0.2 * shared * (movement % 3);

          last[c] = 0.4 * last[c] + fresh;
          samples[t * signal->channels + c] =
              (gint16) CLAMP (lround (signal->amplitude * loud * last[c]), G_MININT16, G_MAXINT16);
        }
    }
}

BpgEmgRecording *
generate_recording (const GeneratedSignal *signal)
{
  GArray *segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));
  GArray *gaps = g_array_new (FALSE, TRUE, sizeof (BpgGap));
  gsize count = (gsize) signal->segment_ms * signal->rate / 1000;
  gsize total = count * signal->movements * signal->repetitions;
  gint16 *samples = g_new (gint16, total * signal->channels);
  guint64 state = signal->seed * 2654435761u + 88172645463325252ull;
  BpgEmgRecording *recording;

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  for (guint i = 0; i < signal->movements * signal->repetitions; i++)
    {
      BpgSegment segment = { .start = i * count, .count = count };

      segment.gesture = (guint8) (i % signal->movements);
      segment.repetition = i / signal->movements + 1;
      segment.name = segment.gesture == 0 ? g_strdup ("rest") : g_strdup_printf ("movement_%u", segment.gesture);
      fill_segment (signal, segment.gesture, count, samples + segment.start * signal->channels, &state);
      g_array_append_val (segments, segment);
    }
  recording = bpg_emg_recording_new (signal->rate, signal->channels, 1000000000u, BPG_UNIT_MYO_COUNT,
                                     g_bytes_new_take (samples, total * signal->channels * sizeof (gint16)), segments,
                                     gaps);
  bpg_emg_recording_set_origin (recording, NULL, "made-up", "1", NULL);
  return recording;
}

static char *
side_car (BpgEmgRecording *recording)
{
  GString *text = g_string_new ("{\"format\": \"emgpack-1\", ");

  g_string_append_printf (text,
                          "\"fs_hz\": %u, \"channels\": %u, \"samples\": %" G_GSIZE_FORMAT
                          ", \"dtype\": \"int16le\", \"lsb\": 1.0, \"unit\": \"myo_count\", "
                          "\"subject\": \"made-up\", \"session\": 1, \"segments\": [",
                          bpg_emg_recording_get_rate (recording), bpg_emg_recording_get_channels (recording),
                          bpg_emg_recording_get_n_samples (recording));
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

      g_string_append_printf (text,
                              "%s{\"start\": %" G_GSIZE_FORMAT ", \"count\": %" G_GSIZE_FORMAT
                              ", \"gesture\": %u, \"name\": \"%s\", \"rep\": %u}",
                              i == 0 ? "" : ", ", segment->start, segment->count, segment->gesture, segment->name,
                              segment->repetition);
    }
  g_string_append (text, "]}");
  return g_string_free (text, FALSE);
}

char *
generate_save (BpgEmgRecording *recording,
               const char      *directory,
               const char      *name)
{
  g_autofree char *text = side_car (recording);
  g_autofree char *json_name = g_strconcat (name, ".json", NULL);
  g_autofree char *bin_name = g_strconcat (name, ".bin", NULL);
  g_autofree char *binary = g_build_filename (directory, bin_name, NULL);
  char *json = g_build_filename (directory, json_name, NULL);
  gsize size = bpg_emg_recording_get_n_samples (recording) * bpg_emg_recording_get_channels (recording) * 2;

  g_assert_true (g_file_set_contents (json, text, -1, NULL));
  g_assert_true (g_file_set_contents (binary, (const char *) bpg_emg_recording_get_sample (recording, 0), (gssize) size,
                                      NULL));
  return json;
}

char *
generate_directory (void)
{
  g_autoptr (GError) error = NULL;
  char *directory = g_dir_make_tmp ("bpg-training-XXXXXX", &error);

  g_assert_no_error (error);
  return directory;
}

void
generate_remove (char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_unlink (path);
    }
  g_rmdir (directory);
  g_free (directory);
}
