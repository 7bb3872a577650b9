/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/usb-jtag.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/registers.h"

/* A host hands bytes on when a packet is short; after a full one it would
 * wait for the next. */
#define SHORT_PACKET (BPG_USB_PACKET - 1)

void
bpg_usb_init (struct bpg_usb *usb)
{
  bpg_byte_ring_init (&usb->received);
  bpg_byte_ring_init (&usb->to_send);
  usb->last_frame_us = 0;
  usb->has_host = false;
  /* A reset would take the device off the bus. */
  bpg_clock_keep (SYSTEM_USB_DEVICE);
  bpg_reg_write (USB_SERIAL_JTAG_INT_ENA_REG, 0);
  bpg_reg_write (USB_SERIAL_JTAG_INT_CLR_REG, USB_SERIAL_JTAG_SOF_INT);
}

static bool
is_set (uint32_t bit)
{
  return (bpg_reg_read (USB_SERIAL_JTAG_EP1_CONF_REG) & bit) != 0;
}

static void
look_for_host (struct bpg_usb *usb, uint64_t now_us)
{
  if (bpg_reg_read (USB_SERIAL_JTAG_INT_RAW_REG) & USB_SERIAL_JTAG_SOF_INT)
    {
      bpg_reg_write (USB_SERIAL_JTAG_INT_CLR_REG, USB_SERIAL_JTAG_SOF_INT);
      usb->last_frame_us = now_us;
      usb->has_host = true;
    }
  else if (now_us - usb->last_frame_us > BPG_USB_HOST_US)
    {
      usb->has_host = false;
    }
}

static void
receive (struct bpg_usb *usb)
{
  while (bpg_byte_ring_room (&usb->received) > 0
         && is_set (USB_SERIAL_JTAG_SERIAL_OUT_EP_DATA_AVAIL))
    bpg_byte_ring_put (&usb->received, (uint8_t) bpg_reg_read (USB_SERIAL_JTAG_EP1_REG));
}

static void
send (struct bpg_usb *usb)
{
  unsigned count = 0;

  while (count < SHORT_PACKET && bpg_byte_ring_used (&usb->to_send) > 0
         && is_set (USB_SERIAL_JTAG_SERIAL_IN_EP_DATA_FREE))
    {
      bpg_reg_write (USB_SERIAL_JTAG_EP1_REG, bpg_byte_ring_take (&usb->to_send));
      count++;
    }
  if (count > 0)
    bpg_reg_write (USB_SERIAL_JTAG_EP1_CONF_REG, USB_SERIAL_JTAG_WR_DONE);
}

void
bpg_usb_service (struct bpg_usb *usb, uint64_t now_us)
{
  look_for_host (usb, now_us);
  receive (usb);
  if (usb->has_host)
    send (usb);
  else
    bpg_byte_ring_drop (&usb->to_send);
}

bool
bpg_usb_has_host (const struct bpg_usb *usb)
{
  return usb->has_host;
}

size_t
bpg_usb_read (struct bpg_usb *usb, uint8_t *bytes, size_t capacity)
{
  return bpg_byte_ring_read (&usb->received, bytes, capacity);
}

size_t
bpg_usb_room (const struct bpg_usb *usb)
{
  return usb->has_host ? bpg_byte_ring_room (&usb->to_send) : 0;
}

size_t
bpg_usb_write (struct bpg_usb *usb, const uint8_t *bytes, size_t length)
{
  return usb->has_host ? bpg_byte_ring_write (&usb->to_send, bytes, length) : 0;
}

bool
bpg_usb_is_drained (const struct bpg_usb *usb)
{
  return bpg_byte_ring_used (&usb->to_send) == 0 && is_set (USB_SERIAL_JTAG_SERIAL_IN_EP_DATA_FREE);
}
