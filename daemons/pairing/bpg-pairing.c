/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-pairing.h"

#include "bpg-binding-desk.h"
#include "bpg-bookkeeper.h"
#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-maker.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-port-list.h"
#include "bpg-prosthesis.h"
#include "bpg-registry.h"
#include "bpg-serial.h"
#include "bpg-tty.h"
#include "bpg-usb-watcher.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_PATH 1024u
/* Objects; a device can call itself anything, as often as it is plugged in. */
#define MAX_PROSTHESES 512u

struct _BpgPairing {
  GObject parent_instance;

  BpgService *service;
  BpgRegistry *registry;
  BpgBookkeeper *bookkeeper;
  BpgBindingDesk *desk;
  BpgPortList *ports;
  BpgUsbWatcher *usb;
  GHashTable *prostheses; /* deviceId -> BpgProsthesis */
};

G_DEFINE_FINAL_TYPE (BpgPairing, bpg_pairing, G_TYPE_OBJECT)

/* The command line. */
static char *maker_ca = NULL;
static char **usb_ids = NULL;
static char **forget_ids = NULL;

static void
bpg_pairing_dispose (GObject *object)
{
  BpgPairing *self = BPG_PAIRING (object);

  /* First, so that no job ends because the lines close: the next process takes up what is left. */
  if (self->desk != NULL)
    g_object_run_dispose (G_OBJECT (self->desk));
  if (self->usb != NULL)
    g_signal_handlers_disconnect_by_data (self->usb, self);
  g_clear_object (&self->usb);
  if (self->ports != NULL)
    g_signal_handlers_disconnect_by_data (self->ports, self);
  g_clear_object (&self->ports);
  g_clear_pointer (&self->prostheses, g_hash_table_unref);
  g_clear_object (&self->desk);
  g_clear_object (&self->bookkeeper);
  g_clear_object (&self->registry);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_pairing_parent_class)->dispose (object);
}

static void
bpg_pairing_class_init (BpgPairingClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_pairing_dispose;
}

static void
bpg_pairing_init (BpgPairing *self)
{
  self->prostheses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

static gboolean
is_forgettable (BpgPairing *self, BpgProsthesis *prosthesis)
{
  const char *patient = bpg_dbus_prosthesis1_get_patient (bpg_prosthesis_get_skeleton (prosthesis));

  return bpg_prosthesis_get_link (prosthesis) == NULL && patient[0] == '\0' &&
         !bpg_binding_desk_is_busy (self->desk, prosthesis);
}

/* Takes one stranger that has left off the bus. */
static void
make_room (BpgPairing *self)
{
  GHashTableIter iter;
  gpointer prosthesis;

  g_hash_table_iter_init (&iter, self->prostheses);
  while (g_hash_table_iter_next (&iter, NULL, &prosthesis)) {
    if (is_forgettable (self, prosthesis)) {
      g_hash_table_iter_remove (&iter);
      return;
    }
  }
}

static BpgProsthesis *
ensure_prosthesis (BpgPairing *self, const BpgRegistryRow *row)
{
  BpgProsthesis *prosthesis = g_hash_table_lookup (self->prostheses, row->device_id);

  if (prosthesis == NULL) {
    if (g_hash_table_size (self->prostheses) >= MAX_PROSTHESES)
      make_room (self);
    prosthesis = bpg_prosthesis_new (self->service, self->registry, row);
    g_hash_table_insert (self->prostheses, g_strdup (row->device_id), prosthesis);
    bpg_binding_desk_adopt (self->desk, prosthesis);
  }
  return prosthesis;
}

static void
add_remembered (const BpgRegistryRow *row, gpointer user_data)
{
  bpg_prosthesis_export (ensure_prosthesis (user_data, row));
}

/* What is a matter for people, not only an entry in Ports. */
static gboolean
is_problem (const GError *error)
{
  return g_error_matches (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS) ||
         g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_AUTHORIZED) ||
         g_error_matches (error, BPG_ERROR, BPG_ERROR_BUSY);
}

static void
on_port_changed (BpgPortList *ports, BpgPort *port, gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);
  const GError *error = bpg_port_get_error (port);

  if (bpg_port_has_failed (port) && is_problem (error))
    bpg_service_set_problem (self->service, bpg_port_get_path (port), error->code, error->message);
  else if (bpg_port_is_settled (port))
    bpg_service_clear_problem (self->service, bpg_port_get_path (port));
}

static void
publish_ports (BpgPortList *ports, gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);

  g_object_set (bpg_service_get_manager (self->service), "ports", bpg_port_list_describe (ports), NULL);
}

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bpg_bookkeeper_settle_finish (BPG_BOOKKEEPER (source), result, &error))
    bpg_debug (NULL, "a binding is still to be written down: %s", error->message);
}

/* An arm that was bound or unbound while nobody here could see it. */
static void
follow (BpgPairing *self, const BpgArmIdentity *identity)
{
  g_autoptr (GError) error = NULL;

  if (!bpg_bookkeeper_follow (self->bookkeeper, identity->device_id, identity->state, identity->patient, identity->side,
                              &error))
    bpg_warning (identity->device_id, "its binding cannot be kept: %s", error->message);
  bpg_bookkeeper_settle_async (self->bookkeeper, identity->device_id, on_settled, NULL);
}

static void
attach (BpgPairing *self, BpgProsthesis *prosthesis, BpgPort *port, BpgLink *link, BpgArmIdentity *identity)
{
  follow (self, identity);
  bpg_prosthesis_attach (prosthesis, link, identity);
  bpg_port_accept (port, bpg_prosthesis_get_path (prosthesis));
}

/* One arm on two lines: the first line is asked whether it still works. */
typedef struct {
  BpgPairing *pairing;
  BpgPort *port;
  BpgLink *link;
  BpgArmIdentity *identity;
} Rival;

static void
rival_free (Rival *rival)
{
  g_object_unref (rival->pairing);
  g_object_unref (rival->port);
  g_object_unref (rival->link);
  bpg_arm_identity_unref (rival->identity);
  g_free (rival);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Rival, rival_free)

static void
on_probed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Rival) rival = user_data;
  BpgProsthesis *prosthesis = BPG_PROSTHESIS (source);
  gboolean alive = bpg_prosthesis_probe_finish (prosthesis, result) || bpg_prosthesis_get_link (prosthesis) != NULL;

  if (!bpg_link_is_open (rival->link)) {
    g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "The line has hung up");

    bpg_port_refuse (rival->port, error);
  } else if (alive) {
    bpg_port_stand_by (rival->port, bpg_prosthesis_get_path (prosthesis),
                       "This prosthesis is connected on another line, which is used");
  } else {
    attach (rival->pairing, prosthesis, rival->port, rival->link, rival->identity);
  }
}

static void
on_proved (BpgPortList *ports, BpgPort *port, BpgLink *link, gpointer user_identity, gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);
  BpgArmIdentity *identity = user_identity;
  BpgRegistryRow row = {identity->device_id, identity->fingerprint, "", "", identity->hardware};
  BpgProsthesis *prosthesis;
  g_autoptr (GError) error = NULL;
  Rival *rival;

  if (!bpg_registry_admit (self->registry, identity, &error)) {
    bpg_port_refuse (port, error);
    return;
  }
  prosthesis = ensure_prosthesis (self, &row);
  if (bpg_prosthesis_get_link (prosthesis) == NULL) {
    attach (self, prosthesis, port, link, identity);
    return;
  }
  rival = g_new0 (Rival, 1);
  rival->pairing = g_object_ref (self);
  rival->port = g_object_ref (port);
  rival->link = g_object_ref (link);
  rival->identity = bpg_arm_identity_ref (identity);
  bpg_prosthesis_probe_async (prosthesis, on_probed, rival);
}

static void
on_port_gone (BpgPortList *ports, const char *path, gpointer user_data)
{
  bpg_service_clear_problem (BPG_PAIRING (user_data)->service, path);
}

static void
on_usb_added (BpgUsbWatcher *usb, const char *path, gpointer user_data)
{
  bpg_port_list_plug (BPG_PAIRING (user_data)->ports, path);
}

static void
on_usb_removed (BpgUsbWatcher *usb, const char *path, gpointer user_data)
{
  bpg_port_list_unplug (BPG_PAIRING (user_data)->ports, path);
}

static gboolean
check_path (const char *path, GError **error)
{
  struct stat status;

  if (path[0] == '/' && strlen (path) <= MAX_PATH && stat (path, &status) == 0 && S_ISCHR (status.st_mode))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
               "'%.128s' is not the path of a serial line (a character device)", path);
  return FALSE;
}

static gboolean
add_port (BpgPairing *self, const char *path, GVariant *options, GError **error)
{
  guint baud = BPG_SERIAL_DEFAULT_BAUD;
  const BpgOption table[] = {{"baud", "u", &baud, 9600, 921600}, {NULL}};

  if (!bpg_options_parse (options, table, error) || !check_path (path, error))
    return FALSE;
  if (!bpg_tty_is_speed (baud)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%u baud is not a speed a serial line has", baud);
    return FALSE;
  }
  if (!bpg_registry_add_port (self->registry, path, baud, error))
    return FALSE;
  if (bpg_port_list_add (self->ports, path, baud, error))
    return TRUE;
  bpg_registry_remove_port (self->registry, path, NULL);
  return FALSE;
}

static void
answer_port (BpgPairing *self, GDBusMethodInvocation *invocation, gboolean done, const GError *error)
{
  if (!done) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  g_dbus_interface_skeleton_flush (bpg_service_get_manager (self->service));
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
add_port_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 1);
  g_autoptr (GError) error = NULL;
  const char *path;
  gboolean done;

  g_variant_get_child (parameters, 0, "&s", &path);
  done = add_port (object, path, options, &error);
  answer_port (object, invocation, done, error);
}

static void
remove_port_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgPairing *self = BPG_PAIRING (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 1);
  g_autoptr (GError) error = NULL;
  const char *path;
  gboolean done;

  g_variant_get_child (parameters, 0, "&s", &path);
  done = bpg_options_none (options, &error) && bpg_registry_remove_port (self->registry, path, &error) &&
         bpg_port_list_remove (self->ports, path, &error);
  answer_port (self, invocation, done, error);
}

static gboolean
on_handle_add_port (BpgDBusPairing1 *manager, GDBusMethodInvocation *invocation, const char *path, GVariant *options,
                    gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);
  const char *details[] = {"port", path, NULL};

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_PAIRING_MANAGE_PORTS,
                           details, G_OBJECT (self), add_port_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle_remove_port (BpgDBusPairing1 *manager, GDBusMethodInvocation *invocation, const char *path, GVariant *options,
                       gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);
  const char *details[] = {"port", path, NULL};

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_PAIRING_MANAGE_PORTS,
                           details, G_OBJECT (self), remove_port_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
add_remembered_port (const char *path, guint baud, gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);
  g_autoptr (GError) error = NULL;

  if (!bpg_tty_is_speed (baud) || !bpg_port_list_add (self->ports, path, baud, &error))
    bpg_warning (path, "not looked at: %s", error != NULL ? error->message : "its speed is not one a line has");
}

static gboolean
set_up_ports (BpgPairing *self, GError **error)
{
  g_autoptr (BpgMaker) maker = NULL;

  for (guint i = 0; usb_ids != NULL && usb_ids[i] != NULL; i++) {
    if (!bpg_usb_watcher_is_kind (usb_ids[i])) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "--usb-id %s: it is written VVVV:PPPP in hexadecimal",
                   usb_ids[i]);
      return FALSE;
    }
  }
  if (maker_ca != NULL && (maker = bpg_maker_new (maker_ca, error)) == NULL)
    return FALSE;

  self->ports = bpg_port_list_new (maker);
  self->usb = bpg_usb_watcher_new ((const char *const *) usb_ids);
  g_signal_connect (self->ports, "changed", G_CALLBACK (publish_ports), self);
  g_signal_connect (self->ports, "port-changed", G_CALLBACK (on_port_changed), self);
  g_signal_connect (self->ports, "proved", G_CALLBACK (on_proved), self);
  g_signal_connect (self->ports, "gone", G_CALLBACK (on_port_gone), self);
  g_signal_connect (self->usb, "added", G_CALLBACK (on_usb_added), self);
  g_signal_connect (self->usb, "removed", G_CALLBACK (on_usb_removed), self);
  return TRUE;
}

static gboolean
forget (BpgPairing *self, GError **error)
{
  for (guint i = 0; forget_ids != NULL && forget_ids[i] != NULL; i++) {
    if (!bpg_registry_forget (self->registry, forget_ids[i], error))
      return FALSE;
    bpg_notice (forget_ids[i], "its key and its binding were forgotten");
  }
  return TRUE;
}

static GObject *
start (BpgService *service, GError **error)
{
  g_autoptr (BpgPairing) self = g_object_new (BPG_TYPE_PAIRING, NULL);
  GDBusInterfaceSkeleton *manager = bpg_service_get_manager (service);

  /* Readers may close their pipes while we write. */
  signal (SIGPIPE, SIG_IGN);
  self->service = g_object_ref (service);
  self->registry = bpg_registry_new (service, error);
  if (self->registry == NULL || !forget (self, error) || !set_up_ports (self, error))
    return NULL;
  self->bookkeeper = bpg_bookkeeper_new (bpg_service_get_connection (service), self->registry);
  self->desk = bpg_binding_desk_new (service, self->bookkeeper);

  g_object_set (manager, "ports", bpg_port_list_describe (self->ports), NULL);
  g_signal_connect_object (manager, "handle-add-port", G_CALLBACK (on_handle_add_port), self, 0);
  g_signal_connect_object (manager, "handle-remove-port", G_CALLBACK (on_handle_remove_port), self, 0);
  bpg_registry_foreach (self->registry, add_remembered, self);
  return G_OBJECT (g_steal_pointer (&self));
}

/* A job that was cut off is decided by its arm, when that is found again. */
static gboolean
recover (BpgJob *job, gpointer user_data)
{
  BpgPairing *self = BPG_PAIRING (user_data);
  GHashTableIter iter;
  gpointer prosthesis;

  g_hash_table_iter_init (&iter, self->prostheses);
  while (g_hash_table_iter_next (&iter, NULL, &prosthesis)) {
    if (g_str_equal (bpg_prosthesis_get_path (prosthesis), bpg_job_get_subject (job)))
      return bpg_binding_desk_resume (self->desk, prosthesis, job);
  }
  return FALSE;
}

static void
ready (GObject *daemon)
{
  BpgPairing *self = BPG_PAIRING (daemon);

  bpg_job_list_recover (bpg_service_get_jobs (self->service), recover, self);
  bpg_registry_foreach_port (self->registry, add_remembered_port, self);
  bpg_usb_watcher_start (self->usb);
}

const BpgServiceInfo *
bpg_pairing_get_info (void)
{
  static const GOptionEntry options[] = {
    {"maker-ca", 0, 0, G_OPTION_ARG_FILENAME, &maker_ca, "Believe only arms with a certificate of these makers (PEM)",
     "FILE"},
    {"usb-id", 0, 0, G_OPTION_ARG_STRING_ARRAY, &usb_ids, "Also look at USB serial devices of this kind (may be repeated)",
     "VVVV:PPPP"},
    {"forget", 0, 0, G_OPTION_ARG_STRING_ARRAY, &forget_ids,
     "First forget the key of this prosthesis, when its secure element was exchanged (may be repeated)", "DEVICEID"},
    {NULL},
  };
  static const char *const features[] = {"usb", "serial", NULL};
  static const BpgServiceInfo info = {
    .name = "pairing",
    .bus_name = BPG_BUS_PAIRING,
    .root = BPG_PATH_PAIRING,
    .summary = "Finds prostheses, proves who they are, and owns the links to them.",
    .manager_type = bpg_dbus_pairing1_skeleton_get_type,
    .options = options,
    .features = features,
    .start = start,
    .ready = ready,
  };

  return &info;
}
