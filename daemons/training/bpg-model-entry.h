/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-dbus.h"
#include "bpg-service.h"

/**
 * BpgModelRow:
 * @hash: SHA-256 of the file, hex
 * @digest: SHA-256 of what the file's own hash covers, hex: how a model names its parent
 * @recordings: (nullable): `ao`
 * @evaluation: (nullable): `a{sv}`
 *
 * What the registry knows of a model besides its file. Strings belong to whoever made the row.
 */
typedef struct {
  const char *hash;
  const char *digest;
  const char *prosthesis;
  const char *patient;
  const char *state;
  guint64 created;
  const char *parent;
  guint size;
  guint rate;
  guint channels;
  guint window;
  guint hop;
  const char *const *movements;
  GVariant *recordings;
  GVariant *evaluation;
  const char *note;
} BpgModelRow;

/**
 * BpgModelEntry:
 *
 * One model of the registry on the bus, org.bionicpro.Model1.
 */
#define BPG_TYPE_MODEL_ENTRY (bpg_model_entry_get_type ())
G_DECLARE_FINAL_TYPE (BpgModelEntry, bpg_model_entry, BPG, MODEL_ENTRY, GObject)

/**
 * bpg_model_entry_new:
 * @file: where its .bpm stands
 *
 * Exports it. Signal `deleted` is emitted when a caller who may has asked for its deletion and no job uses it; whoever
 * handles it returns %FALSE with the error set when it failed.
 */
BpgModelEntry *bpg_model_entry_new (BpgService *service, const BpgModelRow *row, const char *file);

const char *bpg_model_entry_get_path (BpgModelEntry *self);       /* object path */
const char *bpg_model_entry_get_hash (BpgModelEntry *self);       /* hex */
const char *bpg_model_entry_get_digest (BpgModelEntry *self);     /* hex */
const char *bpg_model_entry_get_parent (BpgModelEntry *self);     /* hash, or empty */
const char *bpg_model_entry_get_file (BpgModelEntry *self);       /* path of the .bpm */
const char *bpg_model_entry_get_prosthesis (BpgModelEntry *self); /* deviceId */

/** bpg_model_entry_get_accuracy: FALSE when it was never evaluated. */
gboolean bpg_model_entry_get_accuracy (BpgModelEntry *self, double *accuracy, double *low);

/** bpg_model_entry_has_recording: whether it was trained on the recording with this object path. */
gboolean bpg_model_entry_has_recording (BpgModelEntry *self, const char *recording);

/** bpg_model_entry_hold: a job uses it: it cannot be deleted until bpg_model_entry_release(). */
void bpg_model_entry_hold (BpgModelEntry *self);
void bpg_model_entry_release (BpgModelEntry *self);

/**
 * bpg_model_entry_read_async:
 *
 * Reads the file in a worker and checks it against its hash.
 */
void bpg_model_entry_read_async (BpgModelEntry *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user_data);

/**
 * bpg_model_entry_read_finish:
 *
 * Returns: (transfer full): the .bpm, or %NULL with Corrupt.
 */
GBytes *bpg_model_entry_read_finish (BpgModelEntry *self, GAsyncResult *result, GError **error);

/** bpg_model_entry_close: takes it off the bus. */
void bpg_model_entry_close (BpgModelEntry *self);
