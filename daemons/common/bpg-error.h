/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * BpgError:
 *
 * Every way in which the gateway says no. Each code is one D-Bus error name, org.bionicpro.Error.<Name>;
 * docs/errors.md explains them and bpg_error_get_hint() says what a person can do.
 */
typedef enum {
  BPG_ERROR_FAILED,
  BPG_ERROR_CANCELLED,
  BPG_ERROR_TIMED_OUT,
  BPG_ERROR_BUSY,
  BPG_ERROR_WRONG_STATE,
  BPG_ERROR_NOT_FOUND,
  BPG_ERROR_INVALID_ARGUMENT,
  BPG_ERROR_UNKNOWN_OPTION,
  BPG_ERROR_NOT_SUPPORTED,
  BPG_ERROR_NOT_AUTHORIZED,
  BPG_ERROR_AUTHORIZATION_OBTAINABLE,
  BPG_ERROR_AUTHORIZATION_DISMISSED,
  BPG_ERROR_AUTHORIZATION_UNAVAILABLE,
  BPG_ERROR_DISCONNECTED,
  BPG_ERROR_BLUETOOTH_UNAVAILABLE,
  BPG_ERROR_PAIRING_REJECTED,
  BPG_ERROR_BOND_LOST,
  BPG_ERROR_WRONG_PROSTHESIS,
  BPG_ERROR_NEEDS_USER_ACTION,
  BPG_ERROR_SIGNAL_POOR,
  BPG_ERROR_MODEL_WORSE,
  BPG_ERROR_INCOMPATIBLE,
  BPG_ERROR_SIGNATURE_INVALID,
  BPG_ERROR_VERSION_TOO_OLD,
  BPG_ERROR_BATTERY_TOO_LOW,
  BPG_ERROR_CONSENT_MISSING,
  BPG_ERROR_VAULT_NO_KEY,
  BPG_ERROR_VAULT_KEY_CHANGED,
  BPG_ERROR_TOKEN_ABSENT,
  BPG_ERROR_OFFLINE,
  BPG_ERROR_UPSTREAM_REJECTED,
  BPG_ERROR_CLOCK_UNTRUSTED,
  BPG_ERROR_NO_SPACE,
  BPG_ERROR_CORRUPT,
  BPG_ERROR_LIMIT_EXCEEDED,
  BPG_ERROR_CHIP_LOCKED,
  BPG_N_ERRORS /*< skip >*/
} BpgError;

#define BPG_ERROR (bpg_error_quark ())

/**
 * bpg_error_quark:
 *
 * The one error domain; registers every code's D-Bus name on first use.
 */
GQuark bpg_error_quark (void);

/**
 * bpg_error_get_name:
 *
 * Returns: the D-Bus name, for example "org.bionicpro.Error.ModelWorse".
 */
const char *bpg_error_get_name (BpgError code);

/**
 * bpg_error_from_name:
 * @name: a D-Bus error name
 *
 * Returns: its code, or -1 when it is not one of ours.
 */
int bpg_error_from_name (const char *name);

/**
 * bpg_error_get_hint:
 *
 * Returns: (transfer none): an untranslated English sentence that says what a person can do about it.
 */
const char *bpg_error_get_hint (BpgError code);

/**
 * bpg_error_convert:
 * @error: (transfer full): an error of any domain
 * @what: what was being tried, for the message; may be %NULL
 *
 * Turns a foreign error (GIO, D-Bus, SQLite's converted ones) into ours at the edge where it enters; one of ours
 * only gets @what in front.
 *
 * Returns: (transfer full): an error in BPG_ERROR.
 */
GError *bpg_error_convert (GError *error, const char *what);

/**
 * bpg_error_take:
 * @dest: where to put it, may be %NULL
 * @error: (transfer full): an error of any domain
 * @what: as bpg_error_convert()
 *
 * bpg_error_convert() and g_propagate_error() in one.
 *
 * Returns: %FALSE always, so that it can be returned.
 */
gboolean bpg_error_take (GError **dest, GError *error, const char *what);

/**
 * bpg_error_set_errno:
 * @errsv: an errno value
 *
 * Sets @dest from a system call's errno: ENOSPC and EDQUOT are NoSpace, ENODEV, EIO, EPIPE and ECONNRESET are
 * Disconnected only when the caller deals with a device and says so with @device.
 *
 * Returns: %FALSE always.
 */
gboolean bpg_error_set_errno (GError **dest, int errsv, gboolean device, const char *what);
