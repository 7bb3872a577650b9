/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proof.h"

#include <string.h>

#include "arm.h"
#include "control/server.h"
#include "link/checksum.h"
#include "link/demux.h"
#include "link/little-endian.h"
#include "link/messages.h"
#include "proof-protocol.h"
#include "recognition/digest.h"

#define HEAD 4u
#define STEP_US 5000u
#define ENCODED_MOST (4u * BPG_SMP_PACKET_MAX)

static uint32_t digest;

static void
note (uint32_t value)
{
  uint8_t bytes[4];

  bpg_put_u32 (bytes, value);
  digest = bpg_crc32 (digest, bytes, sizeof bytes);
}

static void
note_bytes (const uint8_t *bytes, size_t length)
{
  note ((uint32_t) length);
  digest = bpg_crc32 (digest, bytes, length);
}

static void
try_cbor (const uint8_t *bytes, size_t length)
{
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item item;

  bpg_cbor_reader_init (&reader, bytes, length);
  while (bpg_cbor_read (&reader, &item))
    {
      note (item.type);
      note ((uint32_t) item.value);
      note ((uint32_t) (item.value >> 32));
      if (item.type == BPG_CBOR_ARRAY || item.type == BPG_CBOR_MAP)
        try_cbor (item.bytes, item.length);
      else
        note_bytes (item.bytes, item.length);
    }
  note (bpg_cbor_at_end (&reader));
}

static void
try_demux (const uint8_t *bytes, size_t length)
{
  static struct bpg_demux demux;
  static struct bpg_demux_event event;
  size_t piece = length > 0 && bytes[0] != 0 ? bytes[0] : length;

  bpg_demux_init (&demux);
  for (size_t at = 1; at < length;)
    {
      size_t part = length - at < piece ? length - at : piece;

      at += bpg_demux_push (&demux, bytes + at, part, &event);
      note ((uint32_t) event.kind);
      note ((uint32_t) at);
      if (event.kind == BPG_DEMUX_PACKET)
        note_bytes (event.packet, event.packet_length);
      if (event.kind == BPG_DEMUX_FRAME)
        {
          note (event.frame.type);
          note (event.frame.sequence);
          note_bytes (event.frame.body, event.frame.body_length);
        }
    }
}

static uint8_t encoded[ENCODED_MOST];

#define TRY(name)                                                                                                     \
  static void try_##name (const uint8_t *bytes, size_t length)                                                        \
  {                                                                                                                   \
    struct bpg_##name message;                                                                                        \
    struct bpg_cbor_writer writer;                                                                                    \
                                                                                                                      \
    if (!bpg_##name##_decode (bytes, length, &message))                                                               \
      {                                                                                                               \
        note (0);                                                                                                     \
        return;                                                                                                       \
      }                                                                                                               \
    bpg_cbor_writer_init (&writer, encoded, sizeof encoded);                                                          \
    bpg_##name##_encode (&message, &writer);                                                                          \
    note (1u + writer.overflow);                                                                                      \
    if (!writer.overflow)                                                                                             \
      note_bytes (encoded, writer.length);                                                                            \
  }

BPG_MESSAGES (TRY)
TRY (erase_request)
TRY (status)

#define NAME(name) try_##name,

static void (*const tries[]) (const uint8_t *, size_t) = {
  BPG_MESSAGES (NAME) try_erase_request, try_status,
};

static void
try_messages (const uint8_t *bytes, size_t length)
{
  uint16_t group, code;

  if (length > BPG_SMP_PACKET_MAX)
    return;
  for (unsigned i = 0; i < sizeof tries / sizeof tries[0]; i++)
    tries[i](bytes, length);
  if (bpg_error_decode (bytes, length, BPG_GROUP_ARM, &group, &code))
    note (group | (uint32_t) code << 16);
}

static void
try_image (const uint8_t *bytes, size_t length)
{
  struct bpg_image image;
  const uint8_t *rsa;
  size_t rsa_length;
  int error = bpg_image_parse (bytes, length, &image);

  note ((uint32_t) error);
  note (bpg_image_rsa_key (bytes, length, &rsa, &rsa_length));
  if (error != BPG_IMAGE_OK)
    return;
  note ((uint32_t) (image.payload - bytes));
  note ((uint32_t) image.payload_length);
  note ((uint32_t) image.hashed_length);
  note ((uint32_t) image.total_length);
  note (image.has_schema ? image.schema : 0);
  if (image.hardware != NULL)
    note_bytes ((const uint8_t *) image.hardware, image.hardware_length);
}

static void
try_record (const uint8_t *bytes, size_t length)
{
  uint8_t copies[2][BPG_BOOT_RECORD_SIZE];
  uint8_t again[BPG_BOOT_RECORD_SIZE];
  struct bpg_boot_record record;
  bool found;

  if (length != 1 + sizeof copies)
    return;
  memcpy (copies, bytes + 1, sizeof copies);
  for (unsigned copy = 0; copy < 2; copy++)
    {
      if (bytes[0] >> copy & 1)
        bpg_put_u32 (copies[copy] + sizeof again - 4, bpg_crc32 (0, copies[copy], sizeof again - 4));
    }
  note (bpg_boot_record_load (copies[0], copies[1], &record, &found));
  note (found);
  bpg_boot_record_encode (&record, again);
  note_bytes (again, sizeof again);
}

/* With length and hash put right; what is accepted runs for a while. */
static void
try_bpm (const uint8_t *bytes, size_t length)
{
  static uint8_t copy[VIRT_TASK_MOST] __attribute__ ((aligned (8)));
  static struct bpg_recognizer recognizer;
  struct virt_signal signal;
  struct bpg_decision decision;
  struct bpg_bpm model;
  int error;

  if (length > sizeof copy)
    return;
  memcpy (copy, bytes, length);
  if (length >= BPG_BPM_HEADER_LENGTH)
    {
      bpg_put_u32 (copy + 8, (uint32_t) length);
      bpg_bpm_digest (copy + BPG_BPM_HASHED_FROM, length - BPG_BPM_HASHED_FROM, copy + 12);
    }
  error = bpg_bpm_parse (copy, length, &model);
  note ((uint32_t) error);
  if (error != 0)
    return;
  virt_signal_init (&signal);
  bpg_recognizer_init (&recognizer, &model);
  for (unsigned i = 0; i < 3u * model.window + 40u * model.hop; i++)
    {
      int16_t sample[BPG_CHANNELS_MAX];

      virt_signal_next (&signal, sample);
      if (bpg_recognizer_push (&recognizer, sample, &decision))
        digest = virt_proof_note_decision (digest, &decision);
    }
}

static void
ask (const uint8_t *head, const uint8_t *payload, size_t length)
{
  static const uint16_t groups[] = { BPG_GROUP_OS, BPG_GROUP_IMAGE, BPG_GROUP_ARM, 99 };
  static uint8_t packet[BPG_SMP_PACKET_MAX];
  static uint8_t reply[BPG_SMP_PACKET_MAX];
  struct bpg_smp_header header = {
    .op = head[0] & 7,
    .version = head[0] >> 3 & 1,
    .group = groups[head[0] >> 4 & 3],
    .command = head[1],
    .length = (uint16_t) length,
  };

  bpg_smp_header_encode (&header, packet);
  memcpy (packet + BPG_SMP_HEADER_SIZE, payload, length);
  note_bytes (reply, bpg_server_handle (&virt_arm.control, packet, BPG_SMP_HEADER_SIZE + length, reply));
}

static struct virt_signal wearer;

static void
pass_time (void)
{
  int16_t sample[BPG_CHANNELS_MAX];

  virt_signal_next (&wearer, sample);
  virt_arm.now += STEP_US;
  bpg_control_sample (&virt_arm.control, sample, virt_arm.now);
  bpg_control_run (&virt_arm.control);
}

static void
try_server (const uint8_t *bytes, size_t length)
{
  virt_signal_init (&wearer);
  note (virt_arm_start ());
  while (length >= HEAD)
    {
      size_t part = bpg_get_u16 (bytes + 2);

      if (part > length - HEAD)
        part = length - HEAD;
      if (part > BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE)
        part = BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE;
      ask (bytes, bytes + HEAD, part);
      pass_time ();
      bytes += HEAD + part;
      length -= HEAD + part;
    }
  for (unsigned i = 0; i < 100; i++)
    pass_time ();
  virt_arm_start_firmware ();
  note (virt_arm_start ());
  note (virt_arm.control.slots.active[BPG_IMAGE_MODEL]);
  note (virt_arm.sent);
  note (virt_arm.sent_digest);
}

bool
virt_proof_prepare (const uint8_t *model, size_t length)
{
  struct bpg_bpm parsed;

  return bpg_bpm_parse (model, length, &parsed) == 0 && virt_arm_make (&parsed)
         && virt_arm_install (BPG_IMAGE_MODEL, model, length);
}

uint32_t
virt_proof_outcome (enum virt_target target, const uint8_t *bytes, size_t length)
{
  static void (*const targets[VIRT_TARGETS]) (const uint8_t *, size_t) = {
    [VIRT_TARGET_CBOR] = try_cbor,     [VIRT_TARGET_DEMUX] = try_demux,   [VIRT_TARGET_MESSAGES] = try_messages,
    [VIRT_TARGET_IMAGE] = try_image,   [VIRT_TARGET_RECORD] = try_record, [VIRT_TARGET_BPM] = try_bpm,
    [VIRT_TARGET_SERVER] = try_server,
  };

  digest = 0;
  targets[target](bytes, length);
  return digest;
}

void
virt_signal_init (struct virt_signal *signal)
{
  *signal = (struct virt_signal){ .state = 88172645463325252u, .loudness = 1 };
}

/* Noise, louder and softer by turns, on each electrode in another measure. */
void
virt_signal_next (struct virt_signal *signal, int16_t sample[BPG_CHANNELS_MAX])
{
  if (signal->samples++ % 256 == 0)
    signal->loudness = 1 + (uint32_t) (signal->state >> 40 & 15);
  for (unsigned channel = 0; channel < BPG_CHANNELS_MAX; channel++)
    {
      uint64_t state = signal->state;

      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      signal->state = state;
      sample[channel] = (int16_t) ((int32_t) (state >> 20 & 0xFFF) - 0x800);
      sample[channel] = (int16_t) (sample[channel] * (int32_t) (1 + (signal->loudness * (channel + 3) & 7)) / 8);
    }
}

uint32_t
virt_proof_note_decision (uint32_t from, const struct bpg_decision *decision)
{
  uint8_t bytes[16];

  bpg_put_u32 (bytes, decision->sample);
  bytes[4] = decision->raw;
  bytes[5] = decision->movement;
  bytes[6] = decision->flags;
  bytes[7] = 0;
  bpg_put_u16 (bytes + 8, decision->confidence);
  bpg_put_u16 (bytes + 10, decision->speed);
  bpg_put_u32 (bytes + 12, (uint32_t) decision->distance);
  return bpg_crc32 (from, bytes, sizeof bytes);
}

bool
virt_proof_same_sums (struct bpg_recognizer *recognizer, struct bpg_window *scratch)
{
  struct bpg_window *window = &recognizer->window;

  bpg_window_settle (window);
  bpg_window_init (scratch, window->length, window->channels, window->excluded, window->least_step);
  for (unsigned age = 0; age < window->length; age++)
    bpg_window_push (scratch, bpg_window_at (window, age));
  bpg_window_settle (scratch);
  return memcmp (scratch->sums, window->sums, sizeof window->sums) == 0
         && memcmp (scratch->products, window->products, sizeof window->products) == 0
         && memcmp (scratch->paths, window->paths, sizeof window->paths) == 0
         && memcmp (scratch->turns, window->turns, sizeof window->turns) == 0;
}
