/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The .bpr container and what stands around it: out and in again, and in from whoever. */
#include "bpg-container.h"
#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-json.h"

#include <string.h>
#include <unistd.h>

static BpgRepetition *
make_repetition (const char *movement, guint8 code, guint64 count)
{
  BpgRepetition *repetition = bpg_repetition_new ();

  repetition->movement = g_strdup (movement);
  repetition->code = code;
  repetition->repetition = 1;
  repetition->count = count;
  return repetition;
}

static GBytes *
make_samples (guint64 count, guint channels)
{
  gint16 *samples = g_new (gint16, count * channels);

  for (guint64 i = 0; i < count * channels; i++)
    samples[i] = (gint16) (i * 77);
  return g_bytes_new_take (samples, count * channels * 2);
}

static GBytes *
build (void)
{
  g_autoptr (BpgRecordingInfo) info = bpg_recording_info_new ();
  g_autoptr (GPtrArray) repetitions = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_repetition_free);
  g_autoptr (GPtrArray) samples = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GError) error = NULL;
  BpgRepetition *first = make_repetition ("hand_close", 7, 30);
  GBytes *container;
  int fd;

  info->rate = 1000;
  info->channels = 3;
  info->lsb = 0.5;
  g_free (info->unit);
  info->unit = g_strdup ("microvolt");
  g_variant_unref (first->lost);
  first->lost = g_variant_ref_sink (g_variant_new_parsed ("[(@t 3, @t 4)]"));
  g_ptr_array_add (repetitions, first);
  g_ptr_array_add (repetitions, make_repetition ("rest", 0, 20));
  g_ptr_array_add (samples, make_samples (30, 3));
  g_ptr_array_add (samples, make_samples (20, 3));
  fd = bpg_container_build (info, repetitions, samples, &error);
  g_assert_no_error (error);
  container = bpg_file_read_fd (fd, 1 << 20, &error);
  g_assert_no_error (error);
  close (fd);
  return container;
}

static void
test_round_trip (void)
{
  g_autoptr (GBytes) container = build ();
  g_autoptr (GPtrArray) repetitions = NULL;
  g_autoptr (GPtrArray) samples = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgRecordingInfo) info = bpg_container_parse (container, &repetitions, &samples, &error);
  const BpgRepetition *first;
  g_autoptr (GBytes) expected = make_samples (20, 3);

  g_assert_no_error (error);
  g_assert_cmpuint (info->rate, ==, 1000);
  g_assert_cmpuint (info->channels, ==, 3);
  g_assert_cmpfloat (info->lsb, ==, 0.5);
  g_assert_cmpstr (info->unit, ==, "microvolt");
  g_assert_cmpuint (repetitions->len, ==, 2);
  first = g_ptr_array_index (repetitions, 0);
  g_assert_cmpstr (first->movement, ==, "hand_close");
  g_assert_cmpuint (first->code, ==, 7);
  g_assert_cmpuint (first->count, ==, 30);
  g_assert_cmpuint (bpg_repetition_count_lost (first), ==, 4);
  g_assert_true (g_bytes_equal (g_ptr_array_index (samples, 1), expected));
}

static void
parse_any (const guint8 *bytes, gsize length)
{
  g_autofree guint8 *exact = g_memdup2 (bytes, length);
  g_autoptr (GBytes) container = g_bytes_new_static (exact, length);
  g_autoptr (GPtrArray) repetitions = NULL;
  g_autoptr (GPtrArray) samples = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgRecordingInfo) info = bpg_container_parse (container, &repetitions, &samples, &error);

  if (info == NULL) {
    g_assert_true (error->domain == BPG_ERROR);
    g_assert_true (error->code == BPG_ERROR_CORRUPT || error->code == BPG_ERROR_LIMIT_EXCEEDED);
    return;
  }
  g_assert_cmpuint (repetitions->len, ==, samples->len);
  for (guint i = 0; i < samples->len; i++)
    g_assert_cmpuint (g_bytes_get_size (g_ptr_array_index (samples, i)), ==,
                      ((BpgRepetition *) g_ptr_array_index (repetitions, i))->count * info->channels * 2);
}

/* Each byte changed, each length cut: refused by name, or read within its bounds. */
static void
test_damaged (void)
{
  g_autoptr (GBytes) container = build ();
  gsize length = g_bytes_get_size (container);
  g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (container, NULL), length);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (gsize i = 0; i < length; i++)
    parse_any (bytes, i);
  for (guint round = 0; round < 20000; round++) {
    gsize at = (gsize) g_rand_int_range (random, 0, (gint32) length);
    guint8 before = bytes[at];

    bytes[at] = (guint8) g_rand_int (random);
    parse_any (bytes, length);
    bytes[at] = before;
  }
}

static void
test_json (void)
{
  static const char *const bad[] = {"", "1", "[]", "\"{}\"", "{", "{\"a\":}", "nul"};
  g_autofree char *deep = g_strnfill (100000, '[');

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (JsonParser) parser = json_parser_new_immutable ();
    g_autoptr (GError) error = NULL;

    g_assert_null (bpg_json_parse_object (parser, bad[i], strlen (bad[i]), &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
  }
  {
    g_autoptr (JsonParser) parser = json_parser_new_immutable ();

    g_assert_null (bpg_json_parse_object (parser, deep, 100000, NULL));
    g_assert_null (bpg_json_parse_object (parser, "{\"a\0\":1}", 8, NULL));
    g_assert_nonnull (bpg_json_parse_object (parser, "{\"a[[[[\\\"\":1}", 13, NULL));
  }
}

static void
test_seal (void)
{
  g_autoptr (BpgSeal) seal = bpg_seal_new ();
  g_autoptr (GBytes) content = g_bytes_new_static ("samples", 7);
  g_autoptr (GBytes) stored = bpg_seal_close (seal, "patient", content, NULL);
  g_autoptr (GBytes) back = bpg_seal_open (seal, "patient", stored, NULL);
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GBytes) foreign = g_bytes_new_static ("something else", 14);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_bytes_equal (content, back));
  g_assert_false (g_bytes_equal (content, stored));
  g_assert_null (bpg_seal_open (seal, "patient", empty, NULL));
  g_assert_null (bpg_seal_open (seal, "patient", foreign, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/container/round-trip", test_round_trip);
  g_test_add_func ("/container/damaged", test_damaged);
  g_test_add_func ("/container/json", test_json);
  g_test_add_func ("/container/seal", test_seal);
  return g_test_run ();
}
