/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-model-entry.h"
#include "lib/bpg-model.h"

/**
 * BpgModelRegistry:
 *
 * Every model that was trained or imported: the files in `models/HASH.bpm` of the state folder, what is known of them in
 * `models.db`. Signal `added`: there is one more.
 */
#define BPG_TYPE_MODEL_REGISTRY (bpg_model_registry_get_type ())
G_DECLARE_FINAL_TYPE (BpgModelRegistry, bpg_model_registry, BPG, MODEL_REGISTRY, GObject)

/**
 * bpg_model_registry_new:
 *
 * Opens the registry and exports its models.
 *
 * Returns: (transfer full): or %NULL with NoSpace or Failed.
 */
BpgModelRegistry *bpg_model_registry_new (BpgService *service, GError **error);

/**
 * BpgModelOrigin:
 * @state: `candidate` or `refused`
 * @parent: (nullable): hash of the model it was adapted from
 * @recordings: (nullable): `ao`
 * @evaluation: (nullable): `a{sv}`
 *
 * Where a model comes from.
 */
typedef struct {
  const char *prosthesis;
  const char *patient;
  const char *state;
  const char *parent;
  GVariant *recordings;
  GVariant *evaluation;
  const char *note;
} BpgModelOrigin;

/**
 * bpg_model_registry_add_async:
 *
 * Writes the model durably in a worker, then into the index, then exports it. One that is there already stays as it is.
 */
void bpg_model_registry_add_async (BpgModelRegistry *self, BpgModel *model, const BpgModelOrigin *origin,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_model_registry_add_finish:
 *
 * Returns: (transfer full): the model on the bus, or %NULL with NoSpace, LimitExceeded or Failed.
 */
BpgModelEntry *bpg_model_registry_add_finish (BpgModelRegistry *self, GAsyncResult *result, GError **error);

/** bpg_model_registry_find_path: (transfer none) (nullable): by object path. */
BpgModelEntry *bpg_model_registry_find_path (BpgModelRegistry *self, const char *path);

/**
 * bpg_model_registry_find_hash:
 * @hash: hex; of the whole file, or what the file's own hash field says
 *
 * Returns: (transfer none) (nullable): the model.
 */
BpgModelEntry *bpg_model_registry_find_hash (BpgModelRegistry *self, const char *hash);

/** bpg_model_registry_has_seen: whether @entry or a model it was adapted from was trained on a recording. */
gboolean bpg_model_registry_has_seen (BpgModelRegistry *self, BpgModelEntry *entry, const char *recording);
