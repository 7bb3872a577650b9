/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The serial port of the chip's own USB device (303a:1001). As with the UART,
 * bpg_usb_service() moves bytes between the hardware and two rings: call it
 * from one place, a loop or a tick, about every millisecond. Nothing received
 * is lost: what finds no place stays with the host.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/byte-ring.h"
#include "ports/esp32c3/drivers/soc.h"

/* USB Serial/JTAG Controller */
#define USB_SERIAL_JTAG_BASE 0x60043000u
#define USB_SERIAL_JTAG_EP1_REG (USB_SERIAL_JTAG_BASE + 0x00)
#define USB_SERIAL_JTAG_EP1_CONF_REG (USB_SERIAL_JTAG_BASE + 0x04)
#define USB_SERIAL_JTAG_WR_DONE BPG_BIT (0)
#define USB_SERIAL_JTAG_SERIAL_IN_EP_DATA_FREE BPG_BIT (1)
#define USB_SERIAL_JTAG_SERIAL_OUT_EP_DATA_AVAIL BPG_BIT (2)
#define USB_SERIAL_JTAG_INT_RAW_REG (USB_SERIAL_JTAG_BASE + 0x08)
#define USB_SERIAL_JTAG_INT_ENA_REG (USB_SERIAL_JTAG_BASE + 0x10)
#define USB_SERIAL_JTAG_INT_CLR_REG (USB_SERIAL_JTAG_BASE + 0x14)
#define USB_SERIAL_JTAG_SOF_INT BPG_BIT (1)

/* What the endpoint holds either way. */
#define BPG_USB_PACKET 64u

/* So long after the last of the host's frames, which come every millisecond,
 * there is a host, in microseconds. */
#define BPG_USB_HOST_US 5000u

struct bpg_usb
{
  struct bpg_byte_ring received;
  struct bpg_byte_ring to_send;
  uint64_t last_frame_us;
  bool has_host;
};

/* Starts with empty rings and no host; the device goes on as the ROM set it
 * up. */
void bpg_usb_init (struct bpg_usb *usb);

/* Moves what there is to move. What was to be sent to a host that has left is
 * forgotten. @now_us: the time (bpg_systimer_us()). */
void bpg_usb_service (struct bpg_usb *usb, uint64_t now_us);

/* Whether a host is there. One that is there need not have the port open:
 * then it takes nothing, and bpg_usb_room() comes down to 0 and stays. */
bool bpg_usb_has_host (const struct bpg_usb *usb);

/* Takes up to @capacity received bytes; returns how many. */
size_t bpg_usb_read (struct bpg_usb *usb, uint8_t *bytes, size_t capacity);

/* Bytes that bpg_usb_write() would take now; 0 without a host. */
size_t bpg_usb_room (const struct bpg_usb *usb);

/* Gives as many of @length bytes to be sent as there is room for; returns how
 * many. */
size_t bpg_usb_write (struct bpg_usb *usb, const uint8_t *bytes, size_t length);

/* Whether the host has taken all that was written. */
bool bpg_usb_is_drained (const struct bpg_usb *usb);
