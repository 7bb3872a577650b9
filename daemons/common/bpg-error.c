/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"

#include <errno.h>
#include <glib/gi18n.h>

#define PREFIX "org.bionicpro.Error."

typedef struct {
  GDBusErrorEntry entry;
  const char *hint;
} Row;

static const Row rows[] = {
  {{BPG_ERROR_FAILED, PREFIX "Failed"}, N_("Look into the journal of the service, then try again.")},
  {{BPG_ERROR_CANCELLED, PREFIX "Cancelled"}, N_("It was stopped on purpose; start it again when you want it.")},
  {{BPG_ERROR_TIMED_OUT, PREFIX "TimedOut"}, N_("Check that the prosthesis is switched on and near, then try again.")},
  {{BPG_ERROR_BUSY, PREFIX "Busy"}, N_("Wait until the other work has ended, or cancel it.")},
  {{BPG_ERROR_WRONG_STATE, PREFIX "WrongState"}, N_("Do the step that comes before this one first.")},
  {{BPG_ERROR_NOT_FOUND, PREFIX "NotFound"}, N_("Check the name; 'bionicctl list' shows what there is.")},
  {{BPG_ERROR_INVALID_ARGUMENT, PREFIX "InvalidArgument"}, N_("Correct the argument that is named and try again.")},
  {{BPG_ERROR_UNKNOWN_OPTION, PREFIX "UnknownOption"}, N_("Leave the named option out, or update the gateway.")},
  {{BPG_ERROR_NOT_SUPPORTED, PREFIX "NotSupported"}, N_("This prosthesis or this gateway cannot do that.")},
  {{BPG_ERROR_NOT_AUTHORIZED, PREFIX "NotAuthorized"}, N_("Ask the person who administers this PC for the right.")},
  {{BPG_ERROR_AUTHORIZATION_OBTAINABLE, PREFIX "AuthorizationObtainable"},
   N_("Allow the question for a password and try again.")},
  {{BPG_ERROR_AUTHORIZATION_DISMISSED, PREFIX "AuthorizationDismissed"},
   N_("The password was not given; try again when you have it.")},
  {{BPG_ERROR_AUTHORIZATION_UNAVAILABLE, PREFIX "AuthorizationUnavailable"},
   N_("Start polkit: 'systemctl start polkit', then try again.")},
  {{BPG_ERROR_DISCONNECTED, PREFIX "Disconnected"}, N_("Plug the prosthesis in again and repeat the step.")},
  {{BPG_ERROR_BLUETOOTH_UNAVAILABLE, PREFIX "BluetoothUnavailable"}, N_("Switch Bluetooth on, or use the USB cable.")},
  {{BPG_ERROR_PAIRING_REJECTED, PREFIX "PairingRejected"}, N_("Confirm the pairing on the prosthesis and try again.")},
  {{BPG_ERROR_BOND_LOST, PREFIX "BondLost"}, N_("Remove the old pairing and pair the prosthesis again.")},
  {{BPG_ERROR_WRONG_PROSTHESIS, PREFIX "WrongProsthesis"},
   N_("Compare the QR code with the arm in front of you; do not use an arm that fails this twice.")},
  {{BPG_ERROR_NEEDS_USER_ACTION, PREFIX "NeedsUserAction"},
   N_("Do what the request or the message asks for, then try again.")},
  {{BPG_ERROR_SIGNAL_POOR, PREFIX "SignalPoor"}, N_("Check the electrodes and record the named repetitions again.")},
  {{BPG_ERROR_MODEL_WORSE, PREFIX "ModelWorse"}, N_("Keep the present model, or record the movements again.")},
  {{BPG_ERROR_INCOMPATIBLE, PREFIX "Incompatible"}, N_("Use a model, recording or firmware made for this prosthesis.")},
  {{BPG_ERROR_SIGNATURE_INVALID, PREFIX "SignatureInvalid"},
   N_("The signer is not trusted: bind the arm to this clinic again for models; for firmware, get it from the maker.")},
  {{BPG_ERROR_VERSION_TOO_OLD, PREFIX "VersionTooOld"}, N_("Use a newer version.")},
  {{BPG_ERROR_BATTERY_TOO_LOW, PREFIX "BatteryTooLow"}, N_("Charge what the message names and try again.")},
  {{BPG_ERROR_CONSENT_MISSING, PREFIX "ConsentMissing"}, N_("Ask the patient for consent and record it.")},
  {{BPG_ERROR_VAULT_NO_KEY, PREFIX "VaultNoKey"}, N_("The clinic's key cannot be used; see Problems of the service.")},
  {{BPG_ERROR_VAULT_KEY_CHANGED, PREFIX "VaultKeyChanged"}, N_("The key has changed; enrol again.")},
  {{BPG_ERROR_TOKEN_ABSENT, PREFIX "TokenAbsent"}, N_("Log in again.")},
  {{BPG_ERROR_OFFLINE, PREFIX "Offline"}, N_("Check the network; nothing is lost meanwhile.")},
  {{BPG_ERROR_UPSTREAM_REJECTED, PREFIX "UpstreamRejected"},
   N_("The far side refused it; read its reason in the message.")},
  {{BPG_ERROR_CLOCK_UNTRUSTED, PREFIX "ClockUntrusted"}, N_("Set this PC's clock.")},
  {{BPG_ERROR_NO_SPACE, PREFIX "NoSpace"}, N_("Free some disk space, then try again; what was kept is safe.")},
  {{BPG_ERROR_CORRUPT, PREFIX "Corrupt"}, N_("The data is damaged; use another copy or make it again.")},
  {{BPG_ERROR_LIMIT_EXCEEDED, PREFIX "LimitExceeded"}, N_("Ask for less at once.")},
  {{BPG_ERROR_CHIP_LOCKED, PREFIX "ChipLocked"}, N_("Update this arm over the link; its chip takes nothing else.")},
};

G_STATIC_ASSERT (G_N_ELEMENTS (rows) == BPG_N_ERRORS);

GQuark
bpg_error_quark (void)
{
  static gsize quark = 0;

  if (g_once_init_enter (&quark)) {
    GQuark fresh = g_quark_from_static_string ("bpg-error-quark");

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
      g_assert (rows[i].entry.error_code == (int) i);
      g_dbus_error_register_error (fresh, rows[i].entry.error_code, rows[i].entry.dbus_error_name);
    }
    g_once_init_leave (&quark, fresh);
  }
  return (GQuark) quark;
}

const char *
bpg_error_get_name (BpgError code)
{
  g_return_val_if_fail ((guint) code < G_N_ELEMENTS (rows), rows[0].entry.dbus_error_name);
  return rows[code].entry.dbus_error_name;
}

int
bpg_error_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    if (g_strcmp0 (name, rows[i].entry.dbus_error_name) == 0)
      return (int) i;
  }
  return -1;
}

const char *
bpg_error_get_hint (BpgError code)
{
  g_return_val_if_fail ((guint) code < G_N_ELEMENTS (rows), rows[0].hint);
  return rows[code].hint;
}

static BpgError
code_from_io (int io_code)
{
  switch (io_code) {
  case G_IO_ERROR_CANCELLED:
    return BPG_ERROR_CANCELLED;
  case G_IO_ERROR_TIMED_OUT:
    return BPG_ERROR_TIMED_OUT;
  case G_IO_ERROR_NOT_FOUND:
    return BPG_ERROR_NOT_FOUND;
  case G_IO_ERROR_NO_SPACE:
    return BPG_ERROR_NO_SPACE;
  case G_IO_ERROR_BUSY:
    return BPG_ERROR_BUSY;
  case G_IO_ERROR_PERMISSION_DENIED:
    return BPG_ERROR_NOT_AUTHORIZED;
  case G_IO_ERROR_INVALID_ARGUMENT:
    return BPG_ERROR_INVALID_ARGUMENT;
  case G_IO_ERROR_INVALID_DATA:
  case G_IO_ERROR_PARTIAL_INPUT:
    return BPG_ERROR_CORRUPT;
  case G_IO_ERROR_NOT_SUPPORTED:
    return BPG_ERROR_NOT_SUPPORTED;
  case G_IO_ERROR_BROKEN_PIPE:
  case G_IO_ERROR_CLOSED:
  case G_IO_ERROR_NOT_CONNECTED:
    return BPG_ERROR_DISCONNECTED;
  default:
    return BPG_ERROR_FAILED;
  }
}

static BpgError
code_from_dbus (int dbus_code)
{
  switch (dbus_code) {
  case G_DBUS_ERROR_NO_REPLY:
  case G_DBUS_ERROR_TIMEOUT:
  case G_DBUS_ERROR_TIMED_OUT:
    return BPG_ERROR_TIMED_OUT;
  case G_DBUS_ERROR_ACCESS_DENIED:
  case G_DBUS_ERROR_AUTH_FAILED:
    return BPG_ERROR_NOT_AUTHORIZED;
  case G_DBUS_ERROR_INVALID_ARGS:
  case G_DBUS_ERROR_INVALID_SIGNATURE:
    return BPG_ERROR_INVALID_ARGUMENT;
  case G_DBUS_ERROR_UNKNOWN_OBJECT:
    return BPG_ERROR_NOT_FOUND;
  case G_DBUS_ERROR_LIMITS_EXCEEDED:
    return BPG_ERROR_LIMIT_EXCEEDED;
  case G_DBUS_ERROR_NOT_SUPPORTED:
  case G_DBUS_ERROR_UNKNOWN_METHOD:
  case G_DBUS_ERROR_UNKNOWN_INTERFACE:
    return BPG_ERROR_NOT_SUPPORTED;
  default:
    return BPG_ERROR_FAILED;
  }
}

GError *
bpg_error_convert (GError *error, const char *what)
{
  g_autoptr (GError) foreign = error;
  BpgError code;

  g_return_val_if_fail (error != NULL, NULL);

  if (g_dbus_error_is_remote_error (foreign))
    g_dbus_error_strip_remote_error (foreign);

  if (foreign->domain == BPG_ERROR)
    code = foreign->code;
  else if (foreign->domain == G_IO_ERROR)
    code = code_from_io (foreign->code);
  else if (foreign->domain == G_DBUS_ERROR)
    code = code_from_dbus (foreign->code);
  else if (foreign->domain == G_FILE_ERROR)
    code = code_from_io (g_io_error_from_file_error ((GFileError) foreign->code));
  else
    code = BPG_ERROR_FAILED;

  if (what == NULL)
    return g_error_new_literal (BPG_ERROR, code, foreign->message);
  return g_error_new (BPG_ERROR, code, "%s: %s", what, foreign->message);
}

gboolean
bpg_error_take (GError **dest, GError *error, const char *what)
{
  g_propagate_error (dest, bpg_error_convert (error, what));
  return FALSE;
}

gboolean
bpg_error_set_errno (GError **dest, int errsv, gboolean device, const char *what)
{
  BpgError code;

  if (errsv == ENOSPC || errsv == EDQUOT)
    code = BPG_ERROR_NO_SPACE;
  else if (device && (errsv == ENODEV || errsv == EIO || errsv == EPIPE || errsv == ECONNRESET || errsv == ENXIO))
    code = BPG_ERROR_DISCONNECTED;
  else
    code = code_from_io (g_io_error_from_errno (errsv));

  g_set_error (dest, BPG_ERROR, code, "%s: %s", what, g_strerror (errsv));
  return FALSE;
}
