/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bench mode. Samples may take the electrodes' place only where the release
 * key has unlocked it: a hand that somebody wears must not be moved over the
 * link. The lock is the signature of a nonce that holds for one attempt.
 */
#include <string.h>

#include "control/server.h"
#include "link/little-endian.h"
#include "recognition/unit.h"

void
bpg_server_bench_state (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_bench_reply reply = { .on = bpg_port_is_bench (), .room = bpg_port_bench_room () };

  control->has_bench_nonce = bpg_port_random (control->bench_nonce, sizeof control->bench_nonce);
  if (control->has_bench_nonce)
    reply.nonce = (struct bpg_bytes){ control->bench_nonce, sizeof control->bench_nonce };
  bpg_bench_reply_encode (&reply, request->reply);
}

static enum bpg_arm_error
check_signature (struct bpg_control *control, const struct bpg_bytes *signature)
{
  static const char prefix[] = BPG_BENCH_PREFIX;
  const struct bpg_text *id = &control->factory.id;
  const struct bpg_bytes *release = &control->factory.release;
  uint8_t message[sizeof prefix - 1 + BPG_DEVICE_ID_MAX + BPG_BENCH_NONCE_SIZE];
  uint8_t hash[BPG_SHA256_SIZE];
  size_t length = sizeof prefix - 1;

  if (release->bytes == NULL || !control->has_bench_nonce)
    return BPG_ARM_ERROR_NOT_AUTHORISED;
  control->has_bench_nonce = false;
  if (signature->length != BPG_RSA3072_SIZE)
    return BPG_ARM_ERROR_SIGNATURE;

  memcpy (message, prefix, length);
  memcpy (message + length, id->bytes, id->length);
  length += id->length;
  memcpy (message + length, control->bench_nonce, BPG_BENCH_NONCE_SIZE);
  length += BPG_BENCH_NONCE_SIZE;
  bpg_port_sha256 (message, length, hash);
  return bpg_port_rsa_pss_verify (release->bytes, release->length, hash, signature->bytes)
           ? BPG_ARM_OK
           : BPG_ARM_ERROR_SIGNATURE;
}

/* The electrodes are what they are as long as the arm runs. */
static enum bpg_arm_error
start_anew (struct bpg_control *control, const struct bpg_port_electrodes *electrodes)
{
  if (!bpg_port_bench_set (electrodes))
    return BPG_ARM_ERROR_INCOMPATIBLE;
  bpg_control_reset (control);
  return BPG_ARM_OK;
}

static enum bpg_arm_error
unlock (struct bpg_control *control, const struct bpg_bench_request *bench)
{
  struct bpg_port_electrodes electrodes = {
    .rate = (uint32_t) bench->fs,
    .channels = (uint8_t) bench->ch,
    .lsb_nano = bench->lsb,
    .unit = bench->unit.bytes,
    .unit_code = (uint8_t) bpg_unit_find (bench->unit.bytes, bench->unit.length),
    .high_pass = (uint16_t) bench->hp,
    .notch = (uint16_t) bench->notch,
  };
  enum bpg_arm_error error;

  if (bench->fs < BPG_RATE_MIN || bench->fs > BPG_RATE_MAX || bench->ch < BPG_CHANNELS_MIN
      || bench->ch > BPG_PORT_MAX_CHANNELS || bench->lsb == 0 || electrodes.unit_code == 0
      || bench->hp > UINT16_MAX || bench->notch > UINT16_MAX)
    return BPG_ARM_ERROR_INVALID;
  error = check_signature (control, &bench->sig);
  if (error != BPG_ARM_OK)
    return error;
  return start_anew (control, &electrodes);
}

static enum bpg_arm_error
take_samples (const struct bpg_bytes *data)
{
  unsigned channels = bpg_port_electrodes ()->channels;
  size_t width = 2u * channels;

  if (!bpg_port_is_bench ())
    return BPG_ARM_ERROR_NOT_AUTHORISED;
  if (data->length % width != 0)
    return BPG_ARM_ERROR_INVALID;
  if (data->length / width > bpg_port_bench_room ())
    return BPG_ARM_ERROR_NO_SPACE;
  for (size_t at = 0; at < data->length; at += width)
    {
      int16_t values[BPG_PORT_MAX_CHANNELS];

      for (unsigned channel = 0; channel < channels; channel++)
        values[channel] = (int16_t) bpg_get_u16 (data->bytes + at + 2 * channel);
      bpg_port_bench_push (values);
    }
  return BPG_ARM_OK;
}

static enum bpg_arm_error
press (struct bpg_control *control)
{
  if (!bpg_port_is_bench ())
    return BPG_ARM_ERROR_NOT_AUTHORISED;
  bpg_control_button (control);
  return BPG_ARM_OK;
}

void
bpg_server_bench (struct bpg_request *request)
{
  struct bpg_bench_request bench;
  struct bpg_bench_reply reply = { 0 };
  enum bpg_arm_error error = BPG_ARM_ERROR_INVALID;

  if (!bpg_bench_request_decode (request->payload, request->length, &bench))
    error = BPG_ARM_ERROR_INVALID;
  else if (bench.sig.bytes != NULL)
    error = unlock (request->control, &bench);
  else if (bench.data.bytes != NULL)
    error = take_samples (&bench.data);
  else if (bench.press)
    error = press (request->control);
  else if (bench.off)
    error = bpg_port_is_bench () ? start_anew (request->control, NULL) : BPG_ARM_ERROR_WRONG_STATE;

  if (error != BPG_ARM_OK)
    {
      bpg_request_refuse (request, error);
      return;
    }
  reply.on = bpg_port_is_bench ();
  reply.room = bpg_port_bench_room ();
  bpg_bench_reply_encode (&reply, request->reply);
}
