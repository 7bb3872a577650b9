/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-file.h"

#include "bpg-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
write_all (int fd, const guint8 *data, gsize length)
{
  while (length > 0) {
    gssize n = write (fd, data, length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data += n;
    length -= (gsize) n;
  }
  return TRUE;
}

static gboolean
sync_folder_of (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced;

  if (fd < 0)
    return FALSE;
  synced = fsync (fd) == 0;
  close (fd);
  return synced;
}

gboolean
bpg_file_write_durable (const char *path, const void *data, gsize length, int mode, GError **error)
{
  g_autofree char *temporary = g_strdup_printf ("%s.XXXXXX", path);
  gboolean written;
  int errsv;
  int fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, mode);

  if (fd < 0)
    return bpg_error_set_errno (error, errno, FALSE, path);

  written = write_all (fd, data, length) && fdatasync (fd) == 0;
  errsv = errno;
  if (close (fd) != 0 && written) {
    written = FALSE;
    errsv = errno;
  }
  if (written && g_rename (temporary, path) != 0) {
    written = FALSE;
    errsv = errno;
  }
  if (!written) {
    g_unlink (temporary);
    return bpg_error_set_errno (error, errsv, FALSE, path);
  }
  if (!sync_folder_of (path))
    return bpg_error_set_errno (error, errno, FALSE, path);
  return TRUE;
}

static GBytes *
read_whole (int fd, const char *what, gsize limit, GError **error)
{
  g_autofree guint8 *data = NULL;
  struct stat info;
  gsize length, done = 0;

  if (fstat (fd, &info) != 0) {
    bpg_error_set_errno (error, errno, FALSE, what);
    return NULL;
  }
  if (!S_ISREG (info.st_mode)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%s is not a regular file", what);
    return NULL;
  }
  if ((guint64) info.st_size > limit) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED,
                 "%s is larger than %" G_GSIZE_FORMAT " bytes", what, limit);
    return NULL;
  }

  length = (gsize) info.st_size;
  data = g_malloc (length + 1);
  while (done < length) {
    gssize n = pread (fd, data + done, length - done, (off_t) done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      bpg_error_set_errno (error, errno, FALSE, what);
      return NULL;
    }
    if (n == 0)
      break;
    done += (gsize) n;
  }
  return g_bytes_new_take (g_steal_pointer (&data), done);
}

GBytes *
bpg_file_read (const char *path, gsize limit, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  GBytes *bytes;

  if (fd < 0) {
    bpg_error_set_errno (error, errno, FALSE, path);
    return NULL;
  }
  bytes = read_whole (fd, path, limit, error);
  close (fd);
  return bytes;
}

GBytes *
bpg_file_read_fd (int fd, gsize limit, GError **error)
{
  return read_whole (fd, "The file", limit, error);
}

int
bpg_file_new_memory (const char *name, const void *data, gsize length, GError **error)
{
  int fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd < 0) {
    bpg_error_set_errno (error, errno, FALSE, "Making a memory file");
    return -1;
  }
  if (!write_all (fd, data, length) || lseek (fd, 0, SEEK_SET) < 0 ||
      fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    bpg_error_set_errno (error, errno, FALSE, "Filling a memory file");
    close (fd);
    return -1;
  }
  return fd;
}

gboolean
bpg_file_ensure_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0700) != 0)
    return bpg_error_set_errno (error, errno, FALSE, path);
  return TRUE;
}
