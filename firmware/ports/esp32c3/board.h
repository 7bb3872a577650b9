/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The board: what it is called, what is where on it, and who interrupts whom. */

/* As factories and containers name it. */
#define BPG_BOARD_NAME "esp32c3-1"

/* Lines of the core's interrupts, and their priorities: what comes from the
 * muscles before what comes over a line. */
#define BPG_LINE_UART0 1u
#define BPG_LINE_UART1 2u
#define BPG_LINE_TICK 3u
#define BPG_LINE_CONVERTER 4u
#define BPG_PRIORITY_UART 1u
#define BPG_PRIORITY_TICK 2u
#define BPG_PRIORITY_CONVERTER 3u

/*
 * Pins. An arm takes all there are. The chip is one whose flash is beside it
 * and read over two lines, which leaves 11 to 13 free (11 by the eFuse
 * VDD_SPI_AS_GPIO); USB is on 18 and 19, where it always is. The converter is
 * the only one on its bus, so always selected, and reset by command; the
 * servos' power comes with the arm's.
 */
#define BPG_PIN_CONVERTER_READY 0u
#define BPG_PIN_CONVERTER_CLOCK 1u
#define BPG_PIN_CONVERTER_OUT 2u /* to the chip; high at a reset, as the ROM wants it */
#define BPG_PIN_CONVERTER_IN 3u
#define BPG_CHANNEL_CURRENT 4u /* of the chip's own converter; pin 4 */
#define BPG_PINS_SERVOS { 5, 6, 7, 10, 12, 13 }
#define BPG_PIN_SDA 8u
#define BPG_PIN_SCL 11u
/* Boards of this chip have this button for the ROM's loader; pressed it is
 * low. A lamp that is lit when the pin is driven low shows which arm is meant. */
#define BPG_PIN_BUTTON 9u
#define BPG_PIN_BLUETOOTH_RX 20u
#define BPG_PIN_BLUETOOTH_TX 21u

/* The shunt's amplifier gives 0.5 V an ampere. */
#define BPG_CURRENT_ZERO_MV 0u
#define BPG_CURRENT_UV_A_MA 500u

/* Cells of the battery, in series. */
#define BPG_BATTERY_CELLS 2u

/* The slot of the secure element that has the arm's key. */
#define BPG_ELEMENT_SLOT 0u
