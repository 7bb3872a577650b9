/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-management.h"

/**
 * BpgUploadFunc:
 * @done: bytes that the arm has
 *
 * Called in the worker.
 */
typedef void (*BpgUploadFunc) (gsize done, gsize total, gpointer user_data);

/**
 * bpg_upload:
 * @image: BPG_IMAGE_MODEL or BPG_IMAGE_FIRMWARE
 * @container: the whole container
 *
 * Writes a container to the arm's inactive slot with MCUmgr's upload (group 1, command 1), going on where an earlier
 * attempt with the same bytes was cut off. Several chunks are on their way at once. What a noisy line loses is sent
 * again from where the arm says it is, in smaller chunks and fewer at a time while the losses last; the patience with a
 * reply follows the measured time of travel (as TCP's does, RFC 6298). Blocks; for workers.
 *
 * Returns: %TRUE when the arm holds the whole and has found it good; else %FALSE with TimedOut (no progress in spite of
 *   many attempts), Disconnected, Cancelled, or the arm's reason, see bpg_management_check().
 */
gboolean bpg_upload (BpgManagement *management, guint image, GBytes *container, BpgUploadFunc func,
                     gpointer user_data, GCancellable *cancellable, GError **error);
