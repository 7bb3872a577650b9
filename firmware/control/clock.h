/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Date and time as MCUmgr writes it: yyyy-MM-dd'T'HH:mm:ss[.SSSSSS], UTC. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_CLOCK_TEXT_SIZE 27u

/* Reads @text as microseconds since 1970. An offset ("Z", "+00:00") may
 * follow and must be zero. Returns false when it is not a date of 1970-2099. */
bool bpg_clock_parse (const char *text, size_t length, uint64_t *microseconds);

/* Writes @microseconds since 1970 with six decimals and a final zero byte. */
void bpg_clock_format (uint64_t microseconds, char text[BPG_CLOCK_TEXT_SIZE]);
