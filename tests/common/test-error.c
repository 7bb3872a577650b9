/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"

#include <errno.h>

static void
test_every_code_has_name_and_hint (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (int code = 0; code < BPG_N_ERRORS; code++) {
    const char *name = bpg_error_get_name (code);

    g_assert_true (g_str_has_prefix (name, "org.bionicpro.Error."));
    g_assert_true (g_dbus_is_interface_name (name));
    g_assert_true (g_hash_table_add (seen, (gpointer) name));
    g_assert_cmpint (bpg_error_from_name (name), ==, code);
    g_assert_cmpuint (strlen (bpg_error_get_hint (code)), >, 10);
  }
  g_assert_cmpint (bpg_error_from_name ("org.freedesktop.DBus.Error.Failed"), ==, -1);
}

static void
test_codes_travel_over_dbus (void)
{
  for (int code = 0; code < BPG_N_ERRORS; code++) {
    g_autoptr (GError) error = g_error_new (BPG_ERROR, code, "text");
    g_autofree char *name = g_dbus_error_encode_gerror (error);
    g_autoptr (GError) back = g_dbus_error_new_for_dbus_error (name, "text");

    g_assert_cmpstr (name, ==, bpg_error_get_name (code));
    g_assert_error (back, BPG_ERROR, code);
  }
}

static void
test_foreign_errors_are_converted (void)
{
  static const struct {
    GQuark (*domain) (void);
    int code;
    BpgError expected;
  } rows[] = {
    {g_io_error_quark, G_IO_ERROR_CANCELLED, BPG_ERROR_CANCELLED},
    {g_io_error_quark, G_IO_ERROR_NO_SPACE, BPG_ERROR_NO_SPACE},
    {g_io_error_quark, G_IO_ERROR_TIMED_OUT, BPG_ERROR_TIMED_OUT},
    {g_io_error_quark, G_IO_ERROR_INVALID_DATA, BPG_ERROR_CORRUPT},
    {g_io_error_quark, G_IO_ERROR_FAILED, BPG_ERROR_FAILED},
    {g_dbus_error_quark, G_DBUS_ERROR_NO_REPLY, BPG_ERROR_TIMED_OUT},
    {g_dbus_error_quark, G_DBUS_ERROR_ACCESS_DENIED, BPG_ERROR_NOT_AUTHORIZED},
    {g_dbus_error_quark, G_DBUS_ERROR_UNKNOWN_OBJECT, BPG_ERROR_NOT_FOUND},
    {g_dbus_error_quark, G_DBUS_ERROR_SERVICE_UNKNOWN, BPG_ERROR_FAILED},
    {g_file_error_quark, G_FILE_ERROR_NOSPC, BPG_ERROR_NO_SPACE},
    {g_markup_error_quark, G_MARKUP_ERROR_PARSE, BPG_ERROR_FAILED},
    {bpg_error_quark, BPG_ERROR_MODEL_WORSE, BPG_ERROR_MODEL_WORSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = bpg_error_convert (g_error_new (rows[i].domain (), rows[i].code, "why"), "What");

    g_assert_error (error, BPG_ERROR, (int) rows[i].expected);
    g_assert_cmpstr (error->message, ==, "What: why");
  }
}

static void
test_errno (void)
{
  g_autoptr (GError) full = NULL;
  g_autoptr (GError) gone = NULL;
  g_autoptr (GError) file = NULL;

  g_assert_false (bpg_error_set_errno (&full, ENOSPC, TRUE, "f"));
  g_assert_error (full, BPG_ERROR, BPG_ERROR_NO_SPACE);
  g_assert_false (bpg_error_set_errno (&gone, EIO, TRUE, "f"));
  g_assert_error (gone, BPG_ERROR, BPG_ERROR_DISCONNECTED);
  g_assert_false (bpg_error_set_errno (&file, EIO, FALSE, "f"));
  g_assert_error (file, BPG_ERROR, BPG_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/every-code-has-name-and-hint", test_every_code_has_name_and_hint);
  g_test_add_func ("/error/codes-travel-over-dbus", test_codes_travel_over_dbus);
  g_test_add_func ("/error/foreign-errors-are-converted", test_foreign_errors_are_converted);
  g_test_add_func ("/error/errno", test_errno);
  return g_test_run ();
}
