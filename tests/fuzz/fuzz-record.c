/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both copies of a boot record, as flash may hold them; the first byte says of each whether its checksum is
 * put right, so that the fuzzer gets behind it. Whatever it says: what is chosen can start, and what the choice
 * leaves behind can be read again. */
#include <glib.h>
#include <string.h>

#include "boot/record.h"
#include "link/checksum.h"
#include "link/little-endian.h"

#define CRC_AT (BPG_BOOT_RECORD_SIZE - 4)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_choice (const struct bpg_boot_record *record, unsigned image, unsigned valid)
{
  struct bpg_boot_record changed = *record;
  struct bpg_boot_record back;
  struct bpg_boot_slot slots[BPG_BOOT_SLOTS] = { 0 };
  uint8_t bytes[BPG_BOOT_RECORD_SIZE];
  enum bpg_boot_choice choice;
  uint8_t slot;
  bool is_changed;

  for (unsigned i = 0; i < BPG_BOOT_SLOTS; i++) {
    slots[i].valid = valid >> i & 1;
    memcpy (slots[i].tag, record->entries[image].tags[i], BPG_BOOT_TAG_SIZE);
  }
  choice = bpg_boot_choose (&changed.entries[image], slots, &slot, &is_changed);
  g_assert_true ((choice == BPG_BOOT_CHOSE_NOTHING) == (slot == BPG_BOOT_NO_SLOT));
  if (slot != BPG_BOOT_NO_SLOT)
    g_assert_true (slot < BPG_BOOT_SLOTS && slots[slot].valid);
  g_assert_true (is_changed == (memcmp (&changed, record, sizeof changed) != 0));
  bpg_boot_record_encode (&changed, bytes);
  g_assert_true (bpg_boot_record_decode (bytes, &back));
  g_assert_cmpmem (&back, sizeof back, &changed, sizeof changed);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint8_t copies[2][BPG_BOOT_RECORD_SIZE];
  struct bpg_boot_record record;
  unsigned next;
  bool found;

  if (size != 1 + sizeof copies)
    return 0;
  memcpy (copies, data + 1, sizeof copies);
  for (unsigned copy = 0; copy < 2; copy++)
    if (data[0] >> copy & 1)
      bpg_put_u32 (copies[copy] + CRC_AT, bpg_crc32 (0, copies[copy], CRC_AT));
  next = bpg_boot_record_load (copies[0], copies[1], &record, &found);
  g_assert_cmpuint (next, <, 2);
  /* The copy that counts is not the one that is written next. */
  if (found)
    g_assert_cmpuint (bpg_get_u32 (copies[1 - next] + 4), ==, record.sequence);
  for (unsigned image = 0; image < BPG_BOOT_IMAGES; image++)
    for (unsigned valid = 0; valid < 1u << BPG_BOOT_SLOTS; valid++)
      check_choice (&record, image, valid);
  return 0;
}
