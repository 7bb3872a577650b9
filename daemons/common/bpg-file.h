/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * bpg_file_write_durable:
 * @path: where it shall stand
 * @mode: permissions, for example 0600
 *
 * Writes @path so that after a crash or power cut either the old or the new content is there whole: temporary file
 * beside it, fdatasync, rename, fsync of the folder. Blocks: call it in a worker thread, or for a few bytes at start.
 *
 * Returns: %FALSE with NoSpace or Failed; the old content is untouched then and no temporary file is left.
 */
gboolean bpg_file_write_durable (const char *path, const void *data, gsize length, int mode, GError **error);

/**
 * bpg_file_read:
 * @limit: refuse files larger than this many bytes with LimitExceeded
 *
 * Reads a whole regular file. Blocks.
 */
GBytes *bpg_file_read (const char *path, gsize limit, GError **error);

/**
 * bpg_file_read_fd:
 * @fd: an open file of whoever called us; it stays open, its offset is not used
 *
 * Reads a whole file handed over on the bus. Anything but a regular file or memory file is refused with InvalidArgument
 * so that nobody can make us wait on a pipe.
 */
GBytes *bpg_file_read_fd (int fd, gsize limit, GError **error);

/**
 * bpg_file_new_memory:
 * @name: for /proc
 *
 * Returns: a sealed, read-only memory file with @data at offset 0, or -1.
 */
int bpg_file_new_memory (const char *name, const void *data, gsize length, GError **error);

/**
 * bpg_file_ensure_folder:
 *
 * Makes @path and its parents, 0700, when they are not there.
 */
gboolean bpg_file_ensure_folder (const char *path, GError **error);
