/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * UART0 and UART1: 8 data bits, no parity, one stop bit. bpg_uart_service()
 * moves bytes between the hardware and two rings. Call it from one place: the
 * UART's interrupt, or a loop or tick that comes at least every 128 bytes of
 * the line's time. The other functions are for the program.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/byte-ring.h"
#include "ports/esp32c3/drivers/soc.h"

/* UART Controller */
#define UART0_BASE 0x60000000u
#define UART1_BASE 0x60010000u
#define UART_FIFO 0x00u
#define UART_INT_RAW 0x04u
#define UART_INT_ENA 0x0Cu
#define UART_INT_CLR 0x10u
#define UART_RXFIFO_FULL_INT BPG_BIT (0)
#define UART_TXFIFO_EMPTY_INT BPG_BIT (1)
#define UART_FRM_ERR_INT BPG_BIT (3)
#define UART_RXFIFO_OVF_INT BPG_BIT (4)
#define UART_RXFIFO_TOUT_INT BPG_BIT (8)
#define UART_CLKDIV 0x14u
#define UART_CLKDIV_FRAG_S 20
#define UART_CLKDIV_MAX 0xFFFu
#define UART_STATUS 0x1Cu
#define UART_TXFIFO_CNT_S 16
#define UART_FIFO_CNT_MASK 0x3FFu
#define UART_CONF0 0x20u
#define UART_MEM_CLK_EN BPG_BIT (28) /* of the FIFOs */
#define UART_TXFIFO_RST BPG_BIT (18)
#define UART_RXFIFO_RST BPG_BIT (17)
#define UART_ONE_STOP_BIT (1u << 4)
#define UART_8_DATA_BITS (3u << 2)
#define UART_CONF1 0x24u
#define UART_RX_TOUT_EN BPG_BIT (21)
#define UART_TXFIFO_EMPTY_THRHD_S 9
#define UART_RXFIFO_FULL_THRHD_S 0
#define UART_MEM_CONF 0x60u
#define UART_RX_TOUT_THRHD_S 16
#define UART_RX_TOUT_THRHD_MASK (0x3FFu << UART_RX_TOUT_THRHD_S)
#define UART_FSM_STATUS 0x6Cu
#define UART_ST_UTX_OUT_MASK (0xFu << 4)
#define UART_CLK_CONF 0x78u
#define UART_TX_SCLK_EN BPG_BIT (24)
#define UART_RX_SCLK_EN BPG_BIT (25)
#define UART_RST_CORE BPG_BIT (23)
#define UART_SCLK_EN BPG_BIT (22)
#define UART_SCLK_XTAL (3u << 20)
#define UART_SCLK_DIV_NUM_S 12
#define UART_SCLK_DIV_MAX 256u
#define UART_ID 0x80u
#define UART_UPDATE BPG_BIT (31)

#define BPG_UART_FIFO_SIZE 128u

struct bpg_uart
{
  struct bpg_byte_ring received;
  struct bpg_byte_ring to_send;
  uint32_t base;
  uint32_t overflows;      /* times that the hardware lost bytes, because the ring was full */
  uint32_t framing_errors; /* stop bits that were none: noise, or another baud rate */
  bool listens;
};

/* Sets UART @index, 0 or 1, up at @baud, its FIFOs and rings empty and its
 * interrupts disabled. Returns false when there is none such or it cannot run
 * at that rate (40 to 5,000,000). */
bool bpg_uart_init (struct bpg_uart *uart, unsigned index, uint32_t baud);

/* Changes the rate. What is being sent or received meanwhile is garbled: wait
 * for bpg_uart_is_drained(). Returns false, and changes nothing, when the
 * UART cannot run at that rate. */
bool bpg_uart_set_baud (struct bpg_uart *uart, uint32_t baud);

/* Has the UART interrupt when there is something to move; without, the program
 * calls bpg_uart_service() by itself. */
void bpg_uart_listen (struct bpg_uart *uart);

/* Moves what there is to move. What finds no place in the ring stays in the
 * hardware, which then holds up to BPG_UART_FIFO_SIZE bytes before it loses
 * any. */
void bpg_uart_service (struct bpg_uart *uart);

/* Takes up to @capacity received bytes; returns how many. */
size_t bpg_uart_read (struct bpg_uart *uart, uint8_t *bytes, size_t capacity);

/* Bytes that bpg_uart_write() would take now. */
size_t bpg_uart_room (const struct bpg_uart *uart);

/* Gives as many of @length bytes to be sent as there is room for; returns how
 * many. */
size_t bpg_uart_write (struct bpg_uart *uart, const uint8_t *bytes, size_t length);

/* Whether the last bit of all that was written has left. */
bool bpg_uart_is_drained (const struct bpg_uart *uart);
