/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An arm whose flash is not what it wrote. The input is a row of patches: area, place (u16), length, then the
 * bytes; the highest bit of the area has the checksums put right that cover the place, so that the fuzzer gets
 * behind them. The arm starts, answers, and starts again, or says that it was never made.
 */
#include <stdlib.h>
#include <string.h>

#include "control/server.h"
#include "harness.h"
#include "link/checksum.h"
#include "link/little-endian.h"

#define HEAD 4u
#define SEAL 0x80u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static struct harness *harness;
static uint8_t *fresh_flash;
static gsize flash_size;

static void
finish (void)
{
  g_free (fresh_flash);
  harness_free (harness);
}

/* A bound arm with a model and some records. */
static void
prepare (void)
{
  g_autoptr (GBytes) model = NULL;
  g_autoptr (GBytes) container = NULL;

  harness = harness_new ();
  atexit (finish);
  model = harness_make_model (harness, 1);
  container = harness_sign (harness, model, NULL);
  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  flash_size = BPG_FLASH_SECTOR;
  for (int area = 0; area < BPG_FLASH_AREAS; area++)
    flash_size += sim_flash_size ((enum bpg_flash_area) area);
  fresh_flash = g_memdup2 (harness->arm.flash.bytes, flash_size);
}

/* The CRC-32 of @length bytes from @from on, put at @at. */
static void
seal (uint8_t *from, gsize length, uint8_t *at)
{
  bpg_put_u32 (at, bpg_crc32 (0, from, length));
}

/* Where each area keeps its checksums is told in its header file. */
static void
seal_place (enum bpg_flash_area area, uint8_t *bytes, guint32 offset)
{
  uint8_t *sector = bytes + offset / BPG_FLASH_SECTOR * BPG_FLASH_SECTOR;
  guint32 within = offset % BPG_FLASH_SECTOR;

  switch (area) {
  case BPG_FLASH_FACTORY:
    seal (sector + 12, MIN (bpg_get_u32 (sector + 4), BPG_FLASH_SECTOR - 12), sector + 8);
    break;
  case BPG_FLASH_BOOT:
    seal (sector, 60, sector + 60);
    break;
  case BPG_FLASH_BINDING:
    seal (sector, 592, sector + 592);
    break;
  case BPG_FLASH_UPLOAD:
    seal (sector, 48, sector + 48);
    break;
  case BPG_FLASH_USAGE:
    seal (sector, 12, sector + 12);
    if (within >= 32) {
      uint8_t *record = sector + within / BPG_USAGE_RECORD_SIZE * BPG_USAGE_RECORD_SIZE;

      seal (record, 28, record + 28);
    }
    break;
  default:
    break;
  }
}

static void
patch (const uint8_t *head, const uint8_t *bytes, gsize length)
{
  enum bpg_flash_area area = (enum bpg_flash_area) ((head[0] & ~SEAL) % BPG_FLASH_AREAS);
  guint32 offset = bpg_get_u16 (head + 1) % sim_flash_size (area);
  uint8_t *start = (uint8_t *) (uintptr_t) sim_flash_map (&harness->arm.flash, area);

  memcpy (start + offset, bytes, MIN (length, sim_flash_size (area) - offset));
  if (head[0] & SEAL)
    seal_place (area, start, offset);
}

static void
ask (enum bpg_smp_op op, uint16_t group, uint8_t command)
{
  static const uint8_t empty_map = 0xA0;
  struct bpg_smp_header header = { .op = (uint8_t) op, .version = 1, .group = group, .command = command, .length = 1 };
  uint8_t packet[BPG_SMP_HEADER_SIZE + 1];
  uint8_t reply[BPG_SMP_PACKET_MAX];

  bpg_smp_header_encode (&header, packet);
  packet[BPG_SMP_HEADER_SIZE] = empty_map;
  g_assert_cmpuint (bpg_server_handle (&harness->arm.control, packet, sizeof packet, reply), >, 0);
}

/* What runs may run. */
static void
check_slots (void)
{
  const struct bpg_slots *slots = &harness->arm.control.slots;

  for (guint image = 0; image < BPG_BOOT_IMAGES; image++) {
    guint active = slots->active[image];

    if (active == BPG_BOOT_NO_SLOT)
      continue;
    g_assert_cmpuint (active, <, BPG_BOOT_SLOTS);
    g_assert_true (slots->slot[image][active].present);
    g_assert_cmpint (slots->slot[image][active].fault, ==, BPG_ARM_OK);
  }
}

static void
use (void)
{
  check_slots ();
  ask (BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_IDENTITY);
  ask (BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_STATUS);
  ask (BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_PARAMETERS);
  ask (BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_USAGE);
  ask (BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE);
  ask (BPG_SMP_READ, BPG_GROUP_OS, BPG_OS_INFO);
  simlimb_step (&harness->arm, 20000);
  ask (BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND);
  bpg_control_button (&harness->arm.control);
  check_slots ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (harness == NULL)
    prepare ();
  memcpy (harness->arm.flash.bytes, fresh_flash, flash_size);
  while (size >= HEAD) {
    gsize length = MIN ((gsize) data[3], size - HEAD);

    patch (data, data + HEAD, length);
    data += HEAD + length;
    size -= HEAD + length;
  }
  for (guint starts = 0; starts < 2; starts++)
    if (simlimb_power_on (&harness->arm, BPG_BOOT_RESET))
      use ();
  return 0;
}
