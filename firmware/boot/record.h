/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The boot record says, for each image (0 firmware, 1 model), which slot is
 * confirmed, which waits to be tried and which is on trial. It is kept twice,
 * each copy in a flash sector of its own, with a sequence number and a CRC:
 * a change goes to the older copy, so that one whole copy is there whenever
 * the power goes.
 *
 * This file holds the logic; reading and writing flash is the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_BOOT_IMAGES 2u
#define BPG_IMAGE_FIRMWARE 0u
#define BPG_IMAGE_MODEL 1u
#define BPG_BOOT_SLOTS 2u
#define BPG_BOOT_NO_SLOT 0xFFu
#define BPG_BOOT_RECORD_SIZE 64u
#define BPG_BOOT_TAG_SIZE 8u

enum bpg_boot_state
{
  BPG_BOOT_STABLE = 0,  /* the confirmed slot runs */
  BPG_BOOT_PENDING = 1, /* candidate waits for its one trial */
  BPG_BOOT_TRIAL = 2,   /* candidate runs; the next start goes back */
};

/* Flags of an image's entry. */
#define BPG_BOOT_PERMANENT 0x01u /* a pending candidate is confirmed when it starts */
#define BPG_BOOT_DOWNGRADE 0x02u /* it may be older than what is confirmed */

struct bpg_boot_entry
{
  uint8_t state;     /* enum bpg_boot_state */
  uint8_t confirmed; /* slot, or BPG_BOOT_NO_SLOT */
  uint8_t candidate; /* slot, or BPG_BOOT_NO_SLOT */
  uint8_t flags;
  /* The first bytes of the hash of what was last confirmed in each slot: a
   * slot is "good" while it still holds just that. Zeros: never confirmed. */
  uint8_t tags[BPG_BOOT_SLOTS][BPG_BOOT_TAG_SIZE];
};

struct bpg_boot_record
{
  uint32_t sequence;
  struct bpg_boot_entry entries[BPG_BOOT_IMAGES];
};

/* What the slots of one image hold, as found in flash. */
struct bpg_boot_slot
{
  bool valid;                     /* container, hash, signature and fit hold */
  uint8_t tag[BPG_BOOT_TAG_SIZE]; /* first bytes of its hash */
};

/* The record of an arm that has none. */
void bpg_boot_record_init (struct bpg_boot_record *record);

/* The BPG_BOOT_RECORD_SIZE bytes of @record, CRC included. */
void bpg_boot_record_encode (const struct bpg_boot_record *record, uint8_t *bytes);

/* Reads one copy. Returns false when it is not whole or says what cannot be. */
bool bpg_boot_record_decode (const uint8_t *bytes, struct bpg_boot_record *record);

/*
 * Reads both copies and keeps the newer. Returns the copy that the next
 * change goes to (0 or 1). With neither whole, @record is the initial one and
 * @found false.
 */
unsigned bpg_boot_record_load (const uint8_t *first, const uint8_t *second,
                               struct bpg_boot_record *record, bool *found);

/* Why a slot was chosen. */
enum bpg_boot_choice
{
  BPG_BOOT_CHOSE_NOTHING,   /* no slot can start */
  BPG_BOOT_CHOSE_CONFIRMED, /* the confirmed slot */
  BPG_BOOT_CHOSE_TRIAL,     /* a candidate, for its one trial */
  BPG_BOOT_CHOSE_PERMANENT, /* a candidate, confirmed at once */
  BPG_BOOT_CHOSE_REVERT,    /* back to the confirmed slot after a trial */
  BPG_BOOT_CHOSE_RESCUE,    /* the confirmed slot is broken: the other good one */
};

/*
 * Decides at a start which slot of an image runs, and changes @entry
 * accordingly; when @changed, the caller writes the record *before* it starts
 * the slot. A candidate has one start on trial: found on trial at the next
 * start, it is given up. A slot that is not valid is never chosen.
 */
enum bpg_boot_choice bpg_boot_choose (struct bpg_boot_entry *entry,
                                      const struct bpg_boot_slot slots[BPG_BOOT_SLOTS],
                                      uint8_t *slot, bool *changed);

/* Whether @slot holds what was once confirmed there. */
bool bpg_boot_is_good (const struct bpg_boot_entry *entry,
                       const struct bpg_boot_slot slots[BPG_BOOT_SLOTS], unsigned slot);

/* Makes @slot the candidate that waits for its trial. */
void bpg_boot_set_pending (struct bpg_boot_entry *entry, unsigned slot, uint8_t flags);

/* The waiting candidate starts its trial. */
void bpg_boot_begin_trial (struct bpg_boot_entry *entry);

/* Confirms @slot, whose content has @tag. */
void bpg_boot_confirm (struct bpg_boot_entry *entry, unsigned slot,
                       const uint8_t tag[BPG_BOOT_TAG_SIZE]);

/* Gives up a candidate, waiting or on trial. */
void bpg_boot_give_up (struct bpg_boot_entry *entry);
