/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The slots of both images: what they hold, which one runs, and the way from
 * pending over trial to confirmed. What is valid is found by looking into the
 * slot: container, hash, signature, and whether it fits this arm.
 */

#include "boot/image.h"
#include "boot/record.h"
#include "control/binding.h"
#include "control/factory.h"
#include "recognition/bpm.h"

/* Seconds a candidate has when a restart, not a command, began its trial. */
#define BPG_TRIAL_DEFAULT_S 600u
#define BPG_TRIAL_MOST_S 86400u

struct bpg_slot
{
  bool present; /* a whole container is there */
  enum bpg_arm_error fault; /* why it may not start; BPG_ARM_OK when it may */
  struct bpg_image_version version;
  uint8_t hash[BPG_SHA256_SIZE];
  uint32_t payload_offset;
  uint32_t payload_length;
};

struct bpg_slots
{
  const struct bpg_factory *factory;
  const struct bpg_binding *binding;
  struct bpg_boot_record record;
  unsigned next_copy;
  struct bpg_slot slot[BPG_BOOT_IMAGES][BPG_BOOT_SLOTS];
  uint8_t active[BPG_BOOT_IMAGES]; /* BPG_BOOT_NO_SLOT when nothing runs */
  enum bpg_boot_choice choice; /* why that model */
  uint64_t trial_end; /* of the model on trial, microseconds; 0 = none */
};

/* Reads the record, looks into all slots and chooses the model that runs; which
 * firmware does, the second stage has decided. A model that waits for its trial
 * goes on waiting unless @try_model, and when flash does not take the record. */
void bpg_slots_load (struct bpg_slots *slots, const struct bpg_factory *factory,
                     const struct bpg_binding *binding, bool try_model, uint64_t now_us);

/* The flash area of a slot. */
enum bpg_flash_area bpg_slots_area (unsigned image, unsigned slot);

/* Looks into a slot anew; returns its fault. */
enum bpg_arm_error bpg_slots_inspect (struct bpg_slots *slots, unsigned image, unsigned slot);

/* The slot an upload goes to: never the one that runs or would be fallen back
 * to by itself. False while a trial needs both. */
bool bpg_slots_target (const struct bpg_slots *slots, unsigned image, unsigned *slot);

/* The slot of @image whose content has @hash; when both have it, the one that
 * runs if @prefer_active, else the other. False when none has. */
bool bpg_slots_find (const struct bpg_slots *slots, unsigned image, const uint8_t *hash,
                     bool prefer_active, unsigned *slot);

/* The model that runs, NULL when none does. */
const uint8_t *bpg_slots_model (const struct bpg_slots *slots, size_t *length);

/* Makes a slot the candidate, with @flags of the boot record. Firmware older
 * than what runs needs BPG_BOOT_DOWNGRADE (VERSION_OLD), and has BPG_BOOT_PERMANENT
 * only when it was confirmed before (WRONG_STATE). */
enum bpg_arm_error bpg_slots_set_pending (struct bpg_slots *slots, unsigned image, unsigned slot,
                                          uint8_t flags);

/* Withdraws a waiting candidate; an upload is about to overwrite it. */
enum bpg_arm_error bpg_slots_withdraw (struct bpg_slots *slots, unsigned image);

/* Starts the waiting model for @seconds. The caller starts the recogniser. */
enum bpg_arm_error bpg_slots_begin_trial (struct bpg_slots *slots, uint64_t seconds,
                                          uint64_t now_us);

/* Confirms what runs. */
enum bpg_arm_error bpg_slots_confirm (struct bpg_slots *slots, unsigned image);

/* Ends the model's trial without confirming: the confirmed slot runs again. */
enum bpg_arm_error bpg_slots_end_trial (struct bpg_slots *slots);

/* Confirms the model in the other slot when it still holds what was once
 * confirmed there. WRONG_STATE when it does not, and on trial. */
enum bpg_arm_error bpg_slots_fall_back (struct bpg_slots *slots);

/* Whether a slot runs, is confirmed or on trial: nothing may write it. */
bool bpg_slots_is_needed (const struct bpg_slots *slots, unsigned image, unsigned slot);

/* Erases a slot that nothing needs. WRONG_STATE when something does. */
enum bpg_arm_error bpg_slots_erase (struct bpg_slots *slots, unsigned image, unsigned slot);

/* Forgets all models: the arm changes hands. */
enum bpg_arm_error bpg_slots_forget_models (struct bpg_slots *slots);
