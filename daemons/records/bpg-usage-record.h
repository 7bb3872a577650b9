/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* A record of the arm's usage log, as it comes over the line. Little-endian: time u64 (µs; of the real clock when bit 0
 * of flags is set, else since the arm started), kind u8, flags u8, a u16, data 16 bytes, CRC-32 of the 28 before. */
#define BPG_USAGE_RECORD_BYTES 32u

/**
 * bpg_usage_record_get_time:
 * @bytes: BPG_USAGE_RECORD_BYTES
 *
 * Returns: when it was written, µs of the real clock; 0 when the arm did not know.
 */
guint64 bpg_usage_record_get_time (const guint8 *bytes);

/**
 * bpg_usage_record_describe:
 * @bytes: BPG_USAGE_RECORD_BYTES
 *
 * Returns: (transfer floating): a{sv} as in Usage1.Read. A kind that is not known is told as `other` with its number;
 *   one whose CRC does not hold as `damaged`.
 */
GVariant *bpg_usage_record_describe (guint64 sequence, const guint8 *bytes);
