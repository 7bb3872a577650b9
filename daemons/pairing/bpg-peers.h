/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* What this daemon asks of the others, over the bus. A service that is not there and cannot be started is Failed, with
 * its name. */

/**
 * bpg_peers_find_patient_async:
 * @patient: an object of Records1
 *
 * Errors: NotFound, Failed, TimedOut, Cancelled, NotAuthorized.
 */
void bpg_peers_find_patient_async (GDBusConnection *connection, const char *patient, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

gboolean bpg_peers_find_patient_finish (GDBusConnection *connection, GAsyncResult *result, GError **error);

/**
 * bpg_peers_get_clinic_key_async:
 *
 * The key an arm learns when it is bound. Errors: VaultNoKey, Corrupt (no key of sensible size), Failed, TimedOut,
 * Cancelled.
 */
void bpg_peers_get_clinic_key_async (GDBusConnection *connection, GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data);

GBytes *bpg_peers_get_clinic_key_finish (GDBusConnection *connection, GAsyncResult *result, GError **error);

/**
 * bpg_peers_record_binding_async:
 * @patient: pseudonym
 * @bound: %FALSE: the binding has ended
 *
 * Errors: NotFound (no such patient any more), NoSpace, Failed, TimedOut.
 */
void bpg_peers_record_binding_async (GDBusConnection *connection, const char *patient, const char *device_id,
                                     const char *fingerprint, const char *side, gboolean bound,
                                     GAsyncReadyCallback callback, gpointer user_data);

gboolean bpg_peers_record_binding_finish (GDBusConnection *connection, GAsyncResult *result, GError **error);
