/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-registry.h"

#define BPG_TYPE_BOOKKEEPER (bpg_bookkeeper_get_type ())
G_DECLARE_FINAL_TYPE (BpgBookkeeper, bpg_bookkeeper, BPG, BOOKKEEPER, GObject)

/**
 * bpg_bookkeeper_new:
 *
 * Has Records1 write down who is bound to whom: now when it is there, else when it comes.
 */
BpgBookkeeper *bpg_bookkeeper_new (GDBusConnection *connection, BpgRegistry *registry);

/**
 * bpg_bookkeeper_follow:
 * @state: @patient: @side: what an arm whose key was proved says of itself
 *
 * The arm is right: its binding is taken into the registry when that says otherwise, durably, and Records1 is told. So
 * a binding that was cut off between arm and PC is made whole at the next connection. Errors: NoSpace, Failed.
 */
gboolean bpg_bookkeeper_follow (BpgBookkeeper *self, const char *device_id, const char *state, const char *patient,
                                const char *side, GError **error);

/**
 * bpg_bookkeeper_settle_async:
 *
 * Waits until Records1 has written down what there is of @device_id. Errors: what Records1 says, Failed when it is not
 * there. It will be tried again in any case.
 */
void bpg_bookkeeper_settle_async (BpgBookkeeper *self, const char *device_id, GAsyncReadyCallback callback,
                                  gpointer user_data);

gboolean bpg_bookkeeper_settle_finish (BpgBookkeeper *self, GAsyncResult *result, GError **error);
