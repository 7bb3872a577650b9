/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-ctl.h"

/* The daemons as bionicctl sees them: objects are read with one call each, methods are called blocking, which only this
 * program may, because it has nobody to keep waiting but its user. */

#define BPG_INTERFACE(name) "org.bionicpro." name

typedef struct {
  const char *word; /* for example "pairing" */
  const char *name; /* on the bus; the manager's interface has the same */
  const char *path;
} BpgDaemon;

extern const BpgDaemon bpg_daemons[];
extern const guint bpg_n_daemons;

/**
 * bpg_daemon_from_path:
 *
 * Returns: (nullable): the daemon below whose root @path is.
 */
const BpgDaemon *bpg_daemon_from_path (const char *path);

/**
 * BpgObject:
 * @interfaces: a{sa{sv}}
 *
 * One object as it was when its daemon was asked.
 */
typedef struct {
  char *path;
  GVariant *interfaces;
} BpgObject;

void bpg_object_free (BpgObject *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgObject, bpg_object_free)

/**
 * bpg_object_lookup:
 * @property: "Interface1.Property"
 * @type: (nullable)
 *
 * Returns: (transfer full) (nullable): the value, or %NULL when it is not there or of another type.
 */
GVariant *bpg_object_lookup (BpgObject *self, const char *property, const char *type);

/* The same for common types; nothing there reads as "", 0 and %FALSE. */
char *bpg_object_get_string (BpgObject *self, const char *property);
guint64 bpg_object_get_number (BpgObject *self, const char *property);
double bpg_object_get_double (BpgObject *self, const char *property);
gboolean bpg_object_get_boolean (BpgObject *self, const char *property);

/**
 * bpg_object_copy:
 * @row: where to put it
 * @key: under which key
 *
 * Copies a property into a row, when it is there.
 */
void bpg_object_copy (BpgObject *self, const char *property, GVariantDict *row, const char *key);

/**
 * bpg_object_merge:
 * @other: (nullable): what another daemon tells of the same thing
 *
 * Takes @other's interfaces in.
 */
void bpg_object_merge (BpgObject *self, BpgObject *other);

/**
 * bpg_object_to_row:
 *
 * Returns: (transfer full): a row for @fields, of their properties that are there.
 */
GVariant *bpg_object_to_row (BpgObject *self, const BpgField *fields);

/**
 * bpg_ctl_connect:
 *
 * Connects to the bus once; later calls give the same connection.
 *
 * Returns: (transfer none): or %NULL.
 */
GDBusConnection *bpg_ctl_connect (BpgCtl *ctl, GError **error);

/**
 * bpg_ctl_load:
 * @interface: for example "Prosthesis1"
 *
 * Returns: (transfer container) (element-type BpgObject): the daemon's objects with that interface, sorted by path.
 */
GPtrArray *bpg_ctl_load (BpgCtl *ctl, const char *daemon, const char *interface, GError **error);

/**
 * bpg_ctl_reload:
 *
 * Returns: (transfer full): one object's properties of one interface now.
 */
BpgObject *bpg_ctl_reload (BpgCtl *ctl, const char *path, const char *interface, GError **error);

/**
 * bpg_ctl_call:
 * @path: the object; its daemon follows from it
 * @method: "Interface1.Method"
 * @arguments: (nullable): floating is consumed
 * @reply: type of the reply, for example "(o)"
 *
 * Calls and waits. A password may be asked for, unless --no-ask-password.
 *
 * Returns: (transfer full): the reply, or %NULL.
 */
GVariant *bpg_ctl_call (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply,
                        GError **error);

/**
 * bpg_ctl_call_fd:
 * @fd: to hand over (kept open), or -1
 * @received: (out) (optional): descriptor that came back, or -1
 *
 * As bpg_ctl_call() for methods that take or give one file descriptor; in @arguments its handle is 0.
 */
GVariant *bpg_ctl_call_fd (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply,
                           int fd, int *received, GError **error);

/**
 * bpg_ctl_call_fds:
 * @fds: (array length=n_fds): to hand over (kept open); their handles in @arguments are 0, 1, …
 *
 * As bpg_ctl_call() for methods that take several file descriptors.
 */
GVariant *bpg_ctl_call_fds (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply,
                            const int *fds, guint n_fds, GError **error);

/**
 * bpg_ctl_take_bus_error:
 * @error: (transfer full): as GDBus gave it
 *
 * Turns it into ours; a daemon that is not on the bus becomes BPG_CTL_ERROR_NO_SERVICE.
 *
 * Returns: %FALSE always.
 */
gboolean bpg_ctl_take_bus_error (GError **dest, GError *error, const char *daemon);
