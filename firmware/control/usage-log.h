/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The usage log: records of 32 bytes in a ring of flash sectors. Each sector
 * begins with a header that carries its sequence number and a bitmap in which
 * confirmed records are cleared. Records are numbered for ever: record n is
 * in the sector with sequence n / 127. One sector is always blank; when the
 * next is opened, the oldest goes, and its header counts as lost what in that
 * was never confirmed.
 *
 * A record: t u64 (microseconds; of the real clock when flags bit 0 is set,
 * else since the start of the arm), kind u8, flags u8, a u16, data 16 bytes,
 * CRC-32 of the 28 bytes before it. All little-endian.
 */

#include <stdbool.h>
#include <stdint.h>

#include "link/messages.h"

#define BPG_USAGE_DATA_SIZE 16u
#define BPG_USAGE_PER_SECTOR 127u
#define BPG_USAGE_CLOCK_SET 0x01u
/* Sectors that keep 30 days: a record a minute, each hour all the latencies
 * there can be, and twenty starts, faults and models a day. */
#define BPG_USAGE_SECTORS 400u

enum bpg_usage_kind
{
  BPG_USAGE_START = 1,   /* a: enum bpg_boot_reason; data: active model's hash, 16 bytes */
  BPG_USAGE_MINUTE = 2,  /* a: battery percent; data: movements begun, u8 for each gesture 0..12,
                            then u8 faults, u8 worn (1), u8 0 */
  BPG_USAGE_FAULT = 3,   /* a: enum bpg_event_kind; data: u32 a, u32 b of the event */
  BPG_USAGE_BINDING = 4, /* a: 1 bound, 0 unbound */
  BPG_USAGE_MODEL = 5,   /* a: slot + 256 x enum bpg_usage_model; data: its hash, 16 bytes */
  BPG_USAGE_LATENCY = 6, /* a: first bucket; data: decisions of four buckets since the last such
                            record, u32 each (buckets as in the status) */
};

enum bpg_usage_model
{
  BPG_USAGE_MODEL_STARTED = 0,
  BPG_USAGE_MODEL_TRIAL = 1,
  BPG_USAGE_MODEL_CONFIRMED = 2,
  BPG_USAGE_MODEL_REVERTED = 3, /* the slot that was given up */
  BPG_USAGE_MODEL_REJECTED = 4,
};

struct bpg_usage_record
{
  uint64_t time;
  uint8_t kind;
  uint8_t flags;
  uint16_t a;
  uint8_t data[BPG_USAGE_DATA_SIZE];
};

struct bpg_usage_log
{
  uint32_t sectors;
  uint32_t head; /* position of the sector that is written, in sectors */
  uint64_t next; /* number of the next record */
  uint64_t first; /* number of the oldest record still there */
  uint64_t confirmed; /* records before this number are confirmed */
  uint32_t lost;
  bool open; /* the head sector has a header and may have room */
};

/* Finds the log in flash. */
void bpg_usage_log_load (struct bpg_usage_log *log);

/* Appends a record. Returns false when flash failed. */
bool bpg_usage_log_append (struct bpg_usage_log *log, const struct bpg_usage_record *record);

/*
 * Copies up to @capacity records, beginning with number @from or the oldest
 * unconfirmed one, into @records (32 bytes each). Records that a power cut
 * tore are passed over. Sets the number of the first record copied and of the
 * one to ask for next, which is never beyond the log; returns how many were
 * copied.
 */
unsigned bpg_usage_log_read (const struct bpg_usage_log *log, uint64_t from, uint8_t *records,
                             unsigned capacity, uint64_t *first, uint64_t *next);

/* Marks records before @upto, which is not beyond the log, as confirmed;
 * returns how many that were. */
uint32_t bpg_usage_log_confirm (struct bpg_usage_log *log, uint64_t upto);

/* Decodes one record; false when its CRC does not hold. */
bool bpg_usage_record_decode (const uint8_t *bytes, struct bpg_usage_record *record);
