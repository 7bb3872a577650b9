/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/uart.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/registers.h"

/* Interrupts come with half a FIFO either way, so that there is time to
 * serve them, or when the line has been silent for ten bits. */
#define FIFO_THRESHOLD (BPG_UART_FIFO_SIZE / 2)
#define SILENT_BITS 10u

#define BAUD_MIN 40u
#define BAUD_MAX 5000000u

#define RECEIVE_INTERRUPTS (UART_RXFIFO_FULL_INT | UART_RXFIFO_TOUT_INT | UART_RXFIFO_OVF_INT)

struct divider
{
  uint32_t clock;   /* UART_CLK_CONF's divider of the crystal, 1..256 */
  uint32_t rounded; /* of what is left, in sixteenths */
};

static bool
divide (uint32_t baud, struct divider *divider)
{
  uint64_t widest = (uint64_t) UART_CLKDIV_MAX * baud;
  uint64_t bit;

  if (baud < BAUD_MIN || baud > BAUD_MAX)
    return false;
  divider->clock = (uint32_t) ((BPG_CLOCK_XTAL_HZ + widest - 1) / widest);
  bit = (uint64_t) baud * divider->clock;
  divider->rounded = (uint32_t) ((16u * (uint64_t) BPG_CLOCK_XTAL_HZ + bit / 2) / bit);
  return divider->clock <= UART_SCLK_DIV_MAX;
}

static void
set_divider (uint32_t base, const struct divider *divider)
{
  bpg_reg_write (base + UART_CLK_CONF, UART_SCLK_XTAL | UART_SCLK_EN | UART_RX_SCLK_EN
                                         | UART_TX_SCLK_EN
                                         | (divider->clock - 1) << UART_SCLK_DIV_NUM_S);
  bpg_reg_write (base + UART_CLKDIV,
                 divider->rounded >> 4 | (divider->rounded & 0xF) << UART_CLKDIV_FRAG_S);
  bpg_reg_set (base + UART_ID, UART_UPDATE);
}

/* The transmitter would send a byte of garbage were its core not held while
 * the rest is reset. */
static void
reset (unsigned index, uint32_t base)
{
  uint32_t bit = index == 0 ? SYSTEM_UART : SYSTEM_UART1;

  bpg_clock_keep (bit | SYSTEM_UART_MEM);
  bpg_reg_set (base + UART_CLK_CONF, UART_RST_CORE);
  bpg_clock_open (bit);
  bpg_reg_clear (base + UART_CLK_CONF, UART_RST_CORE);
}

/* These bits do not clear themselves. */
static void
empty_fifos (uint32_t base)
{
  bpg_reg_set (base + UART_CONF0, UART_TXFIFO_RST | UART_RXFIFO_RST);
  bpg_reg_clear (base + UART_CONF0, UART_TXFIFO_RST | UART_RXFIFO_RST);
}

bool
bpg_uart_init (struct bpg_uart *uart, unsigned index, uint32_t baud)
{
  struct divider divider;

  if (index > 1 || !divide (baud, &divider))
    return false;

  uart->base = index == 0 ? UART0_BASE : UART1_BASE;
  uart->overflows = 0;
  uart->framing_errors = 0;
  uart->listens = false;
  bpg_byte_ring_init (&uart->received);
  bpg_byte_ring_init (&uart->to_send);

  reset (index, uart->base);
  bpg_reg_write (uart->base + UART_INT_ENA, 0);
  bpg_reg_write (uart->base + UART_CONF0,
                 UART_MEM_CLK_EN | UART_8_DATA_BITS | UART_ONE_STOP_BIT);
  bpg_reg_write (uart->base + UART_CONF1,
                 UART_RX_TOUT_EN | FIFO_THRESHOLD << UART_TXFIFO_EMPTY_THRHD_S
                   | FIFO_THRESHOLD << UART_RXFIFO_FULL_THRHD_S);
  bpg_reg_modify (uart->base + UART_MEM_CONF, UART_RX_TOUT_THRHD_MASK,
                  SILENT_BITS << UART_RX_TOUT_THRHD_S);
  set_divider (uart->base, &divider);
  empty_fifos (uart->base);
  bpg_reg_write (uart->base + UART_INT_CLR, UINT32_MAX);
  return true;
}

bool
bpg_uart_set_baud (struct bpg_uart *uart, uint32_t baud)
{
  struct divider divider;

  if (!divide (baud, &divider))
    return false;
  set_divider (uart->base, &divider);
  return true;
}

/* The program alone sets bits here, and an interrupt alone clears them: what
 * an interrupt clears in between is at worst requested once more. */
static void
request (const struct bpg_uart *uart, uint32_t interrupts)
{
  if (uart->listens)
    bpg_reg_set (uart->base + UART_INT_ENA, interrupts);
}

void
bpg_uart_listen (struct bpg_uart *uart)
{
  uart->listens = true;
  request (uart, RECEIVE_INTERRUPTS | UART_TXFIFO_EMPTY_INT);
}

static unsigned
receive_count (const struct bpg_uart *uart)
{
  return bpg_reg_read (uart->base + UART_STATUS) & UART_FIFO_CNT_MASK;
}

static unsigned
send_count (const struct bpg_uart *uart)
{
  return bpg_reg_read (uart->base + UART_STATUS) >> UART_TXFIFO_CNT_S & UART_FIFO_CNT_MASK;
}

/* A FIFO that claims to hold more than it can is read as a full one. */
static void
receive (struct bpg_uart *uart)
{
  unsigned count = receive_count (uart);
  size_t room = bpg_byte_ring_room (&uart->received);

  if (count > BPG_UART_FIFO_SIZE)
    count = BPG_UART_FIFO_SIZE;
  for (unsigned i = 0; i < count && i < room; i++)
    bpg_byte_ring_put (&uart->received, (uint8_t) bpg_reg_read (uart->base + UART_FIFO));
  /* The request would stand for as long as the ring is full. */
  if (count > room)
    bpg_reg_clear (uart->base + UART_INT_ENA, RECEIVE_INTERRUPTS);
}

static void
send (struct bpg_uart *uart)
{
  unsigned count = send_count (uart);

  while (count < BPG_UART_FIFO_SIZE && bpg_byte_ring_used (&uart->to_send) > 0)
    {
      bpg_reg_write (uart->base + UART_FIFO, bpg_byte_ring_take (&uart->to_send));
      count++;
    }
  if (bpg_byte_ring_used (&uart->to_send) == 0)
    bpg_reg_clear (uart->base + UART_INT_ENA, UART_TXFIFO_EMPTY_INT);
}

void
bpg_uart_service (struct bpg_uart *uart)
{
  uint32_t seen = bpg_reg_read (uart->base + UART_INT_RAW);

  /* Before their causes are served: a request too many does no harm, one that
   * came in between and is lost does. */
  bpg_reg_write (uart->base + UART_INT_CLR, seen);
  if (seen & UART_RXFIFO_OVF_INT)
    uart->overflows++;
  if (seen & UART_FRM_ERR_INT)
    uart->framing_errors++;
  receive (uart);
  send (uart);
}

size_t
bpg_uart_read (struct bpg_uart *uart, uint8_t *bytes, size_t capacity)
{
  size_t count = bpg_byte_ring_read (&uart->received, bytes, capacity);

  if (count > 0)
    request (uart, RECEIVE_INTERRUPTS);
  return count;
}

size_t
bpg_uart_room (const struct bpg_uart *uart)
{
  return bpg_byte_ring_room (&uart->to_send);
}

size_t
bpg_uart_write (struct bpg_uart *uart, const uint8_t *bytes, size_t length)
{
  size_t count = bpg_byte_ring_write (&uart->to_send, bytes, length);

  if (count > 0)
    request (uart, UART_TXFIFO_EMPTY_INT);
  return count;
}

bool
bpg_uart_is_drained (const struct bpg_uart *uart)
{
  return bpg_byte_ring_used (&uart->to_send) == 0 && send_count (uart) == 0
         && (bpg_reg_read (uart->base + UART_FSM_STATUS) & UART_ST_UTX_OUT_MASK) == 0;
}
