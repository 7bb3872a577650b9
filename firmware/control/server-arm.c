/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "control/server.h"
#include "control/version.h"

/* Records in one usage reply: each takes 34 bytes of CBOR. */
#define USAGE_RECORDS_A_REPLY 56u
#define IDENTIFY_MOST_S 60u
#define BOOT_REASONS 4u

static void
finish (struct bpg_request *request, enum bpg_arm_error error)
{
  struct bpg_rc_reply reply = { 0 };

  if (error != BPG_ARM_OK)
    bpg_request_refuse (request, error);
  else
    bpg_rc_reply_encode (&reply, request->reply);
}

static void
put_hex (const uint8_t *bytes, size_t length, char *text)
{
  static const char digits[] = "0123456789abcdef";

  for (size_t i = 0; i < length; i++)
    {
      text[2 * i] = digits[bytes[i] >> 4];
      text[2 * i + 1] = digits[bytes[i] & 0x0F];
    }
}

static void
identity (struct bpg_request *request)
{
  const struct bpg_control *control = request->control;
  const struct bpg_binding *binding = &control->binding;
  char fingerprint[2 * BPG_SHA256_SIZE];
  struct bpg_identity reply = {
    .id = control->factory.id,
    .fp = { fingerprint, sizeof fingerprint },
    .key = control->factory.key,
    .cert = control->factory.cert,
    .hw = control->factory.hw,
    .side = bpg_text (bpg_binding_side (binding)),
    .state = bpg_text (bpg_binding_state (binding)),
    .fw = bpg_text (BPG_FIRMWARE_VERSION),
    .schema = BPG_BPM_SCHEMA,
    .patient = { binding->data.patient, binding->data.patient_length },
  };

  put_hex (control->fingerprint, sizeof control->fingerprint, fingerprint);
  bpg_identity_encode (&reply, request->reply);
}

static void
challenge (struct bpg_request *request)
{
  static const char prefix[] = BPG_CHALLENGE_PREFIX;
  const struct bpg_text *id = &request->control->factory.id;
  uint8_t message[sizeof prefix - 1 + BPG_DEVICE_ID_MAX + BPG_ELEMENT_NONCE_SIZE];
  uint8_t hash[BPG_SHA256_SIZE];
  uint8_t signature[72];
  struct bpg_challenge_request challenge_request;
  struct bpg_challenge_reply reply;
  size_t length = sizeof prefix - 1;

  if (!bpg_challenge_request_decode (request->payload, request->length, &challenge_request)
      || challenge_request.nonce.length != BPG_ELEMENT_NONCE_SIZE)
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_INVALID);
      return;
    }
  memcpy (message, prefix, length);
  memcpy (message + length, id->bytes, id->length);
  length += id->length;
  memcpy (message + length, challenge_request.nonce.bytes, BPG_ELEMENT_NONCE_SIZE);
  length += BPG_ELEMENT_NONCE_SIZE;
  bpg_port_sha256 (message, length, hash);

  reply.sig.bytes = signature;
  reply.sig.length = bpg_port_element_sign (hash, signature);
  if (reply.sig.length == 0)
    bpg_request_refuse (request, BPG_ARM_ERROR_UNKNOWN);
  else
    bpg_challenge_reply_encode (&reply, request->reply);
}

static void
reply_state (struct bpg_request *request, enum bpg_arm_error error, const char *state)
{
  struct bpg_state_reply reply = { bpg_text (state) };

  if (error != BPG_ARM_OK)
    bpg_request_refuse (request, error);
  else
    bpg_state_reply_encode (&reply, request->reply);
}

static void
bind_arm (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_bind_request bind;
  enum bpg_arm_error error = BPG_ARM_ERROR_INVALID;

  if (!bpg_guard_may_write (&control->guard))
    error = BPG_ARM_ERROR_BATTERY_LOW;
  else if (bpg_bind_request_decode (request->payload, request->length, &bind))
    error = bpg_binding_ask (&control->binding, &bind, bpg_port_now_us ());
  reply_state (request, error, "binding");
}

static void
unbind_arm (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_unbind_request unbind;
  enum bpg_arm_error error = BPG_ARM_ERROR_INVALID;

  if (!bpg_guard_may_write (&control->guard))
    error = BPG_ARM_ERROR_BATTERY_LOW;
  else if (bpg_unbind_request_decode (request->payload, request->length, &unbind))
    error = bpg_binding_ask_unbind (&control->binding, unbind.timeout, bpg_port_now_us ());
  reply_state (request, error,
               control->binding.wish == BPG_BINDING_UNBIND ? "unbinding"
                                                           : bpg_binding_state (&control->binding));
}

static void
parameters (struct bpg_request *request)
{
  const struct bpg_control *control = request->control;
  const struct bpg_port_electrodes *electrodes = bpg_port_electrodes ();
  struct bpg_parameters reply = {
    .fs = electrodes->rate,
    .ch = electrodes->channels,
    .lsb = electrodes->lsb_nano,
    .unit = bpg_text (electrodes->unit),
    .hp = electrodes->high_pass,
    .notch = electrodes->notch,
  };

  if (control->recognizing)
    reply.model = (struct bpg_bytes){ control->model_hash, BPG_BPM_DIGEST_LENGTH };
  bpg_parameters_encode (&reply, request->reply);
}

static void
stream (struct bpg_request *request)
{
  struct bpg_stream_request stream_request;
  bool ok = bpg_stream_request_decode (request->payload, request->length, &stream_request)
            && bpg_stream_configure (&request->control->stream, stream_request.samples,
                                     stream_request.decisions, stream_request.batch,
                                     bpg_port_electrodes ()->rate);

  finish (request, ok ? BPG_ARM_OK : BPG_ARM_ERROR_INVALID);
}

static uint64_t
trial_seconds_left (const struct bpg_control *control, uint64_t now)
{
  uint64_t end = control->slots.trial_end;

  return end > now ? (end - now + 999999u) / 1000000u : 0;
}

static void
status (struct bpg_request *request)
{
  static const char *const reasons[BOOT_REASONS] = { "power-on", "reset", "watchdog", "power-cut" };
  const struct bpg_control *control = request->control;
  uint64_t now = bpg_port_now_us ();
  struct bpg_status reply = {
    .bat = bpg_port_battery_percent (),
    .mv = bpg_port_battery_mv (),
    .temp = bpg_port_temperature_dc (),
    .worn = bpg_port_worn (),
    .dead = control->dead,
    .trial = trial_seconds_left (control, now),
    .dec = control->decisions,
    .up = now / 1000u,
    .wrongline = control->demux.garbage,
    .dropped = control->stream.dropped,
    .flash = bpg_port_flash_operations (),
    .boot = bpg_text (reasons[(unsigned) bpg_port_boot_reason () % BOOT_REASONS]),
  };

  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    reply.lat[i] = control->latency[i];
  bpg_status_encode (&reply, request->reply);
}

static void
trial (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_trial_request trial_request;
  enum bpg_arm_error error = BPG_ARM_ERROR_INVALID;

  if (!bpg_guard_may_write (&control->guard))
    error = BPG_ARM_ERROR_BATTERY_LOW;
  else if (bpg_trial_request_decode (request->payload, request->length, &trial_request))
    error = bpg_slots_begin_trial (&control->slots, trial_request.seconds, bpg_port_now_us ());
  if (error == BPG_ARM_OK)
    bpg_control_start_model (control);
  finish (request, error);
}

static void
fall_back (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_fall_back_request fall_back_request;
  enum bpg_arm_error error = BPG_ARM_ERROR_INVALID;

  if (!bpg_guard_may_write (&control->guard))
    error = BPG_ARM_ERROR_BATTERY_LOW;
  else if (bpg_fall_back_request_decode (request->payload, request->length, &fall_back_request)
           && fall_back_request.image == BPG_IMAGE_MODEL)
    error = bpg_control_fall_back (control);
  finish (request, error);
}

static void
usage (struct bpg_request *request)
{
  uint8_t records[USAGE_RECORDS_A_REPLY * BPG_USAGE_RECORD_SIZE];
  const struct bpg_usage_log *log = &request->control->usage;
  struct bpg_usage_request usage_request;
  struct bpg_usage_reply reply = { .lost = log->lost };
  unsigned count;

  if (!bpg_usage_request_decode (request->payload, request->length, &usage_request))
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_INVALID);
      return;
    }
  count = bpg_usage_log_read (log, usage_request.from, records, USAGE_RECORDS_A_REPLY,
                              &reply.first, &reply.next);
  bpg_usage_reply_encode (&reply, records, count, request->reply);
}

static void
usage_confirm (struct bpg_request *request)
{
  struct bpg_usage_confirm_request confirm;
  struct bpg_usage_confirm_reply reply;

  /* Who has records that the arm never wrote has another arm's, and is not to
   * clear this one's unread. */
  if (!bpg_usage_confirm_request_decode (request->payload, request->length, &confirm)
      || confirm.upto > request->control->usage.next)
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_INVALID);
      return;
    }
  if (!bpg_guard_may_write (&request->control->guard))
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_BATTERY_LOW);
      return;
    }
  reply.cleared = bpg_usage_log_confirm (&request->control->usage, confirm.upto);
  bpg_usage_confirm_reply_encode (&reply, request->reply);
}

static void
identify (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_identify_request identify_request;

  if (!bpg_identify_request_decode (request->payload, request->length, &identify_request)
      || identify_request.seconds == 0 || identify_request.seconds > IDENTIFY_MOST_S)
    {
      bpg_request_refuse (request, BPG_ARM_ERROR_INVALID);
      return;
    }
  control->identify_end = bpg_port_now_us () + identify_request.seconds * 1000000u;
  bpg_port_identify (true);
  finish (request, BPG_ARM_OK);
}

void
bpg_server_arm (struct bpg_request *request)
{
  static const struct
  {
    uint8_t op;
    uint8_t command;
    void (*handler) (struct bpg_request *request);
  } commands[] = {
    { BPG_SMP_READ, BPG_ARM_IDENTITY, identity },
    { BPG_SMP_WRITE, BPG_ARM_CHALLENGE, challenge },
    { BPG_SMP_WRITE, BPG_ARM_BIND, bind_arm },
    { BPG_SMP_WRITE, BPG_ARM_UNBIND, unbind_arm },
    { BPG_SMP_READ, BPG_ARM_PARAMETERS, parameters },
    { BPG_SMP_WRITE, BPG_ARM_STREAM, stream },
    { BPG_SMP_READ, BPG_ARM_STATUS, status },
    { BPG_SMP_WRITE, BPG_ARM_TRIAL, trial },
    { BPG_SMP_READ, BPG_ARM_USAGE, usage },
    { BPG_SMP_WRITE, BPG_ARM_USAGE_CONFIRM, usage_confirm },
    { BPG_SMP_READ, BPG_ARM_BENCH, bpg_server_bench_state },
    { BPG_SMP_WRITE, BPG_ARM_BENCH, bpg_server_bench },
    { BPG_SMP_WRITE, BPG_ARM_IDENTIFY, identify },
    { BPG_SMP_WRITE, BPG_ARM_FALL_BACK, fall_back },
  };

  for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
    {
      if (bpg_request_is (request, (enum bpg_smp_op) commands[i].op, commands[i].command))
        {
          commands[i].handler (request);
          return;
        }
    }
  bpg_request_refuse (request, BPG_ARM_ERROR_UNKNOWN);
}
