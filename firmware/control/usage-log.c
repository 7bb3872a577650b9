/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/usage-log.h"

#include <string.h>

#include "control/flash.h"
#include "link/checksum.h"
#include "link/little-endian.h"

/* Sector header: magic u32, sequence u32, lost u32, CRC-32 of these, then the
 * bitmap of 127 bits in 16 bytes: a cleared bit is a confirmed record. */
#define SECTOR_MAGIC 0x55425042u /* "BPBU" */
#define SECTOR_CRC_AT 12u
#define SECTOR_BITMAP_AT 16u
#define SECTOR_HEADER 32u
#define RECORD_CRC_AT 28u

struct sector_header
{
  uint32_t sequence;
  uint32_t lost;
};

static const uint8_t *
sector_bytes (uint32_t position)
{
  return bpg_port_flash_map (BPG_FLASH_USAGE) + position * BPG_FLASH_SECTOR;
}

static bool
read_header (uint32_t position, struct sector_header *header)
{
  const uint8_t *bytes = sector_bytes (position);

  if (bpg_get_u32 (bytes) != SECTOR_MAGIC
      || bpg_get_u32 (bytes + SECTOR_CRC_AT) != bpg_crc32 (0, bytes, SECTOR_CRC_AT))
    return false;
  header->sequence = bpg_get_u32 (bytes + 4);
  header->lost = bpg_get_u32 (bytes + 8);
  return true;
}

static const uint8_t *
record_bytes (uint32_t position, unsigned index)
{
  return sector_bytes (position) + SECTOR_HEADER + index * BPG_USAGE_RECORD_SIZE;
}

static bool
is_blank_record (const uint8_t *bytes)
{
  for (unsigned i = 0; i < BPG_USAGE_RECORD_SIZE; i++)
    {
      if (bytes[i] != 0xFF)
        return false;
    }
  return true;
}

/* Records in a sector, torn ones included. A torn record may look blank at
 * its beginning, so count from the end. */
static unsigned
count_records (uint32_t position)
{
  unsigned count = BPG_USAGE_PER_SECTOR;

  while (count > 0 && is_blank_record (record_bytes (position, count - 1)))
    count--;
  return count;
}

static unsigned
count_confirmed (uint32_t position)
{
  const uint8_t *bitmap = sector_bytes (position) + SECTOR_BITMAP_AT;
  unsigned count = 0;

  while (count < BPG_USAGE_PER_SECTOR && !(bitmap[count / 8] & 1u << count % 8))
    count++;
  return count;
}

static uint32_t
position_of (const struct bpg_usage_log *log, uint32_t sequence)
{
  return sequence % log->sectors;
}

static bool
is_there (const struct bpg_usage_log *log, uint32_t sequence)
{
  struct sector_header header;

  return read_header (position_of (log, sequence), &header) && header.sequence == sequence;
}

/* The newest sector; false when there is none. */
static bool
find_newest (const struct bpg_usage_log *log, struct sector_header *newest)
{
  struct sector_header header;
  bool found = false;

  for (uint32_t position = 0; position < log->sectors; position++)
    {
      if (!read_header (position, &header) || position_of (log, header.sequence) != position)
        continue;
      if (!found || header.sequence > newest->sequence)
        *newest = header;
      found = true;
    }
  return found;
}

/* Where confirmation has come to, looking back from the newest sector. */
static void
find_confirmed (struct bpg_usage_log *log, uint32_t newest)
{
  uint32_t oldest = newest;
  uint32_t sequence;

  /* One sector of the ring is blank, or about to be: its records are counted
   * as lost in the newest header. */
  while (oldest > 0 && newest - oldest + 2 < log->sectors && is_there (log, oldest - 1))
    oldest--;
  log->first = (uint64_t) oldest * BPG_USAGE_PER_SECTOR;
  log->confirmed = log->first;
  for (sequence = oldest; sequence <= newest; sequence++)
    {
      unsigned count = count_confirmed (position_of (log, sequence));

      if (count > 0)
        log->confirmed = (uint64_t) sequence * BPG_USAGE_PER_SECTOR + count;
    }
  if (log->confirmed > log->next)
    log->confirmed = log->next;
}

void
bpg_usage_log_load (struct bpg_usage_log *log)
{
  struct sector_header newest = { 0 };

  memset (log, 0, sizeof *log);
  log->sectors = bpg_port_flash_size (BPG_FLASH_USAGE) / BPG_FLASH_SECTOR;
  if (!find_newest (log, &newest))
    return;

  log->open = true;
  log->lost = newest.lost;
  log->head = position_of (log, newest.sequence);
  log->next = (uint64_t) newest.sequence * BPG_USAGE_PER_SECTOR + count_records (log->head);
  find_confirmed (log, newest.sequence);
}

/* Number of the first record that is kept when @sequence is the newest sector. */
static uint64_t
oldest_kept (const struct bpg_usage_log *log, uint32_t sequence)
{
  if (sequence + 2 <= log->sectors)
    return 0;
  return (uint64_t) (sequence + 2 - log->sectors) * BPG_USAGE_PER_SECTOR;
}

/* Erases the sector at @position, if need be. */
static bool
clear_sector (uint32_t position)
{
  return bpg_flash_is_blank (BPG_FLASH_USAGE, position * BPG_FLASH_SECTOR, BPG_FLASH_SECTOR)
         || bpg_port_flash_erase (BPG_FLASH_USAGE, position * BPG_FLASH_SECTOR);
}

/* Opens a sector, and only when its header counts what is lost with the oldest
 * one erases that: so a power cut in between loses no count. */
static bool
open_sector (struct bpg_usage_log *log, uint32_t sequence)
{
  uint32_t position = position_of (log, sequence);
  uint64_t oldest = oldest_kept (log, sequence);
  uint32_t lost = log->lost;
  uint8_t header[SECTOR_BITMAP_AT];

  if (log->confirmed < oldest)
    lost += (uint32_t) (oldest - log->confirmed);
  bpg_put_u32 (header, SECTOR_MAGIC);
  bpg_put_u32 (header + 4, sequence);
  bpg_put_u32 (header + 8, lost);
  bpg_put_u32 (header + SECTOR_CRC_AT, bpg_crc32 (0, header, SECTOR_CRC_AT));
  if (!clear_sector (position)
      || !bpg_flash_write (BPG_FLASH_USAGE, position * BPG_FLASH_SECTOR, header, sizeof header))
    return false;

  log->open = true;
  log->head = position;
  log->lost = lost;
  if (log->first < oldest)
    log->first = oldest;
  if (log->confirmed < oldest)
    log->confirmed = oldest;
  /* Should this fail, the next opening tries it again. */
  clear_sector (position_of (log, sequence + 1));
  return true;
}

bool
bpg_usage_log_append (struct bpg_usage_log *log, const struct bpg_usage_record *record)
{
  unsigned index = (unsigned) (log->next % BPG_USAGE_PER_SECTOR);
  uint32_t sequence = (uint32_t) (log->next / BPG_USAGE_PER_SECTOR);
  uint8_t bytes[BPG_USAGE_RECORD_SIZE];

  if ((!log->open || index == 0) && !open_sector (log, sequence))
    return false;

  bpg_put_u64 (bytes, record->time);
  bytes[8] = record->kind;
  bytes[9] = record->flags;
  bpg_put_u16 (bytes + 10, record->a);
  memcpy (bytes + 12, record->data, BPG_USAGE_DATA_SIZE);
  bpg_put_u32 (bytes + RECORD_CRC_AT, bpg_crc32 (0, bytes, RECORD_CRC_AT));
  if (!bpg_flash_write (BPG_FLASH_USAGE,
                        log->head * BPG_FLASH_SECTOR + SECTOR_HEADER + index * BPG_USAGE_RECORD_SIZE,
                        bytes, sizeof bytes))
    {
      /* What flash took in part is passed over, as after a power cut. */
      if (!is_blank_record (record_bytes (log->head, index)))
        log->next++;
      return false;
    }
  log->next++;
  return true;
}

bool
bpg_usage_record_decode (const uint8_t *bytes, struct bpg_usage_record *record)
{
  if (bpg_get_u32 (bytes + RECORD_CRC_AT) != bpg_crc32 (0, bytes, RECORD_CRC_AT))
    return false;
  record->time = bpg_get_u64 (bytes);
  record->kind = bytes[8];
  record->flags = bytes[9];
  record->a = bpg_get_u16 (bytes + 10);
  memcpy (record->data, bytes + 12, BPG_USAGE_DATA_SIZE);
  return true;
}

unsigned
bpg_usage_log_read (const struct bpg_usage_log *log, uint64_t from, uint8_t *records,
                    unsigned capacity, uint64_t *first, uint64_t *next)
{
  uint64_t number = from < log->confirmed ? log->confirmed : from;
  struct bpg_usage_record record;
  unsigned count = 0;

  if (number > log->next)
    number = log->next;
  *first = number;
  for (; number < log->next && count < capacity; number++)
    {
      uint32_t position = position_of (log, (uint32_t) (number / BPG_USAGE_PER_SECTOR));
      const uint8_t *bytes = record_bytes (position, (unsigned) (number % BPG_USAGE_PER_SECTOR));

      if (!bpg_usage_record_decode (bytes, &record))
        {
          /* What is handed out is numbered without gaps. */
          if (count > 0)
            break;
          *first = number + 1;
          continue;
        }
      memcpy (records + count++ * BPG_USAGE_RECORD_SIZE, bytes, BPG_USAGE_RECORD_SIZE);
    }
  *next = number;
  return count;
}

/* Clears the bits of the first @count records of a sector. */
static bool
clear_bits (uint32_t position, unsigned count)
{
  uint8_t bitmap[SECTOR_HEADER - SECTOR_BITMAP_AT];

  memset (bitmap, 0xFF, sizeof bitmap);
  for (unsigned i = 0; i < count; i++)
    bitmap[i / 8] &= (uint8_t) ~(1u << i % 8);
  return bpg_flash_write (BPG_FLASH_USAGE, position * BPG_FLASH_SECTOR + SECTOR_BITMAP_AT, bitmap,
                          sizeof bitmap);
}

uint32_t
bpg_usage_log_confirm (struct bpg_usage_log *log, uint64_t upto)
{
  uint64_t before = log->confirmed;

  while (log->confirmed < upto)
    {
      uint32_t sequence = (uint32_t) (log->confirmed / BPG_USAGE_PER_SECTOR);
      uint64_t begin = (uint64_t) sequence * BPG_USAGE_PER_SECTOR;
      uint64_t end = begin + BPG_USAGE_PER_SECTOR < upto ? begin + BPG_USAGE_PER_SECTOR : upto;

      if (!clear_bits (position_of (log, sequence), (unsigned) (end - begin)))
        break;
      log->confirmed = end;
    }
  return (uint32_t) (log->confirmed - before);
}
