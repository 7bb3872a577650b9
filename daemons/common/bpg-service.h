/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-authority.h"
#include "bpg-error.h"
#include "bpg-job.h"
#include "bpg-store.h"

#include <gio/gio.h>

#define BPG_TYPE_SERVICE (bpg_service_get_type ())
G_DECLARE_FINAL_TYPE (BpgService, bpg_service, BPG, SERVICE, GObject)

/**
 * BpgServiceInfo:
 * @name: one word, for example "pairing"
 * @bus_name: @root: well-known name and root path
 * @summary: one line for --help
 * @manager_type: the generated skeleton type of the manager interface
 * @options: (nullable): the daemon's own command-line options
 * @features: (nullable): words for the manager's Features
 * @start: makes the daemon and exports its objects, before the name is owned; returns a GObject, or %NULL with @error
 * @ready: (nullable): the name is owned
 * @stop: (nullable): stop what would keep the process busy; jobs were cancelled before and get up to 5 seconds
 *
 * What a daemon is, for the skeleton that all share.
 */
typedef struct {
  const char *name;
  const char *bus_name;
  const char *root;
  const char *summary;
  GType (*manager_type) (void);
  const GOptionEntry *options;
  const char *const *features;
  GObject *(*start) (BpgService *service, GError **error);
  void (*ready) (GObject *daemon);
  void (*stop) (GObject *daemon);
} BpgServiceInfo;

/**
 * bpg_service_main:
 *
 * The whole main(): options (--session-bus, --state-dir, --verbose, --version, the daemon's own), bus, start, name,
 * systemd's notification and watchdog, signals, bounded shutdown.
 *
 * Returns: the exit status: 0 after SIGTERM or SIGINT, 1 when the bus or the name was lost or the start failed, 2 for
 *   wrong usage.
 */
int bpg_service_main (const BpgServiceInfo *info, int argc, char **argv);

/**
 * bpg_service_new:
 * @state_dir: folder for the daemon's state; made when it is not there
 * @session: developer mode, see bpg_authority_new()
 *
 * What bpg_service_main() makes when the bus is there, for tests that bring their own bus. Exports the manager object
 * and the object manager; does not own the name and does not call @info's functions.
 */
BpgService *bpg_service_new (const BpgServiceInfo *info, GDBusConnection *connection, const char *state_dir,
                             gboolean session, GError **error);

/**
 * bpg_service_set_started:
 *
 * The manager's State leaves `starting`: `ready`, or `degraded` when there are problems already.
 */
void bpg_service_set_started (BpgService *self);

/* Parts of the service; all (transfer none). */
GDBusConnection *bpg_service_get_connection (BpgService *self);
GDBusObjectManagerServer *bpg_service_get_objects (BpgService *self);
GDBusInterfaceSkeleton *bpg_service_get_manager (BpgService *self);
BpgAuthority *bpg_service_get_authority (BpgService *self);
BpgJobList *bpg_service_get_jobs (BpgService *self);
const char *bpg_service_get_root (BpgService *self);
const char *bpg_service_get_state_dir (BpgService *self);
gboolean bpg_service_is_session (BpgService *self);

/**
 * bpg_service_open_store:
 * @file: name of the file in the state folder
 *
 * bpg_store_new() there; a file that was set aside becomes a problem of the service.
 */
BpgStore *bpg_service_open_store (BpgService *self, const char *file, const char *const *migrations, guint n_migrations,
                                  GError **error);

/**
 * bpg_service_export:
 * @path: object path
 * @interface: the first of the interfaces; more may follow, ended by %NULL
 *
 * Returns: (transfer full): the object, already exported.
 */
GDBusObjectSkeleton *bpg_service_export (BpgService *self, const char *path, GDBusInterfaceSkeleton *interface, ...)
  G_GNUC_NULL_TERMINATED;

/**
 * bpg_service_unexport:
 */
void bpg_service_unexport (BpgService *self, const char *path);

/**
 * bpg_service_set_problem:
 * @subject: what it is about; one problem a subject
 *
 * Adds or replaces a problem in the manager's Problems and makes State `degraded`.
 */
void bpg_service_set_problem (BpgService *self, const char *subject, BpgError code, const char *message);

/**
 * bpg_service_clear_problem:
 *
 * Takes it back; State is `ready` again when none is left.
 */
void bpg_service_clear_problem (BpgService *self, const char *subject);
