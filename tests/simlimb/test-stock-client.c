/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stock MCUmgr clients count on, as they were seen to ask. */
#include <string.h>
#include <unistd.h>

#include "harness.h"

/* mcumgr's "image erase" names no slot, whichever runs. */
static void
test_erase (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) payload = g_bytes_new ("a program", 9);
  const struct bpg_slots *slots = &harness->arm.control.slots;

  for (guint8 version = 1; version <= 3; version++)
    {
      g_autoptr (GBytes) program = harness_sign (harness, payload, &(struct container){ .major = version });
      guint slot = (version + 1) % 2;

      g_assert_cmpint (harness_upload (harness, BPG_IMAGE_FIRMWARE, program), ==, 0);
      g_assert_true (slots->slot[BPG_IMAGE_FIRMWARE][slot].present);
      g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_ERASE), ==, 0);
      g_assert_false (slots->slot[BPG_IMAGE_FIRMWARE][slot].present);

      g_assert_cmpint (harness_upload (harness, BPG_IMAGE_FIRMWARE, program), ==, 0);
      g_assert_cmpint (harness_set_state (harness, program, FALSE), ==, 0);
      harness_power_on (harness);
      g_assert_cmpuint (slots->active[BPG_IMAGE_FIRMWARE], ==, slot);
      /* On trial both are needed. */
      g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_ERASE), ==,
                       BPG_ARM_ERROR_WRONG_STATE);
      g_assert_cmpint (harness_confirm (harness), ==, 0);
    }
}

/* The reply to "image confirm" comes behind the event that the trial has ended, and on a line of its own. */
static void
test_line_behind_frame (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);
  struct bpg_cbor_writer writer;
  uint8_t bytes[8192];
  const uint8_t *line;
  ssize_t got;

  harness_bind (harness, "left");
  g_assert_cmpint (harness_upload (harness, BPG_IMAGE_MODEL, container), ==, 0);
  g_assert_cmpint (harness_set_state (harness, container, FALSE), ==, 0);
  g_assert_cmpint (harness_trial (harness, 60), ==, 0);
  harness_run (harness, 10);
  writer = harness_begin (harness);
  bpg_image_write_request_encode (&(struct bpg_image_write_request){ .confirm = true }, &writer);
  harness_send (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, &writer);
  for (guint i = 0; i < 10; i++)
    {
      simlimb_receive (&harness->arm);
      simlimb_step (&harness->arm, 1000);
    }
  got = read (harness->fd, bytes, sizeof bytes);
  g_assert_cmpint (got, >, 0);
  g_assert_cmpuint (bytes[0], ==, 0);
  line = memmem (bytes, (size_t) got, "\x06\x09", 2);
  g_assert_nonnull (line);
  g_assert_cmpuint (line[-1], ==, '\n');
  /* And who does know frames finds nothing on the line that is neither. */
  for (gssize at = 0; at < got;)
    {
      struct bpg_demux_event event;

      at += (gssize) bpg_demux_push (&harness->demux, bytes + at, (size_t) (got - at), &event);
    }
  g_assert_cmpuint (harness->demux.garbage, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stock-client/erase", test_erase);
  g_test_add_func ("/stock-client/line-behind-frame", test_line_behind_frame);
  return g_test_run ();
}
