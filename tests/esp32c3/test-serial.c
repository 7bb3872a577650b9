/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UART and USB-Serial-JTAG, against models of: the UART's two FIFOs with
 * their counts, thresholds and requests (a request stands until it is cleared
 * and comes back while its cause is there; FIFO resets do not clear
 * themselves); and the USB endpoint, which holds one packet either way, sends
 * it when told and is free again when the host took it.
 */
#include <glib.h>
#include <string.h>

#include "model.h"
#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/uart.h"
#include "ports/esp32c3/drivers/usb-jtag.h"

typedef struct
{
  guint32 base;
  gboolean shifting; /* the last byte is still on its way out */
  GByteArray *receive;
  GByteArray *send;
  GByteArray *line; /* what has left */
  guint lost;
  gint claims;      /* bytes that the count claims to be there, -1: the truth */
} Uart;

static void
update_requests (Uart *uart)
{
  guint32 thresholds = model_peek (uart->base + UART_CONF1);
  guint32 raw = model_peek (uart->base + UART_INT_RAW);

  if (uart->receive->len > 0 && uart->receive->len >= (thresholds & 0x1FF))
    raw |= UART_RXFIFO_FULL_INT;
  if (uart->send->len <= (thresholds >> UART_TXFIFO_EMPTY_THRHD_S & 0x1FF))
    raw |= UART_TXFIFO_EMPTY_INT;
  model_poke (uart->base + UART_INT_RAW, raw);
}

static void
uart_before_read (gpointer data,
                  guint32  address)
{
  Uart *uart = data;
  guint32 received = uart->claims >= 0 ? (guint32) uart->claims : uart->receive->len;

  switch (address - uart->base)
    {
    case UART_FIFO:
      model_poke (address, uart->receive->len > 0 ? uart->receive->data[0] : 0xEE);
      if (uart->receive->len > 0)
        g_byte_array_remove_index (uart->receive, 0);
      break;
    case UART_STATUS:
      model_poke (address, uart->send->len << UART_TXFIFO_CNT_S | received);
      break;
    case UART_INT_RAW:
      update_requests (uart);
      break;
    case UART_FSM_STATUS:
      model_poke (address, uart->send->len > 0 || uart->shifting ? 3u << 4 : 0);
      break;
    default:
      break;
    }
}

static void
uart_after_write (gpointer data,
                  guint32  address,
                  guint32  before,
                  guint32  value)
{
  Uart *uart = data;
  guint8 byte = (guint8) value;

  switch (address - uart->base)
    {
    case UART_FIFO:
      g_assert_cmpuint (uart->send->len, <, BPG_UART_FIFO_SIZE);
      g_byte_array_append (uart->send, &byte, 1);
      break;
    case UART_INT_CLR:
      model_poke (uart->base + UART_INT_RAW, model_peek (uart->base + UART_INT_RAW) & ~value);
      update_requests (uart);
      break;
    case UART_CONF0:
      if (value & UART_RXFIFO_RST)
        g_byte_array_set_size (uart->receive, 0);
      if (value & UART_TXFIFO_RST)
        g_byte_array_set_size (uart->send, 0);
      break;
    default:
      break;
    }
}

/* What the line brings: a byte that finds the FIFO full is lost. */
static void
bring (Uart *uart, guint8 byte, gboolean then_silence)
{
  guint32 raw = UART_INT_RAW + uart->base;

  if (uart->receive->len >= BPG_UART_FIFO_SIZE)
    {
      uart->lost++;
      model_poke (raw, model_peek (raw) | UART_RXFIFO_OVF_INT);
      return;
    }
  g_byte_array_append (uart->receive, &byte, 1);
  if (then_silence)
    model_poke (raw, model_peek (raw) | UART_RXFIFO_TOUT_INT);
}

static void
take (Uart *uart, guint count)
{
  for (guint i = 0; i < count && uart->send->len > 0; i++)
    {
      g_byte_array_append (uart->line, uart->send->data, 1);
      g_byte_array_remove_index (uart->send, 0);
    }
}

static gboolean
interrupts (Uart *uart)
{
  update_requests (uart);
  return (model_peek (uart->base + UART_INT_RAW) & model_peek (uart->base + UART_INT_ENA)) != 0;
}

static void
set_up_uart (Uart *uart, guint32 base)
{
  const ModelPeripheral peripheral = {
    .base = base,
    .size = 0x100,
    .before_read = uart_before_read,
    .after_write = uart_after_write,
    .data = uart,
  };

  model_reset ();
  model_add (&peripheral);
  model_add_memory (SYSTEM_BASE, 0x100);
  uart->base = base;
  uart->receive = g_byte_array_new ();
  uart->send = g_byte_array_new ();
  uart->line = g_byte_array_new ();
  uart->claims = -1;
}

static void
tear_down_uart (Uart *uart)
{
  g_byte_array_unref (uart->receive);
  g_byte_array_unref (uart->send);
  g_byte_array_unref (uart->line);
}

static void
test_baud (void)
{
  static const guint32 rates[] = {
    40, 300, 9600, 57600, 115200, 230400, 460800, 921600, 1000000, 2000000, 3000000, 5000000,
  };
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);

  set_up_uart (&model, UART1_BASE);
  for (guint i = 0; i < G_N_ELEMENTS (rates); i++)
    {
      guint32 clock, divider, sixteenths;
      guint64 real;

      g_assert_true (bpg_uart_init (uart, 1, rates[i]));
      clock = model_peek (UART1_BASE + UART_CLK_CONF);
      divider = model_peek (UART1_BASE + UART_CLKDIV);
      sixteenths = (divider & UART_CLKDIV_MAX) << 4 | (divider >> UART_CLKDIV_FRAG_S & 0xF);
      real = (guint64) BPG_CLOCK_XTAL_HZ * 16 * 1000 / sixteenths / ((clock >> 12 & 0xFF) + 1);
      g_assert_cmphex (clock & UART_SCLK_XTAL, ==, UART_SCLK_XTAL);
      g_assert_cmphex (clock & UART_RST_CORE, ==, 0);
      g_assert_cmphex (divider & ~(0xFu << 20 | UART_CLKDIV_MAX), ==, 0);
      /* Within 0.5 %: a byte stands ten bits of it. */
      g_assert_cmpuint (real, >=, rates[i] * G_GUINT64_CONSTANT (995));
      g_assert_cmpuint (real, <=, rates[i] * G_GUINT64_CONSTANT (1005));
      g_assert_true (model_peek (UART1_BASE + UART_ID) & UART_UPDATE);
    }
  g_assert_false (bpg_uart_set_baud (uart, 0));
  g_assert_false (bpg_uart_set_baud (uart, 39));
  g_assert_false (bpg_uart_set_baud (uart, 5000001));
  g_assert_false (bpg_uart_set_baud (uart, G_MAXUINT32));
  g_assert_true (bpg_uart_set_baud (uart, 115200));
  g_assert_false (bpg_uart_init (uart, 2, 115200));
  tear_down_uart (&model);
}

static void
test_init_empties (void)
{
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);

  set_up_uart (&model, UART0_BASE);
  bring (&model, 1, FALSE);
  memset (uart, 0xA5, sizeof *uart);
  model_poke (UART0_BASE + UART_INT_ENA, 0xFFFFFFFF);
  g_assert_true (bpg_uart_init (uart, 0, 115200));
  g_assert_cmpuint (model.receive->len, ==, 0);
  g_assert_cmphex (model_peek (UART0_BASE + UART_CONF0), ==,
                   UART_MEM_CLK_EN | UART_8_DATA_BITS | UART_ONE_STOP_BIT);
  g_assert_cmphex (model_peek (UART0_BASE + UART_INT_ENA), ==, 0);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN0_REG), ==, SYSTEM_UART | SYSTEM_UART_MEM);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_RST_EN0_REG), ==, 0);
  g_assert_cmphex (model_peek (UART0_BASE + UART_CONF1), ==,
                   UART_RX_TOUT_EN | 64u << UART_TXFIFO_EMPTY_THRHD_S | 64u);
  g_assert_cmphex (model_peek (UART0_BASE + UART_CLK_CONF), ==,
                   UART_SCLK_XTAL | UART_SCLK_EN | UART_RX_SCLK_EN | UART_TX_SCLK_EN);
  g_assert_cmpuint (uart->overflows + uart->framing_errors, ==, 0);
  g_assert_cmpuint (bpg_uart_room (uart), ==, BPG_BYTE_RING_SIZE);
  g_assert_true (bpg_uart_is_drained (uart));
  model.shifting = TRUE;
  g_assert_false (bpg_uart_is_drained (uart));
  tear_down_uart (&model);
}

/* Nothing comes in: what is written asks for its interrupt by itself, and no
 * longer than there is something to send. Without listening it never does. */
static void
test_sending_alone (void)
{
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);

  set_up_uart (&model, UART0_BASE);
  g_assert_true (bpg_uart_init (uart, 0, 115200));
  bpg_uart_write (uart, (const guint8 *) "polled", 6);
  g_assert_false (interrupts (&model));
  bpg_uart_service (uart);
  g_assert_cmpuint (model.send->len, ==, 6);

  bpg_uart_listen (uart);
  for (guint i = 0; i < 5; i++)
    {
      while (interrupts (&model))
        bpg_uart_service (uart);
      take (&model, BPG_UART_FIFO_SIZE);
      g_assert_false (interrupts (&model));
      bpg_uart_write (uart, (const guint8 *) "asked", 5);
      g_assert_true (interrupts (&model));
    }
  tear_down_uart (&model);
}

/* Bytes come and go in random order; whatever the order, all arrive. */
static void
test_no_byte_lost (void)
{
  enum { BYTES = 20000 };
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);
  guint sent = 0, received = 0, written = 0;

  set_up_uart (&model, UART0_BASE);
  g_assert_true (bpg_uart_init (uart, 0, 921600));
  bpg_uart_listen (uart);
  while (received < BYTES || model.line->len < BYTES)
    {
      guint8 bytes[300];
      guint count;

      model_accesses ();
      count = (guint) g_test_rand_int_range (0, 60);
      for (guint i = 0; i < count && sent < BYTES && model.receive->len < BPG_UART_FIFO_SIZE; i++)
        {
          bring (&model, (guint8) (sent * 7), i + 1 == count || sent + 1 == BYTES);
          sent++;
        }
      take (&model, (guint) g_test_rand_int_range (0, 100));
      /* The interrupt comes until its causes are gone: not many times. */
      for (guint i = 0; interrupts (&model); i++)
        {
          g_assert_cmpuint (i, <, 4);
          bpg_uart_service (uart);
        }
      if (g_test_rand_bit ())
        {
          count = (guint) bpg_uart_read (uart, bytes, (gsize) g_test_rand_int_range (0, sizeof bytes));
          for (guint i = 0; i < count; i++)
            g_assert_cmpuint (bytes[i], ==, (guint8) (received++ * 7));
        }
      for (count = 0; count < 50 && written < BYTES && bpg_uart_room (uart) > 0; count++)
        {
          bytes[0] = (guint8) (written++ * 13);
          g_assert_cmpuint (bpg_uart_write (uart, bytes, 1), ==, 1);
        }
    }
  for (guint i = 0; i < BYTES; i++)
    g_assert_cmpuint (model.line->data[i], ==, (guint8) (i * 13));
  g_assert_cmpuint (model.lost, ==, 0);
  g_assert_cmpuint (uart->overflows, ==, 0);
  g_assert_true (bpg_uart_is_drained (uart));
  tear_down_uart (&model);
}

/* Nobody reads: ring and FIFO fill, the interrupt rests, the rest is counted. */
static void
test_overflow (void)
{
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);
  guint8 bytes[2 * BPG_BYTE_RING_SIZE];
  guint kept;

  set_up_uart (&model, UART0_BASE);
  g_assert_true (bpg_uart_init (uart, 0, 115200));
  bpg_uart_listen (uart);
  for (guint i = 0; i < BPG_BYTE_RING_SIZE + BPG_UART_FIFO_SIZE + 10; i++)
    {
      bring (&model, (guint8) i, FALSE);
      for (guint turns = 0; interrupts (&model); turns++)
        {
          g_assert_cmpuint (turns, <, 4);
          bpg_uart_service (uart);
        }
    }
  g_assert_cmpuint (model.lost, ==, 10);
  kept = (guint) bpg_uart_read (uart, bytes, sizeof bytes);
  g_assert_cmpuint (kept, ==, BPG_BYTE_RING_SIZE);
  /* Reading lets the interrupt go on with what the FIFO kept. */
  g_assert_true (interrupts (&model));
  bpg_uart_service (uart);
  kept += (guint) bpg_uart_read (uart, bytes + kept, sizeof bytes - kept);
  g_assert_cmpuint (kept, ==, BPG_BYTE_RING_SIZE + BPG_UART_FIFO_SIZE);
  for (guint i = 0; i < kept; i++)
    g_assert_cmpuint (bytes[i], ==, (guint8) i);
  g_assert_cmpuint (uart->overflows, >, 0);
  tear_down_uart (&model);
}

/* A FIFO that always claims to be full, or more than full. */
static void
test_stuck_fifo (void)
{
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);
  guint8 bytes[BPG_BYTE_RING_SIZE];

  set_up_uart (&model, UART0_BASE);
  g_assert_true (bpg_uart_init (uart, 0, 115200));
  model.claims = 0x3FF;
  for (guint i = 0; i < 20; i++)
    {
      model_accesses ();
      bpg_uart_service (uart);
      g_assert_cmpuint (model_accesses (), <, 200);
    }
  g_assert_cmpuint (bpg_uart_read (uart, bytes, sizeof bytes), ==, sizeof bytes);

  /* A transmitter that takes nothing: the ring fills, and that is all. */
  memset (bytes, 0x55, sizeof bytes);
  g_assert_cmpuint (bpg_uart_write (uart, bytes, sizeof bytes), ==, sizeof bytes);
  for (guint i = 0; i < 20; i++)
    bpg_uart_service (uart);
  g_assert_cmpuint (model.send->len, ==, BPG_UART_FIFO_SIZE);
  g_assert_cmpuint (bpg_uart_room (uart), ==, BPG_UART_FIFO_SIZE);
  g_assert_false (bpg_uart_is_drained (uart));
  tear_down_uart (&model);
}

static void
test_framing_error (void)
{
  Uart model = { 0 };
  g_autofree struct bpg_uart *uart = g_new0 (struct bpg_uart, 1);

  set_up_uart (&model, UART0_BASE);
  g_assert_true (bpg_uart_init (uart, 0, 115200));
  model_poke (UART0_BASE + UART_INT_RAW, UART_FRM_ERR_INT);
  bpg_uart_service (uart);
  bpg_uart_service (uart);
  g_assert_cmpuint (uart->framing_errors, ==, 1);
  tear_down_uart (&model);
}

typedef struct
{
  GByteArray *out;    /* the packet from the host */
  GByteArray *in;     /* the packet to the host */
  gboolean full;      /* told to send it */
  gboolean host;
  gboolean always;    /* claims to have bytes for ever */
} Usb;

static void
usb_before_read (gpointer data,
                 guint32  address)
{
  Usb *usb = data;
  guint32 conf = 0;

  switch (address)
    {
    case USB_SERIAL_JTAG_EP1_REG:
      model_poke (address, usb->out->len > 0 ? usb->out->data[0] : 0);
      if (usb->out->len > 0)
        g_byte_array_remove_index (usb->out, 0);
      break;
    case USB_SERIAL_JTAG_EP1_CONF_REG:
      if (usb->out->len > 0 || usb->always)
        conf |= USB_SERIAL_JTAG_SERIAL_OUT_EP_DATA_AVAIL;
      if (!usb->full && usb->in->len < BPG_USB_PACKET)
        conf |= USB_SERIAL_JTAG_SERIAL_IN_EP_DATA_FREE;
      model_poke (address, conf);
      break;
    case USB_SERIAL_JTAG_INT_RAW_REG:
      if (usb->host)
        model_poke (address, USB_SERIAL_JTAG_SOF_INT);
      break;
    default:
      break;
    }
}

static void
usb_after_write (gpointer data,
                 guint32  address,
                 guint32  before,
                 guint32  value)
{
  Usb *usb = data;
  guint8 byte = (guint8) value;

  if (address == USB_SERIAL_JTAG_EP1_REG)
    {
      g_assert_false (usb->full);
      g_byte_array_append (usb->in, &byte, 1);
      g_assert_cmpuint (usb->in->len, <, BPG_USB_PACKET);
    }
  if (address == USB_SERIAL_JTAG_EP1_CONF_REG && (value & USB_SERIAL_JTAG_WR_DONE) != 0)
    usb->full = TRUE;
  if (address == USB_SERIAL_JTAG_INT_CLR_REG)
    model_poke (USB_SERIAL_JTAG_INT_RAW_REG, model_peek (USB_SERIAL_JTAG_INT_RAW_REG) & ~value);
}

static void
set_up_usb (Usb *usb)
{
  const ModelPeripheral peripheral = {
    .base = USB_SERIAL_JTAG_BASE,
    .size = 0x100,
    .before_read = usb_before_read,
    .after_write = usb_after_write,
    .data = usb,
  };

  model_reset ();
  model_add (&peripheral);
  model_add_memory (SYSTEM_BASE, 0x100);
  usb->out = g_byte_array_new ();
  usb->in = g_byte_array_new ();
}

static void
tear_down_usb (Usb *usb)
{
  g_byte_array_unref (usb->out);
  g_byte_array_unref (usb->in);
}

static void
test_usb_both_ways (void)
{
  enum { BYTES = 10000 };
  Usb model = { .host = TRUE };
  g_autofree struct bpg_usb *usb = g_new0 (struct bpg_usb, 1);
  guint sent = 0, received = 0, written = 0, arrived = 0;

  set_up_usb (&model);
  bpg_usb_init (usb);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN0_REG), ==, SYSTEM_USB_DEVICE);
  for (guint64 now = 0; received < BYTES || arrived < BYTES; now += 1000)
    {
      guint8 bytes[100];
      guint count;

      model_accesses ();
      while (model.out->len < BPG_USB_PACKET && sent < BYTES)
        {
          bytes[0] = (guint8) (sent++ * 7);
          g_byte_array_append (model.out, bytes, 1);
        }
      bpg_usb_service (usb, now);
      count = (guint) bpg_usb_read (usb, bytes, (gsize) g_test_rand_int_range (0, sizeof bytes));
      for (guint i = 0; i < count; i++)
        g_assert_cmpuint (bytes[i], ==, (guint8) (received++ * 7));
      while (written < BYTES && bpg_usb_room (usb) > 0)
        {
          bytes[0] = (guint8) (written++ * 13);
          g_assert_cmpuint (bpg_usb_write (usb, bytes, 1), ==, 1);
        }
      if (model.full && g_test_rand_bit ())
        {
          for (guint i = 0; i < model.in->len; i++)
            g_assert_cmpuint (model.in->data[i], ==, (guint8) (arrived++ * 13));
          g_byte_array_set_size (model.in, 0);
          model.full = FALSE;
        }
    }
  g_assert_true (bpg_usb_is_drained (usb));
  tear_down_usb (&model);
}

static void
test_usb_no_host (void)
{
  Usb model = { 0 };
  g_autofree struct bpg_usb *usb = g_new0 (struct bpg_usb, 1);
  guint8 bytes[200] = { 0 };

  set_up_usb (&model);
  memset (usb, 0xA5, sizeof *usb);
  model_poke (USB_SERIAL_JTAG_INT_ENA_REG, 0xFFF);
  model_poke (USB_SERIAL_JTAG_INT_RAW_REG, USB_SERIAL_JTAG_SOF_INT);
  bpg_usb_init (usb);
  g_assert_cmphex (model_peek (USB_SERIAL_JTAG_INT_ENA_REG), ==, 0);
  bpg_usb_service (usb, 1);
  /* The frames of a host that was there before the start are none now. */
  g_assert_cmpuint (bpg_usb_read (usb, bytes, sizeof bytes), ==, 0);
  g_assert_false (bpg_usb_has_host (usb));
  g_assert_cmpuint (bpg_usb_room (usb), ==, 0);
  g_assert_cmpuint (bpg_usb_write (usb, bytes, sizeof bytes), ==, 0);

  model.host = TRUE;
  bpg_usb_service (usb, 1000);
  g_assert_true (bpg_usb_has_host (usb));
  g_assert_cmpuint (bpg_usb_write (usb, bytes, sizeof bytes), ==, sizeof bytes);
  g_assert_false (bpg_usb_is_drained (usb));

  /* It leaves; what was for it is gone when another comes. */
  model.host = FALSE;
  bpg_usb_service (usb, 1000 + BPG_USB_HOST_US);
  g_assert_true (bpg_usb_has_host (usb));
  model_poke (USB_SERIAL_JTAG_INT_RAW_REG, 0);
  bpg_usb_service (usb, 1000 + BPG_USB_HOST_US + 1);
  g_assert_false (bpg_usb_has_host (usb));
  g_assert_cmpuint (bpg_usb_room (usb), ==, 0);
  model.host = TRUE;
  bpg_usb_service (usb, 1000000);
  g_assert_cmpuint (bpg_usb_room (usb), ==, BPG_BYTE_RING_SIZE);
  tear_down_usb (&model);
}

/* A host without a program takes nothing; one that never stops is bounded. */
static void
test_usb_nobody_reads (void)
{
  Usb model = { .host = TRUE, .always = TRUE };
  g_autofree struct bpg_usb *usb = g_new0 (struct bpg_usb, 1);
  guint8 bytes[BPG_BYTE_RING_SIZE] = { 0 };

  set_up_usb (&model);
  bpg_usb_init (usb);
  bpg_usb_service (usb, 0);
  for (guint64 now = 0; now < 100000; now += 1000)
    {
      bpg_usb_write (usb, bytes, bpg_usb_room (usb));
      model_accesses ();
      bpg_usb_service (usb, now);
      g_assert_cmpuint (model_accesses (), <, 3 * BPG_BYTE_RING_SIZE);
    }
  g_assert_cmpuint (bpg_usb_room (usb), ==, 0);
  g_assert_cmpuint (bpg_usb_read (usb, bytes, sizeof bytes), ==, sizeof bytes);
  tear_down_usb (&model);
}

/* The ring's counters wrap. */
static void
test_ring_wraps (void)
{
  g_autofree struct bpg_byte_ring *ring = g_new0 (struct bpg_byte_ring, 1);
  guint8 bytes[7];

  ring->written = ring->read = G_MAXUINT32 - 100;
  for (guint i = 0; i < 200; i++)
    {
      memset (bytes, (gint) i, sizeof bytes);
      g_assert_cmpuint (bpg_byte_ring_write (ring, bytes, sizeof bytes), ==, sizeof bytes);
      g_assert_cmpuint (bpg_byte_ring_used (ring), ==, sizeof bytes);
      memset (bytes, 0, sizeof bytes);
      g_assert_cmpuint (bpg_byte_ring_read (ring, bytes, 100), ==, sizeof bytes);
      g_assert_cmpuint (bytes[6], ==, i);
    }
  g_assert_cmpuint (bpg_byte_ring_room (ring), ==, BPG_BYTE_RING_SIZE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/ring/wraps", test_ring_wraps);
  g_test_add_func ("/esp32c3/uart/baud", test_baud);
  g_test_add_func ("/esp32c3/uart/init-empties", test_init_empties);
  g_test_add_func ("/esp32c3/uart/sending-alone", test_sending_alone);
  g_test_add_func ("/esp32c3/uart/no-byte-lost", test_no_byte_lost);
  g_test_add_func ("/esp32c3/uart/overflow", test_overflow);
  g_test_add_func ("/esp32c3/uart/stuck-fifo", test_stuck_fifo);
  g_test_add_func ("/esp32c3/uart/framing-error", test_framing_error);
  g_test_add_func ("/esp32c3/usb/both-ways", test_usb_both_ways);
  g_test_add_func ("/esp32c3/usb/no-host", test_usb_no_host);
  g_test_add_func ("/esp32c3/usb/nobody-reads", test_usb_nobody_reads);
  return g_test_run ();
}
