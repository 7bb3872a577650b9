/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_TYPE_INHIBITOR (bpg_inhibitor_get_type ())
G_DECLARE_FINAL_TYPE (BpgInhibitor, bpg_inhibitor, BPG, INHIBITOR, GObject)

/**
 * bpg_inhibitor_new:
 * @connection: the bus on which logind is, or is not
 * @why: a sentence for whoever wants the PC to sleep
 *
 * Keeps this PC from sleeping and from shutting down while something is written to an arm, by a lock of
 * org.freedesktop.login1 (systemd, "Inhibitor Locks"). Where there is no logind, or it refuses, nothing is kept.
 */
BpgInhibitor *bpg_inhibitor_new (GDBusConnection *connection, const char *why);

/**
 * bpg_inhibitor_set:
 *
 * Takes the lock, or lets it go. It also goes with the object.
 */
void bpg_inhibitor_set (BpgInhibitor *self, gboolean inhibit);
