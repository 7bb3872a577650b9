/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uploads to an arm that loses, refuses, falls silent or goes. */
#include "bpg-error.h"
#include "bpg-slot-table.h"
#include "bpg-uploader.h"
#include "fake-arm.h"

#include <string.h>

static const char hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

typedef struct {
  gsize last;
  guint calls;
} Seen;

static void
on_progress (gsize done, gsize total, gpointer user_data)
{
  Seen *seen = user_data;

  g_assert_cmpuint (done, >, seen->last);
  g_assert_cmpuint (done, <=, total);
  seen->last = done;
  seen->calls++;
}

static GBytes *
make_container (gsize length)
{
  guint8 *bytes = g_malloc (length);

  for (gsize i = 0; i < length; i++)
    bytes[i] = (guint8) (i * 131 + i / 256);
  return g_bytes_new_take (bytes, length);
}

static gboolean
run (FakeArm *arm, GBytes *container, Seen *seen, GCancellable *cancellable, GError **error)
{
  g_autoptr (BpgManagement) management = fake_arm_start (arm);

  g_strlcpy (arm->uploaded_hash, hash, sizeof arm->uploaded_hash);
  return bpg_upload (management, BPG_IMAGE_MODEL, container, on_progress, seen, cancellable, error);
}

static void
test_clean (void)
{
  static const gsize lengths[] = {1, 32, 255, 256, 257, 2000, 16384, 100000};

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autoptr (GBytes) container = make_container (lengths[i]);
    g_autoptr (GError) error = NULL;
    Seen seen = {0};
    FakeArm arm;

    fake_arm_init (&arm);
    g_assert_true (run (&arm, container, &seen, NULL, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (seen.last, ==, lengths[i]);
    g_assert_cmpmem (arm.received->data, arm.received->len, g_bytes_get_data (container, NULL), lengths[i]);
    /* One to begin with, and then full packets. */
    g_assert_cmpuint (arm.chunks, <=, 2 + lengths[i] / 1900);
    fake_arm_stop (&arm);
  }
}

static void
test_without_parameters (void)
{
  g_autoptr (GBytes) container = make_container (5000);
  Seen seen = {0};
  FakeArm arm;

  fake_arm_init (&arm);
  arm.no_parameters = TRUE;
  g_assert_true (run (&arm, container, &seen, NULL, NULL));
  g_assert_cmpmem (arm.received->data, arm.received->len, g_bytes_get_data (container, NULL), 5000);
  fake_arm_stop (&arm);
}

/* Whatever is lost, either way, the arm has in the end what was sent. */
static void
test_lossy (void)
{
  static const guint percents[] = {1, 5, 15};

  for (guint i = 0; i < G_N_ELEMENTS (percents); i++) {
    g_autoptr (GBytes) container = make_container (20000);
    g_autoptr (GError) error = NULL;
    Seen seen = {0};
    FakeArm arm;

    fake_arm_init (&arm);
    arm.lose_percent = percents[i];
    g_assert_true (run (&arm, container, &seen, NULL, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (arm.received->data, arm.received->len, g_bytes_get_data (container, NULL), 20000);
    fake_arm_stop (&arm);
  }
}

static void
test_resumed (void)
{
  g_autoptr (GBytes) container = make_container (20000);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = 32;
  Seen seen = {0};
  FakeArm arm;

  fake_arm_init (&arm);
  g_checksum_update (checksum, g_bytes_get_data (container, NULL), 20000);
  g_checksum_get_digest (checksum, arm.sha, &length);
  arm.expected = 20000;
  g_byte_array_append (arm.received, g_bytes_get_data (container, NULL), 16384);
  g_assert_true (run (&arm, container, &seen, NULL, NULL));
  g_assert_cmpmem (arm.received->data, arm.received->len, g_bytes_get_data (container, NULL), 20000);
  g_assert_cmpuint (arm.chunks, <=, 4);
  fake_arm_stop (&arm);
}

static void
test_refused (void)
{
  static const struct {
    guint rc;
    BpgError code;
  } reasons[] = {
    {BPG_ARM_ERROR_BATTERY_LOW, BPG_ERROR_BATTERY_TOO_LOW}, {BPG_ARM_ERROR_SIGNATURE, BPG_ERROR_SIGNATURE_INVALID},
    {BPG_ARM_ERROR_INCOMPATIBLE, BPG_ERROR_INCOMPATIBLE},   {BPG_ARM_ERROR_NO_SPACE, BPG_ERROR_NO_SPACE},
    {BPG_ARM_ERROR_VERSION_OLD, BPG_ERROR_VERSION_TOO_OLD}, {BPG_ARM_ERROR_CORRUPT, BPG_ERROR_CORRUPT},
    {BPG_ARM_ERROR_LIMIT, BPG_ERROR_NO_SPACE},              {BPG_ARM_ERROR_NOT_BOUND, BPG_ERROR_WRONG_STATE},
    {BPG_ARM_ERROR_WRONG_STATE, BPG_ERROR_WRONG_STATE},     {BPG_ARM_ERROR_BUSY, BPG_ERROR_BUSY},
    {BPG_ARM_ERROR_NOT_AUTHORISED, BPG_ERROR_NOT_AUTHORIZED}, {BPG_ARM_ERROR_INVALID, BPG_ERROR_INVALID_ARGUMENT},
    {BPG_ARM_ERROR_UNKNOWN, BPG_ERROR_FAILED},              {99, BPG_ERROR_FAILED},
  };

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
    g_autoptr (GBytes) container = make_container (3000);
    g_autoptr (GError) error = NULL;
    Seen seen = {0};
    FakeArm arm;

    fake_arm_init (&arm);
    arm.refuse_group = BPG_GROUP_IMAGE;
    arm.refuse_command = BPG_IMAGE_UPLOAD;
    arm.refuse_with = reasons[i].rc;
    g_assert_false (run (&arm, container, &seen, NULL, &error));
    g_assert_error (error, BPG_ERROR, (int) reasons[i].code);
    fake_arm_stop (&arm);
  }
}

static void
test_gone (void)
{
  for (guint after = 1; after < 10; after++) {
    g_autoptr (GBytes) container = make_container (20000);
    g_autoptr (GError) error = NULL;
    Seen seen = {0};
    FakeArm arm;

    fake_arm_init (&arm);
    arm.hang_up_after = after;
    g_assert_false (run (&arm, container, &seen, NULL, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED);
    fake_arm_stop (&arm);
  }
}

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (100000);
  g_cancellable_cancel (data);
  return NULL;
}

/* An arm that says nothing more: whoever waits can still cancel. */
static void
test_cancelled (void)
{
  g_autoptr (GBytes) container = make_container (20000);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
  Seen seen = {0};
  FakeArm arm;

  fake_arm_init (&arm);
  arm.silent_after = 4;
  g_assert_false (run (&arm, container, &seen, cancellable, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_CANCELLED);
  g_thread_join (thread);
  fake_arm_stop (&arm);
}

static void
test_nonsense (void)
{
  g_autoptr (GBytes) container = make_container (3000);
  g_autoptr (GError) error = NULL;
  Seen seen = {0};
  FakeArm arm;

  fake_arm_init (&arm);
  arm.old_offset = TRUE;
  g_assert_false (run (&arm, container, &seen, NULL, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
  fake_arm_stop (&arm);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/uploader/clean", test_clean);
  g_test_add_func ("/uploader/without-parameters", test_without_parameters);
  g_test_add_func ("/uploader/lossy", test_lossy);
  g_test_add_func ("/uploader/resumed", test_resumed);
  g_test_add_func ("/uploader/refused", test_refused);
  g_test_add_func ("/uploader/gone", test_gone);
  g_test_add_func ("/uploader/cancelled", test_cancelled);
  g_test_add_func ("/uploader/nonsense", test_nonsense);
  return g_test_run ();
}
