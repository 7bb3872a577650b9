/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boot/second-stage.h"

#include <string.h>

/* What was found in the slots. */
struct found
{
  struct bpg_boot_slot slots[BPG_BOOT_SLOTS];
  struct bpg_image images[BPG_BOOT_SLOTS];
};

static bool
is_for (const struct bpg_second_stage_machine *machine, const struct bpg_image *image)
{
  return image->hardware != NULL && image->hardware_length == machine->hardware_length
         && memcmp (image->hardware, machine->hardware, machine->hardware_length) == 0;
}

static bool
stands_right (const struct bpg_second_stage_machine *machine, const struct bpg_image *image)
{
  return machine->header_size == 0 || image->payload == image->bytes + machine->header_size;
}

static void
look_into (const struct bpg_second_stage_machine *machine, unsigned slot, struct found *found)
{
  struct bpg_image *image = &found->images[slot];
  struct bpg_boot_slot *state = &found->slots[slot];

  memset (state, 0, sizeof *state);
  if (machine->key == NULL
      || bpg_image_parse (machine->slots[slot], machine->slot_size, image) != BPG_IMAGE_OK
      || bpg_image_verify (image, machine->key, machine->key_length, machine->crypto) != BPG_IMAGE_OK
      || !is_for (machine, image) || !stands_right (machine, image))
    return;
  state->valid = true;
  memcpy (state->tag, image->hash, sizeof state->tag);
}

static bool
is_older (const struct found *found, unsigned slot, unsigned other)
{
  return bpg_image_version_compare (&found->images[slot].version, &found->images[other].version) < 0;
}

/* Whether the candidate would take the arm back behind what is confirmed. */
static bool
goes_back (const struct bpg_boot_entry *entry, const struct found *found)
{
  return entry->state == BPG_BOOT_PENDING && !(entry->flags & BPG_BOOT_DOWNGRADE)
         && entry->confirmed < BPG_BOOT_SLOTS && found->slots[entry->confirmed].valid
         && found->slots[entry->candidate].valid
         && is_older (found, entry->candidate, entry->confirmed);
}

/* The newest slot that is valid becomes the confirmed one. */
static void
adopt (struct bpg_boot_entry *entry, const struct found *found,
       struct bpg_second_stage_result *result, bool *changed)
{
  for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
    {
      if (found->slots[slot].valid
          && (result->slot == BPG_BOOT_NO_SLOT || is_older (found, result->slot, slot)))
        result->slot = (uint8_t) slot;
    }
  if (result->slot == BPG_BOOT_NO_SLOT)
    return;
  result->choice = BPG_BOOT_CHOSE_RESCUE;
  bpg_boot_confirm (entry, result->slot, found->slots[result->slot].tag);
  *changed = true;
}

/* What @entry leads to, and what becomes of it. */
static void
choose (const struct bpg_second_stage_machine *machine, struct bpg_boot_entry *entry,
        const struct found *found, struct bpg_second_stage_result *result, bool *changed)
{
  bool given_up = goes_back (entry, found);

  if (given_up)
    bpg_boot_give_up (entry);
  result->choice = bpg_boot_choose (entry, found->slots, &result->slot, changed);
  *changed |= given_up;
  if (result->choice == BPG_BOOT_CHOSE_NOTHING && !machine->built_in)
    adopt (entry, found, result, changed);
}

static bool
write_record (const struct bpg_second_stage_machine *machine, unsigned copy,
              struct bpg_boot_record *record)
{
  uint8_t bytes[BPG_BOOT_RECORD_SIZE];

  record->sequence++;
  bpg_boot_record_encode (record, bytes);
  return machine->replace_copy (copy, bytes);
}

void
bpg_second_stage_run (const struct bpg_second_stage_machine *machine,
                      struct bpg_second_stage_result *result)
{
  struct bpg_boot_record record;
  struct bpg_boot_entry *entry = &record.entries[BPG_IMAGE_FIRMWARE];
  struct bpg_boot_entry before;
  struct found found;
  bool has_record;
  bool changed;
  unsigned copy = bpg_boot_record_load (machine->copies[0], machine->copies[1], &record,
                                        &has_record);

  for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
    look_into (machine, slot, &found);
  before = *entry;
  choose (machine, entry, &found, result, &changed);
  if (changed && !write_record (machine, copy, &record))
    {
      /* A candidate that flash does not know to be on trial would be tried
       * again and again: it waits. */
      *entry = before;
      bpg_boot_give_up (entry);
      choose (machine, entry, &found, result, &changed);
    }

  if (result->slot < BPG_BOOT_SLOTS)
    {
      const struct bpg_image *image = &found.images[result->slot];

      result->payload_offset = (uint32_t) (image->payload - image->bytes);
      result->payload_length = (uint32_t) image->payload_length;
    }
}
