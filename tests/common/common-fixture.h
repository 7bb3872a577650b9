/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-dbus.h"
#include "bpg-names.h"
#include "bpg-service.h"

#include <ftw.h>
#include <stdio.h>

/* A private bus, a service's connection and a client's, and a state folder. */

typedef struct {
  GTestDBus *bus;
  GDBusConnection *server;
  GDBusConnection *client;
  char *state_dir;
} BusFixture;

static const BpgServiceInfo test_service = {
  .name = "test",
  .bus_name = BPG_BUS_RECORDS,
  .root = BPG_PATH_RECORDS,
  .summary = "A service for tests",
  .manager_type = bpg_dbus_records1_skeleton_get_type,
};

static inline GDBusConnection *
bus_fixture_connect (BusFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_sync (
    g_test_dbus_get_bus_address (fixture->bus),
    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static inline void
bus_fixture_set_up (BusFixture *fixture, gconstpointer data)
{
  fixture->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (fixture->bus);
  fixture->server = bus_fixture_connect (fixture);
  fixture->client = bus_fixture_connect (fixture);
  fixture->state_dir = g_dir_make_tmp ("bionicpro-service-XXXXXX", NULL);
}

static inline int
bus_fixture_remove (const char *path, const struct stat *info, int kind, struct FTW *walk)
{
  return remove (path);
}

static inline void
bus_fixture_tear_down (BusFixture *fixture, gconstpointer data)
{
  g_dbus_connection_close_sync (fixture->client, NULL, NULL);
  g_dbus_connection_close_sync (fixture->server, NULL, NULL);
  g_clear_object (&fixture->client);
  g_clear_object (&fixture->server);
  g_test_dbus_down (fixture->bus);
  g_clear_object (&fixture->bus);
  nftw (fixture->state_dir, bus_fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
  g_free (fixture->state_dir);
}

typedef struct {
  GVariant *value;
  GError *error;
  gboolean done;
} BusCall;

static inline void
bus_fixture_on_called (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BusCall *call = user_data;

  call->value = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &call->error);
  call->done = TRUE;
}

/* Calls from the client while the service's side, on the same main context, answers. */
static inline GVariant *
bus_fixture_call (BusFixture *fixture, const char *path, const char *interface, const char *method, GVariant *arguments,
                  GError **error)
{
  BusCall call = {NULL, NULL, FALSE};

  g_dbus_connection_call (fixture->client, g_dbus_connection_get_unique_name (fixture->server), path, interface, method,
                          arguments, NULL, G_DBUS_CALL_FLAGS_NONE, 20000, NULL, bus_fixture_on_called, &call);
  while (!call.done)
    g_main_context_iteration (NULL, TRUE);
  if (call.error != NULL)
    g_propagate_error (error, call.error);
  return call.value;
}
