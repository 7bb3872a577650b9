/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-slip.h"

#define END 0xC0u
#define ESCAPE 0xDBu
#define ESCAPED_END 0xDCu
#define ESCAPED_ESCAPE 0xDDu

static void
append_byte (GByteArray *wire, guint8 byte)
{
  g_byte_array_append (wire, &byte, 1);
}

void
bpg_rom_slip_append (GByteArray *wire, const guint8 *bytes, gsize length)
{
  append_byte (wire, END);
  for (gsize i = 0; i < length; i++) {
    if (bytes[i] == END || bytes[i] == ESCAPE) {
      append_byte (wire, ESCAPE);
      append_byte (wire, bytes[i] == END ? ESCAPED_END : ESCAPED_ESCAPE);
    } else {
      append_byte (wire, bytes[i]);
    }
  }
  append_byte (wire, END);
}

static gboolean
end_frame (BpgRomSlip *self, const guint8 **frame, gsize *length)
{
  gboolean good = !self->broken && !self->escaped && self->length > 0;

  *frame = self->bytes;
  *length = self->length;
  self->length = 0;
  self->escaped = FALSE;
  self->broken = FALSE;
  return good;
}

gboolean
bpg_rom_slip_take (BpgRomSlip *self, guint8 byte, const guint8 **frame, gsize *length)
{
  if (byte == END)
    return end_frame (self, frame, length);
  if (self->broken)
    return FALSE;
  if (!self->escaped && byte == ESCAPE) {
    self->escaped = TRUE;
    return FALSE;
  }
  if (self->escaped && byte != ESCAPED_END && byte != ESCAPED_ESCAPE) {
    self->broken = TRUE;
    return FALSE;
  }
  if (self->escaped)
    byte = byte == ESCAPED_END ? END : ESCAPE;
  self->escaped = FALSE;
  self->broken = self->length == sizeof self->bytes;
  if (!self->broken)
    self->bytes[self->length++] = byte;
  return FALSE;
}
