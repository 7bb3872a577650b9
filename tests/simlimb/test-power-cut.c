/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The power is cut in every flash operation of each thing the arm writes, with
 * different remains each time. Afterwards the arm starts, with the old or the
 * new, says that the power was cut, and the thing can be done again.
 */
#include <string.h>

#include "harness.h"


/* What is done while the power fails, and what must hold then. */
struct scenario
{
  const char *name;
  guint rounds; /* each with other remains of the torn operation */
  /* Does it; returns an arm error, or -1 when the arm died. */
  int (*act) (struct harness *harness);
  /* Called after the power came back; @done: it had reported success. Returns
   * whether the new is there. */
  gboolean (*check) (struct harness *harness, gboolean done);
};

static GBytes *models[2];
static GBytes *containers[2];
static guint starts_old;
static guint starts_new;

static gsize
flash_size (void)
{
  gsize size = BPG_FLASH_SECTOR;

  for (int area = 0; area < BPG_FLASH_AREAS; area++)
    size += sim_flash_size ((enum bpg_flash_area) area);
  return size;
}

/* Cuts at operation @number; FALSE when the act needs fewer operations. */
static gboolean
cut_once (struct harness *harness, const struct scenario *scenario, const uint8_t *before, guint number,
          guint64 seed)
{
  int result;
  gboolean was_cut;

  memcpy (harness->arm.flash.bytes, before, flash_size ());
  harness_power_on (harness);
  sim_random_init (&harness->arm.flash.random, seed);
  harness->arm.flash.cut_in = number;
  result = scenario->act (harness);
  was_cut = !harness->arm.powered;
  harness->arm.flash.cut_in = 0;
  if (!was_cut)
    {
      g_assert_cmpint (result, ==, 0);
      return FALSE;
    }

  harness_power_on (harness);
  g_assert_cmpint (harness->arm.boot_reason, ==, BPG_BOOT_POWER_CUT);
  if (scenario->check (harness, result == 0))
    starts_new++;
  else
    starts_old++;
  /* And it can be done again, without a cut. */
  g_assert_cmpint (scenario->act (harness), ==, 0);
  g_assert_true (harness->arm.powered);
  g_assert_true (scenario->check (harness, TRUE));
  return TRUE;
}

static void
run_scenario (struct harness *harness, const struct scenario *scenario)
{
  g_autofree uint8_t *before = g_memdup2 (harness->arm.flash.bytes, flash_size ());
  guint operations = 0;
  guint cuts = 0;

  starts_old = starts_new = 0;
  for (guint round = 0; round < scenario->rounds; round++)
    {
      guint number = 1;

      while (cut_once (harness, scenario, before, number, round * 1000 + number))
        number++;
      operations = number - 1;
      cuts += operations;
    }
  g_assert_cmpuint (operations, >, 0);
  g_test_message ("%s: power cut in each of %u flash operations, %u cuts, started with the old %u times, "
                  "with the new %u times",
                  scenario->name, operations, cuts, starts_old, starts_new);
  memcpy (harness->arm.flash.bytes, before, flash_size ());
  harness_power_on (harness);
}

static int
install_second (struct harness *harness)
{
  return harness_install (harness, containers[1]);
}

static gboolean
check_either_model (struct harness *harness, gboolean done)
{
  g_autofree char *active = harness_model (harness);
  g_autofree char *old_hash = harness_model_hash (models[0]);
  g_autofree char *new_hash = harness_model_hash (models[1]);
  gboolean is_new = strcmp (active, new_hash) == 0;

  g_assert_true (is_new || strcmp (active, old_hash) == 0);
  /* What was reported done is done. */
  if (done)
    g_assert_true (is_new);
  return is_new;
}

static struct harness *
begin (void)
{
  struct harness *harness = harness_new ();

  for (guint i = 0; i < 2; i++)
    {
      models[i] = harness_make_model (harness, (guint8) i);
      containers[i] = harness_sign (harness, models[i], NULL);
    }
  harness_bind (harness, "left");
  return harness;
}

static void
end (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_clear_pointer (&models[i], g_bytes_unref);
      g_clear_pointer (&containers[i], g_bytes_unref);
    }
}

static void
test_model_update (void)
{
  const struct scenario scenario = { "model update", 3, install_second, check_either_model };
  g_autoptr (Harness) harness = begin ();

  g_assert_cmpint (harness_install (harness, containers[0]), ==, 0);
  run_scenario (harness, &scenario);
  end ();
}

/* The first model of a new arm: old is none. */
static int
install_first (struct harness *harness)
{
  return harness_install (harness, containers[0]);
}

static gboolean
check_first_or_none (struct harness *harness, gboolean done)
{
  g_autofree char *active = harness_model (harness);
  g_autofree char *hash = harness_model_hash (models[0]);
  gboolean is_new = strcmp (active, hash) == 0;

  g_assert_true (is_new || (*active == 0 && !done));
  return is_new;
}

static void
test_first_model (void)
{
  const struct scenario scenario = { "first model", 3, install_first, check_first_or_none };
  g_autoptr (Harness) harness = begin ();

  run_scenario (harness, &scenario);
  end ();
}

/* A model of the size real ones have, so that the journal has sectors. */
static void
test_large_model_update (void)
{
  const struct scenario scenario = { "model update, 16 KB", 3, install_second, check_either_model };
  g_autoptr (Harness) harness = begin ();
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  gsize length;
  const uint8_t *data = g_bytes_get_data (models[1], &length);
  gsize total = 15000;

  g_assert_cmpint (harness_install (harness, containers[0]), ==, 0);
  g_byte_array_append (bytes, data, (guint) length);
  g_byte_array_set_size (bytes, (guint) total);
  memset (bytes->data + length, 0x5A, total - length);
  for (unsigned i = 0; i < 4; i++)
    {
      bytes->data[8 + i] = (uint8_t) (total >> 8 * i);
      bytes->data[380 + i] = (uint8_t) ((total - length) >> 8 * i);
    }
  bpg_bpm_digest (bytes->data + BPG_BPM_HASHED_FROM, total - BPG_BPM_HASHED_FROM, bytes->data + 12);
  g_bytes_unref (models[1]);
  g_bytes_unref (containers[1]);
  models[1] = g_bytes_new (bytes->data, bytes->len);
  containers[1] = harness_sign (harness, models[1], NULL);
  run_scenario (harness, &scenario);
  end ();
}

static int
fall_back (struct harness *harness)
{
  g_autofree char *active = harness_model (harness);
  g_autofree char *wanted = harness_model_hash (models[1]);

  return strcmp (active, wanted) == 0 ? 0 : harness_fall_back (harness);
}

/* The record alone changes: from the first back to the second. */
static void
test_fall_back (void)
{
  const struct scenario scenario = { "fall-back", 3, fall_back, check_either_model };
  g_autoptr (Harness) harness = begin ();

  g_assert_cmpint (harness_install (harness, containers[1]), ==, 0);
  g_assert_cmpint (harness_install (harness, containers[0]), ==, 0);
  run_scenario (harness, &scenario);
  end ();
}

static int
unbind (struct harness *harness)
{
  int error = harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND);

  if (error == BPG_ARM_ERROR_WRONG_STATE)
    return 0;
  if (error != 0)
    return error;
  simlimb_press (&harness->arm);
  return harness->arm.powered ? 0 : -1;
}

static gboolean
check_bound_or_not (struct harness *harness, gboolean done)
{
  g_autofree char *state = harness_state (harness);
  g_autofree char *active = harness_model (harness);
  gboolean unbound = strcmp (state, "unbound//") == 0;

  g_assert_true (unbound || strcmp (state, "bound/P-0001/left") == 0);
  if (done)
    g_assert_true (unbound);
  /* Nobody's arm runs nobody's model; the owner's arm still has its own. */
  g_assert_cmpint (*active == 0, ==, unbound);
  return unbound;
}

static void
test_unbind (void)
{
  const struct scenario scenario = { "unbinding", 3, unbind, check_bound_or_not };
  g_autoptr (Harness) harness = begin ();

  g_assert_cmpint (harness_install (harness, containers[0]), ==, 0);
  run_scenario (harness, &scenario);
  end ();
}

static int
bind_again (struct harness *harness)
{
  g_autofree char *state = harness_state (harness);

  if (g_str_has_prefix (state, "bound"))
    return 0;
  harness_bind (harness, "left");
  return harness->arm.powered ? 0 : -1;
}

static gboolean
check_binding (struct harness *harness, gboolean done)
{
  g_autofree char *state = harness_state (harness);
  gboolean bound = strcmp (state, "bound/P-0001/left") == 0;

  g_assert_true (bound || strcmp (state, "unbound//") == 0);
  if (done)
    g_assert_true (bound);
  return bound;
}

static void
test_binding (void)
{
  const struct scenario scenario = { "binding", 3, bind_again, check_binding };
  g_autoptr (Harness) harness = begin ();

  g_assert_cmpint (unbind (harness), ==, 0);
  run_scenario (harness, &scenario);
  end ();
}

static guint64 records_before;

/* Enough records that sectors are opened, and the oldest erased. */
static int
append_records (struct harness *harness)
{
  struct bpg_usage_log *log = &harness->arm.control.usage;
  struct bpg_usage_record record = { .kind = BPG_USAGE_MINUTE };

  records_before = log->next;
  for (guint i = 0; i < 2 * BPG_USAGE_PER_SECTOR && harness->arm.powered; i++)
    {
      record.time = log->next;
      if (!bpg_usage_log_append (log, &record))
        {
          simlimb_power_off (&harness->arm, true);
          return -1;
        }
      records_before = log->next;
    }
  return 0;
}

/* Every record whose append succeeded is there, in order. */
static gboolean
check_records (struct harness *harness, gboolean done)
{
  struct bpg_usage_log *log = &harness->arm.control.usage;
  g_autofree uint8_t *records = g_malloc (BPG_USAGE_RECORD_SIZE * 4 * BPG_USAGE_PER_SECTOR);
  uint64_t first, next;
  guint64 from = log->confirmed;
  guint64 seen = 0;

  g_assert_cmpuint (log->next, >=, records_before);
  while (from < records_before)
    {
      guint count = bpg_usage_log_read (log, from, records, 4 * BPG_USAGE_PER_SECTOR, &first, &next);

      g_assert_cmpuint (next, >, from);
      for (guint i = 0; i < count; i++)
        {
          struct bpg_usage_record record;

          g_assert_true (bpg_usage_record_decode (records + i * BPG_USAGE_RECORD_SIZE, &record));
          if (record.kind == BPG_USAGE_MINUTE)
            g_assert_cmpuint (record.time, ==, first + i);
          seen++;
        }
      from = next;
    }
  g_assert_cmpuint (seen, >, 0);
  /* Nobody has confirmed any: what is no longer there was counted. */
  g_assert_cmpuint (log->lost, ==, log->first);
  return log->next >= records_before;
}

static void
test_log (void)
{
  const struct scenario scenario = { "usage log", 1, append_records, check_records };
  g_autoptr (Harness) harness = begin ();

  run_scenario (harness, &scenario);
  end ();
}

/* The ring is full: the oldest sector goes, and what was lost is counted. */
static void
test_full_log (void)
{
  const struct scenario scenario = { "full usage log", 1, append_records, check_records };
  g_autoptr (Harness) harness = begin ();
  struct bpg_usage_log *log = &harness->arm.control.usage;
  guint64 capacity = (guint64) (log->sectors - 1) * BPG_USAGE_PER_SECTOR;
  struct bpg_usage_record record = { .kind = BPG_USAGE_MINUTE };

  /* A record a minute for 30 days, and more. */
  g_assert_cmpuint (capacity, >, 30 * 24 * 60);
  while (log->next < capacity + 10)
    {
      record.time = log->next;
      g_assert_true (bpg_usage_log_append (log, &record));
    }
  g_assert_cmpuint (log->lost, ==, BPG_USAGE_PER_SECTOR);
  run_scenario (harness, &scenario);
  end ();
}

/* Version 1 and 2 of a program. */
static GBytes *programs[2];

/* The firmware that the arm says is running: its major version, 0 for the
 * program that came in no container. */
static guint
ask_firmware (struct harness *harness)
{
  struct bpg_image_entry entries[2 * BPG_BOOT_IMAGES + 1];
  size_t count;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE), ==, 0);
  g_assert_true (bpg_image_state_decode (harness->reply, harness->reply_length, entries, G_N_ELEMENTS (entries), &count));
  for (gsize i = 0; i < count; i++)
    {
      if (entries[i].image != BPG_IMAGE_FIRMWARE || !entries[i].active)
        continue;
      g_assert_true (entries[i].bootable);
      return entries[i].version.bytes[0] - '0';
    }
  g_assert_not_reached ();
}

static int
set_firmware (struct harness *harness, guint version, gboolean permanent, gboolean downgrade)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_image_write_request state = { .confirm = permanent, .downgrade = downgrade };
  GBytes *program = programs[version - 1];
  struct bpg_image image;

  g_assert_cmpint (bpg_image_parse (g_bytes_get_data (program, NULL), g_bytes_get_size (program), &image), ==, 0);
  state.hash = (struct bpg_bytes){ image.hash, BPG_SHA256_SIZE };
  bpg_image_write_request_encode (&state, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, &writer);
}

static int
reset (struct harness *harness)
{
  int error = harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_RESET);

  if (error == 0)
    harness_run (harness, 10);
  return harness->arm.powered ? error : -1;
}

static gboolean
is_on_trial (struct harness *harness)
{
  return harness->arm.control.slots.record.entries[BPG_IMAGE_FIRMWARE].state == BPG_BOOT_TRIAL;
}

/* From whatever a cut has left to @version, confirmed. */
static int
go_to_firmware (struct harness *harness, guint version, gboolean permanent, gboolean downgrade)
{
  int error = 0;

  if (is_on_trial (harness) && ask_firmware (harness) != version)
    error = reset (harness);
  if (error == 0 && ask_firmware (harness) != version)
    {
      error = set_firmware (harness, version, permanent, downgrade);
      if (error == 0)
        error = reset (harness);
      if (error == 0)
        g_assert_cmpuint (ask_firmware (harness), ==, version);
    }
  return error == 0 ? harness_confirm (harness) : error;
}

/* Upload, pending, reset, trial, confirm. */
static int
update_firmware (struct harness *harness)
{
  int error = 0;

  if (ask_firmware (harness) != 2)
    error = harness_upload (harness, BPG_IMAGE_FIRMWARE, programs[1]);
  return error == 0 ? go_to_firmware (harness, 2, FALSE, FALSE) : error;
}

/* The same without a trial, the upload done before. */
static int
make_permanent (struct harness *harness)
{
  return go_to_firmware (harness, 2, TRUE, FALSE);
}

static int
go_back (struct harness *harness)
{
  return go_to_firmware (harness, 1, FALSE, TRUE);
}

static gboolean
is_firmware (struct harness *harness, guint wanted, gboolean done)
{
  guint version = ask_firmware (harness);

  /* Never without a slot that starts. */
  g_assert_true (version == 1 || version == 2);
  if (done)
    g_assert_cmpuint (version, ==, wanted);
  return version == wanted;
}

static gboolean
check_newer (struct harness *harness, gboolean done)
{
  return is_firmware (harness, 2, done);
}

static gboolean
check_older (struct harness *harness, gboolean done)
{
  return is_firmware (harness, 1, done);
}

/* A trial that nobody confirms: pending, reset, trial, reset, back. */
static int
try_in_vain (struct harness *harness)
{
  int error = 0;

  if (is_on_trial (harness))
    return reset (harness);
  error = set_firmware (harness, 2, FALSE, FALSE);
  if (error == 0)
    error = reset (harness);
  if (error == 0)
    g_assert_cmpuint (ask_firmware (harness), ==, 2);
  return error == 0 ? reset (harness) : error;
}

static gboolean
check_reverted (struct harness *harness, gboolean done)
{
  gboolean is_new = is_firmware (harness, 2, FALSE);

  g_assert_false (done && is_new);
  g_assert_cmpint (is_new, ==, is_on_trial (harness));
  /* It was the only one. */
  if (is_new)
    {
      harness_power_on (harness);
      g_assert_cmpuint (ask_firmware (harness), ==, 1);
    }
  return !is_new;
}

static int
erase_other (struct harness *harness)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_erase_request erase = { .slot = 1 };

  bpg_erase_request_encode (&erase, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_ERASE, &writer);
}

/* What runs is not touched; the other slot is whole or nothing. */
static gboolean
check_erased (struct harness *harness, gboolean done)
{
  const struct bpg_slot *other = &harness->arm.control.slots.slot[BPG_IMAGE_FIRMWARE][1];

  g_assert_cmpuint (ask_firmware (harness), ==, 1);
  g_assert_false (done && other->present);
  g_assert_true (!other->present || other->fault == BPG_ARM_OK || other->fault == BPG_ARM_ERROR_CORRUPT);
  return !other->present;
}

/* An arm with version 1 confirmed in the first slot, and perhaps 2 in the other. */
static struct harness *
begin_firmware (gboolean both)
{
  struct harness *harness = begin ();
  g_autofree uint8_t *program = g_malloc0 (30000);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GBytes) payload = NULL;

      memset (program, (int) i + 1, 30000);
      payload = g_bytes_new (program, 30000);
      programs[i] = harness_sign (harness, payload, &(struct container){ .major = (guint8) (i + 1) });
    }
  g_assert_cmpuint (ask_firmware (harness), ==, 0);
  g_assert_cmpint (harness_upload (harness, 0, programs[0]), ==, 0);
  g_assert_cmpint (harness_set_state (harness, programs[0], TRUE), ==, 0);
  harness_power_on (harness);
  g_assert_cmpuint (ask_firmware (harness), ==, 1);
  if (both)
    g_assert_cmpint (harness_upload (harness, 0, programs[1]), ==, 0);
  return harness;
}

static void
end_firmware (void)
{
  for (guint i = 0; i < 2; i++)
    g_clear_pointer (&programs[i], g_bytes_unref);
  end ();
}

static void
test_firmware_update (void)
{
  const struct scenario scenario = { "firmware update", 1, update_firmware, check_newer };
  g_autoptr (Harness) harness = begin_firmware (FALSE);

  run_scenario (harness, &scenario);
  end_firmware ();
}

static void
test_firmware_permanent (void)
{
  const struct scenario scenario = { "firmware made permanent", 3, make_permanent, check_newer };
  g_autoptr (Harness) harness = begin_firmware (TRUE);

  /* What was never confirmed has a trial before it, whoever asks. */
  g_assert_cmpint (set_firmware (harness, 2, TRUE, FALSE), ==, BPG_ARM_ERROR_WRONG_STATE);
  g_assert_cmpint (set_firmware (harness, 2, FALSE, FALSE), ==, 0);
  g_assert_cmpint (reset (harness), ==, 0);
  g_assert_cmpuint (ask_firmware (harness), ==, 2);
  g_assert_cmpint (reset (harness), ==, 0);
  g_assert_cmpuint (ask_firmware (harness), ==, 1);
  g_assert_cmpint (set_firmware (harness, 2, TRUE, FALSE), ==, BPG_ARM_ERROR_WRONG_STATE);
  g_assert_cmpint (go_to_firmware (harness, 2, FALSE, FALSE), ==, 0);
  g_assert_cmpint (go_to_firmware (harness, 1, FALSE, TRUE), ==, 0);
  run_scenario (harness, &scenario);
  end_firmware ();
}

static void
test_firmware_revert (void)
{
  const struct scenario scenario = { "firmware trial and revert", 3, try_in_vain, check_reverted };
  g_autoptr (Harness) harness = begin_firmware (TRUE);

  run_scenario (harness, &scenario);
  end_firmware ();
}

static void
test_firmware_downgrade (void)
{
  const struct scenario scenario = { "firmware downgrade", 3, go_back, check_older };
  g_autoptr (Harness) harness = begin_firmware (TRUE);

  g_assert_cmpint (go_to_firmware (harness, 2, FALSE, FALSE), ==, 0);
  g_assert_cmpuint (ask_firmware (harness), ==, 2);
  /* Nobody comes back by mistake. */
  g_assert_cmpint (set_firmware (harness, 1, FALSE, FALSE), ==, BPG_ARM_ERROR_VERSION_OLD);
  run_scenario (harness, &scenario);
  end_firmware ();
}

static void
test_firmware_erase (void)
{
  const struct scenario scenario = { "firmware slot erased", 1, erase_other, check_erased };
  g_autoptr (Harness) harness = begin_firmware (TRUE);

  run_scenario (harness, &scenario);
  end_firmware ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/power-cut/model-update", test_model_update);
  g_test_add_func ("/power-cut/large-model-update", test_large_model_update);
  g_test_add_func ("/power-cut/first-model", test_first_model);
  g_test_add_func ("/power-cut/firmware-update", test_firmware_update);
  g_test_add_func ("/power-cut/firmware-permanent", test_firmware_permanent);
  g_test_add_func ("/power-cut/firmware-revert", test_firmware_revert);
  g_test_add_func ("/power-cut/firmware-downgrade", test_firmware_downgrade);
  g_test_add_func ("/power-cut/firmware-erase", test_firmware_erase);
  g_test_add_func ("/power-cut/fall-back", test_fall_back);
  g_test_add_func ("/power-cut/unbind", test_unbind);
  g_test_add_func ("/power-cut/binding", test_binding);
  g_test_add_func ("/power-cut/log", test_log);
  g_test_add_func ("/power-cut/full-log", test_full_log);
  return g_test_run ();
}
