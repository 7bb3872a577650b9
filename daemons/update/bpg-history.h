/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-service.h"

/* Entries and containers that are kept for each arm. */
#define BPG_HISTORY_MAX 100u

#define BPG_TYPE_HISTORY (bpg_history_get_type ())
G_DECLARE_FINAL_TYPE (BpgHistory, bpg_history, BPG, HISTORY, GObject)

/**
 * BpgContainerRow:
 * @image: hash of the container (hex)
 * @model: SHA-256 (hex) of the model file
 * @key: SHA-256 (hex) of the public key that signed it
 * @version: packed, see bpg_image_version_pack()
 *
 * A signed container that was made for an arm; the file lies in the state folder.
 */
typedef struct {
  char *image;
  char *prosthesis;
  char *patient;
  char *model;
  char *hardware;
  char *side;
  char *key;
  guint64 version;
} BpgContainerRow;

BpgContainerRow *bpg_container_row_copy (const BpgContainerRow *row);
void bpg_container_row_free (BpgContainerRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgContainerRow, bpg_container_row_free)

/**
 * BpgHistoryEvent:
 * @prosthesis: @patient: deviceId and pseudonym
 * @action: as in Slots1.History
 * @model: hash of the model, empty for what is about firmware
 * @error: name of an error, or empty
 * @job: number of the job, 0 for what happened by itself; a job has each action once, however often it is replayed
 * @firmware: @version: (nullable): of firmware: hash of the container, and what it says
 */
typedef struct {
  const char *prosthesis;
  const char *patient;
  const char *action;
  const char *model;
  const char *error;
  guint64 job;
  const char *firmware;
  const char *version;
} BpgHistoryEvent;

/**
 * bpg_history_new:
 *
 * What was done to each arm, and the containers that were made, so that any earlier model can be put back.
 */
BpgHistory *bpg_history_new (BpgService *service, GError **error);

/**
 * bpg_history_get_path:
 *
 * Returns: (transfer full): the file of a container.
 */
char *bpg_history_get_path (BpgHistory *self, const char *image);

/**
 * bpg_history_add:
 *
 * Writes an event down. What is more than BPG_HISTORY_MAX of an arm is forgotten, oldest first.
 */
gboolean bpg_history_add (BpgHistory *self, const BpgHistoryEvent *event, GError **error);

/**
 * bpg_history_list:
 *
 * Returns: (transfer floating): aa{sv} as in Slots1.History.
 */
GVariant *bpg_history_list (BpgHistory *self, const char *prosthesis, const char *patient);

/**
 * bpg_history_add_container:
 *
 * Writes down a container whose file is on the disk; the oldest beyond BPG_HISTORY_MAX of that arm go, with their files.
 */
gboolean bpg_history_add_container (BpgHistory *self, const BpgContainerRow *row, GError **error);

/**
 * bpg_history_find_container:
 *
 * Returns: (transfer full) (nullable): the newest container of @model for that arm and patient.
 */
BpgContainerRow *bpg_history_find_container (BpgHistory *self, const char *prosthesis, const char *patient,
                                             const char *model);

/**
 * bpg_history_find_model:
 *
 * Returns: (transfer full): hash of the model in the container @image, empty when we did not make it.
 */
char *bpg_history_find_model (BpgHistory *self, const char *image);

/**
 * bpg_history_find_earlier:
 * @current: (nullable): hash of the model the way leads away from
 * @wanted: (nullable): beginning of the hash of the model it leads to, at least 8 digits; %NULL: the one before
 *
 * Looks among the models that were confirmed on that arm for that patient.
 *
 * Returns: (transfer full): hash of the model, or %NULL with NotFound or InvalidArgument (more than one begins so).
 */
char *bpg_history_find_earlier (BpgHistory *self, const char *prosthesis, const char *patient, const char *current,
                                const char *wanted, GError **error);

/**
 * bpg_history_get_last_version:
 *
 * Returns: the highest version that was ever given, packed; 0 for none.
 */
guint64 bpg_history_get_last_version (BpgHistory *self);

/**
 * bpg_history_get_trial: bpg_history_set_trial:
 *
 * @image: BPG_IMAGE_FIRMWARE or BPG_IMAGE_MODEL
 *
 * The container (hash) that was on trial when the arm was last seen, empty for none.
 */
char *bpg_history_get_trial (BpgHistory *self, const char *prosthesis, guint image);
gboolean bpg_history_set_trial (BpgHistory *self, const char *prosthesis, guint image, const char *hash,
                                GError **error);
