/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes from the line of a ROM loader: frames, replies, and what is read out of them. What comes out of a frame is put into
 * one again, and must come out the same. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "bpg-rom-message.h"
#include "bpg-rom-slip.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
frame_again (const guint8 *frame, gsize length)
{
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  BpgRomSlip slip = {0};
  const guint8 *back;
  gsize back_length;
  guint frames = 0;

  bpg_rom_slip_append (wire, frame, length);
  for (guint i = 0; i < wire->len; i++) {
    if (!bpg_rom_slip_take (&slip, wire->data[i], &back, &back_length))
      continue;
    frames++;
    g_assert_cmpmem (back, back_length, frame, length);
  }
  g_assert_cmpuint (frames, ==, 1);
}

static void
look (const guint8 *frame, gsize length)
{
  BpgRomReply reply;
  BpgRomSecurity security;
  guint8 digest[BPG_ROM_MD5_BYTES];

  if (!bpg_rom_reply_parse (frame, length, &reply))
    return;
  g_assert_true (reply.data >= frame && reply.data + reply.length <= frame + length);
  if (bpg_rom_security_parse (&reply, &security))
    bpg_rom_security_is_encrypted (&security);
  bpg_rom_md5_parse (&reply, digest);
  g_assert_cmpuint (bpg_rom_flash_size_from_id (reply.value), <=, 1u << 28);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BpgRomSlip slip = {0};
  const guint8 *frame;
  gsize length;

  for (size_t i = 0; i < size; i++) {
    if (!bpg_rom_slip_take (&slip, data[i], &frame, &length))
      continue;
    g_assert_cmpuint (length, >, 0);
    g_assert_cmpuint (length, <=, BPG_ROM_FRAME_MAX);
    /* A copy of its own length, so that the sanitizer sees a read past it. */
    g_autofree guint8 *exact = g_memdup2 (frame, length);
    look (exact, length);
    frame_again (exact, length);
  }
  return 0;
}
