/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-management.h"

#define BPG_IMAGE_FIRMWARE 0u
#define BPG_IMAGE_MODEL 1u
#define BPG_SLOT_TABLE_MAX 8u

/**
 * BpgSlotEntry:
 * @image: BPG_IMAGE_FIRMWARE or BPG_IMAGE_MODEL
 * @slot: 0 is A, 1 is B
 * @hash: of the container, hex; empty when there is none
 *
 * One slot, as the arm tells it.
 */
typedef struct {
  guint image;
  guint slot;
  char hash[65];
  char version[32];
  gboolean bootable;
  gboolean pending;
  gboolean confirmed;
  gboolean active;
} BpgSlotEntry;

typedef struct {
  BpgSlotEntry entries[BPG_SLOT_TABLE_MAX];
  guint n_entries;
} BpgSlotTable;

/**
 * bpg_slot_table_read:
 *
 * Asks the arm for the state of its images. Blocks; for workers.
 */
gboolean bpg_slot_table_read (BpgSlotTable *self, BpgManagement *management, GCancellable *cancellable,
                              GError **error);

/**
 * bpg_slot_table_parse:
 * @reply: to a request for the image state, of whoever
 */
gboolean bpg_slot_table_parse (BpgSlotTable *self, const BpgSmpReply *reply, GError **error);

/* Each returns (nullable) (transfer none): the slot of that image (BPG_IMAGE_FIRMWARE or BPG_IMAGE_MODEL) that is so. */
const BpgSlotEntry *bpg_slot_table_find (const BpgSlotTable *self, guint image, const char *hash);
const BpgSlotEntry *bpg_slot_table_get_active (const BpgSlotTable *self, guint image);
const BpgSlotEntry *bpg_slot_table_get_confirmed (const BpgSlotTable *self, guint image);
const BpgSlotEntry *bpg_slot_table_get_pending (const BpgSlotTable *self, guint image);

/**
 * bpg_slot_table_get_trial:
 *
 * Returns: (nullable) (transfer none): the slot that is on trial: active, and not what the arm goes back to.
 */
const BpgSlotEntry *bpg_slot_table_get_trial (const BpgSlotTable *self, guint image);

/**
 * bpg_slot_entry_get_name:
 *
 * Returns: "A" or "B".
 */
const char *bpg_slot_entry_get_name (const BpgSlotEntry *entry);
