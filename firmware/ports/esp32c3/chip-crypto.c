/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/chip-crypto.h"

#include <string.h>

#include "ports/esp32c3/drivers/watchdog.h"
#include "ports/esp32c3/rom.h"
#include "ports/esp32c3/rsa-key.h"

/* So much is hashed at once that the accelerator's length never overflows, or,
 * of bytes that must be moved, so much as a stack has room for. */
#define HASH_PIECE 0x10000u
#define MOVED_PIECE 256u

/* The ROM reads words, and takes those for bytes' that are not where words are. */
static void
update (struct ets_sha_context *context, const uint8_t *bytes, uint32_t length)
{
  uint32_t words[MOVED_PIECE / 4];

  if ((uintptr_t) bytes % sizeof words[0] == 0)
    {
      ets_sha_update (context, bytes, length, true);
      return;
    }
  while (length > 0)
    {
      uint32_t piece = length < sizeof words ? length : sizeof words;

      memcpy (words, bytes, piece);
      ets_sha_update (context, (const uint8_t *) words, piece, true);
      bytes += piece;
      length -= piece;
    }
}

void
bpg_chip_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[BPG_SHA256_SIZE])
{
  _Alignas (4) uint8_t digest[BPG_SHA256_SIZE];
  struct ets_sha_context context;

  ets_sha_enable ();
  ets_sha_init (&context, ETS_SHA2_256);
  ets_sha_starts (&context, 0);
  while (length > 0)
    {
      uint32_t piece = length < HASH_PIECE ? (uint32_t) length : HASH_PIECE;

      update (&context, bytes, piece);
      bpg_watchdogs_feed ();
      bytes += piece;
      length -= piece;
    }
  ets_sha_finish (&context, digest);
  ets_sha_disable ();
  memcpy (hash, digest, sizeof digest);
}

bool
bpg_chip_rsa_pss_verify_prepared (const struct ets_rsa_pubkey *key,
                                  const uint8_t hash[BPG_SHA256_SIZE],
                                  const uint8_t signature[BPG_RSA3072_SIZE])
{
  /* The ROM reads and writes words. */
  _Alignas (4) uint8_t number[BPG_RSA3072_SIZE];
  _Alignas (4) uint8_t digest[BPG_SHA256_SIZE];
  _Alignas (4) uint8_t verified[BPG_SHA256_SIZE];

  for (unsigned i = 0; i < sizeof number; i++)
    number[i] = signature[sizeof number - 1 - i];
  memcpy (digest, hash, sizeof digest);
  return ets_rsa_pss_verify (key, number, digest, verified);
}

bool
bpg_chip_rsa_pss_verify (const uint8_t *spki, size_t spki_length,
                         const uint8_t hash[BPG_SHA256_SIZE],
                         const uint8_t signature[BPG_RSA3072_SIZE])
{
  static struct ets_rsa_pubkey key;
  static uint8_t key_hash[BPG_SHA256_SIZE];
  uint8_t wanted_hash[BPG_SHA256_SIZE];

  bpg_chip_sha256 (spki, spki_length, wanted_hash);
  if (memcmp (wanted_hash, key_hash, sizeof key_hash) != 0)
    {
      memset (key_hash, 0, sizeof key_hash);
      if (!bpg_rsa_key_prepare (spki, spki_length, &key))
        return false;
      memcpy (key_hash, wanted_hash, sizeof key_hash);
      bpg_watchdogs_feed ();
    }
  return bpg_chip_rsa_pss_verify_prepared (&key, hash, signature);
}
