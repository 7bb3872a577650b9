/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"

/**
 * bpg_deletion_delete_rows:
 * @patient: pseudonym
 * @files: (out): names of the files of samples that belonged to the patient
 *
 * Strikes a patient with every binding, recording and usage record from the index, whole or not at all. A patient that
 * is not there (any more) is no error, so that a deletion can be repeated after a crash.
 */
gboolean bpg_deletion_delete_rows (BpgArchive *archive, const char *patient, GStrv *files, GError **error);
