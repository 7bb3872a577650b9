/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-monitor.h"
#include "bpg-dbus.h"
#include "bpg-link.h"
#include "bpg-registry.h"
#include "bpg-service.h"

#define BPG_TYPE_PROSTHESIS (bpg_prosthesis_get_type ())
G_DECLARE_FINAL_TYPE (BpgProsthesis, bpg_prosthesis, BPG, PROSTHESIS, GObject)

/**
 * bpg_prosthesis_new:
 * @row: what is remembered of it
 *
 * One prosthesis, connected or not. Not on the bus before bpg_prosthesis_export().
 *
 * Signal "detached": its link has gone.
 */
BpgProsthesis *bpg_prosthesis_new (BpgService *service, BpgRegistry *registry, const BpgRegistryRow *row);

/**
 * bpg_prosthesis_export:
 *
 * Puts it on the bus, when it is not there yet.
 */
void bpg_prosthesis_export (BpgProsthesis *self);

/**
 * bpg_prosthesis_attach:
 * @link: an open link on which @identity was proved
 *
 * Takes the link over: reads what belongs to a connection and sets Connected when all of it is there. It must not have
 * a link.
 */
void bpg_prosthesis_attach (BpgProsthesis *self, BpgLink *link, const BpgArmIdentity *identity);

/**
 * bpg_prosthesis_probe_async:
 *
 * Whether the arm still answers on the link it has. When it does not, that link is closed.
 */
void bpg_prosthesis_probe_async (BpgProsthesis *self, GAsyncReadyCallback callback, gpointer user_data);

gboolean bpg_prosthesis_probe_finish (BpgProsthesis *self, GAsyncResult *result);

/* Parts; all (transfer none). Link, monitor and key are %NULL while there is no link. */
BpgService *bpg_prosthesis_get_service (BpgProsthesis *self);
BpgRegistry *bpg_prosthesis_get_registry (BpgProsthesis *self);
BpgDBusProsthesis1 *bpg_prosthesis_get_skeleton (BpgProsthesis *self);
BpgLink *bpg_prosthesis_get_link (BpgProsthesis *self);
BpgArmMonitor *bpg_prosthesis_get_monitor (BpgProsthesis *self);
GBytes *bpg_prosthesis_get_key (BpgProsthesis *self);
const char *bpg_prosthesis_get_device_id (BpgProsthesis *self);
const char *bpg_prosthesis_get_fingerprint (BpgProsthesis *self);
const char *bpg_prosthesis_get_path (BpgProsthesis *self);
