/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * judge-recordings [--fault NAME] [--rest-skip SECONDS] REC.json …
 *
 * Plays recordings of one person and day to the rules that judge a session: repetition by repetition, rest first, each
 * accepted one remembered. Without a fault every refusal is a false one; with a fault each repetition from the second on
 * is spoilt before it is judged, and what is accepted was missed. Prints a line a repetition: file, movement, repetition,
 * accepted, reasons, onset, figures,
 * then of each electrode level and wander; and on standard error how far
 * movements are apart. docs/verdicts.md tells what came of it.
 */
#include "lib/bpg-recording-reader.h"
#include "lib/bpg-verdict.h"

#include "bpg-movement.h"

#include <math.h>
#include <string.h>

/* One repetition on its way to the judge. */
typedef struct {
  const char *file;
  guint rate;
  guint channels;
  guint8 code;
  guint number;
  gsize count;
  gint16 *samples;
} Repetition;

/* What a fault may draw on. */
typedef struct {
  const Repetition *rest;
  const Repetition *other; /* the same repetition of the next movement */
  guint channel;
} Surroundings;

typedef struct {
  const char *name;
  void (*spoil) (Repetition *repetition, const Surroundings *around);
} Fault;

static void
repetition_free (gpointer data)
{
  Repetition *repetition = data;

  g_free (repetition->samples);
  g_free (repetition);
}

static gint16 *
at (const Repetition *repetition, gsize index, guint channel)
{
  return &repetition->samples[(index % repetition->count) * repetition->channels + channel];
}

static gint16
to_counts (double value)
{
  return (gint16) CLAMP (lround (value), G_MININT16, G_MAXINT16);
}

static double
level_of (const Repetition *repetition, guint channel)
{
  double sum = 0, squares = 0;

  for (gsize i = 0; i < repetition->count; i++) {
    sum += *at (repetition, i, channel);
    squares += (double) *at (repetition, i, channel) * *at (repetition, i, channel);
  }
  return sqrt (MAX (squares / repetition->count - (sum / repetition->count) * (sum / repetition->count), 0.1));
}

static double
mains (const Repetition *repetition, gsize index)
{
  return G_SQRT2 * sin (2 * G_PI * 50 * (double) index / repetition->rate + 0.3);
}

static void
spoil_stuck (Repetition *repetition, const Surroundings *around)
{
  for (gsize i = 0; i < repetition->count; i++)
    *at (repetition, i, around->channel) = 3;
}

/* The muscle is gone from the electrode and the mains has come. */
static void
spoil_loose (Repetition *repetition, const Surroundings *around)
{
  double level = 4 * level_of (around->rest, around->channel);

  for (gsize i = 0; i < repetition->count; i++)
    *at (repetition, i, around->channel) =
      to_counts (*at (around->rest, i, around->channel) + level * mains (repetition, i));
}

/* Hum half as strong again as the signal. */
static void
spoil_hum (Repetition *repetition, const Surroundings *around)
{
  for (guint c = 0; c < repetition->channels; c++) {
    double level = 1.5 * level_of (repetition, c);

    for (gsize i = 0; i < repetition->count; i++)
      *at (repetition, i, c) = to_counts (*at (repetition, i, c) + level * mains (repetition, i));
  }
}

static void
spoil_clipped (Repetition *repetition, const Surroundings *around)
{
  double level = level_of (repetition, around->channel), gain = MAX (1, 100 / level);

  for (gsize i = 0; i < repetition->count; i++)
    *at (repetition, i, around->channel) =
      to_counts (gain * CLAMP (*at (repetition, i, around->channel), -0.7 * level, 0.7 * level));
}

/* The cable is tugged: a slow wave twelve times as high as the signal. */
static void
spoil_jolt (Repetition *repetition, const Surroundings *around)
{
  double level = 12 * level_of (repetition, around->channel);

  for (gsize i = 0; i < repetition->count; i++) {
    double t = ((double) i - repetition->count / 2.0) / repetition->rate;

    *at (repetition, i, around->channel) =
      to_counts (*at (repetition, i, around->channel) + level * exp (-t * t / 0.02) * cos (2 * G_PI * 2 * t));
  }
}

static void
copy_part (Repetition *repetition, const Repetition *from, gsize count)
{
  for (gsize i = 0; i < count; i++)
    memcpy (at (repetition, i, 0), at (from, i, 0), repetition->channels * sizeof (gint16));
}

static void
spoil_idle (Repetition *repetition, const Surroundings *around)
{
  copy_part (repetition, around->rest, repetition->count);
}

static void
spoil_late (Repetition *repetition, const Surroundings *around)
{
  copy_part (repetition, around->rest, repetition->count * 7 / 10);
}

static void
spoil_weak (Repetition *repetition, const Surroundings *around)
{
  for (gsize i = 0; i < repetition->count; i++) {
    for (guint c = 0; c < repetition->channels; c++)
      *at (repetition, i, c) = to_counts (*at (around->rest, i, c) + 0.2 * *at (repetition, i, c));
  }
}

static void
spoil_swapped (Repetition *repetition, const Surroundings *around)
{
  copy_part (repetition, around->other, repetition->count);
}

static const Fault faults[] = {
  {"stuck", spoil_stuck},     {"loose", spoil_loose}, {"hum", spoil_hum},   {"clipped", spoil_clipped},
  {"jolt", spoil_jolt},       {"idle", spoil_idle},   {"late", spoil_late}, {"weak", spoil_weak},
  {"swapped", spoil_swapped},
};

static int
compare_repetitions (gconstpointer a, gconstpointer b)
{
  const Repetition *x = *(Repetition *const *) a, *y = *(Repetition *const *) b;

  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  return (int) x->code - (int) y->code;
}

static void
take_segments (GPtrArray *session, BpgEmgRecording *recording, const char *file, double rest_skip, guint *rests)
{
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
    gsize skip = segment->gesture == BPG_MOVEMENT_REST ? (gsize) (rest_skip * bpg_emg_recording_get_rate (recording)) : 0;
    Repetition *repetition;

    if (segment->count <= skip + bpg_emg_recording_get_rate (recording) / 2)
      continue;
    repetition = g_new0 (Repetition, 1);
    repetition->file = file;
    repetition->rate = bpg_emg_recording_get_rate (recording);
    repetition->channels = bpg_emg_recording_get_channels (recording);
    repetition->code = segment->gesture;
    repetition->number = segment->gesture == BPG_MOVEMENT_REST ? ++*rests : segment->repetition;
    repetition->count = segment->count - skip;
    repetition->samples = g_memdup2 (bpg_emg_recording_get_sample (recording, segment->start + skip),
                                     repetition->count * repetition->channels * sizeof (gint16));
    g_ptr_array_add (session, repetition);
  }
}

/* A session asks for as many rests as for repetitions of each movement. */
static void
drop_spare_rests (GPtrArray *session)
{
  guint most = 0;

  for (guint i = 0; i < session->len; i++) {
    const Repetition *repetition = session->pdata[i];

    if (repetition->code != BPG_MOVEMENT_REST)
      most = MAX (most, repetition->number);
  }
  for (guint i = session->len; i-- > 0;) {
    const Repetition *repetition = session->pdata[i];

    if (repetition->code == BPG_MOVEMENT_REST && repetition->number > most)
      g_ptr_array_remove_index (session, i);
  }
}

static const Repetition *
find_other (GPtrArray *session, const Repetition *repetition)
{
  const Repetition *found = NULL;

  for (guint i = 0; i < session->len; i++) {
    const Repetition *other = session->pdata[i];

    if (other->code != BPG_MOVEMENT_REST && other->code != repetition->code && other->number == repetition->number &&
        (found == NULL || (found->code < repetition->code && other->code > repetition->code)))
      found = other;
  }
  return found;
}

static const Repetition *
find_rest (GPtrArray *session, guint number)
{
  for (guint i = 0; i < session->len; i++) {
    const Repetition *rest = session->pdata[i];

    if (rest->code == BPG_MOVEMENT_REST && rest->number == number)
      return rest;
  }
  return NULL;
}

static void
print_verdict (const Repetition *repetition, const BpgVerdict *verdict, gboolean spoilt)
{
  g_autoptr (GString) reasons = g_string_new (NULL);

  for (guint i = 0; i < BPG_VERDICT_N_RULES; i++) {
    if (verdict->reasons & 1u << i)
      g_string_append_printf (reasons, "%s%s", reasons->len > 0 ? "+" : "", bpg_verdict_rule_name (i));
  }
  g_print ("%s,%s,%u,%d,%d,%s,%.2f", repetition->file, bpg_movement_get_name (repetition->code), repetition->number, spoilt,
           verdict->accepted, reasons->str, verdict->onset);
  for (guint i = 0; i < BPG_VERDICT_N_RULES; i++)
    g_print (",%.3f", verdict->figures[i]);
  for (guint c = 0; c < verdict->signal->channels; c++)
    g_print (",%.2f/%.2f", verdict->signal->electrodes[c].rms, verdict->signal->electrodes[c].wander);
  g_print ("\n");
}

static void
print_separability (BpgJudge *judge)
{
  g_autoptr (GArray) pairs = bpg_judge_get_separability (judge);
  g_autofree char *advice = bpg_judge_get_advice (judge);

  for (guint i = 0; i < pairs->len; i++) {
    const BpgSeparability *pair = &g_array_index (pairs, BpgSeparability, i);

    g_printerr ("%s,%s,%.2f\n", bpg_movement_get_name (pair->first), bpg_movement_get_name (pair->second), pair->distance);
  }
  g_printerr ("%s\n", advice);
}

static void
judge_session (GPtrArray *session, const Fault *fault)
{
  const Repetition *first = session->pdata[0];
  g_autoptr (BpgJudge) judge = bpg_judge_new (first->rate, first->channels);

  for (guint i = 0; i < session->len; i++) {
    const Repetition *repetition = session->pdata[i];
    g_autoptr (BpgVerdict) verdict = bpg_judge_repetition (judge, repetition->code, repetition->number,
                                                           repetition->samples, repetition->count, NULL, 0);
    Surroundings around = {find_rest (session, 2), find_other (session, repetition), i % repetition->channels};

    if (fault == NULL)
      print_verdict (repetition, verdict, FALSE);
    if (verdict->accepted)
      bpg_judge_accept (judge, g_steal_pointer (&verdict));
    if (fault != NULL && repetition->number > 1 && repetition->code != BPG_MOVEMENT_REST && around.rest != NULL &&
        around.other != NULL) {
      Repetition spoilt = *repetition;
      g_autofree gint16 *samples = g_memdup2 (repetition->samples,
                                              repetition->count * repetition->channels * sizeof (gint16));
      g_autoptr (BpgVerdict) caught = NULL;

      spoilt.samples = samples;
      fault->spoil (&spoilt, &around);
      caught = bpg_judge_repetition (judge, spoilt.code, spoilt.number, spoilt.samples, spoilt.count, NULL, 0);
      print_verdict (&spoilt, caught, TRUE);
    }
  }
  if (fault == NULL)
    print_separability (judge);
}

static const Fault *
find_fault (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    if (g_strcmp0 (faults[i].name, name) == 0)
      return &faults[i];
  }
  return NULL;
}

int
main (int argc, char **argv)
{
  g_autofree char *name = NULL;
  double rest_skip = 0;
  guint rests = 0;
  const GOptionEntry entries[] = {
    {"fault", 0, 0, G_OPTION_ARG_STRING, &name, "What to spoil repetitions with", "NAME"},
    {"rest-skip", 0, 0, G_OPTION_ARG_DOUBLE, &rest_skip, "Left out at the start of each rest", "SECONDS"},
    {NULL},
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("REC.json …");
  g_autoptr (GPtrArray) session = g_ptr_array_new_with_free_func (repetition_free);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc < 2 || (name != NULL && find_fault (name) == NULL)) {
    g_printerr ("%s: %s\n", argv[0], error != NULL ? error->message : "no recordings, or an unknown fault");
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    g_autoptr (BpgEmgRecording) recording = bpg_recording_read_file (argv[i], &error);

    if (recording == NULL) {
      g_printerr ("%s\n", error->message);
      return 1;
    }
    take_segments (session, recording, argv[i], rest_skip, &rests);
  }
  drop_spare_rests (session);
  g_ptr_array_sort (session, compare_repetitions);
  judge_session (session, find_fault (name));
  return 0;
}
