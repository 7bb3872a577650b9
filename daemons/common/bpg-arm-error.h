/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * bpg_arm_error_check:
 * @payload: payload of a reply
 * @group: the group that was asked
 *
 * What a reply says about success. Errors: NotSupported, InvalidArgument, WrongState, Busy,
 * BatteryTooLow, SignatureInvalid, Incompatible, NoSpace, VersionTooOld, Corrupt (also a reply that is none),
 * NotAuthorized, NotFound, TimedOut, Failed.
 */
gboolean bpg_arm_error_check (const guint8 *payload, gsize length, guint16 group, GError **error);
