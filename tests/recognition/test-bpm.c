/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "../training-lib/generate.h"
#include "recognition/recognizer.h"
#include "training/lib/bpg-trainer.h"

static GBytes *
trained_model (void)
{
  const GeneratedSignal signal = { .rate = 200, .channels = 6, .movements = 5, .repetitions = 2, .segment_ms = 1500,
                                   .amplitude = 200, .seed = 7 };
  g_autoptr (BpgEmgRecording) recording = generate_recording (&signal);
  BpgSelection selection = { recording, NULL };
  BpgTrainOptions options = { .window_ms = 200, .hop_ms = 50, .created_us = 1, .notes = "for tests" };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = bpg_train (&selection, 1, NULL, &options, NULL, &error);

  g_assert_no_error (error);
  return g_bytes_ref (bpg_model_get_bytes (model));
}

static void
reseal (guint8 *bytes,
        gsize   length)
{
  bpg_bpm_digest (bytes + BPG_BPM_HASHED_FROM, length - BPG_BPM_HASHED_FROM, bytes + 12);
}

static void
test_digest (void)
{
  g_autofree guint8 *bytes = g_malloc0 (300);

  for (gsize length = 0; length < 300; length++)
    {
      g_autofree char *expected = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes, length);
      g_autoptr (GString) actual = g_string_new (NULL);
      guint8 digest[BPG_BPM_DIGEST_LENGTH];

      bpg_bpm_digest (bytes, length, digest);
      for (guint i = 0; i < sizeof digest; i++)
        g_string_append_printf (actual, "%02x", digest[i]);
      g_assert_cmpstr (actual->str, ==, expected);
      bytes[length] = (guint8) (length * 31);
    }
}

static void
test_sound (void)
{
  g_autoptr (GBytes) model = trained_model ();
  struct bpg_bpm bpm;

  g_assert_cmpint (bpg_bpm_parse (g_bytes_get_data (model, NULL), g_bytes_get_size (model), &bpm), ==, 0);
  g_assert_cmpuint (bpm.rate, ==, 200);
  g_assert_cmpuint (bpm.channels, ==, 6);
  g_assert_cmpuint (bpm.movements, ==, 5);
  g_assert_cmpuint (bpm.window, ==, 40);
  g_assert_cmpuint (bpm.hop, ==, 10);
  g_assert_cmpuint (bpm.features, ==, 21 + 24);
  g_assert_cmpuint (bpm.scale_nano, ==, 1000000000);
  g_assert_cmpstr (bpm.subject, ==, "made-up");
  g_assert_cmpstr (bpm.notes, ==, "for tests");
  g_assert_cmpstr (bpg_bpm_name (&bpm, 0), ==, "rest");
  g_assert_cmpstr (bpg_bpm_name (&bpm, 4), ==, "movement_4");
  g_assert_cmpuint (bpg_bpm_repetitions (&bpm, 4), ==, 2);
}

static void
test_cut_anywhere (void)
{
  g_autoptr (GBytes) model = trained_model ();
  gsize length = g_bytes_get_size (model);

  for (gsize cut = 0; cut < length; cut++)
    {
      g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (model, NULL), MAX (cut, 1));
      struct bpg_bpm bpm;

      g_assert_cmpint (bpg_bpm_parse (bytes, cut, &bpm), ==, BPG_BPM_ETRUNCATED);
    }
}

static void
test_every_flip_is_seen (void)
{
  g_autoptr (GBytes) model = trained_model ();
  gsize length = g_bytes_get_size (model);
  g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (model, NULL), length);

  for (gsize at = 0; at < length; at++)
    {
      struct bpg_bpm bpm;

      bytes[at] ^= (guint8) (1u << at % 8);
      g_assert_cmpint (bpg_bpm_parse (bytes, length, &bpm), <, 0);
      bytes[at] ^= (guint8) (1u << at % 8);
    }
}

static int
parse_with (GBytes *model,
            gsize   at,
            guint   width,
            guint64 value)
{
  gsize length = g_bytes_get_size (model);
  g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (model, NULL), length);
  struct bpg_bpm bpm;

  for (guint i = 0; i < width; i++)
    bytes[at + i] = (guint8) (value >> (8 * i));
  reseal (bytes, length);
  return bpg_bpm_parse (bytes, length, &bpm);
}

static void
test_bounds (void)
{
  g_autoptr (GBytes) model = trained_model ();

  g_assert_cmpint (parse_with (model, 0, 1, 'X'), ==, BPG_BPM_EMAGIC);
  g_assert_cmpint (parse_with (model, 4, 2, 77), ==, BPG_BPM_ESCHEMA);
  g_assert_cmpint (parse_with (model, 44, 4, 0), ==, BPG_BPM_ERANGE);          /* rate */
  g_assert_cmpint (parse_with (model, 44, 4, 4000), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 48, 8, 0), ==, BPG_BPM_ERANGE);          /* scale */
  g_assert_cmpint (parse_with (model, 56, 1, 9), ==, BPG_BPM_ERANGE);          /* unit */
  g_assert_cmpint (parse_with (model, 57, 1, 17), ==, BPG_BPM_ERANGE);         /* channels */
  g_assert_cmpint (parse_with (model, 57, 1, 7), ==, BPG_BPM_ELAYOUT);
  g_assert_cmpint (parse_with (model, 58, 1, 1), ==, BPG_BPM_ERANGE);          /* movements */
  g_assert_cmpint (parse_with (model, 58, 1, 33), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 59, 1, 0), ==, BPG_BPM_ERANGE);          /* directions */
  g_assert_cmpint (parse_with (model, 60, 2, 0), ==, BPG_BPM_ERANGE);          /* window */
  g_assert_cmpint (parse_with (model, 60, 2, 1025), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 62, 2, 0), ==, BPG_BPM_ERANGE);          /* hop */
  g_assert_cmpint (parse_with (model, 64, 2, 0x8000), ==, BPG_BPM_ERANGE);     /* electrodes left out */
  g_assert_cmpint (parse_with (model, 66, 2, 0x8000), ==, BPG_BPM_ERANGE);     /* flags */
  g_assert_cmpint (parse_with (model, 84, 4, 0x7fffffff), ==, BPG_BPM_ERANGE); /* polynomial */
  g_assert_cmpint (parse_with (model, 136, 2, 0), ==, BPG_BPM_ERANGE);         /* confidence */
  g_assert_cmpint (parse_with (model, 136, 2, 5000), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 132, 4, 1 << 25), ==, BPG_BPM_ERANGE);   /* rejection */
  g_assert_cmpint (parse_with (model, 142, 2, 0), ==, BPG_BPM_ERANGE);         /* margins */
  g_assert_cmpint (parse_with (model, 144, 2, 0), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 380, 4, 0xffffffff), ==, BPG_BPM_ELAYOUT);
  g_assert_cmpint (parse_with (model, 384, 4, 0), ==, BPG_BPM_ERANGE);         /* chances of change */
  g_assert_cmpint (parse_with (model, 384, 4, 1 << 29), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 388, 4, 1 << 28), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 392, 4, 1 << 30), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 396, 2, 0), ==, BPG_BPM_ERANGE);         /* evidence */
  g_assert_cmpint (parse_with (model, 396, 2, 20000), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 398, 2, 60000), ==, BPG_BPM_ERANGE);     /* following */
  g_assert_cmpint (parse_with (model, 404, 2, 60000), ==, BPG_BPM_ERANGE);
  g_assert_cmpint (parse_with (model, 412, 2, 257), ==, BPG_BPM_ERANGE);       /* quiet */
  g_assert_cmpint (parse_with (model, 421, 1, 1), ==, BPG_BPM_ERANGE);         /* reserved */
  g_assert_cmpint (parse_with (model, 434, 2, 40000), ==, BPG_BPM_ERANGE);     /* interference */
  g_assert_cmpint (parse_with (model, 440 + 32, 1, 0), ==, BPG_BPM_ERANGE);    /* two movements of one code */
  g_assert_cmpint (parse_with (model, 440 + 8, 1, 0), ==, BPG_BPM_ERANGE);     /* no name */
}

static void
test_big_window (void)
{
  g_autoptr (GBytes) model = trained_model ();

  /* 6 electrodes x 1024 samples still fit; 9 would not, and say so before the layout is looked at */
  g_assert_cmpint (parse_with (model, 60, 2, 1024), ==, 0);
}

/* Fuzzing begins with models: they must get past the parser, whatever becomes of the schema. */
static void
test_corpus_is_sound (void)
{
  static const char *const names[] = { "good", "short-window", "trained-4", "trained-8" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", "bpm", names[i], NULL);
      g_autofree char *bytes = NULL;
      g_autoptr (GError) error = NULL;
      struct bpg_bpm bpm;
      gsize length;

      g_file_get_contents (path, &bytes, &length, &error);
      g_assert_no_error (error);
      g_assert_cmpint (bpg_bpm_parse ((const guint8 *) bytes, length, &bpm), ==, 0);
    }
}

static void
test_errors_have_words (void)
{
  for (int error = BPG_BPM_EALIGNMENT - 1; error <= 0; error++)
    g_assert_cmpuint (strlen (bpg_bpm_strerror (error)), >, 10);
}

/* Whatever passes the parser must run: any damage that is sealed again is refused or harmless. */
static void
test_damage_is_refused_or_harmless (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  g_autoptr (GBytes) model = trained_model ();
  gsize length = g_bytes_get_size (model);
  g_autofree struct bpg_recognizer *recognizer = g_new (struct bpg_recognizer, 1);
  guint accepted = 0;

  for (guint round = 0; round < 3000; round++)
    {
      g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (model, NULL), length);
      struct bpg_bpm bpm;

      for (guint damage = 0; damage <= round % 8; damage++)
        bytes[g_rand_int_range (rand, BPG_BPM_HASHED_FROM, (gint32) length)] = (guint8) g_rand_int (rand);
      reseal (bytes, length);
      if (bpg_bpm_parse (bytes, length, &bpm) != 0)
        continue;
      accepted++;
      bpg_recognizer_init (recognizer, &bpm);
      for (guint i = 0; i < bpm.window + 3u * MIN (bpm.hop, 50u); i++)
        {
          gint16 sample[BPG_CHANNELS_MAX];
          struct bpg_decision decision;

          for (guint c = 0; c < BPG_CHANNELS_MAX; c++)
            sample[c] = (gint16) g_rand_int (rand);
          if (bpg_recognizer_push (recognizer, sample, &decision))
            g_assert_true (decision.confidence <= 1000 && decision.speed <= 1000);
        }
    }
  g_assert_cmpuint (accepted, >, 100);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recognition/bpm/digest", test_digest);
  g_test_add_func ("/recognition/bpm/sound", test_sound);
  g_test_add_func ("/recognition/bpm/cut-anywhere", test_cut_anywhere);
  g_test_add_func ("/recognition/bpm/every-flip-is-seen", test_every_flip_is_seen);
  g_test_add_func ("/recognition/bpm/bounds", test_bounds);
  g_test_add_func ("/recognition/bpm/big-window", test_big_window);
  g_test_add_func ("/recognition/bpm/corpus", test_corpus_is_sound);
  g_test_add_func ("/recognition/bpm/errors-have-words", test_errors_have_words);
  g_test_add_func ("/recognition/bpm/damage", test_damage_is_refused_or_harmless);
  return g_test_run ();
}
