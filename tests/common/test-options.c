/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"
#include "bpg-options.h"

#include <math.h>

static GVariant *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *options = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return options;
}

static void
test_fills_what_is_there (void)
{
  gboolean flag = FALSE;
  guint32 count = 7;
  guint64 time = 1;
  double seconds = 2.5;
  g_autofree char *note = NULL;
  g_auto (GStrv) names = NULL;
  g_autoptr (GVariant) list = NULL;
  const BpgOption table[] = {
    {"flag", "b", &flag},          {"count", "u", &count, 1, 20}, {"time", "t", &time},
    {"seconds", "d", &seconds},    {"note", "s", &note, 0, 5},    {"names", "as", &names, 1, 2},
    {"list", "au", &list, 0, 3},   {NULL},
  };
  g_autoptr (GVariant) options =
    parse ("{'flag': <true>, 'count': <uint32 20>, 'note': <'abcde'>, 'names': <['x', 'y']>, 'list': <[uint32 4]>}");
  g_autoptr (GError) error = NULL;

  g_assert_true (bpg_options_parse (options, table, &error));
  g_assert_no_error (error);
  g_assert_true (flag);
  g_assert_cmpuint (count, ==, 20);
  g_assert_cmpuint (time, ==, 1);
  g_assert_cmpfloat (seconds, ==, 2.5);
  g_assert_cmpstr (note, ==, "abcde");
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_assert_cmpuint (g_variant_n_children (list), ==, 1);
}

static void
assert_refused (const char *text, BpgError code, const char *named)
{
  guint32 count = 7;
  double seconds = 1;
  g_autofree char *note = NULL;
  g_auto (GStrv) names = NULL;
  const BpgOption table[] = {
    {"count", "u", &count, 1, 20}, {"seconds", "d", &seconds, 0.5, 3}, {"note", "s", &note, 0, 5},
    {"names", "as", &names, 1, 2}, {NULL},
  };
  g_autoptr (GVariant) options = parse (text);
  g_autoptr (GError) error = NULL;

  g_assert_false (bpg_options_parse (options, table, &error));
  g_assert_error (error, BPG_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, named));
}

static void
test_refuses (void)
{
  assert_refused ("{'colour': <'red'>}", BPG_ERROR_UNKNOWN_OPTION, "colour");
  assert_refused ("{'count': <int32 3>}", BPG_ERROR_INVALID_ARGUMENT, "count");
  assert_refused ("{'count': <uint32 0>}", BPG_ERROR_INVALID_ARGUMENT, "count");
  assert_refused ("{'count': <uint32 21>}", BPG_ERROR_INVALID_ARGUMENT, "count");
  assert_refused ("{'seconds': <3.5>}", BPG_ERROR_INVALID_ARGUMENT, "seconds");
  assert_refused ("{'note': <'abcdef'>}", BPG_ERROR_INVALID_ARGUMENT, "note");
  assert_refused ("{'names': <@as []>}", BPG_ERROR_INVALID_ARGUMENT, "names");
}

static void
test_refuses_not_a_number (void)
{
  double seconds = 1;
  const BpgOption table[] = {{"seconds", "d", &seconds}, {NULL}};
  const double bad[] = {NAN, INFINITY};

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) options =
      g_variant_ref_sink (g_variant_new_parsed ("{'seconds': <%d>}", bad[i]));

    g_assert_false (bpg_options_parse (options, table, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
  }
  g_assert_cmpfloat (seconds, ==, 1);
}

static void
test_none (void)
{
  g_autoptr (GVariant) empty = parse ("@a{sv} {}");
  g_autoptr (GVariant) some = parse ("{'x': <1>}");
  g_autoptr (GError) error = NULL;

  g_assert_true (bpg_options_none (empty, &error));
  g_assert_no_error (error);
  g_assert_false (bpg_options_none (some, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_UNKNOWN_OPTION);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/fills-what-is-there", test_fills_what_is_there);
  g_test_add_func ("/options/refuses", test_refuses);
  g_test_add_func ("/options/refuses-not-a-number", test_refuses_not_a_number);
  g_test_add_func ("/options/none", test_none);
  return g_test_run ();
}
