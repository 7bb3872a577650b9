/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-movement.h"
#include "bpg-path.h"

static void
test_escape (void)
{
  g_autofree char *plain = bpg_path_escape ("BP0042");
  g_autofree char *odd = bpg_path_escape ("bp-1/ä_");
  g_autofree char *empty = bpg_path_escape ("");
  g_autofree char *long_id = g_strnfill (4000, '/');
  g_autofree char *cut = bpg_path_escape (long_id);

  g_assert_cmpstr (plain, ==, "BP0042");
  g_assert_cmpstr (odd, ==, "bp_2d1_2f_c3_a4_5f");
  g_assert_cmpstr (empty, ==, "_");
  g_assert_cmpuint (strlen (cut), ==, 3 * 128);
}

static void
test_build_and_take_apart (void)
{
  g_autofree char *path = bpg_path_build ("/org/bionicpro/Pairing1", "prosthesis", "bp-1");

  g_assert_true (g_variant_is_object_path (path));
  g_assert_cmpstr (path, ==, "/org/bionicpro/Pairing1/prosthesis/bp_2d1");
  g_assert_cmpstr (bpg_path_get_element (path, "/org/bionicpro/Pairing1", "prosthesis"), ==, "bp_2d1");
  g_assert_null (bpg_path_get_element (path, "/org/bionicpro/Pairing1", "job"));
  g_assert_null (bpg_path_get_element (path, "/org/bionicpro/Pairing", "prosthesis"));
  g_assert_null (bpg_path_get_element ("/org/bionicpro/Pairing1/prosthesis/a/b", "/org/bionicpro/Pairing1", "prosthesis"));
  g_assert_null (bpg_path_get_element ("/org/bionicpro/Pairing1/prosthesis", "/org/bionicpro/Pairing1", "prosthesis"));
  g_assert_null (bpg_path_get_element (NULL, "/org/bionicpro/Pairing1", "prosthesis"));
}

static void
test_movements (void)
{
  guint n = 0;
  const BpgMovement *all = bpg_movement_get_all (&n);

  g_assert_cmpuint (n, ==, 13);
  g_assert_cmpstr (all[BPG_MOVEMENT_REST].name, ==, "rest");
  for (guint i = 0; i < n; i++) {
    g_assert_cmpuint (all[i].code, ==, i);
    g_assert_true (bpg_movement_from_name (all[i].name) == &all[i]);
    g_assert_cmpstr (bpg_movement_get_name (all[i].code), ==, all[i].name);
  }
  g_assert_null (bpg_movement_from_name ("somersault"));
  g_assert_null (bpg_movement_from_name (NULL));
  g_assert_cmpstr (bpg_movement_get_name (200), ==, "unknown");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/path/escape", test_escape);
  g_test_add_func ("/path/build-and-take-apart", test_build_and_take_apart);
  g_test_add_func ("/movement/table", test_movements);
  return g_test_run ();
}
