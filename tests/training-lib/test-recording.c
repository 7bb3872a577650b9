/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "generate.h"
#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-training-error.h"

static const char sound[] =
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 16, \"dtype\": \"int16le\", \"lsb\": 5e-05, "
    "\"unit\": \"myo_full_scale\", \"subject\": \"7\", \"session\": 3, \"placement\": \"N\", \"segments\": "
    "[{\"start\": 0, \"count\": 8, \"gesture\": 0, \"name\": \"rest\", \"rep\": 1, \"context\": \"before\"}, "
    "{\"start\": 8, \"count\": 8, \"gesture\": 9, \"name\": \"side_grip\"}]}";

static GBytes *
silence (gsize size)
{
  return g_bytes_new_take (g_malloc0 (size), size);
}

static void
test_sound (void)
{
  g_autoptr (GBytes) samples = silence (4 * 16 * 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) recording = bpg_recording_read_parts ("x", sound, strlen (sound), samples, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (bpg_emg_recording_get_rate (recording), ==, 200);
  g_assert_cmpuint (bpg_emg_recording_get_channels (recording), ==, 4);
  g_assert_cmpuint (bpg_emg_recording_get_n_samples (recording), ==, 16);
  g_assert_cmpuint (bpg_emg_recording_get_scale_nano (recording), ==, 50000);
  g_assert_cmpint (bpg_emg_recording_get_unit (recording), ==, BPG_UNIT_MYO_FULL_SCALE);
  g_assert_cmpstr (bpg_emg_recording_get_subject (recording), ==, "7");
  g_assert_cmpstr (bpg_emg_recording_get_session (recording), ==, "3");
  g_assert_cmpstr (bpg_emg_recording_get_placement (recording), ==, "N");
  g_assert_cmpuint (bpg_emg_recording_get_n_segments (recording), ==, 2);
  g_assert_cmpstr (bpg_emg_recording_get_segment (recording, 0)->context, ==, "before");
  g_assert_cmpuint (bpg_emg_recording_get_segment (recording, 0)->repetition, ==, 1);
  g_assert_cmpuint (bpg_emg_recording_get_segment (recording, 1)->repetition, ==, 0);
  g_assert_cmpuint (bpg_emg_recording_get_segment (recording, 1)->gesture, ==, 9);
}

static void
assert_refused (const char *find,
                const char *replace)
{
  g_autoptr (GString) text = g_string_new (sound);
  g_autoptr (GBytes) samples = silence (4 * 16 * 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;

  g_assert_cmpuint (g_string_replace (text, find, replace, 1), ==, 1);
  recording = bpg_recording_read_parts ("x", text->str, text->len, samples, &error);
  g_assert_null (recording);
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, "again"));
}

static void
test_refused (void)
{
  assert_refused ("\"fs_hz\": 200, ", "");
  assert_refused ("\"fs_hz\": 200", "\"fs_hz\": 200.5");
  assert_refused ("\"fs_hz\": 200", "\"fs_hz\": \"200\"");
  assert_refused ("\"fs_hz\": 200", "\"fs_hz\": 48000");
  assert_refused ("\"fs_hz\": 200", "\"fs_hz\": [200]");
  assert_refused ("\"channels\": 4", "\"channels\": 0");
  assert_refused ("\"channels\": 4", "\"channels\": 64");
  assert_refused ("\"channels\": 4", "\"channels\": 5");
  assert_refused ("\"samples\": 16", "\"samples\": 17");
  assert_refused ("\"samples\": 16", "\"samples\": 15");
  assert_refused ("\"samples\": 16", "\"samples\": -16");
  assert_refused ("\"samples\": 16", "\"samples\": 9223372036854775807");
  assert_refused ("int16le", "float32");
  assert_refused ("5e-05", "NaN");
  assert_refused ("5e-05", "0");
  assert_refused ("5e-05", "-1");
  assert_refused ("5e-05", "1e300");
  assert_refused ("5e-05", "null");
  assert_refused ("myo_full_scale", "furlong");
  assert_refused ("\"count\": 8, \"gesture\": 9", "\"count\": 9, \"gesture\": 9");
  assert_refused ("\"start\": 8", "\"start\": 9223372036854775800");
  assert_refused ("\"gesture\": 9", "\"gesture\": 256");
  assert_refused ("\"gesture\": 9", "\"gesture\": null");
  assert_refused ("\"name\": \"side_grip\"", "\"name\": \"\"");
  assert_refused ("\"name\": \"side_grip\"", "\"name\": \"a_name_of_more_than_23_bytes\"");
  assert_refused ("\"rep\": 1", "\"rep\": -1");
  assert_refused ("\"segments\": [", "\"segments\": [7, ");
  assert_refused ("\"segments\"", "\"sections\"");
  assert_refused ("\"segments\"", "\"gaps\": {}, \"segments\"");
  assert_refused ("\"segments\"", "\"gaps\": [{\"start\": 0}], \"segments\"");
  assert_refused ("{\"fs_hz\"", "[\"fs_hz\"");
}

static void
test_cut_anywhere (void)
{
  g_autoptr (GBytes) samples = silence (4 * 16 * 2);

  for (gsize length = 0; length < strlen (sound); length++)
    {
      g_autofree char *part = g_strndup (sound, length);
      g_autoptr (GError) error = NULL;

      g_assert_null (bpg_recording_read_parts ("x", part, length, samples, &error));
      g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
    }
}

static void
test_narrow_samples (void)
{
  g_autoptr (GString) text = g_string_new (sound);
  guint8 bytes[64] = { 0x80, 0x7f, 0xff };
  g_autoptr (GBytes) samples = g_bytes_new_static (bytes, sizeof bytes);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;

  g_string_replace (text, "int16le", "int8", 1);
  recording = bpg_recording_read_parts ("x", text->str, text->len, samples, &error);
  g_assert_no_error (error);
  g_assert_cmpint (bpg_emg_recording_get_sample (recording, 0)[0], ==, -128);
  g_assert_cmpint (bpg_emg_recording_get_sample (recording, 0)[1], ==, 127);
  g_assert_cmpint (bpg_emg_recording_get_sample (recording, 0)[2], ==, -1);
}

static GBytes *
container (guint32 announced)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 length[4] = { (guint8) announced, (guint8) (announced >> 8), (guint8) (announced >> 16),
                       (guint8) (announced >> 24) };
  guint8 samples[4 * 16 * 2] = { 1, 2 };

  g_byte_array_append (bytes, (const guint8 *) "BPGREC1\n", 8);
  g_byte_array_append (bytes, length, sizeof length);
  g_byte_array_append (bytes, (const guint8 *) sound, strlen (sound));
  g_byte_array_append (bytes, samples, sizeof samples);
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

static void
test_container (void)
{
  g_autoptr (GBytes) good = container (strlen (sound));
  g_autoptr (GBytes) liar = container (0xfffffff0);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) recording = bpg_recording_read_bytes (good, &error);

  g_assert_no_error (error);
  g_assert_cmpint (bpg_emg_recording_get_sample (recording, 0)[0], ==, 0x201);
  g_assert_null (bpg_recording_read_bytes (liar, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
  g_clear_error (&error);
  g_assert_null (bpg_recording_read_bytes (empty, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
}

static void
test_files (void)
{
  const GeneratedSignal signal = { 200, 8, 3, 2, 500, 100, 1, 0 };
  g_autoptr (BpgEmgRecording) made = generate_recording (&signal);
  char *directory = generate_directory ();
  g_autofree char *path = generate_save (made, directory, "a");
  g_autofree char *absent = g_build_filename (directory, "b.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) recording = bpg_recording_read_file (path, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (bpg_emg_recording_get_n_samples (recording), ==, bpg_emg_recording_get_n_samples (made));
  g_assert_cmpmem (bpg_emg_recording_get_sample (recording, 0), 1600, bpg_emg_recording_get_sample (made, 0), 1600);
  g_assert_null (bpg_recording_read_file (absent, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (bpg_recording_read_file (directory, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT);
  generate_remove (directory);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/training-lib/recording/sound", test_sound);
  g_test_add_func ("/training-lib/recording/refused", test_refused);
  g_test_add_func ("/training-lib/recording/cut-anywhere", test_cut_anywhere);
  g_test_add_func ("/training-lib/recording/narrow-samples", test_narrow_samples);
  g_test_add_func ("/training-lib/recording/container", test_container);
  g_test_add_func ("/training-lib/recording/files", test_files);
  return g_test_run ();
}
