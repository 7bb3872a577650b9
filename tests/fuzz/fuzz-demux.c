/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The byte stream of a line, in pieces as a line delivers them: the first byte of the input says how
 * long they are. Every packet that comes out is taken apart as pairing would. */
#include <glib.h>

#include "link/demux.h"
#include "link/messages.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
take_packet (const uint8_t *packet, size_t length)
{
  struct bpg_smp_header header;
  struct bpg_identity identity;
  struct bpg_status status;
  uint16_t group, rc;

  if (!bpg_smp_header_decode (packet, length, &header))
    return;
  g_assert_cmpuint (header.length, ==, length - BPG_SMP_HEADER_SIZE);
  packet += BPG_SMP_HEADER_SIZE;
  if (bpg_identity_decode (packet, header.length, &identity) && identity.id.length > 0)
    g_assert_true ((const uint8_t *) identity.id.bytes >= packet
                   && (const uint8_t *) identity.id.bytes + identity.id.length <= packet + header.length);
  bpg_status_decode (packet, header.length, &status);
  bpg_error_decode (packet, header.length, header.group, &group, &rc);
}

static void
take_frame (const struct bpg_frame *frame)
{
  uint8_t wire[BPG_FRAME_WIRE_MAX];

  g_assert_cmpuint (frame->body_length, <=, BPG_FRAME_BODY_MAX);
  g_assert_cmpuint (bpg_frame_encode (frame, wire, sizeof wire), >, 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct bpg_demux demux;
  size_t piece;

  if (size == 0)
    return 0;
  piece = data[0] == 0 ? size : data[0];
  data++;
  size--;
  bpg_demux_init (&demux);
  while (size > 0) {
    struct bpg_demux_event event;
    size_t length = MIN (piece, size);
    size_t used = bpg_demux_push (&demux, data, length, &event);

    g_assert_cmpuint (used, >, 0);
    g_assert_cmpuint (used, <=, length);
    if (event.kind == BPG_DEMUX_PACKET)
      take_packet (event.packet, event.packet_length);
    else if (event.kind == BPG_DEMUX_FRAME)
      take_frame (&event.frame);
    data += used;
    size -= used;
  }
  return 0;
}
