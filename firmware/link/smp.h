/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * MCUmgr's Simple Management Protocol: the 8-byte header and the framing for
 * serial consoles. A packet is a header and its CBOR payload. On the line it
 * becomes base64 of (length u16 BE, packet, CRC-16/XMODEM u16 BE; the length
 * counts packet and CRC), cut into lines of at most 127 bytes: the first
 * begins 06 09, the others 04 14, each ends in a newline.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_SMP_HEADER_SIZE 8
/* Largest packet either way, header included. */
#define BPG_SMP_PACKET_MAX 2048
/* Longest line, with its two start bytes and the newline. */
#define BPG_SMP_LINE_MAX 127
/* Packet bytes in a full line. */
#define BPG_SMP_LINE_RAW 93
/* Room that any packet takes on the line: 23 full lines. */
#define BPG_SMP_CONSOLE_MAX 2921

#define BPG_SMP_START_1 0x06
#define BPG_SMP_START_2 0x09
#define BPG_SMP_CONTINUE_1 0x04
#define BPG_SMP_CONTINUE_2 0x14

enum bpg_smp_op
{
  BPG_SMP_READ = 0,
  BPG_SMP_READ_REPLY = 1,
  BPG_SMP_WRITE = 2,
  BPG_SMP_WRITE_REPLY = 3,
};

struct bpg_smp_header
{
  uint8_t op;      /* enum bpg_smp_op */
  uint8_t version; /* 0 = SMP version 1, 1 = SMP version 2 */
  uint8_t flags;
  uint16_t length; /* of the payload */
  uint16_t group;
  uint8_t sequence;
  uint8_t command;
};

/* Writes the 8 bytes of @header, big-endian. */
void bpg_smp_header_encode (const struct bpg_smp_header *header, uint8_t *bytes);

/*
 * Reads the header of a whole packet. Returns false when @length is less than
 * a header, more than BPG_SMP_PACKET_MAX, or not what the header says.
 */
bool bpg_smp_header_decode (const uint8_t *packet, size_t length, struct bpg_smp_header *header);

/*
 * Frames @packet for the line into @out. Returns the bytes written, 0 when
 * @length is not that of a packet or @capacity does not hold all of it
 * (BPG_SMP_CONSOLE_MAX always does).
 */
size_t bpg_smp_console_encode (const uint8_t *packet, size_t length, uint8_t *out, size_t capacity);

/* Puts lines together into packets. */
struct bpg_smp_assembler
{
  uint8_t bytes[BPG_SMP_PACKET_MAX + 4]; /* length, packet, CRC */
  size_t length;                         /* of what has come */
  size_t expected;                       /* of the whole; 0 = no packet begun */
};

enum bpg_smp_line_result
{
  BPG_SMP_LINE_BAD,    /* not base64, out of place, or a wrong CRC: dropped */
  BPG_SMP_LINE_MORE,   /* taken; the packet goes on */
  BPG_SMP_LINE_PACKET, /* taken; a packet is complete */
};

/* Starts with no packet begun. */
void bpg_smp_assembler_init (struct bpg_smp_assembler *assembler);

/*
 * Takes one line, with its two start bytes and without the newline. When a
 * packet is complete, @packet shows it until the next call.
 */
enum bpg_smp_line_result bpg_smp_assembler_push (struct bpg_smp_assembler *assembler,
                                                 const uint8_t *line, size_t length,
                                                 const uint8_t **packet, size_t *packet_length);
