/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The usage log over years and over power cuts, on a flash that counts: how
 * often each sector is erased, how long the log reaches back, and that after a
 * cut in any operation every record is there, confirmed, or counted as lost.
 */
#include <glib.h>
#include <string.h>

#include "control/port.h"
#include "control/usage-log.h"

#define MINUTES_A_DAY (24u * 60u)
#define SMALL_RING 4u

/* Flash for nothing but the log. */
static struct
{
  uint8_t *bytes;
  guint sectors;
  guint *erases;
  guint operations;
  guint cut_in; /* the operation in which the power fails; 0 = none */
  gboolean dead;
  gboolean failing; /* takes part of what is written, and says so */
  GRand *remains;
} flash;

static void
make_flash (guint sectors)
{
  flash.sectors = sectors;
  flash.bytes = g_malloc (sectors * BPG_FLASH_SECTOR);
  memset (flash.bytes, 0xFF, sectors * BPG_FLASH_SECTOR);
  flash.erases = g_new0 (guint, sectors);
  flash.operations = flash.cut_in = 0;
  flash.dead = flash.failing = FALSE;
  flash.remains = g_rand_new_with_seed (1);
}

static void
free_flash (void)
{
  g_free (flash.bytes);
  g_free (flash.erases);
  g_rand_free (flash.remains);
}

uint32_t
bpg_port_flash_size (enum bpg_flash_area area)
{
  g_assert_cmpint (area, ==, BPG_FLASH_USAGE);
  return flash.sectors * BPG_FLASH_SECTOR;
}

const uint8_t *
bpg_port_flash_map (enum bpg_flash_area area)
{
  g_assert_cmpint (area, ==, BPG_FLASH_USAGE);
  return flash.bytes;
}

/* Whether power fails in this operation. */
static gboolean
is_cut (void)
{
  flash.operations++;
  if (flash.cut_in == 0 || --flash.cut_in > 0)
    return FALSE;
  flash.dead = TRUE;
  return TRUE;
}

bool
bpg_port_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
  guint done = length;
  gboolean cut;

  g_assert_true (offset % 4 == 0 && length % 4 == 0 && length > 0);
  g_assert_cmpuint (offset / BPG_FLASH_PAGE, ==, (offset + length - 1) / BPG_FLASH_PAGE);
  if (flash.dead)
    return false;
  cut = is_cut ();
  if (cut || flash.failing)
    done = (guint) g_rand_int_range (flash.remains, 0, (gint32) length);
  for (guint i = 0; i < done; i++)
    flash.bytes[offset + i] &= bytes[i];
  if (!cut && !flash.failing)
    return true;
  flash.bytes[offset + done] &= bytes[done] | (uint8_t) g_rand_int (flash.remains);
  return false;
}

bool
bpg_port_flash_erase (enum bpg_flash_area area, uint32_t offset)
{
  uint8_t *sector = flash.bytes + offset;

  g_assert_cmpuint (offset % BPG_FLASH_SECTOR, ==, 0);
  if (flash.dead)
    return false;
  flash.erases[offset / BPG_FLASH_SECTOR]++;
  if (!is_cut ())
    {
      memset (sector, 0xFF, BPG_FLASH_SECTOR);
      return true;
    }
  for (guint i = 0; i < BPG_FLASH_SECTOR; i++)
    sector[i] |= (uint8_t) (g_rand_int (flash.remains) & g_rand_int (flash.remains));
  return false;
}

static bool
append (struct bpg_usage_log *log, enum bpg_usage_kind kind)
{
  struct bpg_usage_record record = { .kind = (uint8_t) kind, .time = log->next };

  return bpg_usage_log_append (log, &record);
}

/* The records of a day of hard use: each minute, each hour all latencies there
 * can be, and starts, faults and models by the way. */
static void
append_day (struct bpg_usage_log *log)
{
  for (guint minute = 1; minute <= MINUTES_A_DAY; minute++)
    {
      g_assert_true (append (log, BPG_USAGE_MINUTE));
      for (guint i = 0; minute % 60 == 0 && i < BPG_LATENCY_BUCKETS / 4; i++)
        g_assert_true (append (log, BPG_USAGE_LATENCY));
      if (minute % 72 == 0)
        g_assert_true (append (log, minute % 144 == 0 ? BPG_USAGE_START : BPG_USAGE_FAULT));
    }
}

static void
test_thirty_days (void)
{
  struct bpg_usage_log log;
  guint days = 0;
  uint64_t begun;

  make_flash (BPG_USAGE_SECTORS);
  bpg_usage_log_load (&log);
  /* A log that has been round, and is at its worst: about to drop the oldest. */
  while (log.lost == 0)
    append_day (&log);
  while (log.next % BPG_USAGE_PER_SECTOR != 0)
    g_assert_true (append (&log, BPG_USAGE_MINUTE));
  begun = log.next;
  for (days = 0; log.first <= begun; days++)
    append_day (&log);
  g_test_message ("%u sectors keep %u whole days of hard use", BPG_USAGE_SECTORS, days - 1);
  g_assert_cmpuint (days - 1, >=, 30);
  free_flash ();
}

static void
test_wear (void)
{
  struct bpg_usage_log log;
  const guint days = 2 * 365;
  guint least = G_MAXUINT, most = 0;

  make_flash (BPG_USAGE_SECTORS);
  bpg_usage_log_load (&log);
  for (guint day = 0; day < days; day++)
    {
      append_day (&log);
      /* Fetched and confirmed at times, started anew at others. */
      if (day % 3 == 0)
        bpg_usage_log_confirm (&log, log.next - day % 50);
      if (day % 7 == 0)
        bpg_usage_log_load (&log);
    }
  for (guint i = 0; i < flash.sectors; i++)
    {
      least = MIN (least, flash.erases[i]);
      most = MAX (most, flash.erases[i]);
    }
  g_test_message ("%u days: each sector was erased %u to %u times", days, least, most);
  g_assert_cmpuint (most - least, <=, 1);
  g_assert_cmpuint (log.lost, ==, 0);
  free_flash ();
}

/* What the log must know whatever happened: the records whose append succeeded. */
struct expected
{
  uint64_t appended;  /* records below are in the log, or were */
  uint64_t confirmed; /* the least and the most that may be confirmed */
  uint64_t asked;
};

static void
check (const struct bpg_usage_log *log, const struct expected *expected)
{
  uint8_t bytes[BPG_USAGE_RECORD_SIZE];
  struct bpg_usage_record record;
  uint64_t number = log->confirmed;
  uint64_t read = 0;
  uint64_t first, next;

  /* At most the record that was being written is there as well. */
  g_assert_cmpuint (log->next, >=, expected->appended);
  g_assert_cmpuint (log->next, <=, expected->appended + 1);
  g_assert_cmpuint (log->confirmed, >=, MAX (expected->confirmed, log->first));
  g_assert_cmpuint (log->confirmed, <=, MAX (expected->asked, log->first));
  while (number < expected->appended)
    {
      g_assert_cmpuint (bpg_usage_log_read (log, number, bytes, 1, &first, &next), ==, 1);
      g_assert_true (bpg_usage_record_decode (bytes, &record));
      /* Only records that the power cut tore are missing; they carry no time. */
      g_assert_cmpuint (record.time, ==, first);
      read += first - number + 1;
      number = next;
    }
  g_assert_cmpuint (log->confirmed + read, >=, expected->appended);
}

/* Twice around a small ring, with confirmations now and then; stops at a cut. */
static void
live (struct bpg_usage_log *log, struct expected *expected, guint records)
{
  for (guint i = 0; i < records && !flash.dead; i++)
    {
      if (i % 90 == 89)
        {
          expected->asked = log->next - 20;
          bpg_usage_log_confirm (log, expected->asked);
          expected->confirmed = MAX (expected->confirmed, log->confirmed);
        }
      if (!flash.dead && append (log, BPG_USAGE_MINUTE))
        expected->appended = log->next;
    }
}

static void
test_every_cut (void)
{
  const guint records = 2 * SMALL_RING * BPG_USAGE_PER_SECTOR;
  guint cuts = 0;

  for (guint number = 1;; number++)
    {
      struct bpg_usage_log log;
      struct expected expected = { 0 };
      gboolean was_cut;
      guint lost;

      make_flash (SMALL_RING);
      g_rand_set_seed (flash.remains, number);
      bpg_usage_log_load (&log);
      flash.cut_in = number;
      live (&log, &expected, records);
      was_cut = flash.dead;
      lost = log.lost;
      flash.dead = FALSE;
      flash.cut_in = 0;
      bpg_usage_log_load (&log);
      check (&log, &expected);
      /* The count of the lost is never lost, nor is anything counted twice. */
      g_assert_cmpuint (log.lost, >=, lost);
      g_assert_cmpuint (log.lost, <=, lost + BPG_USAGE_PER_SECTOR);
      g_assert_cmpuint (log.lost, <=, log.first);
      expected.appended = log.next;
      /* And it goes on. */
      live (&log, &expected, records / 2);
      check (&log, &expected);
      free_flash ();
      if (!was_cut)
        break;
      cuts++;
    }
  g_test_message ("power cut in each of %u flash operations", cuts);
  g_assert_cmpuint (cuts, >, records);
}

/* Nobody fetches: what is overwritten is counted, one by one. */
static void
test_count_lost (void)
{
  struct bpg_usage_log log;
  uint64_t confirmed;

  make_flash (SMALL_RING);
  bpg_usage_log_load (&log);
  for (guint i = 0; i < 10 * SMALL_RING * BPG_USAGE_PER_SECTOR; i++)
    {
      g_assert_true (append (&log, BPG_USAGE_MINUTE));
      g_assert_cmpuint (log.lost, ==, log.first);
    }
  confirmed = log.next - log.confirmed;
  g_assert_cmpuint (bpg_usage_log_confirm (&log, log.next), ==, confirmed);
  confirmed = log.lost;
  for (guint i = 0; i < BPG_USAGE_PER_SECTOR; i++)
    g_assert_true (append (&log, BPG_USAGE_MINUTE));
  g_assert_cmpuint (log.lost, ==, confirmed);
  bpg_usage_log_load (&log);
  g_assert_cmpuint (log.lost, ==, confirmed);
  free_flash ();
}

/* A record that flash took in part spoils itself only. */
static void
test_failed_write (void)
{
  struct bpg_usage_log log;
  uint8_t records[8 * BPG_USAGE_RECORD_SIZE];
  uint64_t first, next;
  guint seen = 0;

  make_flash (SMALL_RING);
  bpg_usage_log_load (&log);
  g_assert_true (append (&log, BPG_USAGE_START));
  for (guint i = 0; i < 3; i++)
    {
      flash.failing = TRUE;
      g_assert_false (append (&log, BPG_USAGE_MINUTE));
      flash.failing = FALSE;
      g_assert_true (append (&log, BPG_USAGE_LATENCY));
    }
  for (uint64_t from = 0; from < log.next; from = next)
    seen += bpg_usage_log_read (&log, from, records, 8, &first, &next);
  g_assert_cmpuint (seen, ==, 4);
  free_flash ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/usage-log/thirty-days", test_thirty_days);
  g_test_add_func ("/usage-log/wear", test_wear);
  g_test_add_func ("/usage-log/every-cut", test_every_cut);
  g_test_add_func ("/usage-log/count-lost", test_count_lost);
  g_test_add_func ("/usage-log/failed-write", test_failed_write);
  return g_test_run ();
}
