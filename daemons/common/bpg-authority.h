/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_TYPE_AUTHORITY (bpg_authority_get_type ())
G_DECLARE_FINAL_TYPE (BpgAuthority, bpg_authority, BPG, AUTHORITY, GObject)

/**
 * bpg_authority_new:
 * @session: developer mode: the caller shares the session bus and so the user id with us; no polkit is asked
 */
BpgAuthority *bpg_authority_new (gboolean session);

/**
 * bpg_authority_check_async:
 * @sender: unique bus name of the caller
 * @interactive: whether polkit may ask a person, the message's own flag
 * @action: a polkit action id
 * @details: (nullable) (array zero-terminated=1): key, value, … pairs that name the thing for the dialog
 *
 * Asks polkit. Denies by default: errors are NotAuthorized, AuthorizationObtainable (a password would do, but asking was
 * not allowed), AuthorizationDismissed, AuthorizationUnavailable (no polkit, or no answer within 5 seconds, 5 minutes
 * when a person is asked), Cancelled.
 */
void bpg_authority_check_async (BpgAuthority *self, const char *sender, gboolean interactive, const char *action,
                                const char *const *details, GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data);

gboolean bpg_authority_check_finish (BpgAuthority *self, GAsyncResult *result, GError **error);

/**
 * BpgAuthorizedFunc:
 *
 * Goes on with a method whose caller was found to have the right. It must answer @invocation.
 */
typedef void (*BpgAuthorizedFunc) (gpointer self, GDBusMethodInvocation *invocation, GVariant *parameters);

/**
 * bpg_authority_authorize:
 * @invocation: (transfer full): the call
 * @object: a GObject that is kept alive meanwhile and handed to @func
 *
 * Check and go on in one: @func is called when the caller has the right, else the call is answered with the error.
 */
void bpg_authority_authorize (BpgAuthority *self, GDBusMethodInvocation *invocation, const char *action,
                              const char *const *details, GObject *object, BpgAuthorizedFunc func);
