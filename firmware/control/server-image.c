/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "control/server.h"
#include "control/version.h"

#define VERSION_TEXT_SIZE 32u
#define LIST_SIZE (BPG_BOOT_IMAGES * BPG_BOOT_SLOTS)

static char *
put_decimal (char *at, uint32_t value)
{
  char digits[10];
  unsigned count = 0;

  do
    {
      digits[count++] = (char) ('0' + value % 10);
      value /= 10;
    }
  while (value > 0);
  while (count > 0)
    *at++ = digits[--count];
  return at;
}

/* As MCUmgr writes a version: 1.2.3, with a build number 1.2.3.4. */
static struct bpg_text
version_text (const struct bpg_image_version *version, char text[VERSION_TEXT_SIZE])
{
  char *at = put_decimal (text, version->major);

  *at++ = '.';
  at = put_decimal (at, version->minor);
  *at++ = '.';
  at = put_decimal (at, version->revision);
  if (version->build != 0)
    {
      *at++ = '.';
      at = put_decimal (at, version->build);
    }
  return (struct bpg_text){ text, (size_t) (at - text) };
}

static void
describe_slot (const struct bpg_slots *slots, unsigned image, unsigned slot,
               struct bpg_image_entry *entry, char text[VERSION_TEXT_SIZE])
{
  const struct bpg_boot_entry *record = &slots->record.entries[image];
  const struct bpg_slot *content = &slots->slot[image][slot];
  bool candidate = record->candidate == slot && record->state == BPG_BOOT_PENDING;

  *entry = (struct bpg_image_entry){
    .image = image,
    .slot = slot,
    .version = version_text (&content->version, text),
    .hash = { content->hash, sizeof content->hash },
    .bootable = content->fault == BPG_ARM_OK,
    .pending = candidate,
    .confirmed = record->confirmed == slot,
    .active = slots->active[image] == slot,
    .permanent = candidate && (record->flags & BPG_BOOT_PERMANENT) != 0,
  };
}

/* The program that runs without having come in a container. */
static void
describe_built_in (struct bpg_image_entry *entry)
{
  *entry = (struct bpg_image_entry){
    .version = bpg_text (BPG_FIRMWARE_VERSION),
    .bootable = true,
    .confirmed = true,
    .active = true,
  };
}

static void
read_state (struct bpg_request *request)
{
  const struct bpg_slots *slots = &request->control->slots;
  struct bpg_image_entry entries[LIST_SIZE + 1];
  char versions[LIST_SIZE][VERSION_TEXT_SIZE];
  size_t count = 0;

  if (slots->active[BPG_IMAGE_FIRMWARE] == BPG_BOOT_NO_SLOT)
    describe_built_in (&entries[count++]);
  for (unsigned image = 0; image < BPG_BOOT_IMAGES; image++)
    {
      for (unsigned slot = 0; slot < BPG_BOOT_SLOTS; slot++)
        {
          if (!slots->slot[image][slot].present)
            continue;
          describe_slot (slots, image, slot, &entries[count],
                         versions[image * BPG_BOOT_SLOTS + slot]);
          count++;
        }
    }
  bpg_image_state_encode (entries, count, request->reply);
}

/* Without a hash it is about what runs: the model when it is on trial. */
static bool
find_image (const struct bpg_slots *slots, const struct bpg_image_write_request *state,
            unsigned *image, unsigned *slot)
{
  const struct bpg_bytes *hash = &state->hash;

  if (hash->length == 0)
    {
      bool trial = slots->record.entries[BPG_IMAGE_MODEL].state == BPG_BOOT_TRIAL;

      *image = trial ? BPG_IMAGE_MODEL : BPG_IMAGE_FIRMWARE;
      *slot = slots->active[*image];
      return *slot != BPG_BOOT_NO_SLOT;
    }
  if (hash->length != BPG_SHA256_SIZE)
    return false;
  for (*image = 0; *image < BPG_BOOT_IMAGES; ++*image)
    {
      if (bpg_slots_find (slots, *image, hash->bytes, state->confirm, slot))
        return true;
    }
  return false;
}

static enum bpg_arm_error
confirm (struct bpg_control *control, unsigned image)
{
  bool was_trial = control->slots.record.entries[image].state == BPG_BOOT_TRIAL;
  enum bpg_arm_error error = bpg_slots_confirm (&control->slots, image);

  if (error == BPG_ARM_OK && was_trial && image == BPG_IMAGE_MODEL)
    {
      bpg_control_event (control, BPG_EVENT_TRIAL_ENDED, control->slots.active[image], 1);
      bpg_control_log_model (control, control->slots.active[image], BPG_USAGE_MODEL_CONFIRMED);
    }
  return error;
}

static uint8_t
wanted_flags (const struct bpg_image_write_request *state)
{
  return (uint8_t) ((state->confirm ? BPG_BOOT_PERMANENT : 0u)
                    | (state->downgrade ? BPG_BOOT_DOWNGRADE : 0u));
}

static void
write_state (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_image_write_request state;
  enum bpg_arm_error error;
  unsigned image;
  unsigned slot;

  if (!bpg_image_write_request_decode (request->payload, request->length, &state)
      || (state.hash.length == 0 && !state.confirm))
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_INVALID);
      return;
    }
  if (!bpg_guard_may_write (&control->guard))
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_BATTERY_LOW);
      return;
    }
  if (!find_image (&control->slots, &state, &image, &slot))
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_NO_ENTRY);
      return;
    }

  if (state.confirm && control->slots.active[image] == slot)
    error = confirm (control, image);
  else
    error = bpg_slots_set_pending (&control->slots, image, slot, wanted_flags (&state));
  if (error != BPG_ARM_OK)
    bpg_request_refuse (request, error);
  else
    read_state (request);
}

static void
upload (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_upload_request upload_request;
  struct bpg_upload_result result;
  struct bpg_upload_reply reply = { 0 };
  enum bpg_arm_error error;

  if (!bpg_upload_request_decode (request->payload, request->length, &upload_request))
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_INVALID);
      return;
    }
  error = bpg_upload_take (&control->upload, &control->slots, &control->guard, &upload_request,
                           &result);
  if (error != BPG_ARM_OK)
    {
      /* Judged whole and found wanting, or refused before it began. Only the
       * first request of an upload names the image. */
      if ((upload_request.off == 0 ? upload_request.image : control->upload.image) == BPG_IMAGE_MODEL
          && (error == BPG_ARM_ERROR_SIGNATURE || error == BPG_ARM_ERROR_INCOMPATIBLE
              || error == BPG_ARM_ERROR_CORRUPT))
        bpg_control_event (control, BPG_EVENT_MODEL_REJECTED, control->upload.slot, error);
      bpg_request_refuse (request, error);
      return;
    }
  reply.off = result.offset;
  reply.match = result.complete && result.match;
  bpg_upload_reply_encode (&reply, request->reply);
}

static void
erase (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_erase_request erase_request;
  struct bpg_rc_reply reply = { 0 };
  enum bpg_arm_error error;
  unsigned image;
  unsigned slot;

  if (!bpg_erase_request_decode (request->payload, request->length, &erase_request)
      || erase_request.slot >= LIST_SIZE)
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_INVALID);
      return;
    }
  if (!bpg_guard_may_write (&control->guard))
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_BATTERY_LOW);
      return;
    }
  image = (unsigned) erase_request.slot / BPG_BOOT_SLOTS;
  slot = (unsigned) erase_request.slot % BPG_BOOT_SLOTS;
  error = BPG_ARM_ERROR_WRONG_STATE;
  /* Who names none means the one that the next upload goes to. */
  if ((erase_request.has_slot || bpg_slots_target (&control->slots, image, &slot))
      && !bpg_slots_is_needed (&control->slots, image, slot))
    error = bpg_upload_forget (&control->upload, image, slot)
              ? bpg_slots_erase (&control->slots, image, slot)
              : BPG_ARM_ERROR_UNKNOWN;
  if (error != BPG_ARM_OK)
    bpg_request_refuse (request, error);
  else
    bpg_rc_reply_encode (&reply, request->reply);
}

static void
slot_info (struct bpg_request *request)
{
  struct bpg_slot_info slots[LIST_SIZE];

  for (unsigned i = 0; i < LIST_SIZE; i++)
    {
      unsigned image = i / BPG_BOOT_SLOTS;

      slots[i].slot = i % BPG_BOOT_SLOTS;
      slots[i].size = bpg_port_flash_size (bpg_slots_area (image, i % BPG_BOOT_SLOTS));
      slots[i].upload_image_id = image;
    }
  bpg_slot_info_encode_all (slots, BPG_BOOT_IMAGES, request->reply);
}

void
bpg_server_image (struct bpg_request *request)
{
  if (bpg_request_is (request, BPG_SMP_READ, BPG_IMAGE_STATE))
    read_state (request);
  else if (bpg_request_is (request, BPG_SMP_WRITE, BPG_IMAGE_STATE))
    write_state (request);
  else if (bpg_request_is (request, BPG_SMP_WRITE, BPG_IMAGE_UPLOAD))
    upload (request);
  else if (bpg_request_is (request, BPG_SMP_WRITE, BPG_IMAGE_ERASE))
    erase (request);
  else if (bpg_request_is (request, BPG_SMP_READ, BPG_IMAGE_SLOT_INFO))
    slot_info (request);
  else
    bpg_request_refuse_smp (request, BPG_SMP_ERROR_NOT_SUPPORTED);
}
