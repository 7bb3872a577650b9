/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/atecc608.h"

#include <string.h>

#include "ports/esp32c3/drivers/i2c.h"

/* Word addresses: what is meant with the bytes that follow */
#define WORD_IDLE 0x02u
#define WORD_COMMAND 0x03u

#define OP_READ 0x02u
#define OP_NONCE 0x16u
#define OP_RANDOM 0x1Bu
#define OP_GENKEY 0x40u
#define OP_SIGN 0x41u

#define NONCE_PASS_THROUGH 0x03u
#define GENKEY_PRIVATE 0x04u
#define GENKEY_PUBLIC 0x00u
#define SIGN_EXTERNAL 0x80u
#define LOCK_WORD 0x15u /* of the configuration: two bytes of other use, then the locks */
#define LOCKED 0x00u

#define STATUS_DONE 0x00u
#define STATUS_AWAKE 0x11u
#define STATUS_WATCHDOG 0xEEu
#define STATUS_LINE 0xFFu /* it got a wrong checksum */

#define WAKE_US 1500u
#define POLL_US 1000u

/* Count, payload, checksum */
#define STATUS_SIZE 4u
#define ANSWER_MAX (1u + BPG_ATECC_PAYLOAD_MAX + 2u)
/* Word address, count, operation, two parameters, data, checksum */
#define COMMAND_OVERHEAD 8u
#define DATA_MAX 32u

struct command
{
  uint8_t operation;
  uint8_t first;
  uint16_t second;
  const uint8_t *data;
  size_t data_length;
  uint32_t longest_ms;
};

void
bpg_atecc_init (struct bpg_atecc *atecc, uint8_t address,
                void (*pause) (void *data, uint32_t microseconds), void *data)
{
  atecc->address = address;
  atecc->pause = pause;
  atecc->data = data;
  atecc->status = STATUS_DONE;
}

uint16_t
bpg_atecc_crc (const uint8_t *bytes, size_t length)
{
  uint16_t crc = 0;

  for (size_t i = 0; i < length; i++)
    {
      for (unsigned bit = 0; bit < 8; bit++)
        {
          bool differs = (bytes[i] >> bit & 1u) != (uint32_t) (crc >> 15);

          crc = (uint16_t) (crc << 1 ^ (differs ? 0x8005u : 0));
        }
    }
  return crc;
}

static void
put_crc (uint8_t *at, uint16_t crc)
{
  at[0] = (uint8_t) crc;
  at[1] = (uint8_t) (crc >> 8);
}

static bool
is_whole (const uint8_t *answer, size_t length)
{
  uint8_t crc[2];

  put_crc (crc, bpg_atecc_crc (answer, length - sizeof crc));
  return answer[0] == length && memcmp (answer + length - sizeof crc, crc, sizeof crc) == 0;
}

/* Says what the element's word for "no result" means here. */
static enum bpg_atecc_result
judge (struct bpg_atecc *atecc, uint8_t status)
{
  atecc->status = status;
  switch (status)
    {
    case STATUS_DONE:
      return BPG_ATECC_OK;
    case STATUS_LINE:
    case STATUS_WATCHDOG:
    case STATUS_AWAKE: /* it slept in between and knows of no command */
      return BPG_ATECC_GARBLED;
    default:
      return BPG_ATECC_REFUSED;
    }
}

/* The data line low for eight bits of 100 kHz is the pulse that wakes; nobody
 * acknowledges it. */
static enum bpg_atecc_result
wake (struct bpg_atecc *atecc)
{
  uint8_t answer[STATUS_SIZE];

  if (bpg_i2c_write (0, NULL, 0) == BPG_I2C_STUCK)
    return BPG_ATECC_ABSENT;
  atecc->pause (atecc->data, WAKE_US);
  if (bpg_i2c_read (atecc->address, answer, sizeof answer) != BPG_I2C_OK)
    return BPG_ATECC_ABSENT;
  if (!is_whole (answer, sizeof answer) || answer[1] != STATUS_AWAKE)
    return BPG_ATECC_GARBLED;
  return BPG_ATECC_OK;
}

static void
idle (const struct bpg_atecc *atecc)
{
  const uint8_t word = WORD_IDLE;

  bpg_i2c_write (atecc->address, &word, 1);
}

static enum bpg_atecc_result
send (const struct bpg_atecc *atecc, const struct command *command)
{
  uint8_t bytes[COMMAND_OVERHEAD + DATA_MAX];
  size_t length = COMMAND_OVERHEAD + command->data_length;

  bytes[0] = WORD_COMMAND;
  bytes[1] = (uint8_t) (length - 1);
  bytes[2] = command->operation;
  bytes[3] = command->first;
  bytes[4] = (uint8_t) command->second;
  bytes[5] = (uint8_t) (command->second >> 8);
  if (command->data_length > 0)
    memcpy (bytes + 6, command->data, command->data_length);
  put_crc (bytes + length - 2, bpg_atecc_crc (bytes + 1, length - 3));
  return bpg_i2c_write (atecc->address, bytes, length) == BPG_I2C_OK ? BPG_ATECC_OK
                                                                     : BPG_ATECC_SILENT;
}

/* While it works the element does not acknowledge its address. */
static enum bpg_atecc_result
wait_for_answer (const struct bpg_atecc *atecc, uint32_t longest_ms, uint8_t *answer,
                 size_t length)
{
  for (uint32_t polls = 0; polls <= longest_ms; polls++)
    {
      atecc->pause (atecc->data, POLL_US);
      switch (bpg_i2c_read (atecc->address, answer, length))
        {
        case BPG_I2C_OK:
          return BPG_ATECC_OK;
        case BPG_I2C_NO_ACK:
          break;
        case BPG_I2C_STUCK:
          return BPG_ATECC_SILENT;
        }
    }
  return BPG_ATECC_SILENT;
}

/* Sends a command and gets its answer: a payload of @length bytes, or, when
 * there is none to come or it failed, a status. */
static enum bpg_atecc_result
execute (struct bpg_atecc *atecc, const struct command *command, uint8_t *payload, size_t length)
{
  uint8_t answer[ANSWER_MAX];
  size_t whole = length > 0 ? 1 + length + 2 : STATUS_SIZE;
  enum bpg_atecc_result result = send (atecc, command);

  if (result == BPG_ATECC_OK)
    result = wait_for_answer (atecc, command->longest_ms, answer, whole);
  if (result != BPG_ATECC_OK)
    return result;
  if (is_whole (answer, STATUS_SIZE))
    {
      result = judge (atecc, answer[1]);
      /* "Done" where a payload should be is none. */
      return result == BPG_ATECC_OK && length > 0 ? BPG_ATECC_GARBLED : result;
    }
  if (length == 0 || !is_whole (answer, whole))
    return BPG_ATECC_GARBLED;
  memcpy (payload, answer + 1, length);
  return BPG_ATECC_OK;
}

/* Runs one command, or two of which the second needs what the first left in
 * the element; all of it again when the line or the element's clock of 1.3 s
 * spoilt it. */
static enum bpg_atecc_result
run (struct bpg_atecc *atecc, const struct command *before, const struct command *command,
     uint8_t *payload, size_t length)
{
  enum bpg_atecc_result result = BPG_ATECC_ABSENT;

  for (unsigned tries = 0; tries < BPG_ATECC_TRIES; tries++)
    {
      enum bpg_atecc_result step = wake (atecc);

      if (step == BPG_ATECC_OK && before != NULL)
        step = execute (atecc, before, NULL, 0);
      if (step == BPG_ATECC_OK)
        step = execute (atecc, command, payload, length);
      idle (atecc);
      if (step == BPG_ATECC_OK || step == BPG_ATECC_REFUSED)
        return step;
      /* That it does not wake any more says less than what it did before. */
      if (step != BPG_ATECC_ABSENT)
        result = step;
    }
  return result;
}

enum bpg_atecc_result
bpg_atecc_read_locks (struct bpg_atecc *atecc, struct bpg_atecc_locks *locks)
{
  const struct command command
    = { .operation = OP_READ, .second = LOCK_WORD, .longest_ms = BPG_ATECC_READ_MS };
  uint8_t word[4];
  enum bpg_atecc_result result = run (atecc, NULL, &command, word, sizeof word);

  if (result == BPG_ATECC_OK)
    {
      locks->data = word[2] == LOCKED;
      locks->configuration = word[3] == LOCKED;
    }
  return result;
}

enum bpg_atecc_result
bpg_atecc_random (struct bpg_atecc *atecc, uint8_t bytes[32])
{
  static const uint8_t unlocked[4] = { 0xFF, 0xFF, 0x00, 0x00 };
  const struct command command = { .operation = OP_RANDOM, .longest_ms = BPG_ATECC_RANDOM_MS };
  enum bpg_atecc_result result = run (atecc, NULL, &command, bytes, 32);

  if (result != BPG_ATECC_OK)
    return result;
  for (unsigned i = 0; i < 32; i += sizeof unlocked)
    {
      if (memcmp (bytes + i, unlocked, sizeof unlocked) != 0)
        return BPG_ATECC_OK;
    }
  return BPG_ATECC_UNLOCKED;
}

static enum bpg_atecc_result
key_command (struct bpg_atecc *atecc, uint8_t mode, unsigned slot, uint8_t public_key[64])
{
  const struct command command = {
    .operation = OP_GENKEY,
    .first = mode,
    .second = (uint16_t) (slot % BPG_ATECC_SLOTS),
    .longest_ms = BPG_ATECC_KEY_MS,
  };

  return run (atecc, NULL, &command, public_key, 64);
}

enum bpg_atecc_result
bpg_atecc_make_key (struct bpg_atecc *atecc, unsigned slot, uint8_t public_key[64])
{
  return key_command (atecc, GENKEY_PRIVATE, slot, public_key);
}

enum bpg_atecc_result
bpg_atecc_public_key (struct bpg_atecc *atecc, unsigned slot, uint8_t public_key[64])
{
  return key_command (atecc, GENKEY_PUBLIC, slot, public_key);
}

enum bpg_atecc_result
bpg_atecc_sign (struct bpg_atecc *atecc, unsigned slot, const uint8_t hash[32],
                uint8_t signature[64])
{
  const struct command load = {
    .operation = OP_NONCE,
    .first = NONCE_PASS_THROUGH,
    .data = hash,
    .data_length = 32,
    .longest_ms = BPG_ATECC_NONCE_MS,
  };
  const struct command command = {
    .operation = OP_SIGN,
    .first = SIGN_EXTERNAL,
    .second = (uint16_t) (slot % BPG_ATECC_SLOTS),
    .longest_ms = BPG_ATECC_SIGN_MS,
  };

  return run (atecc, &load, &command, signature, 64);
}

/* An integer without needless zeros in front, but one where it would be
 * negative. Returns its length. */
static size_t
put_integer (const uint8_t bytes[32], uint8_t *at)
{
  size_t first = 0;
  size_t zero;
  size_t length;

  while (first < 31 && bytes[first] == 0)
    first++;
  zero = bytes[first] >= 0x80 ? 1 : 0;
  length = zero + 32 - first;
  at[0] = 0x02;
  at[1] = (uint8_t) length;
  at[2] = 0;
  memcpy (at + 2 + zero, bytes + first, 32 - first);
  return 2 + length;
}

size_t
bpg_atecc_der (const uint8_t signature[64], uint8_t der[BPG_ATECC_DER_MAX])
{
  size_t length = put_integer (signature, der + 2);

  length += put_integer (signature + 32, der + 2 + length);
  der[0] = 0x30;
  der[1] = (uint8_t) length;
  return 2 + length;
}

void
bpg_atecc_spki (const uint8_t public_key[64], uint8_t spki[BPG_ATECC_SPKI_SIZE])
{
  /* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { uncompressed point */
  static const uint8_t head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
    0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
  };

  _Static_assert (sizeof head + 64 == BPG_ATECC_SPKI_SIZE, "the point is all that follows");
  memcpy (spki, head, sizeof head);
  memcpy (spki + sizeof head, public_key, 64);
}
