/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/binding.h"

#include <string.h>

#include "boot/image.h"
#include "control/flash.h"
#include "link/checksum.h"
#include "link/little-endian.h"

#define BINDING_MAGIC 0x42425042u /* "BPBB" */
#define PATIENT_AT 12u
#define KEY_AT 80u
#define CRC_AT (KEY_AT + BPG_KEY_MAX)
#define BINDING_SIZE (CRC_AT + 4u)

#define LONGEST_SECONDS 600u
#define DEFAULT_SECONDS 60u

static void
encode (const struct bpg_binding_data *data, uint32_t sequence, uint8_t *bytes)
{
  memset (bytes, 0, BINDING_SIZE);
  bpg_put_u32 (bytes, BINDING_MAGIC);
  bpg_put_u32 (bytes + 4, sequence);
  bytes[8] = data->bound ? 1 : 0;
  bytes[9] = data->side;
  bytes[10] = data->patient_length;
  memcpy (bytes + PATIENT_AT, data->patient, data->patient_length);
  bpg_put_u16 (bytes + KEY_AT - 2, data->key_length);
  memcpy (bytes + KEY_AT, data->key, data->key_length);
  bpg_put_u32 (bytes + CRC_AT, bpg_crc32 (0, bytes, CRC_AT));
}

static bool
decode (const uint8_t *bytes, struct bpg_binding_data *data, uint32_t *sequence)
{
  if (bpg_get_u32 (bytes) != BINDING_MAGIC
      || bpg_get_u32 (bytes + CRC_AT) != bpg_crc32 (0, bytes, CRC_AT))
    return false;

  memset (data, 0, sizeof *data);
  *sequence = bpg_get_u32 (bytes + 4);
  data->bound = bytes[8] == 1;
  data->side = bytes[9];
  data->patient_length = bytes[10];
  data->key_length = bpg_get_u16 (bytes + KEY_AT - 2);
  if (data->patient_length > BPG_PATIENT_MAX || data->key_length > BPG_KEY_MAX)
    return false;
  memcpy (data->patient, bytes + PATIENT_AT, data->patient_length);
  memcpy (data->key, bytes + KEY_AT, data->key_length);
  return true;
}

void
bpg_binding_load (struct bpg_binding *binding)
{
  const uint8_t *area = bpg_port_flash_map (BPG_FLASH_BINDING);
  struct bpg_binding_data data;
  uint32_t sequence;

  memset (binding, 0, sizeof *binding);
  for (unsigned copy = 0; copy < 2; copy++)
    {
      if (!decode (area + copy * BPG_FLASH_SECTOR, &data, &sequence))
        continue;
      if (binding->sequence != 0 && (int32_t) (sequence - binding->sequence) < 0)
        continue;
      binding->data = data;
      binding->sequence = sequence;
      binding->next_copy = (uint8_t) (1 - copy);
    }
}

static bool
is_side (const struct bpg_text *side)
{
  return bpg_text_is (side, "left") || bpg_text_is (side, "right");
}

static bool
is_model_key (const struct bpg_bytes *key)
{
  const uint8_t *rsa;
  size_t length;

  return key->length <= BPG_KEY_MAX && bpg_image_rsa_key (key->bytes, key->length, &rsa, &length);
}

enum bpg_arm_error
bpg_binding_ask (struct bpg_binding *binding, const struct bpg_bind_request *request,
                 uint64_t now_us)
{
  struct bpg_binding_data *wanted = &binding->wanted;

  if (binding->wish != BPG_BINDING_NOTHING)
    return BPG_ARM_ERROR_BUSY;
  if (binding->data.bound)
    return BPG_ARM_ERROR_WRONG_STATE;
  if (!is_side (&request->side) || request->patient.length == 0
      || request->patient.length > BPG_PATIENT_MAX || !is_model_key (&request->key)
      || request->timeout == 0 || request->timeout > LONGEST_SECONDS)
    return BPG_ARM_ERROR_INVALID;

  memset (wanted, 0, sizeof *wanted);
  wanted->bound = true;
  wanted->side = (uint8_t) request->side.bytes[0];
  wanted->patient_length = (uint8_t) request->patient.length;
  memcpy (wanted->patient, request->patient.bytes, request->patient.length);
  wanted->key_length = (uint16_t) request->key.length;
  memcpy (wanted->key, request->key.bytes, request->key.length);
  binding->wish = BPG_BINDING_BIND;
  binding->deadline = now_us + request->timeout * 1000000u;
  return BPG_ARM_OK;
}

enum bpg_arm_error
bpg_binding_ask_unbind (struct bpg_binding *binding, uint64_t seconds, uint64_t now_us)
{
  if (binding->wish != BPG_BINDING_NOTHING)
    {
      binding->wish = BPG_BINDING_NOTHING;
      return BPG_ARM_OK;
    }
  if (!binding->data.bound)
    return BPG_ARM_ERROR_WRONG_STATE;
  if (seconds > LONGEST_SECONDS)
    return BPG_ARM_ERROR_INVALID;

  memset (&binding->wanted, 0, sizeof binding->wanted);
  binding->wish = BPG_BINDING_UNBIND;
  binding->deadline = now_us + (seconds == 0 ? DEFAULT_SECONDS : seconds) * 1000000u;
  return BPG_ARM_OK;
}

bool
bpg_binding_confirm (struct bpg_binding *binding)
{
  uint8_t bytes[BINDING_SIZE];

  if (binding->wish == BPG_BINDING_NOTHING)
    return false;
  binding->wish = BPG_BINDING_NOTHING;
  encode (&binding->wanted, binding->sequence + 1, bytes);
  if (!bpg_flash_replace_sector (BPG_FLASH_BINDING, binding->next_copy * BPG_FLASH_SECTOR, bytes,
                                 sizeof bytes))
    return false;

  binding->data = binding->wanted;
  binding->sequence++;
  binding->next_copy = (uint8_t) (1 - binding->next_copy);
  return true;
}

bool
bpg_binding_expire (struct bpg_binding *binding, uint64_t now_us)
{
  if (binding->wish == BPG_BINDING_NOTHING || now_us < binding->deadline)
    return false;
  binding->wish = BPG_BINDING_NOTHING;
  return true;
}

const char *
bpg_binding_state (const struct bpg_binding *binding)
{
  if (binding->wish == BPG_BINDING_BIND)
    return "binding";
  return binding->data.bound ? "bound" : "unbound";
}

const char *
bpg_binding_side (const struct bpg_binding *binding)
{
  if (!binding->data.bound)
    return "";
  return binding->data.side == 'l' ? "left" : "right";
}
