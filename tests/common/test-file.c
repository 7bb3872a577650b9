/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"
#include "bpg-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("bionicpro-file-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "a", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unlink (fixture->path);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0); /* nothing temporary is left */
  g_free (fixture->path);
  g_free (fixture->folder);
}

static void
test_write_and_read (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  struct stat info;

  g_assert_true (bpg_file_write_durable (fixture->path, "first", 5, 0600, &error));
  g_assert_true (bpg_file_write_durable (fixture->path, "second", 6, 0600, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_stat (fixture->path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 07777, ==, 0600);
  bytes = bpg_file_read (fixture->path, 6, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "second", 6);
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (bpg_file_write_durable (fixture->path, "1234567", 7, 0600, NULL));
  g_assert_null (bpg_file_read (fixture->path, 6, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED);
}

static void
test_absent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bpg_file_read (fixture->path, 6, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND);
}

static void
test_pipes_are_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int ends[2];

  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_null (bpg_file_read_fd (ends[0], 100, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
  close (ends[0]);
  close (ends[1]);
}

/* /dev/full cannot be renamed onto; a limit on file size makes write() fail just as a full disk does. */
static void
test_failed_write_keeps_the_old (Fixture *fixture, gconstpointer data)
{
  const struct rlimit small = {4, RLIM_INFINITY};
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (bpg_file_write_durable (fixture->path, "old", 3, 0600, NULL));
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  g_assert_false (bpg_file_write_durable (fixture->path, "much longer", 11, 0600, &error));
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &none), ==, 0);
  g_assert_nonnull (error);
  g_assert_true (error->domain == BPG_ERROR);

  bytes = bpg_file_read (fixture->path, 100, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "old", 3);
}

static void
test_memory_files_are_sealed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  int fd = bpg_file_new_memory ("test", "abc", 3, &error);

  g_assert_no_error (error);
  bytes = bpg_file_read_fd (fd, 3, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "abc", 3);
  g_assert_cmpint (write (fd, "x", 1), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/file/write-and-read", Fixture, NULL, set_up, test_write_and_read, tear_down);
  g_test_add ("/file/limit", Fixture, NULL, set_up, test_limit, tear_down);
  g_test_add ("/file/absent", Fixture, NULL, set_up, test_absent, tear_down);
  g_test_add ("/file/pipes-are-refused", Fixture, NULL, set_up, test_pipes_are_refused, tear_down);
  g_test_add ("/file/failed-write-keeps-the-old", Fixture, NULL, set_up, test_failed_write_keeps_the_old, tear_down);
  g_test_add ("/file/memory-files-are-sealed", Fixture, NULL, set_up, test_memory_files_are_sealed, tear_down);
  return g_test_run ();
}
