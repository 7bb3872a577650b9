/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/program/links.h"

#include "ports/esp32c3/board.h"
#include "ports/esp32c3/chip-flash.h"
#include "ports/esp32c3/drivers/interrupt.h"
#include "ports/esp32c3/drivers/systimer.h"
#include "ports/esp32c3/drivers/uart.h"
#include "ports/esp32c3/drivers/usb-jtag.h"

#define SILENCE_US 500000u
#define BITS_A_BYTE 10u

enum line
{
  LINE_BRIDGE,
  LINE_BLUETOOTH,
  LINE_USB,
  LINES,
};

static struct
{
  struct bpg_uart uart[2];
  struct bpg_usb usb;
  enum line heard; /* the line that answers */
  uint64_t heard_at;
} links;

BPG_IN_RAM static void
on_uart (void *data)
{
  bpg_uart_service (data);
}

void
bpg_links_init (void)
{
  static const enum bpg_interrupt_source sources[] = { BPG_INTERRUPT_UART0, BPG_INTERRUPT_UART1 };

  for (unsigned i = 0; i < 2; i++)
    {
      if (!bpg_uart_init (&links.uart[i], i, BPG_LINKS_BAUD))
        continue;
      bpg_interrupt_attach (sources[i], BPG_LINE_UART0 + i, BPG_PRIORITY_UART, on_uart,
                            &links.uart[i]);
      bpg_uart_listen (&links.uart[i]);
    }
  bpg_usb_init (&links.usb);
}

void
bpg_links_service (uint64_t now_us)
{
  bpg_usb_service (&links.usb, now_us);
}

size_t
bpg_links_room (void)
{
  if (links.heard == LINE_USB)
    return bpg_usb_room (&links.usb);
  return bpg_uart_room (&links.uart[links.heard]);
}

void
bpg_links_write (const uint8_t *bytes, size_t length)
{
  if (links.heard == LINE_USB)
    bpg_usb_write (&links.usb, bytes, length);
  else
    bpg_uart_write (&links.uart[links.heard], bytes, length);
}

static size_t
read_line (enum line line, uint8_t *bytes, size_t capacity)
{
  if (line == LINE_USB)
    return bpg_usb_read (&links.usb, bytes, capacity);
  return bpg_uart_read (&links.uart[line], bytes, capacity);
}

size_t
bpg_links_read (uint8_t *bytes, size_t capacity)
{
  size_t length = read_line (links.heard, bytes, capacity);
  uint64_t now = bpg_systimer_us ();

  if (length == 0 && now - links.heard_at < SILENCE_US)
    return 0;
  for (unsigned line = 0; length == 0 && line < LINES; line++)
    {
      length = read_line ((enum line) line, bytes, capacity);
      if (length > 0)
        links.heard = (enum line) line;
    }
  if (length > 0)
    links.heard_at = now;
  return length;
}

uint32_t
bpg_links_rate (void)
{
  return links.heard == LINE_USB ? 0 : BPG_LINKS_BAUD / BITS_A_BYTE;
}

bool
bpg_links_are_drained (void)
{
  if (links.heard == LINE_USB)
    return bpg_usb_is_drained (&links.usb);
  return bpg_uart_is_drained (&links.uart[links.heard]);
}
