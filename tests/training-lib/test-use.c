/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a model in use, on made-up signals: an electrode is lost, a movement was never learnt, the signal
 * drifts. */
#include <glib.h>
#include <math.h>

#include "generate.h"
#include "recognition/recognizer.h"
#include "training/lib/bpg-run.h"
#include "training/lib/bpg-trainer.h"

static const GeneratedSignal person = { 200, 8, 6, 4, 2000, 300, 1, 0 };
static const BpgTrainOptions steady = { .window_ms = 200, .hop_ms = 50, .created_us = 1 };

/* Decisions on movements other than rest, past the first @settled samples of each segment. */
struct tally
{
  const GeneratedSignal *signal;
  guint settled;
  guint8 only; /* count this movement alone, 0 for all */
  guint n;
  guint right;
  guint wrong;
  guint none;
};

static BpgModel *
train_on (BpgEmgRecording *recording)
{
  BpgSelection selection = { recording, NULL };
  g_autoptr (GError) error = NULL;
  BpgModel *model = bpg_train (&selection, 1, NULL, &steady, NULL, &error);

  g_assert_no_error (error);
  return model;
}

static void
tally_up (const struct bpg_decision *decision,
          gpointer                   user_data)
{
  struct tally *tally = user_data;
  guint count = tally->signal->segment_ms * tally->signal->rate / 1000;
  guint truth = decision->sample / count % tally->signal->movements;

  if (truth == 0 || (tally->only != 0 && truth != tally->only) || decision->sample % count < tally->settled)
    return;
  tally->n++;
  tally->right += decision->movement == truth;
  tally->none += decision->movement == 0;
  tally->wrong += decision->movement != 0 && decision->movement != truth;
}

static void
run (BpgModel        *model,
     BpgEmgRecording *recording,
     struct tally    *tally)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (bpg_run (model, recording, tally_up, tally, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (tally->n, >, 50);
}

/* Another day, with electrodes of @mask dead after its first quarter. */
static BpgEmgRecording *
make_day (guint16 mask)
{
  GeneratedSignal day = person;
  BpgEmgRecording *recording;

  day.seed = 2;
  recording = generate_recording (&day);
  for (gsize t = bpg_emg_recording_get_n_samples (recording) / 4; t < bpg_emg_recording_get_n_samples (recording); t++)
    {
      for (guint c = 0; c < day.channels; c++)
        {
          if ((mask >> c & 1) != 0)
            ((gint16 *) bpg_emg_recording_get_sample (recording, t))[c] = 17;
        }
    }
  return recording;
}

static void
test_lost_electrode (void)
{
  g_autoptr (BpgEmgRecording) first = generate_recording (&person);
  g_autoptr (BpgModel) model = train_on (first);

  for (guint c = 0; c < person.channels; c++)
    {
      g_autoptr (BpgEmgRecording) day = make_day ((guint16) (1u << c));
      struct tally tally = { .signal = &person, .settled = 200 };

      run (model, day, &tally);
      g_assert_cmpuint (tally.right * 100, >, tally.n * 85);
    }
}

static void
test_two_lost_electrodes (void)
{
  g_autoptr (BpgEmgRecording) first = generate_recording (&person);
  g_autoptr (BpgEmgRecording) day = make_day (1u << 1 | 1u << 4);
  g_autoptr (BpgModel) model = train_on (first);
  struct tally tally = { .signal = &person, .settled = 200 };

  run (model, day, &tally);
  /* a quarter of the day has all electrodes; after that the hand rests */
  g_assert_cmpuint (tally.wrong * 100, <, tally.n * 2);
  g_assert_cmpuint (tally.none * 100, >, tally.n * 70);
}

/* What is followed while electrodes are missing would be wrong when they are back. */
static void
test_missing_electrodes_teach_nothing (void)
{
  g_autoptr (BpgEmgRecording) first = generate_recording (&person);
  g_autoptr (BpgEmgRecording) day = make_day (0);
  g_autoptr (BpgModel) model = train_on (first);
  g_autofree struct bpg_recognizer *recognizer = g_new (struct bpg_recognizer, 1);
  static const gint16 nothing[BPG_CHANNELS_MAX] = { 0 };
  struct bpg_shift before;
  struct bpg_decision decision;

  bpg_recognizer_init (recognizer, bpg_model_get_bpm (model));
  for (gsize t = 0; t < bpg_emg_recording_get_n_samples (day); t++)
    bpg_recognizer_push (recognizer, bpg_emg_recording_get_sample (day, t), &decision);
  /* the socket is taken off; it takes a tenth of a second to notice */
  for (guint t = 0; t < 40; t++)
    bpg_recognizer_push (recognizer, nothing, &decision);
  before = recognizer->follower.shift;
  for (guint t = 0; t < 60 * person.rate; t++)
    bpg_recognizer_push (recognizer, nothing, &decision);
  g_assert_cmpuint (decision.movement, ==, 0);
  g_assert_cmpmem (&before, sizeof before, &recognizer->follower.shift, sizeof before);
}

static void
test_unlearnt_movement (void)
{
  GeneratedSignal fewer = person;
  g_autoptr (BpgEmgRecording) first = NULL;
  g_autoptr (BpgEmgRecording) all = make_day (0);
  g_autoptr (BpgModel) model = NULL;
  struct tally unlearnt = { .signal = &person, .settled = 240, .only = 5 }, learnt = { .signal = &person, .settled = 100, .only = 2 };

  fewer.movements = 5;
  first = generate_recording (&fewer);
  model = train_on (first);
  run (model, all, &unlearnt);
  g_assert_cmpuint (unlearnt.none * 100, >, unlearnt.n * 80);
  run (model, all, &learnt);
  g_assert_cmpuint (learnt.right * 100, >, learnt.n * 90);
}

/* Electrodes whose gains drift apart over ten minutes, to twice and to half. */
static BpgEmgRecording *
make_drift (const GeneratedSignal *signal)
{
  BpgEmgRecording *recording = generate_recording (signal);
  gsize n = bpg_emg_recording_get_n_samples (recording);

  for (gsize t = 0; t < n; t++)
    {
      gint16 *sample = (gint16 *) bpg_emg_recording_get_sample (recording, t);

      for (guint c = 0; c < signal->channels; c++)
        sample[c] = (gint16) lround (sample[c] * exp2 ((c % 2 == 0 ? 1.0 : -1.0) * (double) t / (double) n));
    }
  return recording;
}

static void
test_follows_drift (void)
{
  GeneratedSignal today = person;
  g_autoptr (BpgEmgRecording) first = generate_recording (&person);
  g_autoptr (BpgModel) model = train_on (first);
  g_autoptr (BpgEmgRecording) drifting = NULL;
  g_autoptr (GBytes) frozen_bytes = NULL;
  g_autoptr (BpgModel) frozen = NULL;
  g_autoptr (GError) error = NULL;
  struct tally with = { .signal = &today, .settled = 100 }, without = { .signal = &today, .settled = 100 };
  gsize length;
  guint8 *bytes;

  today.seed = 3;
  today.repetitions = 50;
  drifting = make_drift (&today);
  /* the same model that follows nothing */
  bytes = g_memdup2 (g_bytes_get_data (bpg_model_get_bytes (model), &length), g_bytes_get_size (bpg_model_get_bytes (model)));
  bytes[398] = bytes[399] = 0;
  bpg_bpm_digest (bytes + BPG_BPM_HASHED_FROM, length - BPG_BPM_HASHED_FROM, bytes + 12);
  frozen_bytes = g_bytes_new_take (bytes, length);
  frozen = bpg_model_new (frozen_bytes, &error);
  g_assert_no_error (error);
  run (model, drifting, &with);
  run (frozen, drifting, &without);
  g_assert_cmpuint (with.right * 100, >, with.n * 90);
  g_assert_cmpuint (with.n - with.right, <, (without.n - without.right) / 2);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/training-lib/use/lost-electrode", test_lost_electrode);
  g_test_add_func ("/training-lib/use/two-lost-electrodes", test_two_lost_electrodes);
  g_test_add_func ("/training-lib/use/missing-electrodes", test_missing_electrodes_teach_nothing);
  g_test_add_func ("/training-lib/use/unlearnt-movement", test_unlearnt_movement);
  g_test_add_func ("/training-lib/use/follows-drift", test_follows_drift);
  return g_test_run ();
}
