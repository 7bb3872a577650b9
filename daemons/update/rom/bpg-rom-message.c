/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-message.h"

#include "bpg-rom-slip.h"

#include <string.h>

#define HEADER_BYTES 8u
#define STATUS_BYTES 4u
#define SECURITY_BYTES 20u
#define CHECKSUM_SEED 0xEFu
#define REQUEST 0u
#define REPLY 1u

#define FLAG_SECURE_BOOT (1u << 0)
#define FLAG_SECURE_DOWNLOAD (1u << 2)

/* Capacities are powers of two; some makers set bit 5 as well. */
#define CAPACITY_BIT 0x20u
#define SMALLEST_CAPACITY 0x12u
#define LARGEST_CAPACITY 0x1Cu

static guint32
get_u32 (const guint8 *bytes)
{
  return (guint32) bytes[0] | (guint32) bytes[1] << 8 | (guint32) bytes[2] << 16 | (guint32) bytes[3] << 24;
}

void
bpg_rom_request_append (GByteArray *wire, BpgRomCommand command, const guint8 *body, gsize length, guint8 checksum)
{
  g_autofree guint8 *message = g_malloc0 (HEADER_BYTES + length);

  g_return_if_fail (length <= G_MAXUINT16);
  message[0] = REQUEST;
  message[1] = (guint8) command;
  message[2] = (guint8) length;
  message[3] = (guint8) (length >> 8);
  message[4] = checksum;
  if (length > 0)
    memcpy (message + HEADER_BYTES, body, length);
  bpg_rom_slip_append (wire, message, HEADER_BYTES + length);
}

guint8
bpg_rom_checksum (const guint8 *bytes, gsize length)
{
  guint8 sum = CHECKSUM_SEED;

  for (gsize i = 0; i < length; i++)
    sum ^= bytes[i];
  return sum;
}

gboolean
bpg_rom_reply_parse (const guint8 *frame, gsize length, BpgRomReply *reply)
{
  gsize body;

  if (length < HEADER_BYTES + STATUS_BYTES || frame[0] != REPLY)
    return FALSE;
  body = (gsize) frame[2] | (gsize) frame[3] << 8;
  if (body != length - HEADER_BYTES)
    return FALSE;
  reply->command = frame[1];
  reply->value = get_u32 (frame + 4);
  reply->data = frame + HEADER_BYTES;
  reply->length = body - STATUS_BYTES;
  reply->status = frame[length - STATUS_BYTES];
  reply->reason = frame[length - STATUS_BYTES + 1];
  return TRUE;
}

gboolean
bpg_rom_security_parse (const BpgRomReply *reply, BpgRomSecurity *security)
{
  guint32 flags;

  if (reply->length != SECURITY_BYTES)
    return FALSE;
  flags = get_u32 (reply->data);
  security->secure_boot = (flags & FLAG_SECURE_BOOT) != 0;
  security->secure_download = (flags & FLAG_SECURE_DOWNLOAD) != 0;
  security->crypt_count = reply->data[4];
  memcpy (security->key_purposes, reply->data + 5, sizeof security->key_purposes);
  security->chip_id = get_u32 (reply->data + 12);
  security->revision = get_u32 (reply->data + 16);
  return TRUE;
}

gboolean
bpg_rom_security_is_encrypted (const BpgRomSecurity *self)
{
  guint bits = 0;

  for (guint i = 0; i < 8; i++)
    bits += (self->crypt_count >> i) & 1u;
  return bits % 2 == 1;
}

gboolean
bpg_rom_md5_parse (const BpgRomReply *reply, guint8 *digest)
{
  if (reply->length != 2 * BPG_ROM_MD5_BYTES)
    return FALSE;
  for (guint i = 0; i < BPG_ROM_MD5_BYTES; i++) {
    int high = g_ascii_xdigit_value ((char) reply->data[2 * i]);
    int low = g_ascii_xdigit_value ((char) reply->data[2 * i + 1]);

    if (high < 0 || low < 0)
      return FALSE;
    digest[i] = (guint8) (high << 4 | low);
  }
  return TRUE;
}

guint64
bpg_rom_flash_size_from_id (guint32 id)
{
  guint capacity = (id >> 16) & 0xFFu & ~CAPACITY_BIT;

  return capacity >= SMALLEST_CAPACITY && capacity <= LARGEST_CAPACITY ? G_GUINT64_CONSTANT (1) << capacity : 0;
}
