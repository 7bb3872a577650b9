/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/slots.h"

#include <string.h>

#include "control/flash.h"

static const struct bpg_image_crypto crypto = {
  .sha256 = bpg_port_sha256,
  .rsa_pss_verify = bpg_port_rsa_pss_verify,
};

enum bpg_flash_area
bpg_slots_area (unsigned image, unsigned slot)
{
  unsigned first = image == BPG_IMAGE_FIRMWARE ? BPG_FLASH_FIRMWARE_A : BPG_FLASH_MODEL_A;

  return (enum bpg_flash_area) (first + slot);
}

static bool
text_matches (const char *text, size_t length, const char *wanted, size_t wanted_length)
{
  return length == wanted_length && (length == 0 || memcmp (text, wanted, length) == 0);
}

static enum bpg_arm_error
image_fault (int error)
{
  switch (error)
    {
    case BPG_IMAGE_OK:
      return BPG_ARM_OK;
    case BPG_IMAGE_EKEY:
    case BPG_IMAGE_ESIGNATURE:
      return BPG_ARM_ERROR_SIGNATURE;
    case BPG_IMAGE_EKIND:
      return BPG_ARM_ERROR_INCOMPATIBLE;
    default:
      return BPG_ARM_ERROR_CORRUPT;
    }
}

/* Whether a model's signals are those this arm's electrodes deliver. */
static enum bpg_arm_error
check_model (const struct bpg_image *image)
{
  const struct bpg_port_electrodes *electrodes = bpg_port_electrodes ();
  struct bpg_bpm model;

  if (bpg_bpm_parse (image->payload, image->payload_length, &model) != 0)
    return BPG_ARM_ERROR_CORRUPT;
  if (model.rate != electrodes->rate || model.channels != electrodes->channels
      || model.scale_nano != electrodes->lsb_nano || model.unit != electrodes->unit_code)
    return BPG_ARM_ERROR_INCOMPATIBLE;
  return BPG_ARM_OK;
}

/* Whether the signed claims name this arm. */
static enum bpg_arm_error
check_claims (const struct bpg_slots *slots, unsigned image_number, const struct bpg_image *image)
{
  const char *side = bpg_binding_side (slots->binding);
  uint32_t schema = BPG_BPM_SCHEMA;

  if (image->hardware == NULL
      || !text_matches (image->hardware, image->hardware_length, slots->factory->hw.bytes,
                        slots->factory->hw.length))
    return BPG_ARM_ERROR_INCOMPATIBLE;
  if (image_number == BPG_IMAGE_FIRMWARE)
    return BPG_ARM_OK;
  if (image->side == NULL || !image->has_schema || image->schema != schema)
    return BPG_ARM_ERROR_INCOMPATIBLE;
  if (!text_matches (image->side, image->side_length, "any", 3)
      && !text_matches (image->side, image->side_length, side, side[0] == 'l' ? 4 : 5))
    return BPG_ARM_ERROR_INCOMPATIBLE;
  return check_model (image);
}

static void
signing_key (const struct bpg_slots *slots, unsigned image, struct bpg_bytes *key)
{
  *key = (struct bpg_bytes){ NULL, 0 };
  if (image == BPG_IMAGE_FIRMWARE)
    *key = slots->factory->release;
  else if (slots->binding->data.bound)
    *key = (struct bpg_bytes){ slots->binding->data.key, slots->binding->data.key_length };
}

static enum bpg_arm_error
check_image (const struct bpg_slots *slots, unsigned image_number, const struct bpg_image *image)
{
  struct bpg_bytes key;
  enum bpg_arm_error fault;

  signing_key (slots, image_number, &key);
  if (key.bytes == NULL)
    return image_number == BPG_IMAGE_MODEL ? BPG_ARM_ERROR_NOT_BOUND
                                           : BPG_ARM_ERROR_NOT_AUTHORISED;
  fault = image_fault (bpg_image_verify (image, key.bytes, key.length, &crypto));
  return fault != BPG_ARM_OK ? fault : check_claims (slots, image_number, image);
}

enum bpg_arm_error
bpg_slots_inspect (struct bpg_slots *slots, unsigned image_number, unsigned slot_number)
{
  enum bpg_flash_area area = bpg_slots_area (image_number, slot_number);
  struct bpg_slot *slot = &slots->slot[image_number][slot_number];
  const uint8_t *bytes = bpg_port_flash_map (area);
  struct bpg_image image;

  memset (slot, 0, sizeof *slot);
  slot->fault = BPG_ARM_ERROR_CORRUPT;
  if (bpg_image_parse (bytes, bpg_port_flash_size (area), &image) != BPG_IMAGE_OK
      || image.hash == NULL)
    return slot->fault;

  slot->present = true;
  slot->version = image.version;
  memcpy (slot->hash, image.hash, sizeof slot->hash);
  slot->payload_offset = (uint32_t) (image.payload - bytes);
  slot->payload_length = (uint32_t) image.payload_length;
  slot->fault = check_image (slots, image_number, &image);
  return slot->fault;
}

static bool
is_valid (const struct bpg_slots *slots, unsigned image, unsigned slot)
{
  return slots->slot[image][slot].present && slots->slot[image][slot].fault == BPG_ARM_OK;
}

static void
describe (const struct bpg_slots *slots, unsigned image,
          struct bpg_boot_slot described[BPG_BOOT_SLOTS])
{
  for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
    {
      described[slot].valid = is_valid (slots, image, slot);
      memcpy (described[slot].tag, slots->slot[image][slot].hash, BPG_BOOT_TAG_SIZE);
    }
}

/* Writes the record as the change left it; on failure the old one counts. */
static bool
commit (struct bpg_slots *slots)
{
  uint8_t bytes[BPG_BOOT_RECORD_SIZE];

  slots->record.sequence++;
  bpg_boot_record_encode (&slots->record, bytes);
  if (!bpg_flash_replace_sector (BPG_FLASH_BOOT, slots->next_copy * BPG_FLASH_SECTOR, bytes,
                                 sizeof bytes))
    return false;
  slots->next_copy = 1 - slots->next_copy;
  return true;
}

/* Chooses the model that runs; a candidate that is to @wait is passed over and
 * stays what it is. */
static void
choose_model (struct bpg_slots *slots, bool wait, bool *changed)
{
  struct bpg_boot_entry entry = slots->record.entries[BPG_IMAGE_MODEL];
  struct bpg_boot_slot described[BPG_BOOT_SLOTS];
  bool held_back = wait && entry.state != BPG_BOOT_STABLE;

  describe (slots, BPG_IMAGE_MODEL, described);
  if (held_back)
    bpg_boot_give_up (&entry);
  slots->choice = bpg_boot_choose (&entry, described, &slots->active[BPG_IMAGE_MODEL], changed);
  if (!held_back || *changed)
    slots->record.entries[BPG_IMAGE_MODEL] = entry;
}

static void
load_record (struct bpg_slots *slots)
{
  const uint8_t *copies = bpg_port_flash_map (BPG_FLASH_BOOT);
  bool found;

  slots->next_copy = bpg_boot_record_load (copies, copies + BPG_FLASH_SECTOR, &slots->record, &found);
}

void
bpg_slots_load (struct bpg_slots *slots, const struct bpg_factory *factory,
                const struct bpg_binding *binding, bool try_model, uint64_t now_us)
{
  bool changed;

  memset (slots, 0, sizeof *slots);
  slots->factory = factory;
  slots->binding = binding;
  slots->active[BPG_IMAGE_FIRMWARE] = bpg_port_firmware_slot ();
  load_record (slots);
  for (unsigned image = 0; image < BPG_BOOT_IMAGES; image++)
    {
      for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
        bpg_slots_inspect (slots, image, slot);
    }
  choose_model (slots, !try_model && slots->record.entries[BPG_IMAGE_MODEL].state == BPG_BOOT_PENDING,
                &changed);
  if (changed && !commit (slots))
    {
      /* A candidate that flash does not know to be on trial would be tried
       * again and again: it does not start. */
      load_record (slots);
      choose_model (slots, true, &changed);
    }
  if (slots->choice == BPG_BOOT_CHOSE_TRIAL)
    slots->trial_end = now_us + BPG_TRIAL_DEFAULT_S * 1000000u;
}

bool
bpg_slots_target (const struct bpg_slots *slots, unsigned image, unsigned *slot)
{
  const struct bpg_boot_entry *entry = &slots->record.entries[image];
  unsigned in_use = slots->active[image];

  if (entry->state == BPG_BOOT_TRIAL)
    return false;
  if (in_use == BPG_BOOT_NO_SLOT)
    in_use = entry->confirmed;
  *slot = in_use == 0 ? 1 : 0;
  return true;
}

bool
bpg_slots_find (const struct bpg_slots *slots, unsigned image, const uint8_t *hash,
                bool prefer_active, unsigned *slot)
{
  bool found = false;

  for (unsigned i = 0; i < BPG_BOOT_SLOTS; i++)
    {
      bool is_active = slots->active[image] == i;

      if (!slots->slot[image][i].present
          || memcmp (slots->slot[image][i].hash, hash, BPG_SHA256_SIZE) != 0)
        continue;
      if (!found || is_active == prefer_active)
        *slot = i;
      found = true;
    }
  return found;
}

const uint8_t *
bpg_slots_model (const struct bpg_slots *slots, size_t *length)
{
  unsigned active = slots->active[BPG_IMAGE_MODEL];
  const struct bpg_slot *slot;

  if (active == BPG_BOOT_NO_SLOT)
    return NULL;
  slot = &slots->slot[BPG_IMAGE_MODEL][active];
  *length = slot->payload_length;
  return bpg_port_flash_map (bpg_slots_area (BPG_IMAGE_MODEL, active)) + slot->payload_offset;
}

/* Runs @change's outcome: commits, or takes the old entry back. */
static enum bpg_arm_error
commit_entry (struct bpg_slots *slots, unsigned image, const struct bpg_boot_entry *changed)
{
  struct bpg_boot_entry before = slots->record.entries[image];

  slots->record.entries[image] = *changed;
  if (commit (slots))
    return BPG_ARM_OK;
  slots->record.entries[image] = before;
  return BPG_ARM_ERROR_UNKNOWN;
}

enum bpg_arm_error
bpg_slots_set_pending (struct bpg_slots *slots, unsigned image, unsigned slot, uint8_t flags)
{
  struct bpg_boot_entry entry = slots->record.entries[image];
  enum bpg_arm_error fault = slots->slot[image][slot].fault;
  struct bpg_boot_slot described[BPG_BOOT_SLOTS];

  if (!slots->slot[image][slot].present)
    return BPG_ARM_ERROR_CORRUPT;
  if (fault != BPG_ARM_OK)
    return fault;
  if (entry.state == BPG_BOOT_TRIAL || slots->active[image] == slot)
    return BPG_ARM_ERROR_WRONG_STATE;
  if (image == BPG_IMAGE_FIRMWARE && !(flags & BPG_BOOT_DOWNGRADE) && slots->active[image] != BPG_BOOT_NO_SLOT
      && bpg_image_version_compare (&slots->slot[image][slot].version,
                                    &slots->slot[image][slots->active[image]].version)
           < 0)
    return BPG_ARM_ERROR_VERSION_OLD;

  /* Firmware that has never proved itself has a trial before it, where there
   * is something to go back to: a signature does not say that it works. */
  describe (slots, image, described);
  if (image == BPG_IMAGE_FIRMWARE && (flags & BPG_BOOT_PERMANENT) && entry.confirmed != BPG_BOOT_NO_SLOT
      && !bpg_boot_is_good (&entry, described, slot))
    return BPG_ARM_ERROR_WRONG_STATE;

  bpg_boot_set_pending (&entry, slot, flags);
  return commit_entry (slots, image, &entry);
}

enum bpg_arm_error
bpg_slots_withdraw (struct bpg_slots *slots, unsigned image)
{
  struct bpg_boot_entry entry = slots->record.entries[image];

  if (entry.state == BPG_BOOT_TRIAL)
    return BPG_ARM_ERROR_WRONG_STATE;
  if (entry.state == BPG_BOOT_STABLE)
    return BPG_ARM_OK;
  bpg_boot_give_up (&entry);
  return commit_entry (slots, image, &entry);
}

enum bpg_arm_error
bpg_slots_begin_trial (struct bpg_slots *slots, uint64_t seconds, uint64_t now_us)
{
  struct bpg_boot_entry entry = slots->record.entries[BPG_IMAGE_MODEL];
  enum bpg_arm_error error;

  if (seconds == 0 || seconds > BPG_TRIAL_MOST_S)
    return BPG_ARM_ERROR_INVALID;
  if (entry.state != BPG_BOOT_PENDING || !is_valid (slots, BPG_IMAGE_MODEL, entry.candidate))
    return BPG_ARM_ERROR_WRONG_STATE;

  bpg_boot_begin_trial (&entry);
  error = commit_entry (slots, BPG_IMAGE_MODEL, &entry);
  if (error != BPG_ARM_OK)
    return error;
  slots->active[BPG_IMAGE_MODEL] = entry.candidate;
  slots->trial_end = now_us + seconds * 1000000u;
  return BPG_ARM_OK;
}

/* Confirms @slot in the record, then runs it. */
static enum bpg_arm_error
confirm_slot (struct bpg_slots *slots, unsigned image, unsigned slot)
{
  struct bpg_boot_entry entry = slots->record.entries[image];
  enum bpg_arm_error error;

  bpg_boot_confirm (&entry, slot, slots->slot[image][slot].hash);
  error = commit_entry (slots, image, &entry);
  if (error != BPG_ARM_OK)
    return error;
  slots->active[image] = (uint8_t) slot;
  if (image == BPG_IMAGE_MODEL)
    slots->trial_end = 0;
  return BPG_ARM_OK;
}

enum bpg_arm_error
bpg_slots_confirm (struct bpg_slots *slots, unsigned image)
{
  unsigned active = slots->active[image];

  if (active == BPG_BOOT_NO_SLOT)
    return BPG_ARM_ERROR_WRONG_STATE;
  if (slots->record.entries[image].state == BPG_BOOT_STABLE
      && slots->record.entries[image].confirmed == active)
    return BPG_ARM_OK;
  if (slots->record.entries[image].state == BPG_BOOT_PENDING)
    return BPG_ARM_ERROR_WRONG_STATE;
  return confirm_slot (slots, image, active);
}

enum bpg_arm_error
bpg_slots_end_trial (struct bpg_slots *slots)
{
  struct bpg_boot_entry entry = slots->record.entries[BPG_IMAGE_MODEL];
  enum bpg_arm_error error;

  if (entry.state != BPG_BOOT_TRIAL)
    return BPG_ARM_ERROR_WRONG_STATE;
  bpg_boot_give_up (&entry);
  error = commit_entry (slots, BPG_IMAGE_MODEL, &entry);
  /* The wearer gets the old model back even when the record cannot be
   * written: the next start comes to the same end. */
  slots->active[BPG_IMAGE_MODEL] = BPG_BOOT_NO_SLOT;
  if (entry.confirmed < BPG_BOOT_SLOTS && is_valid (slots, BPG_IMAGE_MODEL, entry.confirmed))
    slots->active[BPG_IMAGE_MODEL] = entry.confirmed;
  slots->trial_end = 0;
  return error;
}

enum bpg_arm_error
bpg_slots_fall_back (struct bpg_slots *slots)
{
  const struct bpg_boot_entry *entry = &slots->record.entries[BPG_IMAGE_MODEL];
  struct bpg_boot_slot described[BPG_BOOT_SLOTS];
  unsigned active = slots->active[BPG_IMAGE_MODEL];
  unsigned other = active == 0 ? 1 : 0;

  describe (slots, BPG_IMAGE_MODEL, described);
  if (entry->state == BPG_BOOT_TRIAL || active == BPG_BOOT_NO_SLOT
      || !bpg_boot_is_good (entry, described, other))
    return BPG_ARM_ERROR_WRONG_STATE;
  return confirm_slot (slots, BPG_IMAGE_MODEL, other);
}

bool
bpg_slots_is_needed (const struct bpg_slots *slots, unsigned image, unsigned slot)
{
  const struct bpg_boot_entry *entry = &slots->record.entries[image];

  return slots->active[image] == slot || entry->confirmed == slot
         || (entry->state == BPG_BOOT_TRIAL && entry->candidate == slot);
}

enum bpg_arm_error
bpg_slots_erase (struct bpg_slots *slots, unsigned image, unsigned slot)
{
  enum bpg_flash_area area = bpg_slots_area (image, slot);
  const struct bpg_boot_entry *entry = &slots->record.entries[image];
  bool ok = true;

  if (bpg_slots_is_needed (slots, image, slot))
    return BPG_ARM_ERROR_WRONG_STATE;
  if (entry->state == BPG_BOOT_PENDING && entry->candidate == slot
      && bpg_slots_withdraw (slots, image) != BPG_ARM_OK)
    return BPG_ARM_ERROR_UNKNOWN;

  for (uint32_t at = 0; at < bpg_port_flash_size (area); at += BPG_FLASH_SECTOR)
    {
      if (bpg_flash_is_blank (area, at, BPG_FLASH_SECTOR))
        continue;
      ok &= bpg_port_flash_erase (area, at);
      /* A whole slot takes longer than the watchdog waits. */
      bpg_port_watchdog_feed ();
    }
  bpg_slots_inspect (slots, image, slot);
  return ok ? BPG_ARM_OK : BPG_ARM_ERROR_UNKNOWN;
}

enum bpg_arm_error
bpg_slots_forget_models (struct bpg_slots *slots)
{
  struct bpg_boot_record initial;
  enum bpg_arm_error error = BPG_ARM_OK;

  bpg_boot_record_init (&initial);
  slots->active[BPG_IMAGE_MODEL] = BPG_BOOT_NO_SLOT;
  slots->trial_end = 0;
  if (memcmp (&initial.entries[BPG_IMAGE_MODEL], &slots->record.entries[BPG_IMAGE_MODEL],
              sizeof initial.entries[0])
      != 0)
    error = commit_entry (slots, BPG_IMAGE_MODEL, &initial.entries[BPG_IMAGE_MODEL]);
  for (unsigned slot = 0; slot < BPG_BOOT_SLOTS && error == BPG_ARM_OK; slot++)
    error = bpg_slots_erase (slots, BPG_IMAGE_MODEL, slot);
  return error;
}
