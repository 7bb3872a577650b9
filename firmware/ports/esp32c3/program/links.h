/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The three lines that may carry the link: UART0 (a bridge on the board),
 * UART1 (the Bluetooth module) and the chip's own USB. The one that was last
 * heard answers; another takes its place when that has been silent for a while.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits a second of both UARTs. */
#define BPG_LINKS_BAUD 115200u

/* Sets the lines up; bytes of the UARTs are taken by interrupts. */
void bpg_links_init (void);

/* Looks after USB; about once a millisecond. */
void bpg_links_service (uint64_t now_us);

/* As the port's functions of these names. */
size_t bpg_links_room (void);
void bpg_links_write (const uint8_t *bytes, size_t length);
size_t bpg_links_read (uint8_t *bytes, size_t capacity);
uint32_t bpg_links_rate (void);

/* Whether all that was written has left. */
bool bpg_links_are_drained (void);
