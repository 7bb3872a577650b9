/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/server.h"

void
bpg_request_refuse_smp (struct bpg_request *request, enum bpg_smp_error error)
{
  request->error_group = BPG_GROUP_OS;
  request->error = (uint16_t) error;
}

void
bpg_request_refuse (struct bpg_request *request, enum bpg_arm_error error)
{
  request->error_group = BPG_GROUP_ARM;
  request->error = (uint16_t) error;
}

bool
bpg_request_is (const struct bpg_request *request, enum bpg_smp_op op, uint8_t command)
{
  return request->header.op == op && request->header.command == command;
}

/* Version 1 knows MCUmgr's codes only. */
static uint16_t
old_error (const struct bpg_request *request)
{
  if (request->error_group == BPG_GROUP_OS)
    return request->error;
  switch (request->error)
    {
    case BPG_ARM_ERROR_INVALID:
      return BPG_SMP_ERROR_INVALID;
    case BPG_ARM_ERROR_WRONG_STATE:
    case BPG_ARM_ERROR_BATTERY_LOW:
    case BPG_ARM_ERROR_NOT_BOUND:
      return BPG_SMP_ERROR_BAD_STATE;
    case BPG_ARM_ERROR_BUSY:
      return BPG_SMP_ERROR_BUSY;
    case BPG_ARM_ERROR_NO_SPACE:
    case BPG_ARM_ERROR_LIMIT:
      return BPG_SMP_ERROR_NO_MEMORY;
    case BPG_ARM_ERROR_SIGNATURE:
    case BPG_ARM_ERROR_NOT_AUTHORISED:
      return BPG_SMP_ERROR_ACCESS_DENIED;
    case BPG_ARM_ERROR_CORRUPT:
      return BPG_SMP_ERROR_CORRUPT;
    default:
      return BPG_SMP_ERROR_UNKNOWN;
    }
}

static void
write_error (struct bpg_request *request)
{
  request->reply->length = 0;
  request->reply->overflow = false;
  if (request->header.version == 0)
    bpg_error_encode (0, 0, old_error (request), request->reply);
  else
    bpg_error_encode (1, request->error_group, request->error, request->reply);
}

static void
dispatch (struct bpg_request *request)
{
  switch (request->header.group)
    {
    case BPG_GROUP_OS:
      bpg_server_os (request);
      break;
    case BPG_GROUP_IMAGE:
      bpg_server_image (request);
      break;
    case BPG_GROUP_ARM:
      bpg_server_arm (request);
      break;
    default:
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_NOT_SUPPORTED);
      break;
    }
}

size_t
bpg_server_handle (struct bpg_control *control, const uint8_t *packet, size_t length,
                   uint8_t *reply)
{
  struct bpg_cbor_writer writer;
  struct bpg_request request = { .control = control, .reply = &writer };

  if (!bpg_smp_header_decode (packet, length, &request.header)
      || (request.header.op != BPG_SMP_READ && request.header.op != BPG_SMP_WRITE))
    return 0;
  request.payload = packet + BPG_SMP_HEADER_SIZE;
  request.length = request.header.length;

  bpg_packet_begin (&writer, reply, BPG_SMP_PACKET_MAX);
  if (request.header.version > 1)
    bpg_request_refuse_smp (&request, BPG_SMP_ERROR_NOT_SUPPORTED);
  else
    dispatch (&request);
  if (request.error == 0 && writer.overflow)
    bpg_request_refuse_smp (&request, BPG_SMP_ERROR_TOO_LARGE);
  if (request.error != 0)
    write_error (&request);

  request.header.op++;
  request.header.flags = 0;
  return bpg_packet_finish (&writer, &request.header);
}
