/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The boot record and the slot choice: all states, all cuts. */
#include <glib.h>
#include <string.h>

#include "boot/record.h"

static const uint8_t tag_a[BPG_BOOT_TAG_SIZE] = { 1 };
static const uint8_t tag_b[BPG_BOOT_TAG_SIZE] = { 2 };
static const uint8_t slots_or_none[] = { 0, 1, BPG_BOOT_NO_SLOT };

static void
fill_slots (struct bpg_boot_slot slots[2], struct bpg_boot_entry *entry, unsigned valid, unsigned good)
{
  memset (slots, 0, 2 * sizeof slots[0]);
  memcpy (slots[0].tag, tag_a, sizeof tag_a);
  memcpy (slots[1].tag, tag_b, sizeof tag_b);
  for (unsigned i = 0; i < 2; i++)
    {
      slots[i].valid = valid >> i & 1;
      if (good >> i & 1)
        memcpy (entry->tags[i], slots[i].tag, BPG_BOOT_TAG_SIZE);
    }
}

static void
check_choice (const struct bpg_boot_entry *before, const struct bpg_boot_slot slots[2])
{
  struct bpg_boot_entry entry = *before;
  struct bpg_boot_entry again;
  struct bpg_boot_record record;
  uint8_t bytes[BPG_BOOT_RECORD_SIZE];
  uint8_t slot, slot_again;
  bool changed, changed_again;
  enum bpg_boot_choice choice = bpg_boot_choose (&entry, slots, &slot, &changed);

  /* What is chosen can start, and nothing is chosen only where nothing good is. */
  if (choice == BPG_BOOT_CHOSE_NOTHING)
    {
      g_assert_cmpuint (slot, ==, BPG_BOOT_NO_SLOT);
      g_assert_false (before->confirmed < 2 && slots[before->confirmed].valid);
      g_assert_false (bpg_boot_is_good (before, slots, 0) || bpg_boot_is_good (before, slots, 1));
    }
  else
    {
      g_assert_cmpuint (slot, <, 2);
      g_assert_true (slots[slot].valid);
    }
  g_assert_cmpint (changed, ==, memcmp (&entry, before, sizeof entry) != 0);

  /* A candidate starts once, whether it waits or is permanent. */
  if (before->state == BPG_BOOT_PENDING && slots[before->candidate].valid)
    g_assert_cmpuint (slot, ==, before->candidate);
  else if (before->state == BPG_BOOT_TRIAL && before->confirmed < 2 && slots[before->confirmed].valid)
    g_assert_cmpuint (slot, ==, before->confirmed);

  /* The next start comes to rest: after a trial at what was confirmed. */
  again = entry;
  bpg_boot_choose (&again, slots, &slot_again, &changed_again);
  g_assert_cmpint (again.state, ==, BPG_BOOT_STABLE);
  if (choice != BPG_BOOT_CHOSE_TRIAL)
    g_assert_cmpuint (slot_again, ==, slot);
  entry = again;
  bpg_boot_choose (&again, slots, &slot, &changed_again);
  g_assert_false (changed_again);
  g_assert_cmpuint (slot, ==, slot_again);

  /* What the logic leaves behind can be written and read. */
  bpg_boot_record_init (&record);
  record.entries[1] = entry;
  bpg_boot_record_encode (&record, bytes);
  g_assert_true (bpg_boot_record_decode (bytes, &record));
  g_assert_cmpmem (&record.entries[1], sizeof entry, &entry, sizeof entry);
}

static void
test_all_choices (void)
{
  guint checked = 0;

  for (unsigned state = 0; state <= BPG_BOOT_TRIAL; state++)
    for (unsigned confirmed = 0; confirmed < 3; confirmed++)
      for (unsigned candidate = 0; candidate < 3; candidate++)
        for (unsigned flags = 0; flags < 4; flags++)
          for (unsigned valid = 0; valid < 4; valid++)
            for (unsigned good = 0; good < 4; good++)
              {
                struct bpg_boot_slot slots[2];
                struct bpg_boot_entry entry = {
                  .state = (uint8_t) state,
                  .confirmed = slots_or_none[confirmed],
                  .candidate = slots_or_none[candidate],
                  .flags = (uint8_t) flags,
                };

                /* Such a record is refused when it is read. */
                if (state != BPG_BOOT_STABLE && entry.candidate == BPG_BOOT_NO_SLOT)
                  continue;
                fill_slots (slots, &entry, valid, good);
                check_choice (&entry, slots);
                checked++;
              }
  g_test_message ("%u states", checked);
  g_assert_cmpuint (checked, ==, (3 + 2 * 2) * 3 * 4 * 4 * 4);
}

static void
test_every_cut (void)
{
  struct bpg_boot_record old_record, new_record, found_record;
  uint8_t copies[2][BPG_BOOT_RECORD_SIZE];
  uint8_t fresh[BPG_BOOT_RECORD_SIZE];
  bool found;

  bpg_boot_record_init (&old_record);
  old_record.sequence = 41;
  old_record.entries[1].confirmed = 0;
  new_record = old_record;
  new_record.sequence = 42;
  new_record.entries[1].confirmed = 1;
  bpg_boot_record_encode (&new_record, fresh);

  for (unsigned copy = 0; copy < 2; copy++)
    for (unsigned written = 0; written <= BPG_BOOT_RECORD_SIZE; written++)
      {
        unsigned next;

        memset (copies[copy], 0xFF, BPG_BOOT_RECORD_SIZE);
        memcpy (copies[copy], fresh, written);
        bpg_boot_record_encode (&old_record, copies[1 - copy]);
        next = bpg_boot_record_load (copies[0], copies[1], &found_record, &found);
        g_assert_true (found);
        g_assert_cmpuint (found_record.sequence, ==, written == BPG_BOOT_RECORD_SIZE ? 42 : 41);
        /* The next change goes to the copy that may be lost. */
        g_assert_cmpuint (next, ==, written == BPG_BOOT_RECORD_SIZE ? 1 - copy : copy);
      }
}

static void
test_damage (void)
{
  struct bpg_boot_record record, back;
  uint8_t bytes[BPG_BOOT_RECORD_SIZE];
  uint8_t blank[BPG_BOOT_RECORD_SIZE];
  bool found;

  bpg_boot_record_init (&record);
  bpg_boot_record_encode (&record, bytes);
  for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++)
    {
      bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
      g_assert_false (bpg_boot_record_decode (bytes, &back));
      bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
    }
  g_assert_true (bpg_boot_record_decode (bytes, &back));
  memset (blank, 0xFF, sizeof blank);
  g_assert_cmpuint (bpg_boot_record_load (blank, blank, &back, &found), ==, 0);
  g_assert_false (found);
  g_assert_cmpuint (back.entries[0].confirmed, ==, BPG_BOOT_NO_SLOT);
  /* The sequence number may wrap. */
  record.sequence = UINT32_MAX;
  bpg_boot_record_encode (&record, bytes);
  record.sequence = 0;
  bpg_boot_record_encode (&record, blank);
  g_assert_cmpuint (bpg_boot_record_load (bytes, blank, &back, &found), ==, 0);
  g_assert_cmpuint (back.sequence, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/boot/record/all-choices", test_all_choices);
  g_test_add_func ("/boot/record/every-cut", test_every_cut);
  g_test_add_func ("/boot/record/damage", test_damage);
  return g_test_run ();
}
