/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boot/record.h"

#include <string.h>

#include "link/checksum.h"
#include "link/little-endian.h"

#define RECORD_MAGIC 0x52425042u /* "BPBR" */
#define ENTRY_SIZE 20u
#define CRC_AT (BPG_BOOT_RECORD_SIZE - 4u)

void
bpg_boot_record_init (struct bpg_boot_record *record)
{
  memset (record, 0, sizeof *record);
  for (unsigned i = 0; i < BPG_BOOT_IMAGES; i++)
    {
      record->entries[i].confirmed = BPG_BOOT_NO_SLOT;
      record->entries[i].candidate = BPG_BOOT_NO_SLOT;
    }
}

void
bpg_boot_record_encode (const struct bpg_boot_record *record, uint8_t *bytes)
{
  memset (bytes, 0, BPG_BOOT_RECORD_SIZE);
  bpg_put_u32 (bytes, RECORD_MAGIC);
  bpg_put_u32 (bytes + 4, record->sequence);
  for (unsigned i = 0; i < BPG_BOOT_IMAGES; i++)
    {
      const struct bpg_boot_entry *entry = &record->entries[i];
      uint8_t *at = bytes + 8 + i * ENTRY_SIZE;

      at[0] = entry->state;
      at[1] = entry->confirmed;
      at[2] = entry->candidate;
      at[3] = entry->flags;
      memcpy (at + 4, entry->tags, sizeof entry->tags);
    }
  bpg_put_u32 (bytes + CRC_AT, bpg_crc32 (0, bytes, CRC_AT));
}

static bool
is_slot (uint8_t slot)
{
  return slot < BPG_BOOT_SLOTS || slot == BPG_BOOT_NO_SLOT;
}

static bool
is_possible (const struct bpg_boot_entry *entry)
{
  if (entry->state > BPG_BOOT_TRIAL || !is_slot (entry->confirmed) || !is_slot (entry->candidate))
    return false;
  return entry->state == BPG_BOOT_STABLE || entry->candidate != BPG_BOOT_NO_SLOT;
}

bool
bpg_boot_record_decode (const uint8_t *bytes, struct bpg_boot_record *record)
{
  if (bpg_get_u32 (bytes) != RECORD_MAGIC
      || bpg_get_u32 (bytes + CRC_AT) != bpg_crc32 (0, bytes, CRC_AT))
    return false;

  record->sequence = bpg_get_u32 (bytes + 4);
  for (unsigned i = 0; i < BPG_BOOT_IMAGES; i++)
    {
      struct bpg_boot_entry *entry = &record->entries[i];
      const uint8_t *at = bytes + 8 + i * ENTRY_SIZE;

      entry->state = at[0];
      entry->confirmed = at[1];
      entry->candidate = at[2];
      entry->flags = at[3];
      memcpy (entry->tags, at + 4, sizeof entry->tags);
      if (!is_possible (entry))
        return false;
    }
  return true;
}

unsigned
bpg_boot_record_load (const uint8_t *first, const uint8_t *second, struct bpg_boot_record *record,
                      bool *found)
{
  struct bpg_boot_record a;
  struct bpg_boot_record b;
  bool has_a = bpg_boot_record_decode (first, &a);
  bool has_b = bpg_boot_record_decode (second, &b);

  *found = has_a || has_b;
  if (!*found)
    {
      bpg_boot_record_init (record);
      return 0;
    }
  /* The difference is signed, so that the sequence may wrap. */
  if (has_a && (!has_b || (int32_t) (a.sequence - b.sequence) > 0))
    {
      *record = a;
      return 1;
    }
  *record = b;
  return 0;
}

bool
bpg_boot_is_good (const struct bpg_boot_entry *entry,
                  const struct bpg_boot_slot slots[BPG_BOOT_SLOTS], unsigned slot)
{
  static const uint8_t never[BPG_BOOT_TAG_SIZE];

  return slot < BPG_BOOT_SLOTS && slots[slot].valid
         && memcmp (entry->tags[slot], never, sizeof never) != 0
         && memcmp (entry->tags[slot], slots[slot].tag, BPG_BOOT_TAG_SIZE) == 0;
}

void
bpg_boot_set_pending (struct bpg_boot_entry *entry, unsigned slot, uint8_t flags)
{
  entry->state = BPG_BOOT_PENDING;
  entry->candidate = (uint8_t) slot;
  entry->flags = flags;
}

void
bpg_boot_begin_trial (struct bpg_boot_entry *entry)
{
  entry->state = BPG_BOOT_TRIAL;
}

void
bpg_boot_give_up (struct bpg_boot_entry *entry)
{
  entry->state = BPG_BOOT_STABLE;
  entry->candidate = BPG_BOOT_NO_SLOT;
  entry->flags = 0;
}

void
bpg_boot_confirm (struct bpg_boot_entry *entry, unsigned slot, const uint8_t tag[BPG_BOOT_TAG_SIZE])
{
  bpg_boot_give_up (entry);
  entry->confirmed = (uint8_t) slot;
  memcpy (entry->tags[slot], tag, BPG_BOOT_TAG_SIZE);
}

/* The confirmed slot, or, when that is broken, another good one. */
static enum bpg_boot_choice
choose_confirmed (struct bpg_boot_entry *entry, const struct bpg_boot_slot slots[BPG_BOOT_SLOTS],
                  uint8_t *slot, bool *changed)
{
  if (entry->confirmed < BPG_BOOT_SLOTS && slots[entry->confirmed].valid)
    {
      *slot = entry->confirmed;
      return BPG_BOOT_CHOSE_CONFIRMED;
    }
  for (unsigned other = 0; other < BPG_BOOT_SLOTS; other++)
    {
      if (bpg_boot_is_good (entry, slots, other))
        {
          entry->confirmed = (uint8_t) other;
          *changed = true;
          *slot = (uint8_t) other;
          return BPG_BOOT_CHOSE_RESCUE;
        }
    }
  *slot = BPG_BOOT_NO_SLOT;
  return BPG_BOOT_CHOSE_NOTHING;
}

enum bpg_boot_choice
bpg_boot_choose (struct bpg_boot_entry *entry, const struct bpg_boot_slot slots[BPG_BOOT_SLOTS],
                 uint8_t *slot, bool *changed)
{
  enum bpg_boot_choice choice;
  bool was_trial = entry->state == BPG_BOOT_TRIAL;

  *changed = false;
  if (entry->state == BPG_BOOT_PENDING && slots[entry->candidate].valid)
    {
      *changed = true;
      *slot = entry->candidate;
      if (entry->flags & BPG_BOOT_PERMANENT)
        {
          bpg_boot_confirm (entry, *slot, slots[*slot].tag);
          return BPG_BOOT_CHOSE_PERMANENT;
        }
      bpg_boot_begin_trial (entry);
      return BPG_BOOT_CHOSE_TRIAL;
    }

  if (entry->state != BPG_BOOT_STABLE)
    {
      bpg_boot_give_up (entry);
      *changed = true;
    }
  choice = choose_confirmed (entry, slots, slot, changed);
  return was_trial && choice == BPG_BOOT_CHOSE_CONFIRMED ? BPG_BOOT_CHOSE_REVERT : choice;
}
