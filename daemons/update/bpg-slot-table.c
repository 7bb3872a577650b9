/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-slot-table.h"

#include "bpg-error.h"

#include <string.h>

#define HASH_LENGTH 32u

static gboolean
take_entry (BpgSlotEntry *entry, const struct bpg_image_entry *source)
{
  if (source->image > BPG_IMAGE_MODEL || source->slot > 1 || source->version.length >= sizeof entry->version ||
      (source->hash.length != 0 && source->hash.length != HASH_LENGTH))
    return FALSE;
  entry->image = (guint) source->image;
  entry->slot = (guint) source->slot;
  for (gsize i = 0; i < source->hash.length; i++)
    g_snprintf (entry->hash + 2 * i, 3, "%02x", source->hash.bytes[i]);
  if (source->version.length > 0)
    memcpy (entry->version, source->version.bytes, source->version.length);
  entry->bootable = source->bootable;
  entry->pending = source->pending;
  entry->confirmed = source->confirmed;
  entry->active = source->active;
  return TRUE;
}

gboolean
bpg_slot_table_parse (BpgSlotTable *self, const BpgSmpReply *reply, GError **error)
{
  struct bpg_image_entry entries[BPG_SLOT_TABLE_MAX];
  size_t n_entries = 0;

  memset (self, 0, sizeof *self);
  if (bpg_image_state_decode (reply->payload, reply->length, entries, BPG_SLOT_TABLE_MAX, &n_entries) &&
      n_entries <= BPG_SLOT_TABLE_MAX) {
    while (self->n_entries < n_entries && take_entry (&self->entries[self->n_entries], &entries[self->n_entries]))
      self->n_entries++;
    if (self->n_entries == n_entries)
      return TRUE;
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's list of slots is not one the protocol knows");
  return FALSE;
}

gboolean
bpg_slot_table_read (BpgSlotTable *self, BpgManagement *management, GCancellable *cancellable, GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, NULL, 0};
  BpgSmpReply reply;

  return bpg_management_call (management, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply,
                              cancellable, error) &&
         bpg_slot_table_parse (self, &reply, error);
}

static gboolean
is_active (const BpgSlotEntry *entry)
{
  return entry->active;
}

static gboolean
is_confirmed (const BpgSlotEntry *entry)
{
  return entry->confirmed;
}

static gboolean
is_pending (const BpgSlotEntry *entry)
{
  return entry->pending;
}

static gboolean
is_on_trial (const BpgSlotEntry *entry)
{
  return entry->active && !entry->confirmed;
}

static const BpgSlotEntry *
find_first (const BpgSlotTable *self, guint image, gboolean (*is_it) (const BpgSlotEntry *))
{
  for (guint i = 0; i < self->n_entries; i++)
    if (self->entries[i].image == image && is_it (&self->entries[i]))
      return &self->entries[i];
  return NULL;
}

const BpgSlotEntry *
bpg_slot_table_find (const BpgSlotTable *self, guint image, const char *hash)
{
  for (guint i = 0; i < self->n_entries; i++)
    if (self->entries[i].image == image && g_str_equal (self->entries[i].hash, hash))
      return &self->entries[i];
  return NULL;
}

const BpgSlotEntry *
bpg_slot_table_get_active (const BpgSlotTable *self, guint image)
{
  return find_first (self, image, is_active);
}

const BpgSlotEntry *
bpg_slot_table_get_confirmed (const BpgSlotTable *self, guint image)
{
  return find_first (self, image, is_confirmed);
}

const BpgSlotEntry *
bpg_slot_table_get_pending (const BpgSlotTable *self, guint image)
{
  return find_first (self, image, is_pending);
}

const BpgSlotEntry *
bpg_slot_table_get_trial (const BpgSlotTable *self, guint image)
{
  return find_first (self, image, is_on_trial);
}

const char *
bpg_slot_entry_get_name (const BpgSlotEntry *entry)
{
  return entry->slot == 0 ? "A" : "B";
}
