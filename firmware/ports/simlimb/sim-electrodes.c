/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-electrodes.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "recognition/unit.h"

#define TRUTH_MOST 200000u
#define RECORDINGS_MOST 256u
#define QUEUE_MOST 4096u
#define NOISE_COUNTS 3.0
#define HUM_HZ 50.0
#define LOOSE_COUNTS 400.0
#define GENERATOR_LSB_UV 0.25

static void
free_recording (gpointer data)
{
  sim_recording_free (data);
}

static void
note_truth (struct sim_electrodes *electrodes)
{
  struct sim_truth truth = { .from = electrodes->next, .source = electrodes->source };

  switch (electrodes->source)
    {
    case SIM_SOURCE_PLAY:
      truth.recording = electrodes->piece.recording;
      truth.position = electrodes->position;
      break;
    case SIM_SOURCE_REST:
      truth.recording = electrodes->rest;
      truth.position = electrodes->position;
      break;
    case SIM_SOURCE_GENERATE:
      truth.gesture = electrodes->generator->gesture;
      truth.strength = electrodes->generator->strength;
      break;
    default:
      break;
    }
  if (electrodes->truth->len > 0
      && g_array_index (electrodes->truth, struct sim_truth, electrodes->truth->len - 1).from
           == electrodes->next)
    g_array_set_size (electrodes->truth, electrodes->truth->len - 1);
  if (electrodes->truth->len >= TRUTH_MOST)
    g_array_remove_range (electrodes->truth, 0, TRUTH_MOST / 2);
  g_array_append_val (electrodes->truth, truth);
}

void
sim_electrodes_init (struct sim_electrodes *electrodes, uint64_t seed)
{
  memset (electrodes, 0, sizeof *electrodes);
  electrodes->recordings = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_recording);
  electrodes->queue = g_queue_new ();
  electrodes->truth = g_array_new (FALSE, TRUE, sizeof (struct sim_truth));
  sim_random_init (&electrodes->random, seed);
  note_truth (electrodes);
}

void
sim_electrodes_clear (struct sim_electrodes *electrodes)
{
  g_clear_pointer (&electrodes->recordings, g_hash_table_unref);
  if (electrodes->queue != NULL)
    g_queue_free_full (g_steal_pointer (&electrodes->queue), g_free);
  g_clear_pointer (&electrodes->truth, g_array_unref);
  g_clear_pointer (&electrodes->generator, sim_generator_free);
  g_clear_pointer (&electrodes->converter.unit, g_free);
}

void
sim_electrodes_set_converter (struct sim_electrodes *electrodes,
                              const struct sim_converter *converter)
{
  g_free (electrodes->converter.unit);
  electrodes->converter = *converter;
  electrodes->converter.unit = g_strdup (converter->unit);
  electrodes->port = (struct bpg_port_electrodes){
    .rate = converter->rate,
    .channels = (uint8_t) converter->channels,
    .lsb_nano = (uint64_t) llround (converter->lsb * 1e9),
    .unit = electrodes->converter.unit,
    .unit_code = (uint8_t) bpg_unit_find (converter->unit, strlen (converter->unit)),
  };
}

void
sim_electrodes_set_generator (struct sim_electrodes *electrodes, uint64_t seed, unsigned rate,
                              unsigned channels)
{
  char unit[] = "microvolt";
  struct sim_converter converter = { rate, channels, GENERATOR_LSB_UV, unit };

  sim_electrodes_set_converter (electrodes, &converter);
  electrodes->generator = sim_generator_new (seed, rate, channels, GENERATOR_LSB_UV);
  electrodes->source = SIM_SOURCE_GENERATE;
  note_truth (electrodes);
}

const struct sim_recording *
sim_electrodes_load (struct sim_electrodes *electrodes, const char *path, GError **error)
{
  struct sim_recording *recording = g_hash_table_lookup (electrodes->recordings, path);

  if (recording != NULL)
    return recording;
  if (g_hash_table_size (electrodes->recordings) >= RECORDINGS_MOST)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "too many recordings");
      return NULL;
    }
  recording = sim_recording_load (path, error);
  if (recording == NULL)
    return NULL;
  if (electrodes->converter.unit == NULL)
    {
      sim_electrodes_set_converter (electrodes, &recording->converter);
    }
  else if (!sim_converter_equal (&electrodes->converter, &recording->converter))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "%s: recorded with another rate, number of channels, scale or unit than this "
                   "arm's converter has",
                   path);
      sim_recording_free (recording);
      return NULL;
    }
  g_hash_table_insert (electrodes->recordings, recording->path, recording);
  return recording;
}

static guint64
queued_end (const struct sim_electrodes *electrodes)
{
  guint64 end = electrodes->next;

  if (electrodes->source == SIM_SOURCE_PLAY)
    end += electrodes->piece.start + electrodes->piece.count - electrodes->position;
  for (const GList *item = electrodes->queue->head; item != NULL; item = item->next)
    end += ((const struct sim_piece *) item->data)->count;
  return end;
}

static bool
queue_piece (struct sim_electrodes *electrodes, const struct sim_piece *piece, GError **error)
{
  if (electrodes->piece.loop || g_queue_get_length (electrodes->queue) >= QUEUE_MOST)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "what plays has no end, or too much waits behind it");
      return false;
    }
  g_queue_push_tail (electrodes->queue, g_memdup2 (piece, sizeof *piece));
  return true;
}

static void
start_piece (struct sim_electrodes *electrodes, const struct sim_piece *piece)
{
  electrodes->piece = *piece;
  electrodes->position = piece->start;
  electrodes->source = SIM_SOURCE_PLAY;
  note_truth (electrodes);
}

bool
sim_electrodes_play (struct sim_electrodes *electrodes, const struct sim_piece *piece, bool append,
                     guint64 *sample, GError **error)
{
  if (piece->count == 0 || piece->start > piece->recording->samples
      || piece->count > piece->recording->samples - piece->start)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "the recording has %" G_GUINT64_FORMAT " samples", piece->recording->samples);
      return false;
    }
  if (append && electrodes->source == SIM_SOURCE_PLAY)
    {
      *sample = queued_end (electrodes);
      return queue_piece (electrodes, piece, error);
    }
  g_queue_clear_full (electrodes->queue, g_free);
  *sample = electrodes->next;
  start_piece (electrodes, piece);
  return true;
}

void
sim_electrodes_rest (struct sim_electrodes *electrodes, const struct sim_recording *recording)
{
  g_queue_clear_full (electrodes->queue, g_free);
  electrodes->piece = (struct sim_piece){ 0 };
  electrodes->rest = recording;
  if (recording != NULL && sim_recording_next_rest (recording, 0) != G_MAXUINT64)
    {
      electrodes->source = SIM_SOURCE_REST;
      electrodes->position = sim_recording_next_rest (recording, 0);
    }
  else if (electrodes->generator != NULL)
    {
      electrodes->source = SIM_SOURCE_GENERATE;
      sim_generator_move (electrodes->generator, 0, 0);
    }
  else
    {
      electrodes->source = SIM_SOURCE_NOISE;
    }
  note_truth (electrodes);
}

bool
sim_electrodes_generate (struct sim_electrodes *electrodes, unsigned gesture, double strength,
                         GError **error)
{
  if (electrodes->generator == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "this arm was not started with --generate");
      return false;
    }
  g_queue_clear_full (electrodes->queue, g_free);
  electrodes->piece = (struct sim_piece){ 0 };
  sim_generator_move (electrodes->generator, gesture, strength);
  electrodes->source = SIM_SOURCE_GENERATE;
  note_truth (electrodes);
  return true;
}

/* What comes when a piece has been played to its end. */
static void
end_piece (struct sim_electrodes *electrodes)
{
  g_autofree struct sim_piece *next = g_queue_pop_head (electrodes->queue);

  if (next != NULL)
    start_piece (electrodes, next);
  else if (electrodes->piece.loop)
    {
      electrodes->position = electrodes->piece.start;
      note_truth (electrodes);
    }
  else
    sim_electrodes_rest (electrodes, electrodes->piece.recording);
}

static void
read_recording (const struct sim_electrodes *electrodes, const struct sim_recording *recording,
                gint16 *values)
{
  unsigned channels = electrodes->converter.channels;

  memcpy (values, recording->values + electrodes->position * channels, channels * sizeof *values);
}

static void
read_source (struct sim_electrodes *electrodes, gint16 *values)
{
  guint64 following;

  switch (electrodes->source)
    {
    case SIM_SOURCE_PLAY:
      read_recording (electrodes, electrodes->piece.recording, values);
      electrodes->position++;
      break;
    case SIM_SOURCE_REST:
      read_recording (electrodes, electrodes->rest, values);
      following = sim_recording_next_rest (electrodes->rest, electrodes->position + 1);
      electrodes->position = following;
      break;
    case SIM_SOURCE_GENERATE:
      sim_generator_next (electrodes->generator, values);
      break;
    default:
      for (unsigned channel = 0; channel < electrodes->converter.channels; channel++)
        values[channel] = (gint16) lrint (NOISE_COUNTS * sim_random_normal (&electrodes->random));
      break;
    }
}

static gint16
clip (double value)
{
  return (gint16) lrint (CLAMP (value, G_MININT16, G_MAXINT16));
}

/* Counts of one microvolt at the electrode, where the unit says that. */
static double
counts_a_microvolt (const struct sim_converter *converter)
{
  return strcmp (converter->unit, "microvolt") == 0 ? 1 / converter->lsb : 1;
}

static void
add_faults (struct sim_electrodes *electrodes, gint16 *values)
{
  double hum = electrodes->hum_microvolt * counts_a_microvolt (&electrodes->converter)
               * sin (electrodes->hum_phase);

  electrodes->hum_phase = fmod (electrodes->hum_phase + 2 * G_PI * HUM_HZ / electrodes->converter.rate,
                                2 * G_PI);
  for (unsigned channel = 0; channel < electrodes->converter.channels; channel++)
    {
      guint16 bit = (guint16) (1u << channel);
      double value = values[channel] + hum;

      /* A loose contact picks up the room. */
      if (electrodes->loose & bit)
        value = LOOSE_COUNTS
                * (sin (electrodes->hum_phase) + 0.3 * sim_random_normal (&electrodes->random));
      if (electrodes->stuck & bit)
        value = electrodes->held[channel];
      values[channel] = clip (value);
      electrodes->held[channel] = values[channel];
    }
}

void
sim_electrodes_next (struct sim_electrodes *electrodes, gint16 *values)
{
  if (electrodes->source == SIM_SOURCE_PLAY
      && electrodes->position >= electrodes->piece.start + electrodes->piece.count)
    end_piece (electrodes);
  read_source (electrodes, values);
  if (electrodes->hum_microvolt != 0 || electrodes->stuck != 0 || electrodes->loose != 0)
    add_faults (electrodes, values);
  else
    memcpy (electrodes->held, values, electrodes->converter.channels * sizeof *values);
  electrodes->next++;
}

void
sim_electrodes_restart (struct sim_electrodes *electrodes)
{
  electrodes->next = 0;
  g_array_set_size (electrodes->truth, 0);
  note_truth (electrodes);
}

static void
add_int (JsonBuilder *builder, const char *name, guint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, (gint64) value);
}

static void
add_text (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static const char *
source_name (enum sim_source source)
{
  static const char *const names[] = { "noise", "rest", "play", "generate" };

  return names[source];
}

/* Writes one segment, split where the recording's labels change. */
static void
write_played (const struct sim_truth *truth, guint64 from, guint64 to, JsonBuilder *builder)
{
  while (from < to)
    {
      guint64 position = truth->position + (from - truth->from);
      const struct sim_segment *segment = sim_recording_segment_at (truth->recording, position);
      guint64 end = to;

      for (guint i = 0; segment == NULL && i < truth->recording->segments->len; i++)
        {
          guint64 start = g_array_index (truth->recording->segments, struct sim_segment, i).start;

          if (start > position)
            {
              end = MIN (to, from + (start - position));
              break;
            }
        }
      if (segment != NULL)
        end = MIN (to, from + (segment->start + segment->count - position));

      json_builder_begin_object (builder);
      add_int (builder, "from", from);
      add_int (builder, "to", end);
      add_text (builder, "source", source_name (truth->source));
      add_text (builder, "recording", truth->recording->path);
      add_int (builder, "start", position);
      if (segment != NULL)
        {
          add_int (builder, "gesture", segment->gesture);
          add_text (builder, "name", segment->name);
          add_int (builder, "rep", segment->repetition);
        }
      json_builder_end_object (builder);
      from = end;
    }
}

static void
write_segment (const struct sim_truth *truth, guint64 from, guint64 to, JsonBuilder *builder)
{
  if (truth->source == SIM_SOURCE_PLAY)
    {
      write_played (truth, from, to, builder);
      return;
    }
  json_builder_begin_object (builder);
  add_int (builder, "from", from);
  add_int (builder, "to", to);
  add_text (builder, "source", source_name (truth->source));
  if (truth->recording != NULL)
    add_text (builder, "recording", truth->recording->path);
  if (truth->source == SIM_SOURCE_GENERATE)
    {
      json_builder_set_member_name (builder, "strength");
      json_builder_add_double_value (builder, truth->strength);
    }
  add_int (builder, "gesture", truth->gesture);
  add_text (builder, "name", sim_gesture_name (truth->gesture));
  json_builder_end_object (builder);
}

void
sim_electrodes_write_truth (const struct sim_electrodes *electrodes, guint64 from, guint64 to,
                            JsonBuilder *builder)
{
  to = MIN (to, electrodes->next);
  json_builder_begin_array (builder);
  for (guint i = 0; i < electrodes->truth->len; i++)
    {
      const struct sim_truth *truth = &g_array_index (electrodes->truth, struct sim_truth, i);
      guint64 end = i + 1 < electrodes->truth->len
                      ? g_array_index (electrodes->truth, struct sim_truth, i + 1).from
                      : electrodes->next;

      if (end > from && truth->from < to)
        write_segment (truth, MAX (from, truth->from), MIN (to, end), builder);
    }
  json_builder_end_array (builder);
}
