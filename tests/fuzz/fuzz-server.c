/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The arm's server, with a bound arm behind it that runs a model. The input is a row of requests: op and
 * group in a byte, command, length (u16), payload. Of the command the highest bit presses the
 * button, the next one turns bench mode on or off. Each is answered in bounds, time goes on between
 * them, and at the end the arm starts again.
 */
#include <stdlib.h>
#include <string.h>

#include "control/server.h"
#include "harness.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static struct harness *harness;
static struct bpg_control *fresh_control;
static uint8_t *fresh_flash;
static gsize flash_size;

static void
finish (void)
{
  g_free (fresh_control);
  g_free (fresh_flash);
  harness_free (harness);
}

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
  fresh_control = g_memdup2 (&harness->arm.control, sizeof harness->arm.control);
  fresh_flash = g_memdup2 (harness->arm.flash.bytes, flash_size);
}

static void
restore (void)
{
  if (memcmp (harness->arm.flash.counters, fresh_flash + flash_size - BPG_FLASH_SECTOR, 4) != 0)
    memcpy (harness->arm.flash.bytes, fresh_flash, flash_size);
  harness->arm.control = *fresh_control;
  sim_bench_set (&harness->arm.bench, NULL);
  sim_bench_set (&harness->arm.next_bench, NULL);
}

/* As the release key would: no fuzzer finds its signature. */
static void
turn_bench (void)
{
  sim_bench_set (&harness->arm.next_bench, harness->arm.bench.on ? NULL : &harness->arm.electrodes.port);
  harness->arm.bench = harness->arm.next_bench;
}

static void
ask (const uint8_t *head, const uint8_t *payload, size_t length)
{
  static const uint16_t groups[] = { BPG_GROUP_OS, BPG_GROUP_IMAGE, BPG_GROUP_ARM, 99 };
  struct bpg_smp_header header = {
    .op = head[0] & 7,
    .version = head[0] >> 3 & 1,
    .group = groups[head[0] >> 4 & 3],
    .command = head[1] & 0x3F,
    .length = (uint16_t) length,
  };
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t reply[BPG_SMP_PACKET_MAX];
  size_t answered;

  bpg_smp_header_encode (&header, packet);
  memcpy (packet + BPG_SMP_HEADER_SIZE, payload, length);
  answered = bpg_server_handle (&harness->arm.control, packet, BPG_SMP_HEADER_SIZE + length, reply);
  g_assert_cmpint (answered > 0, ==, header.op == BPG_SMP_READ || header.op == BPG_SMP_WRITE);
  if (answered > 0)
    g_assert_true (bpg_smp_header_decode (reply, answered, &header));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (harness == NULL)
    prepare ();
  restore ();
  while (size >= 4) {
    size_t length = MIN ((size_t) (data[2] | data[3] << 8), size - 4);

    length = MIN (length, BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE);
    if (data[1] & 0x40)
      turn_bench ();
    ask (data, data + 4, length);
    if (data[1] & 0x80)
      bpg_control_button (&harness->arm.control);
    simlimb_step (&harness->arm, 1000);
    data += 4 + length;
    size -= 4 + length;
  }
  g_assert_true (bpg_control_init (&harness->arm.control));
  /* Whatever was asked for: as long as nobody pressed the button for it, the
   * arm has a model that starts, and its program never stood too long. */
  if (harness->arm.control.binding.sequence == fresh_control->binding.sequence)
    g_assert_cmpuint (harness->arm.control.slots.active[BPG_IMAGE_MODEL], !=, BPG_BOOT_NO_SLOT);
  g_assert_false (harness->arm.hung);
  g_assert_cmpuint (harness->arm.boot_reason, !=, BPG_BOOT_WATCHDOG);
  return 0;
}
