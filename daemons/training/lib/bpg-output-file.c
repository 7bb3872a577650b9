/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-output-file.h"

#include "bpg-training-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

static gboolean
write_all (int         fd,
           const char *data,
           gsize       length)
{
  while (length > 0)
    {
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
write_into (const char *path,
            const void *data,
            gsize       length,
            GError    **error)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  gboolean written = fd >= 0 && write_all (fd, data, length);
  int errsv = errno;

  if (fd >= 0)
    close (fd);
  if (!written)
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED, "Failed to write “%s”: %s", path,
                 g_strerror (errsv));
  return written;
}

gboolean
bpg_output_file_write (const char *path,
                       const void *data,
                       gsize       length,
                       int         mode,
                       GError    **error)
{
  g_autoptr (GError) local = NULL;
  GStatBuf info;

  if (g_stat (path, &info) == 0 && !S_ISREG (info.st_mode) && !S_ISDIR (info.st_mode))
    return write_into (path, data, length, error);
  if (g_file_set_contents_full (path, data, (gssize) length, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_ONLY_EXISTING,
                                mode, &local))
    return TRUE;
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED, "%s; check the folder and the space left",
               local->message);
  return FALSE;
}
