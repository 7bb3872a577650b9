/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * BpgSessionFiles:
 * @paths: (element-type filename): side-cars (.json), absolute, sorted; at least one
 * @subject: whose they are, or ""
 * @session: of which session, or ""
 *
 * The recordings of one person's one session, made with one converter.
 */
typedef struct {
  GPtrArray *paths;
  char *subject;
  char *session;
} BpgSessionFiles;

void bpg_session_files_free (BpgSessionFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgSessionFiles, bpg_session_files_free)

/**
 * bpg_session_files_find:
 * @data: a folder, of folders perhaps, with recordings in emgpack format (X.json with X.bin); or one X.json
 *
 * The first session, by the order of the files' names; others in the same folders are left out.
 *
 * Returns: (transfer full): or %NULL with NotFound when there is no recording, Incompatible when none is one that an
 *   arm could have made.
 */
BpgSessionFiles *bpg_session_files_find (const char *data, GError **error);
