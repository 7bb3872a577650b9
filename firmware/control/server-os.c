/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "control/clock.h"
#include "control/server.h"
#include "control/version.h"

static void
echo (struct bpg_request *request)
{
  struct bpg_echo_request echo_request;
  struct bpg_echo_reply reply;

  if (!bpg_echo_request_decode (request->payload, request->length, &echo_request))
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_INVALID);
      return;
    }
  reply.r = echo_request.d;
  bpg_echo_reply_encode (&reply, request->reply);
}

static void
read_datetime (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  char text[BPG_CLOCK_TEXT_SIZE];
  struct bpg_datetime reply;

  if (!control->clock_set)
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_BAD_STATE);
      return;
    }
  bpg_clock_format (bpg_port_now_us () + (uint64_t) control->clock_offset, text);
  reply.datetime = bpg_text (text);
  bpg_datetime_encode (&reply, request->reply);
}

static void
write_datetime (struct bpg_request *request)
{
  struct bpg_control *control = request->control;
  struct bpg_datetime datetime;
  struct bpg_rc_reply reply = { 0 };
  uint64_t microseconds;

  if (!bpg_datetime_decode (request->payload, request->length, &datetime)
      || !bpg_clock_parse (datetime.datetime.bytes, datetime.datetime.length, &microseconds))
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_INVALID);
      return;
    }
  control->clock_set = true;
  control->clock_offset = (int64_t) (microseconds - bpg_port_now_us ());
  bpg_rc_reply_encode (&reply, request->reply);
}

static void
reset (struct bpg_request *request)
{
  struct bpg_rc_reply reply = { 0 };

  bpg_control_reset (request->control);
  bpg_rc_reply_encode (&reply, request->reply);
}

static void
params (struct bpg_request *request)
{
  struct bpg_params_reply reply = { BPG_SMP_PACKET_MAX, BPG_CONTROL_REQUESTS };

  bpg_params_reply_encode (&reply, request->reply);
}

/* Answers to "info", by the letter of its format, in the order they are put. */
static const struct
{
  char letter;
  const char *text; /* NULL: the arm's own */
} info_parts[] = {
  { 's', "BionicPRO" }, { 'n', NULL }, { 'r', BPG_FIRMWARE_VERSION }, { 'v', BPG_FIRMWARE_VERSION },
  { 'm', NULL },        { 'o', "BionicPRO" },
};

static struct bpg_text
info_part (const struct bpg_control *control, unsigned part)
{
  if (info_parts[part].letter == 'n')
    return control->factory.id;
  if (info_parts[part].letter == 'm')
    return control->factory.hw;
  return bpg_text (info_parts[part].text);
}

static bool
is_asked (const struct bpg_text *format, char letter)
{
  if (format->length == 0)
    return letter == 's';
  for (size_t i = 0; i < format->length; i++)
    {
      if (format->bytes[i] == letter || format->bytes[i] == 'a')
        return true;
    }
  return false;
}

static void
info (struct bpg_request *request)
{
  struct bpg_info_request info_request;
  struct bpg_info_reply reply;
  char output[256];
  size_t length = 0;

  if (!bpg_info_request_decode (request->payload, request->length, &info_request))
    {
      bpg_request_refuse_smp (request, BPG_SMP_ERROR_INVALID);
      return;
    }
  for (unsigned i = 0; i < sizeof info_parts / sizeof info_parts[0]; i++)
    {
      struct bpg_text part = info_part (request->control, i);

      if (!is_asked (&info_request.format, info_parts[i].letter)
          || part.length + 1 > sizeof output - length)
        continue;
      if (length > 0)
        output[length++] = ' ';
      memcpy (output + length, part.bytes, part.length);
      length += part.length;
    }
  reply.output = (struct bpg_text){ output, length };
  bpg_info_reply_encode (&reply, request->reply);
}

void
bpg_server_os (struct bpg_request *request)
{
  if (bpg_request_is (request, BPG_SMP_WRITE, BPG_OS_ECHO)
      || bpg_request_is (request, BPG_SMP_READ, BPG_OS_ECHO))
    echo (request);
  else if (bpg_request_is (request, BPG_SMP_READ, BPG_OS_DATETIME))
    read_datetime (request);
  else if (bpg_request_is (request, BPG_SMP_WRITE, BPG_OS_DATETIME))
    write_datetime (request);
  else if (bpg_request_is (request, BPG_SMP_WRITE, BPG_OS_RESET))
    reset (request);
  else if (bpg_request_is (request, BPG_SMP_READ, BPG_OS_PARAMS))
    params (request);
  else if (bpg_request_is (request, BPG_SMP_READ, BPG_OS_INFO))
    info (request);
  else
    bpg_request_refuse_smp (request, BPG_SMP_ERROR_NOT_SUPPORTED);
}
