/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * bpg_output_file_write:
 * @path: where a person wants it.
 * @mode: permissions of a new file, for example 0644.
 *
 * Writes a whole file, so that the old or the new content is there after a crash. What is there and is
 * no regular file, a device or a pipe, is written to and never replaced.
 *
 * Returns: %FALSE with FAILED of the training library's domain.
 */
gboolean bpg_output_file_write (const char *path,
                                const void *data,
                                gsize       length,
                                int         mode,
                                GError    **error);

G_END_DECLS
