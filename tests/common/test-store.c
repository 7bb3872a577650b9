/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"
#include "bpg-store.h"

#include <glib/gstdio.h>

static const char *const migrations[] = {
  "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT, size REAL, data BLOB);",
  "ALTER TABLE thing ADD COLUMN colour TEXT DEFAULT 'grey';",
};

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("bionicpro-store-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "things.db", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (fixture->folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (fixture->folder);
  g_free (fixture->path);
  g_free (fixture->folder);
}

static guint
count_things (BpgStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (store, &error, "SELECT count(*) FROM thing", "");

  g_assert_no_error (error);
  g_assert_cmpint (bpg_store_step (store, statement, &error), ==, 1);
  return (guint) sqlite3_column_int (statement, 0);
}

static BpgStore *
open_store (Fixture *fixture, guint n_migrations)
{
  g_autoptr (GError) error = NULL;
  BpgStore *store = bpg_store_new (fixture->path, migrations, n_migrations, &error);

  g_assert_no_error (error);
  return store;
}

static void
test_keeps_what_it_was_given (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) blob = g_bytes_new ("\0x", 2);

  {
    g_autoptr (BpgStore) store = open_store (fixture, 2);

    g_assert_true (bpg_store_run (store, &error, "INSERT INTO thing (id, name, size, data) VALUES (?, ?, ?, ?)", "tsdb",
                                  G_GUINT64_CONSTANT (5000000000), "näme", 1.5, blob));
    g_assert_no_error (error);
    g_assert_cmpint (bpg_store_get_last_id (store), ==, 5000000000);
    g_assert_null (bpg_store_get_quarantined (store));
  }
  {
    g_autoptr (BpgStore) store = open_store (fixture, 2);
    g_autoptr (sqlite3_stmt) row =
      bpg_store_prepare (store, &error, "SELECT name, size, data, colour FROM thing WHERE id = ?", "t",
                         G_GUINT64_CONSTANT (5000000000));

    g_assert_cmpint (bpg_store_step (store, row, &error), ==, 1);
    g_assert_cmpstr ((const char *) sqlite3_column_text (row, 0), ==, "näme");
    g_assert_cmpfloat (sqlite3_column_double (row, 1), ==, 1.5);
    g_assert_cmpmem (sqlite3_column_blob (row, 2), sqlite3_column_bytes (row, 2), "\0x", 2);
    g_assert_cmpstr ((const char *) sqlite3_column_text (row, 3), ==, "grey");
  }
}

static void
test_migrates (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  {
    g_autoptr (BpgStore) old = open_store (fixture, 1);

    g_assert_true (bpg_store_exec (old, "INSERT INTO thing (name) VALUES ('x')", &error));
  }
  {
    g_autoptr (BpgStore) store = open_store (fixture, 2);

    g_assert_cmpuint (count_things (store), ==, 1);
    g_assert_true (bpg_store_exec (store, "UPDATE thing SET colour = 'blue'", &error));
    g_assert_no_error (error);
  }
}

static void
test_damaged_file_is_set_aside (Fixture *fixture, gconstpointer data)
{
  g_autofree char *broken = g_strconcat (fixture->path, ".broken", NULL);
  g_autofree char *second = g_strconcat (fixture->path, ".broken.1", NULL);
  g_autofree char *content = NULL;

  for (int i = 0; i < 2; i++) {
    g_autoptr (BpgStore) store = NULL;

    g_assert_true (g_file_set_contents (fixture->path, "this is no database, whatever it says", -1, NULL));
    store = open_store (fixture, 2);
    g_assert_cmpstr (bpg_store_get_quarantined (store), ==, i == 0 ? broken : second);
    g_assert_cmpuint (count_things (store), ==, 0);
  }
  g_assert_true (g_file_get_contents (broken, &content, NULL, NULL));
  g_assert_true (g_str_has_prefix (content, "this is no database"));
}

static void
test_newer_schema_is_set_aside (Fixture *fixture, gconstpointer data)
{
  {
    g_autoptr (BpgStore) store = open_store (fixture, 2);
  }
  {
    g_autoptr (BpgStore) store = open_store (fixture, 1);

    g_assert_nonnull (bpg_store_get_quarantined (store));
  }
}

static void
test_no_folder_is_an_error_not_a_quarantine (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "absent", "x.db", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (bpg_store_new (path, migrations, 2, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_FAILED);
}

static void
test_transactions (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgStore) store = open_store (fixture, 2);
  g_autoptr (GError) error = NULL;

  g_assert_true (bpg_store_begin (store, &error));
  g_assert_true (bpg_store_run (store, &error, "INSERT INTO thing (name) VALUES (?)", "s", "a"));
  bpg_store_roll_back (store);
  g_assert_cmpuint (count_things (store), ==, 0);

  g_assert_true (bpg_store_begin (store, &error));
  g_assert_true (bpg_store_run (store, &error, "INSERT INTO thing (name) VALUES (?)", "s", NULL));
  g_assert_true (bpg_store_commit (store, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_things (store), ==, 1);
  bpg_store_roll_back (store); /* nothing open: nothing happens */
}

static void
test_full_is_no_space (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgStore) store = open_store (fixture, 2);
  g_autofree guint8 *zeros = g_malloc0 (1 << 20);
  g_autoptr (GBytes) big = g_bytes_new_static (zeros, 1 << 20);
  g_autoptr (GError) error = NULL;

  g_assert_true (bpg_store_exec (store, "PRAGMA max_page_count = 8", NULL));
  g_assert_false (bpg_store_run (store, &error, "INSERT INTO thing (data) VALUES (?)", "b", big));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_NO_SPACE);
  g_assert_cmpuint (count_things (store), ==, 0);
}

static void
test_bad_statement (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgStore) store = open_store (fixture, 2);
  g_autoptr (GError) error = NULL;

  g_assert_false (bpg_store_run (store, &error, "INSERT INTO nothing VALUES (1)", ""));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Setting a file aside is logged as a warning, which a test program would take for fatal. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  g_test_add ("/store/keeps-what-it-was-given", Fixture, NULL, set_up, test_keeps_what_it_was_given, tear_down);
  g_test_add ("/store/migrates", Fixture, NULL, set_up, test_migrates, tear_down);
  g_test_add ("/store/damaged-file-is-set-aside", Fixture, NULL, set_up, test_damaged_file_is_set_aside, tear_down);
  g_test_add ("/store/newer-schema-is-set-aside", Fixture, NULL, set_up, test_newer_schema_is_set_aside, tear_down);
  g_test_add ("/store/no-folder", Fixture, NULL, set_up, test_no_folder_is_an_error_not_a_quarantine, tear_down);
  g_test_add ("/store/transactions", Fixture, NULL, set_up, test_transactions, tear_down);
  g_test_add ("/store/full-is-no-space", Fixture, NULL, set_up, test_full_is_no_space, tear_down);
  g_test_add ("/store/bad-statement", Fixture, NULL, set_up, test_bad_statement, tear_down);
  return g_test_run ();
}
