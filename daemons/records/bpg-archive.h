/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-seal.h"
#include "bpg-service.h"
#include "bpg-store.h"

#define BPG_TYPE_ARCHIVE (bpg_archive_get_type ())
G_DECLARE_FINAL_TYPE (BpgArchive, bpg_archive, BPG, ARCHIVE, GObject)

/**
 * bpg_archive_new:
 *
 * Where everything is kept: the index (SQLite, pseudonyms only), the folder of samples, and the seal.
 */
BpgArchive *bpg_archive_new (BpgService *service, GError **error);

/* Parts of it; all (transfer none). */
BpgService *bpg_archive_get_service (BpgArchive *self);
BpgStore *bpg_archive_get_store (BpgArchive *self);
BpgSeal *bpg_archive_get_seal (BpgArchive *self);

/**
 * bpg_archive_get_folder:
 *
 * Returns: (transfer none): the folder of samples, one file a repetition.
 */
const char *bpg_archive_get_folder (BpgArchive *self);

/**
 * bpg_archive_new_id:
 * @length: at most 31
 * @alphabet: what it is made of, at most 256 characters
 *
 * Returns: (transfer full): random characters from the kernel's generator.
 */
char *bpg_archive_new_id (guint length, const char *alphabet);

/**
 * bpg_archive_remove_orphans:
 *
 * Removes files of samples that the index does not name: what a crash left between file and index, and so was never
 * acknowledged, and what a deletion had no time for. Called once at start.
 *
 * Returns: how many were removed.
 */
guint bpg_archive_remove_orphans (BpgArchive *self);

/**
 * bpg_archive_discard_async:
 * @files: names in the folder
 *
 * Removes files in a worker; one that is not there is no error.
 */
void bpg_archive_discard_async (BpgArchive *self, GStrv files, GAsyncReadyCallback callback, gpointer user_data);
gboolean bpg_archive_discard_finish (BpgArchive *self, GAsyncResult *result, GError **error);
