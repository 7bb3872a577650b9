/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/smp.h"

#include <string.h>

#include "link/checksum.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"
                                      "0123456789+/";

static uint16_t
get_u16_be (const uint8_t *bytes)
{
  return (uint16_t) (bytes[0] << 8 | bytes[1]);
}

static void
put_u16_be (uint8_t *bytes, uint16_t value)
{
  bytes[0] = (uint8_t) (value >> 8);
  bytes[1] = (uint8_t) value;
}

void
bpg_smp_header_encode (const struct bpg_smp_header *header, uint8_t *bytes)
{
  bytes[0] = (uint8_t) ((header->version & 3) << 3 | (header->op & 7));
  bytes[1] = header->flags;
  put_u16_be (bytes + 2, header->length);
  put_u16_be (bytes + 4, header->group);
  bytes[6] = header->sequence;
  bytes[7] = header->command;
}

bool
bpg_smp_header_decode (const uint8_t *packet, size_t length, struct bpg_smp_header *header)
{
  if (length < BPG_SMP_HEADER_SIZE || length > BPG_SMP_PACKET_MAX)
    return false;

  header->op = packet[0] & 7;
  header->version = packet[0] >> 3 & 3;
  header->flags = packet[1];
  header->length = get_u16_be (packet + 2);
  header->group = get_u16_be (packet + 4);
  header->sequence = packet[6];
  header->command = packet[7];
  return header->length == length - BPG_SMP_HEADER_SIZE;
}

/* Writes the base64 of up to three bytes. */
static void
encode_quantum (const uint8_t *raw, size_t length, uint8_t *out)
{
  uint32_t bits = (uint32_t) raw[0] << 16;

  if (length > 1)
    bits |= (uint32_t) raw[1] << 8;
  if (length > 2)
    bits |= raw[2];

  out[0] = (uint8_t) base64_alphabet[bits >> 18];
  out[1] = (uint8_t) base64_alphabet[bits >> 12 & 0x3F];
  out[2] = length > 1 ? (uint8_t) base64_alphabet[bits >> 6 & 0x3F] : '=';
  out[3] = length > 2 ? (uint8_t) base64_alphabet[bits & 0x3F] : '=';
}

/* The framed bytes before base64: length, packet, CRC, read at @offset. */
struct framed
{
  const uint8_t *packet;
  size_t length;
  uint16_t crc;
};

static uint8_t
framed_at (const struct framed *framed, size_t offset)
{
  uint16_t total = (uint16_t) (framed->length + 2);

  if (offset < 2)
    return (uint8_t) (offset == 0 ? total >> 8 : total);
  offset -= 2;
  if (offset < framed->length)
    return framed->packet[offset];
  return (uint8_t) (offset == framed->length ? framed->crc >> 8 : framed->crc);
}

static size_t
encode_line (const struct framed *framed, size_t offset, size_t count, uint8_t *out)
{
  size_t written = 2;
  uint8_t raw[3];

  out[0] = offset == 0 ? BPG_SMP_START_1 : BPG_SMP_CONTINUE_1;
  out[1] = offset == 0 ? BPG_SMP_START_2 : BPG_SMP_CONTINUE_2;
  for (size_t i = 0; i < count; i += 3)
    {
      size_t part = count - i < 3 ? count - i : 3;

      for (size_t k = 0; k < part; k++)
        raw[k] = framed_at (framed, offset + i + k);
      encode_quantum (raw, part, out + written);
      written += 4;
    }
  out[written++] = '\n';
  return written;
}

size_t
bpg_smp_console_encode (const uint8_t *packet, size_t length, uint8_t *out, size_t capacity)
{
  struct framed framed = { packet, length, 0 };
  size_t total = length + 4;
  size_t written = 0;

  if (length < BPG_SMP_HEADER_SIZE || length > BPG_SMP_PACKET_MAX)
    return 0;

  framed.crc = bpg_crc16_xmodem (0, packet, length);
  for (size_t offset = 0; offset < total; offset += BPG_SMP_LINE_RAW)
    {
      size_t count = total - offset < BPG_SMP_LINE_RAW ? total - offset : BPG_SMP_LINE_RAW;

      if (capacity - written < 3 + (count + 2) / 3 * 4)
        return 0;
      written += encode_line (&framed, offset, count, out + written);
    }
  return written;
}

void
bpg_smp_assembler_init (struct bpg_smp_assembler *assembler)
{
  assembler->length = 0;
  assembler->expected = 0;
}

static int
base64_value (uint8_t character)
{
  if (character >= 'A' && character <= 'Z')
    return character - 'A';
  if (character >= 'a' && character <= 'z')
    return character - 'a' + 26;
  if (character >= '0' && character <= '9')
    return character - '0' + 52;
  if (character == '+')
    return 62;
  if (character == '/')
    return 63;
  return -1;
}

/* Appends what four characters stand for. */
static bool
decode_quantum (struct bpg_smp_assembler *assembler, const uint8_t *text, bool last)
{
  unsigned padding = 0;
  uint32_t bits = 0;
  uint8_t raw[3];

  if (last && text[3] == '=')
    padding = text[2] == '=' ? 2 : 1;
  for (unsigned i = 0; i < 4; i++)
    {
      int value = i >= 4 - padding ? 0 : base64_value (text[i]);

      if (value < 0)
        return false;
      bits = bits << 6 | (uint32_t) value;
    }

  raw[0] = (uint8_t) (bits >> 16);
  raw[1] = (uint8_t) (bits >> 8);
  raw[2] = (uint8_t) bits;
  if (3 - padding > sizeof assembler->bytes - assembler->length)
    return false;
  memcpy (assembler->bytes + assembler->length, raw, 3 - padding);
  assembler->length += 3 - padding;
  return true;
}

static bool
decode_line (struct bpg_smp_assembler *assembler, const uint8_t *text, size_t length)
{
  if (length == 0 || length % 4 != 0)
    return false;
  for (size_t i = 0; i < length; i += 4)
    {
      if (!decode_quantum (assembler, text + i, i + 4 == length))
        return false;
    }
  return true;
}

/* The length that the first line promises; false when no packet has it. */
static bool
read_expected (struct bpg_smp_assembler *assembler)
{
  if (assembler->length < 2)
    return false;
  assembler->expected = (size_t) get_u16_be (assembler->bytes) + 2;
  return assembler->expected >= 2 + BPG_SMP_HEADER_SIZE + 2
         && assembler->expected <= sizeof assembler->bytes;
}

static enum bpg_smp_line_result
refuse_line (struct bpg_smp_assembler *assembler)
{
  bpg_smp_assembler_init (assembler);
  return BPG_SMP_LINE_BAD;
}

enum bpg_smp_line_result
bpg_smp_assembler_push (struct bpg_smp_assembler *assembler, const uint8_t *line, size_t length,
                        const uint8_t **packet, size_t *packet_length)
{
  bool first;
  size_t whole;

  if (length < 2)
    return refuse_line (assembler);
  first = line[0] == BPG_SMP_START_1 && line[1] == BPG_SMP_START_2;
  if (!first && (line[0] != BPG_SMP_CONTINUE_1 || line[1] != BPG_SMP_CONTINUE_2))
    return refuse_line (assembler);

  if (first)
    bpg_smp_assembler_init (assembler);
  else if (assembler->expected == 0)
    return BPG_SMP_LINE_BAD;

  if (!decode_line (assembler, line + 2, length - 2))
    return refuse_line (assembler);
  if (first && !read_expected (assembler))
    return refuse_line (assembler);
  if (assembler->length < assembler->expected)
    return BPG_SMP_LINE_MORE;

  whole = assembler->expected;
  if (assembler->length != whole
      || bpg_crc16_xmodem (0, assembler->bytes + 2, whole - 4)
           != get_u16_be (assembler->bytes + whole - 2))
    return refuse_line (assembler);

  bpg_smp_assembler_init (assembler);
  *packet = assembler->bytes + 2;
  *packet_length = whole - 4;
  return BPG_SMP_LINE_PACKET;
}
