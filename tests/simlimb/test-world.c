/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What surrounds the virtual arm: generated signals, recordings, flash, the line. */
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim-electrodes.h"
#include "sim-flash.h"
#include "sim-generator.h"
#include "sim-line.h"

#define RATE 1000u
#define CHANNELS 8u

/* Root mean square of each channel over @count samples, in counts. */
static void
measure (struct sim_generator *generator, guint count, double rms[CHANNELS])
{
  gint16 values[CHANNELS];

  memset (rms, 0, CHANNELS * sizeof rms[0]);
  for (guint i = 0; i < count; i++)
    {
      sim_generator_next (generator, values);
      for (guint channel = 0; channel < CHANNELS; channel++)
        rms[channel] += (double) values[channel] * values[channel];
    }
  for (guint channel = 0; channel < CHANNELS; channel++)
    rms[channel] = sqrt (rms[channel] / count);
}

static double
sum (const double rms[CHANNELS])
{
  double total = 0;

  for (guint channel = 0; channel < CHANNELS; channel++)
    total += rms[channel];
  return total;
}

/* Angle between two patterns of amplitude, as its cosine. */
static double
likeness (const double a[CHANNELS], const double b[CHANNELS])
{
  double product = 0, square_a = 0, square_b = 0;

  for (guint channel = 0; channel < CHANNELS; channel++)
    {
      product += a[channel] * b[channel];
      square_a += a[channel] * a[channel];
      square_b += b[channel] * b[channel];
    }
  return product / sqrt (square_a * square_b);
}

static void
test_generator_is_deterministic (void)
{
  struct sim_generator *one = sim_generator_new (5, RATE, CHANNELS, 0.25);
  struct sim_generator *same = sim_generator_new (5, RATE, CHANNELS, 0.25);
  struct sim_generator *other = sim_generator_new (6, RATE, CHANNELS, 0.25);
  gint16 a[CHANNELS], b[CHANNELS], c[CHANNELS];
  guint differ = 0;

  sim_generator_move (one, 7, 0.6);
  sim_generator_move (same, 7, 0.6);
  sim_generator_move (other, 7, 0.6);
  for (guint i = 0; i < 3000; i++)
    {
      sim_generator_next (one, a);
      sim_generator_next (same, b);
      sim_generator_next (other, c);
      g_assert_cmpmem (a, sizeof a, b, sizeof b);
      differ += memcmp (a, c, sizeof a) != 0;
    }
  g_assert_cmpuint (differ, >, 2900);
  sim_generator_free (one);
  sim_generator_free (same);
  sim_generator_free (other);
}

/* Strength recruits more, movements have patterns of their own, drift changes them. */
static void
test_generator_is_physiological (void)
{
  struct sim_generator *generator = sim_generator_new (5, RATE, CHANNELS, 0.25);
  double rest[CHANNELS], weak[CHANNELS], strong[CHANNELS], extension[CHANNELS], turned[CHANNELS], again[CHANNELS];

  measure (generator, 2000, rest);
  sim_generator_move (generator, 1, 0.25);
  measure (generator, 500, weak);
  measure (generator, 3000, weak);
  sim_generator_move (generator, 1, 0.9);
  measure (generator, 500, strong);
  measure (generator, 3000, strong);
  measure (generator, 3000, again);
  sim_generator_move (generator, 2, 0.9);
  measure (generator, 500, extension);
  measure (generator, 3000, extension);
  sim_generator_move (generator, 1, 0.9);
  sim_generator_drift (generator, 40, 0.1, 3);
  measure (generator, 500, turned);
  measure (generator, 3000, turned);

  /* At rest some microvolts, in movement tens to hundreds of them. */
  g_assert_cmpfloat (sum (rest) / CHANNELS * 0.25, <, 12);
  g_assert_cmpfloat (sum (weak), >, 1.5 * sum (rest));
  g_assert_cmpfloat (sum (strong), >, 2 * sum (weak));
  g_assert_cmpfloat (sum (strong) / CHANNELS * 0.25, <, 2000);
  g_assert_cmpfloat (likeness (strong, again), >, 0.99);
  g_assert_cmpfloat (likeness (strong, extension), <, 0.9);
  g_assert_cmpfloat (likeness (strong, turned), <, likeness (strong, again) - 0.01);
  sim_generator_free (generator);
}

static void
test_gesture_names (void)
{
  for (unsigned i = 0; i < SIM_GESTURES; i++)
    g_assert_cmpint (sim_gesture_code (sim_gesture_name (i)), ==, (int) i);
  g_assert_cmpint (sim_gesture_code ("12"), ==, 12);
  g_assert_cmpint (sim_gesture_code ("13"), ==, -1);
  g_assert_cmpint (sim_gesture_code ("flying"), ==, -1);
  g_assert_cmpint (sim_gesture_code (""), ==, -1);
  g_assert_null (sim_gesture_name (SIM_GESTURES));
}

static struct sim_recording *
load (const char *folder, const char *json, gsize bytes, GError **error)
{
  g_autofree char *json_path = g_build_filename (folder, "x.json", NULL);
  g_autofree char *bin_path = g_build_filename (folder, "x.bin", NULL);
  g_autofree char *data = g_malloc0 (bytes + 1);
  struct sim_recording *recording;

  for (gsize i = 0; i < bytes; i++)
    data[i] = (char) i;
  g_assert_true (g_file_set_contents (json_path, json, -1, NULL));
  g_assert_true (g_file_set_contents (bin_path, data, (gssize) bytes, NULL));
  recording = sim_recording_load (json_path, error);
  g_unlink (json_path);
  g_unlink (bin_path);
  return recording;
}

#define HEAD "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 10, \"lsb\": 0.5, \"unit\": \"microvolt\", "

/* Brackets without end, which no parser that recurses survives. */
static void
refuse_deep (const char *folder)
{
  static const char *const begins[] = { "", "{\"a\": \"\\\\\", \"b\": ", "/* \" */", "'\"'" };

  for (gsize i = 0; i < G_N_ELEMENTS (begins); i++)
    {
      g_autoptr (GString) json = g_string_new (begins[i]);
      g_autoptr (GError) error = NULL;

      for (guint k = 0; k < 1000000; k++)
        g_string_append_c (json, '[');
      g_assert_null (load (folder, json->str, 40, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }
}

/* What is not a file, or larger than any recording, is not read. */
static void
refuse_large (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "large.json", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, "{}", -1, NULL));
  g_assert_cmpint (truncate (path, (off_t) 1 << 36), ==, 0);
  g_assert_null (sim_recording_load (path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_unlink (path);
  g_clear_error (&error);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (sim_recording_load (path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_unlink (path);
}

static void
test_recordings (void)
{
  static const char *const refused[] = {
    "", "[]", "{}", "{\"fs_hz\": 200}", "not json",
    "{\"fs_hz\": 199, \"channels\": 4, \"samples\": 10, \"lsb\": 1, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": \"200\", \"channels\": 4, \"samples\": 10, \"lsb\": 1, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 17, \"samples\": 10, \"lsb\": 1, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 11, \"lsb\": 1, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 99999999999, \"lsb\": 1, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 10, \"lsb\": 0, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 10, \"lsb\": 1, \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 10, \"lsb\": 1e-300, \"unit\": \"u\", \"dtype\": \"int8\"}",
    "{\"fs_hz\": 200, \"channels\": 4, \"samples\": 10, \"lsb\": 1e999, \"unit\": \"u\", \"dtype\": \"int8\"}",
    HEAD "\"dtype\": \"float\"}",
    HEAD "\"dtype\": \"int8\", \"segments\": {}}",
    HEAD "\"dtype\": \"int8\", \"segments\": [1]}",
    HEAD "\"dtype\": \"int8\", \"segments\": [{\"start\": 5, \"count\": 6, \"gesture\": 1}]}",
    HEAD "\"dtype\": \"int8\", \"segments\": [{\"start\": -1, \"count\": 2, \"gesture\": 1}]}",
    HEAD "\"dtype\": \"int8\", \"segments\": [{\"start\": 0, \"count\": 2, \"gesture\": 256}]}",
    HEAD "\"dtype\": \"int8\", \"segments\": [{\"start\": 0, \"count\": 2}]}",
  };
  g_autofree char *folder = g_dir_make_tmp ("simlimb-XXXXXX", NULL);
  g_autoptr (SimRecording) recording = NULL;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) reason = NULL;

      if (load (folder, refused[i], 40, &reason) != NULL)
        g_error ("%s was accepted", refused[i]);
      g_assert_nonnull (reason);
    }

  refuse_deep (folder);
  refuse_large (folder);
  recording = load (folder,
                    HEAD "\"dtype\": \"int16le\", \"segments\": [{\"start\": 6, \"count\": 2, \"gesture\": 0},"
                         "{\"start\": 2, \"count\": 3, \"gesture\": 7, \"name\": \"hand_close\", \"rep\": 2}]}",
                    80, &error);
  g_assert_no_error (error);
  g_assert_cmpint (recording->values[1], ==, 0x0302);
  g_assert_null (sim_recording_segment_at (recording, 1));
  g_assert_cmpuint (sim_recording_segment_at (recording, 4)->gesture, ==, 7);
  g_assert_cmpuint (sim_recording_segment_at (recording, 4)->repetition, ==, 2);
  g_assert_null (sim_recording_segment_at (recording, 5));
  g_assert_cmpuint (sim_recording_segment_at (recording, 7)->gesture, ==, 0);
  g_assert_null (sim_recording_segment_at (recording, 8));
  g_assert_cmpuint (sim_recording_next_rest (recording, 0), ==, 6);
  g_assert_cmpuint (sim_recording_next_rest (recording, 7), ==, 7);
  g_assert_cmpuint (sim_recording_next_rest (recording, 8), ==, 6);
  g_rmdir (folder);
}

static void
test_flash (void)
{
  g_autofree char *folder = g_dir_make_tmp ("simlimb-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "flash.bin", NULL);
  struct sim_flash flash;
  uint8_t page[BPG_FLASH_PAGE];
  const uint8_t *area;
  g_autoptr (GError) error = NULL;

  g_assert_true (sim_flash_open (&flash, path, 1, &error));
  area = sim_flash_map (&flash, BPG_FLASH_MODEL_A);
  memset (page, 0x0F, sizeof page);
  g_assert_true (sim_flash_write (&flash, BPG_FLASH_MODEL_A, 0, page, sizeof page));
  memset (page, 0x3C, sizeof page);
  g_assert_true (sim_flash_write (&flash, BPG_FLASH_MODEL_A, 0, page, sizeof page));
  /* Writing only clears bits. */
  g_assert_cmphex (area[0], ==, 0x0C);
  g_assert_cmphex (area[256], ==, 0xFF);
  g_assert_true (sim_flash_erase (&flash, BPG_FLASH_MODEL_A, 0));
  g_assert_cmphex (area[0], ==, 0xFF);
  g_assert_cmpuint (sim_flash_operations (&flash), ==, 3);

  /* A cut write has a beginning, and nothing follows it. */
  flash.cut_in = 2;
  memset (page, 0, sizeof page);
  g_assert_true (sim_flash_write (&flash, BPG_FLASH_MODEL_A, 0, page, sizeof page));
  g_assert_false (sim_flash_write (&flash, BPG_FLASH_MODEL_A, 256, page, sizeof page));
  g_assert_true (flash.dead);
  g_assert_cmphex (area[511], ==, 0xFF);
  g_assert_false (sim_flash_write (&flash, BPG_FLASH_MODEL_A, 512, page, sizeof page));
  g_assert_false (sim_flash_erase (&flash, BPG_FLASH_MODEL_A, 0));
  g_assert_cmphex (area[0], ==, 0);
  g_assert_cmphex (area[512], ==, 0xFF);

  /* The file remembers, what was written and that it was cut. */
  sim_flash_close (&flash);
  g_assert_true (sim_flash_open (&flash, path, 1, &error));
  g_assert_cmphex (sim_flash_map (&flash, BPG_FLASH_MODEL_A)[0], ==, 0);
  g_assert_cmpuint (sim_flash_operations (&flash), ==, 5);
  g_assert_true (sim_flash_power_on (&flash));
  g_assert_false (sim_flash_power_on (&flash));
  sim_flash_close (&flash);

  g_assert_true (g_file_set_contents (path, "short", -1, NULL));
  g_assert_false (sim_flash_open (&flash, path, 1, &error));
  g_assert_nonnull (error);
  g_unlink (path);
  g_rmdir (folder);
}

static void
test_line_throttle (void)
{
  struct sim_line line;
  uint8_t bytes[4096] = { 1 };
  guint64 before;
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
  sim_line_init (&line, NULL, 1);
  g_assert_true (sim_line_take_fd (&line, pair[1], NULL));
  line.baud = 115200;
  sim_line_advance (&line, 1000000);
  sim_line_transfer (&line);
  before = line.sent;
  /* A second of line time in steps of 2 ms carries 11,520 bytes, both ways. */
  for (guint i = 0; i < 500; i++)
    {
      sim_line_write (&line, bytes, MIN (sim_line_room (&line), sizeof bytes));
      /* More than the line takes: the rest waits in the socket. */
      g_assert_true (write (pair[0], bytes, 100) == 100 || errno == EAGAIN);
      sim_line_advance (&line, 2000);
      sim_line_transfer (&line);
      g_assert_cmpint (read (pair[0], bytes, sizeof bytes), >=, 0);
      sim_line_read (&line, bytes, sizeof bytes);
    }
  g_assert_cmpuint (line.sent - before, >=, 11400);
  g_assert_cmpuint (line.sent - before, <=, 11800);
  g_assert_cmpuint (line.received, >=, 11300);
  g_assert_cmpuint (line.received, <=, 11800);
  sim_line_unplug (&line);
  close (pair[0]);
}

static void
test_line_noise (void)
{
  struct sim_line line;
  uint8_t bytes[1000];
  uint8_t back[4096];
  gssize got = 0;
  guint damaged = 0;
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
  sim_line_init (&line, NULL, 1);
  g_assert_true (sim_line_take_fd (&line, pair[1], NULL));
  line.noise = 10000;
  for (guint round = 0; round < 100; round++)
    {
      memset (bytes, 0x55, sizeof bytes);
      sim_line_write (&line, bytes, sizeof bytes);
      sim_line_transfer (&line);
      got = read (pair[0], back, sizeof back);
      g_assert_cmpint (got, >, 0);
      damaged += (guint) ABS (got - (gssize) sizeof bytes);
      for (gssize i = 0; i < got; i++)
        damaged += back[i] != 0x55;
    }
  /* 1 in 100, a third each; lost and doubled ones cancel in the count. */
  g_assert_cmpuint (damaged, >, 300);
  g_assert_cmpuint (damaged, <, 1500);
  sim_line_unplug (&line);
  close (pair[0]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/world/generator-is-deterministic", test_generator_is_deterministic);
  g_test_add_func ("/world/generator-is-physiological", test_generator_is_physiological);
  g_test_add_func ("/world/gesture-names", test_gesture_names);
  g_test_add_func ("/world/recordings", test_recordings);
  g_test_add_func ("/world/flash", test_flash);
  g_test_add_func ("/world/line-throttle", test_line_throttle);
  g_test_add_func ("/world/line-noise", test_line_noise);
  return g_test_run ();
}
