/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "recognition/bpm.h"

G_BEGIN_DECLS

#define BPG_TYPE_MODEL (bpg_model_get_type ())
G_DECLARE_FINAL_TYPE (BpgModel, bpg_model, BPG, MODEL, GObject)

/**
 * bpg_model_new:
 * @bytes: a `.bpm`; kept.
 *
 * Returns: (transfer full): the model, or %NULL with #BpgTrainingError CORRUPT or INCOMPATIBLE.
 */
BpgModel *bpg_model_new (GBytes  *bytes,
                         GError **error);

/**
 * bpg_model_read: a model from the file @path.
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError NOT_FOUND, CORRUPT, LIMIT or INCOMPATIBLE.
 */
BpgModel *bpg_model_read (const char *path,
                          GError    **error);

/**
 * bpg_model_write: put the model in the file @path, whole or not at all.
 *
 * Returns: %FALSE with #BpgTrainingError FAILED when it could not be written.
 */
gboolean bpg_model_write (BpgModel   *self,
                          const char *path,
                          GError    **error);

/** bpg_model_get_bytes: (transfer none): the `.bpm`. */
GBytes *bpg_model_get_bytes (BpgModel *self);

/** bpg_model_get_bpm: (transfer none): as the recogniser sees it; lives as long as @self. */
const struct bpg_bpm *bpg_model_get_bpm (BpgModel *self);

/** bpg_model_get_hash: (transfer none): SHA-256 of the whole file in hex, as the arm reports it. */
const char *bpg_model_get_hash (BpgModel *self);

/** bpg_model_find: index of the movement with gesture code @gesture, or -1. */
int bpg_model_find (BpgModel *self,
                    guint8    gesture);

G_END_DECLS
