/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The history of an arm: bounded, once for each job, and the way back to any model that was confirmed. */
#include "../common/common-fixture.h"

#include "bpg-error.h"
#include "bpg-history.h"
#include "bpg-slot-table.h"

#include <string.h>

#define ARM "BP-1"
#define PATIENT "abcdefghjk"

typedef struct {
  BusFixture bus;
  BpgService *service;
  BpgHistory *history;
} HistoryFixture;

static void
open_history (HistoryFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture->service = bpg_service_new (&test_service, fixture->bus.server, fixture->bus.state_dir, TRUE, &error);
  g_assert_no_error (error);
  fixture->history = bpg_history_new (fixture->service, &error);
  g_assert_no_error (error);
}

static void
close_history (HistoryFixture *fixture)
{
  g_clear_object (&fixture->history);
  g_clear_object (&fixture->service);
}

static void
set_up (HistoryFixture *fixture, gconstpointer data)
{
  bus_fixture_set_up (&fixture->bus, data);
  open_history (fixture);
}

static void
tear_down (HistoryFixture *fixture, gconstpointer data)
{
  close_history (fixture);
  bus_fixture_tear_down (&fixture->bus, data);
}

static char *
name_model (guint number)
{
  return g_strdup_printf ("%064x", number);
}

static void
add (HistoryFixture *fixture, const char *action, guint model, guint64 job)
{
  g_autofree char *name = name_model (model);
  const BpgHistoryEvent event = {ARM, PATIENT, action, name, "", job};
  g_autoptr (GError) error = NULL;

  bpg_history_add (fixture->history, &event, &error);
  g_assert_no_error (error);
}

static guint
count (HistoryFixture *fixture, const char *patient)
{
  g_autoptr (GVariant) list = g_variant_ref_sink (bpg_history_list (fixture->history, ARM, patient));

  return (guint) g_variant_n_children (list);
}

static void
test_events (HistoryFixture *fixture, gconstpointer data)
{
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) first = NULL;
  const char *action = NULL;

  add (fixture, "install", 1, 5);
  add (fixture, "install", 1, 5);
  add (fixture, "trial", 1, 5);
  add (fixture, "revert", 1, 0);
  add (fixture, "revert", 1, 0);
  g_assert_cmpuint (count (fixture, PATIENT), ==, 4);
  g_assert_cmpuint (count (fixture, "another"), ==, 0);
  list = g_variant_ref_sink (bpg_history_list (fixture->history, ARM, PATIENT));
  first = g_variant_get_child_value (list, 0);
  g_assert_true (g_variant_lookup (first, "action", "&s", &action));
  g_assert_cmpstr (action, ==, "revert");

  for (guint i = 0; i < 300; i++)
    add (fixture, "install", i, 100 + i);
  g_assert_cmpuint (count (fixture, PATIENT), ==, BPG_HISTORY_MAX);
}

static void
expect_earlier (HistoryFixture *fixture, const char *current, const char *wanted, int model)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = bpg_history_find_earlier (fixture->history, ARM, PATIENT, current, wanted, &error);

  if (model >= 0) {
    g_autofree char *name = name_model ((guint) model);

    g_assert_no_error (error);
    g_assert_cmpstr (found, ==, name);
  } else {
    g_assert_error (error, BPG_ERROR, -model);
    g_assert_null (found);
  }
}

static void
test_earlier (HistoryFixture *fixture, gconstpointer data)
{
  g_autofree char *one = name_model (1);
  g_autofree char *two = name_model (2);
  g_autofree char *beginning = g_strndup (one, 10);

  expect_earlier (fixture, NULL, NULL, -BPG_ERROR_NOT_FOUND);
  add (fixture, "confirm", 1, 1);
  expect_earlier (fixture, one, NULL, -BPG_ERROR_NOT_FOUND);
  expect_earlier (fixture, NULL, NULL, 1);
  add (fixture, "install", 3, 2);
  add (fixture, "confirm", 2, 3);
  expect_earlier (fixture, two, NULL, 1);
  expect_earlier (fixture, two, one, 1);
  expect_earlier (fixture, two, beginning, -BPG_ERROR_INVALID_ARGUMENT);
  expect_earlier (fixture, two, "0000", -BPG_ERROR_INVALID_ARGUMENT);
  expect_earlier (fixture, two, "0000000*", -BPG_ERROR_INVALID_ARGUMENT);
  expect_earlier (fixture, two, "ffffffff", -BPG_ERROR_NOT_FOUND);
  /* The order is that of the confirmations, not of the first ones. */
  add (fixture, "roll-back", 1, 4);
  expect_earlier (fixture, one, NULL, 2);
  /* Confirmations outlive the events that told of them. */
  for (guint i = 0; i < 200; i++)
    add (fixture, "failed", 9, 100 + i);
  expect_earlier (fixture, one, NULL, 2);
}

static void
add_container (HistoryFixture *fixture, guint number)
{
  g_autofree char *image = g_strdup_printf ("%064x", 0xc0000 + number);
  g_autofree char *model = name_model (number);
  g_autofree char *path = bpg_history_get_path (fixture->history, image);
  const BpgContainerRow row = {image, (char *) ARM, (char *) PATIENT, model, (char *) "board", (char *) "left",
                               (char *) "key", 1000 + number};
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, "container", -1, NULL));
  bpg_history_add_container (fixture->history, &row, &error);
  g_assert_no_error (error);
}

static void
test_containers (HistoryFixture *fixture, gconstpointer data)
{
  g_autofree char *model = name_model (3);
  g_autofree char *image = g_strdup_printf ("%064x", 0xc0003);
  g_autofree char *path = bpg_history_get_path (fixture->history, image);
  g_autofree char *found = NULL;
  g_autofree char *unknown = bpg_history_find_model (fixture->history, "nothing");

  g_assert_cmpstr (unknown, ==, "");
  g_assert_cmpuint (bpg_history_get_last_version (fixture->history), ==, 0);
  for (guint i = 0; i < 5; i++)
    add_container (fixture, i);
  g_assert_cmpuint (bpg_history_get_last_version (fixture->history), ==, 1004);
  close_history (fixture);
  open_history (fixture);
  {
    g_autoptr (BpgContainerRow) row = bpg_history_find_container (fixture->history, ARM, PATIENT, model);

    g_assert_nonnull (row);
    g_assert_cmpstr (row->image, ==, image);
    g_assert_cmpstr (row->side, ==, "left");
    g_assert_cmpuint (row->version, ==, 1003);
  }
  found = bpg_history_find_model (fixture->history, image);
  g_assert_cmpstr (found, ==, model);
  g_assert_null (bpg_history_find_container (fixture->history, ARM, "another", model));
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  for (guint i = 5; i < 5 + BPG_HISTORY_MAX; i++)
    add_container (fixture, i);
  g_assert_null (bpg_history_find_container (fixture->history, ARM, PATIENT, model));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_trial (HistoryFixture *fixture, gconstpointer data)
{
  g_autofree char *none = bpg_history_get_trial (fixture->history, ARM, BPG_IMAGE_MODEL);
  g_autofree char *one = NULL;

  g_assert_cmpstr (none, ==, "");
  g_assert_true (bpg_history_set_trial (fixture->history, ARM, BPG_IMAGE_MODEL, "image", NULL));
  close_history (fixture);
  open_history (fixture);
  one = bpg_history_get_trial (fixture->history, ARM, BPG_IMAGE_MODEL);
  g_assert_cmpstr (one, ==, "image");
}

/* What is about firmware says so, and is neither a model's end nor its beginning. */
static void
test_firmware (HistoryFixture *fixture, gconstpointer data)
{
  const BpgHistoryEvent event = {ARM, PATIENT, "confirm", "", "", 7, "f00d", "1.2.3"};
  g_autofree char *model = NULL;
  g_autofree char *firmware = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) entry = NULL;
  g_autoptr (GError) error = NULL;
  const char *text;

  g_assert_true (bpg_history_add (fixture->history, &event, &error));
  list = g_variant_ref_sink (bpg_history_list (fixture->history, ARM, PATIENT));
  entry = g_variant_get_child_value (list, 0);
  g_assert_true (g_variant_lookup (entry, "firmware", "&s", &text));
  g_assert_cmpstr (text, ==, "f00d");
  g_assert_true (g_variant_lookup (entry, "version", "&s", &text));
  g_assert_cmpstr (text, ==, "1.2.3");
  g_assert_null (bpg_history_find_earlier (fixture->history, ARM, PATIENT, NULL, NULL, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND);
  /* Both kinds of trial are remembered beside each other. */
  g_assert_true (bpg_history_set_trial (fixture->history, ARM, BPG_IMAGE_FIRMWARE, "f00d", NULL));
  g_assert_true (bpg_history_set_trial (fixture->history, ARM, BPG_IMAGE_MODEL, "beef", NULL));
  firmware = bpg_history_get_trial (fixture->history, ARM, BPG_IMAGE_FIRMWARE);
  model = bpg_history_get_trial (fixture->history, ARM, BPG_IMAGE_MODEL);
  g_assert_cmpstr (firmware, ==, "f00d");
  g_assert_cmpstr (model, ==, "beef");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/history/events", HistoryFixture, NULL, set_up, test_events, tear_down);
  g_test_add ("/history/earlier", HistoryFixture, NULL, set_up, test_earlier, tear_down);
  g_test_add ("/history/containers", HistoryFixture, NULL, set_up, test_containers, tear_down);
  g_test_add ("/history/firmware", HistoryFixture, NULL, set_up, test_firmware, tear_down);
  g_test_add ("/history/trial", HistoryFixture, NULL, set_up, test_trial, tear_down);
  return g_test_run ();
}
