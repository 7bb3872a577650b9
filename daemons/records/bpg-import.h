/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"
#include "bpg-container.h"

/**
 * bpg_import_async:
 * @fd: (transfer full): a .bpr container
 * @patient: pseudonym of whose recording it becomes
 *
 * Reads a container in a worker and writes its segments durably.
 */
void bpg_import_async (BpgArchive *archive, int fd, const char *patient, GAsyncReadyCallback callback,
                       gpointer user_data);

/**
 * bpg_import_finish:
 * @repetitions: (out) (element-type BpgRepetition): written to the disk, in no index yet
 *
 * Returns: (transfer full): what the container says, or %NULL with Corrupt, LimitExceeded, InvalidArgument or NoSpace;
 *   nothing is left on the disk then.
 */
BpgRecordingInfo *bpg_import_finish (BpgArchive *archive, GAsyncResult *result, GPtrArray **repetitions,
                                     GError **error);
