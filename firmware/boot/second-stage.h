/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What runs before the arm's program: looks into both firmware slots, decides
 * by the boot record which of them starts, and writes the record before a
 * candidate has its one trial. The same logic on the chip, in the virtual
 * prosthesis and in the tests; flash and cryptography are the machine's.
 */

#include "boot/image.h"
#include "boot/record.h"

struct bpg_second_stage_machine
{
  const uint8_t *copies[2]; /* of the boot record, readable memory */
  const uint8_t *slots[BPG_BOOT_SLOTS];
  uint32_t slot_size;
  uint32_t header_size; /* that programs are linked to stand behind; 0 = any */
  /* Erases one copy of the record and writes it anew; false when flash failed. */
  bool (*replace_copy) (unsigned copy, const uint8_t bytes[BPG_BOOT_RECORD_SIZE]);
  const struct bpg_image_crypto *crypto;
  const uint8_t *key; /* the release key, SPKI DER; NULL: no slot is valid */
  size_t key_length;
  const char *hardware; /* the board's name, not terminated */
  size_t hardware_length;
  /* A program that is in no slot starts when no slot does. Where there is
   * none, any signed slot is better than nothing. */
  bool built_in;
};

struct bpg_second_stage_result
{
  uint8_t slot; /* BPG_BOOT_NO_SLOT when none can start */
  enum bpg_boot_choice choice;
  uint32_t payload_offset; /* of the program in its slot */
  uint32_t payload_length;
};

/*
 * Decides. A candidate that is older than the confirmed firmware is given up
 * unless the record allows it; one whose trial cannot be written down does not
 * start. Without a confirmed slot that is whole, and without another good one,
 * the newest valid slot is made the confirmed one, unless there is a built-in
 * program.
 */
void bpg_second_stage_run (const struct bpg_second_stage_machine *machine,
                           struct bpg_second_stage_result *result);
