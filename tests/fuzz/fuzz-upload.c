/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Uploads, in any order and broken off anywhere, to an arm that runs a confirmed model and confirmed firmware. The
 * input is a row of steps of three bytes: what, how, how much. Images are whole ones, older and newer, of this
 * clinic and another, with a byte wrong; pieces come twice, not at all, or from elsewhere; in between images are
 * tried, confirmed, erased, the arm reset, its power cut in a flash operation. It always starts with a model and
 * with firmware that were whole when they came.
 */
#include <stdlib.h>
#include <string.h>

#include "control/server.h"
#include "harness.h"

#define STEP 3u
#define STEPS_MOST 64u
#define PIECE 512u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum
{
  OLD_MODEL,
  NEW_MODEL,
  FOREIGN_MODEL,
  OLD_FIRMWARE,
  NEW_FIRMWARE,
  FOREIGN_FIRMWARE,
  IMAGES,
};

enum
{
  DO_BEGIN,
  DO_PIECE,
  DO_ALL,
  DO_PENDING,
  DO_TRIAL,
  DO_CONFIRM,
  DO_FALL_BACK,
  DO_ERASE,
  DO_RESET,
  DO_POWER,
  DO_CUT,
  DO_WAIT,
  DO_WEAR,
  DO_KINDS,
};

static struct harness *harness;
static GBytes *images[IMAGES];
static uint8_t *fresh_flash;
static gsize flash_size;

/* The upload under way, as its sender sees it. */
static struct
{
  guint8 *bytes;
  gsize length;
  gsize offset;
  guint image;
  uint8_t sha[BPG_SHA256_SIZE];
  gboolean has_sha;
} sent;

static void
finish (void)
{
  for (guint i = 0; i < IMAGES; i++)
    g_bytes_unref (images[i]);
  g_free (sent.bytes);
  g_free (fresh_flash);
  harness_free (harness);
}

static GBytes *
make_firmware (guint8 version, gnutls_privkey_t key)
{
  g_autofree uint8_t *program = g_malloc (9000);
  g_autoptr (GBytes) payload = NULL;

  memset (program, version, 9000);
  payload = g_bytes_new (program, 9000);
  return harness_sign (harness, payload, &(struct container){ .major = version, .key = key });
}

static void
prepare (void)
{
  gnutls_privkey_t foreign = harness_make_key ();

  harness = harness_new ();
  atexit (finish);
  for (guint8 i = 0; i < 3; i++) {
    g_autoptr (GBytes) model = harness_make_model (harness, i);

    images[OLD_MODEL + i] = harness_sign (harness, model, i == 2 ? &(struct container){ .key = foreign } : NULL);
    images[OLD_FIRMWARE + i] = make_firmware ((guint8) (i + 1), i == 2 ? foreign : NULL);
  }
  gnutls_privkey_deinit (foreign);
  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, images[OLD_MODEL]), ==, 0);
  g_assert_cmpint (harness_upload (harness, BPG_IMAGE_FIRMWARE, images[OLD_FIRMWARE]), ==, 0);
  g_assert_cmpint (harness_set_state (harness, images[OLD_FIRMWARE], TRUE), ==, 0);
  harness_power_on (harness);
  flash_size = BPG_FLASH_SECTOR;
  for (int area = 0; area < BPG_FLASH_AREAS; area++)
    flash_size += sim_flash_size ((enum bpg_flash_area) area);
  fresh_flash = g_memdup2 (harness->arm.flash.bytes, flash_size);
}

static struct bpg_cbor_writer
begin_request (uint8_t *packet)
{
  struct bpg_cbor_writer writer;

  bpg_packet_begin (&writer, packet, BPG_SMP_PACKET_MAX);
  return writer;
}

/* Hands the request to the arm; its answer's payload stands in @reply. Returns its length, 0 when there is none. */
static gsize
ask (enum bpg_smp_op op, uint16_t group, uint8_t command, uint8_t *packet, struct bpg_cbor_writer *writer,
     uint8_t *reply)
{
  struct bpg_smp_header header = bpg_request_header (op, group, command, 1);
  gsize length = bpg_packet_finish (writer, &header);

  if (!harness->arm.powered)
    return 0;
  length = bpg_server_handle (&harness->arm.control, packet, length, reply);
  g_assert_cmpuint (length, >, 0);
  simlimb_step (&harness->arm, 1000);
  return length - BPG_SMP_HEADER_SIZE;
}

/* A piece of @length bytes from where the arm wants it, or from @off elsewhere. */
static void
send_piece (gsize length, gint off, gboolean first)
{
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t reply[BPG_SMP_PACKET_MAX];
  struct bpg_cbor_writer writer = begin_request (packet);
  struct bpg_upload_request request = { 0 };
  struct bpg_upload_reply answer;
  gsize at = first ? 0 : (gsize) CLAMP ((gint) sent.offset + off, 0, (gint) sent.length);
  gsize got;

  request.off = at;
  request.data = (struct bpg_bytes){ sent.bytes + at, MIN (length, sent.length - at) };
  if (first) {
    request.image = sent.image;
    request.len = sent.length;
    if (sent.has_sha)
      request.sha = (struct bpg_bytes){ sent.sha, sizeof sent.sha };
  }
  bpg_upload_request_encode (&request, &writer);
  got = ask (BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, packet, &writer, reply);
  if (got == 0 || !bpg_upload_reply_decode (reply + BPG_SMP_HEADER_SIZE, got, &answer))
    return;
  g_assert_cmpuint (answer.off, <=, sent.length);
  sent.offset = answer.off;
}

static void
begin_upload (guint8 how, guint8 much)
{
  GBytes *image = images[how % IMAGES];
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (image, &length);

  g_free (sent.bytes);
  sent.bytes = g_memdup2 (bytes, length);
  sent.length = length;
  sent.offset = 0;
  /* The other kind's number now and then. */
  sent.image = (how % IMAGES < OLD_FIRMWARE ? BPG_IMAGE_MODEL : BPG_IMAGE_FIRMWARE) ^ (how == 0xFF);
  if (how & 0x40)
    sent.bytes[much * 37u % length] ^= 1;
  sent.has_sha = !(how & 0x20);
  sim_element_sha256 (how & 0x10 ? bytes : sent.bytes, length, sent.sha);
  send_piece (much * 4u % PIECE, 0, TRUE);
}

static void
send_all (guint8 how)
{
  for (guint i = 0; i < 64 && sent.offset < sent.length && harness->arm.powered; i++)
    send_piece (PIECE + how, 0, FALSE);
}

static void
set_state (guint8 how, gboolean confirm)
{
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t reply[BPG_SMP_PACKET_MAX];
  struct bpg_cbor_writer writer = begin_request (packet);
  struct bpg_image_write_request state = { .confirm = confirm, .downgrade = how >> 7 };
  struct bpg_image image;
  GBytes *bytes = images[how % IMAGES];

  g_assert_cmpint (bpg_image_parse (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &image), ==, 0);
  if (!(how & 0x40))
    state.hash = (struct bpg_bytes){ image.hash, BPG_SHA256_SIZE };
  bpg_image_write_request_encode (&state, &writer);
  ask (BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, packet, &writer, reply);
}

static void
ask_number (uint16_t group, uint8_t command, guint8 number)
{
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t reply[BPG_SMP_PACKET_MAX];
  struct bpg_cbor_writer writer = begin_request (packet);

  if (command == BPG_ARM_TRIAL && group == BPG_GROUP_ARM)
    bpg_trial_request_encode (&(struct bpg_trial_request){ number }, &writer);
  else if (group == BPG_GROUP_ARM)
    bpg_fall_back_request_encode (&(struct bpg_fall_back_request){ 1 }, &writer);
  else
    bpg_erase_request_encode (&(struct bpg_erase_request){ .slot = number % 5 }, &writer);
  ask (BPG_SMP_WRITE, group, command, packet, &writer, reply);
}

/* What runs came whole from here, and was signed for this arm. */
static void
check (void)
{
  const struct bpg_slots *slots = &harness->arm.control.slots;

  g_assert_false (harness->arm.hung);
  for (guint image = 0; image < BPG_BOOT_IMAGES; image++) {
    guint active = slots->active[image];
    guint first = image == BPG_IMAGE_MODEL ? OLD_MODEL : OLD_FIRMWARE;
    const uint8_t *bytes;
    gsize length;

    g_assert_cmpuint (active, <, BPG_BOOT_SLOTS);
    bytes = bpg_port_flash_map (bpg_slots_area (image, active));
    length = g_bytes_get_size (images[first]);
    g_assert_true (memcmp (bytes, g_bytes_get_data (images[first], NULL), length) == 0
                   || memcmp (bytes, g_bytes_get_data (images[first + 1], NULL), length) == 0);
  }
}

static void
power_on (void)
{
  harness->arm.flash.cut_in = 0;
  harness->arm.flash.worn = 0;
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_POWER_ON));
  check ();
}

static void
do_step (const uint8_t *step)
{
  switch (step[0] % DO_KINDS) {
  case DO_BEGIN:
    begin_upload (step[1], step[2]);
    break;
  case DO_PIECE:
    if (sent.bytes != NULL)
      send_piece (step[2] * 4u, (gint8) step[1], FALSE);
    break;
  case DO_ALL:
    if (sent.bytes != NULL)
      send_all (step[1]);
    break;
  case DO_PENDING:
    set_state (step[1], FALSE);
    break;
  case DO_CONFIRM:
    set_state (step[1], TRUE);
    break;
  case DO_TRIAL:
    ask_number (BPG_GROUP_ARM, BPG_ARM_TRIAL, step[1]);
    break;
  case DO_FALL_BACK:
    ask_number (BPG_GROUP_ARM, BPG_ARM_FALL_BACK, 0);
    break;
  case DO_ERASE:
    ask_number (BPG_GROUP_IMAGE, BPG_IMAGE_ERASE, step[1]);
    break;
  case DO_RESET:
    g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_RESET));
    break;
  case DO_POWER:
    power_on ();
    break;
  case DO_CUT:
    sim_random_init (&harness->arm.flash.random, step[2]);
    harness->arm.flash.cut_in = 1u + step[1] % 64;
    break;
  case DO_WEAR:
    harness->arm.flash.worn = step[1] % 4 == 0 ? 1u << step[2] % BPG_FLASH_AREAS : 0;
    break;
  default:
    simlimb_step (&harness->arm, step[1] * 1000.0);
    break;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (harness == NULL)
    prepare ();
  memcpy (harness->arm.flash.bytes, fresh_flash, flash_size);
  g_clear_pointer (&sent.bytes, g_free);
  sent.length = sent.offset = 0;
  power_on ();
  for (guint i = 0; i < STEPS_MOST && size >= STEP; i++) {
    do_step (data);
    if (!harness->arm.powered)
      power_on ();
    else if (!harness->arm.flash.dead)
      check ();
    data += STEP;
    size -= STEP;
  }
  power_on ();
  power_on ();
  return 0;
}
