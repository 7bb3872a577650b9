/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-prosthesis.h"

#include "bpg-arm-report.h"
#include "bpg-error.h"
#include "bpg-lease-desk.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "bpg-stream-hub.h"

#include <gio/gunixfdlist.h>

#define DEFAULT_PIPE 65536u
#define MAX_PIPE 1048576u
#define MAX_PURPOSE 64u
#define MAX_IDENTIFY_SECONDS 60u

struct _BpgProsthesis {
  GObject parent_instance;

  BpgService *service;
  BpgRegistry *registry;
  char *path;
  BpgDBusProsthesis1 *skeleton;
  GDBusObjectSkeleton *object;
  BpgLeaseDesk *desk;

  /* Of one connection. */
  BpgLink *link;
  GBytes *key;
  BpgStreamHub *hub;
  BpgArmMonitor *monitor;
};

G_DEFINE_FINAL_TYPE (BpgProsthesis, bpg_prosthesis, G_TYPE_OBJECT)

enum { SIGNAL_DETACHED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void detach (BpgProsthesis *self);

static void
bpg_prosthesis_dispose (GObject *object)
{
  BpgProsthesis *self = BPG_PROSTHESIS (object);
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "The service is stopping");

  if (self->link != NULL)
    bpg_link_close (self->link, error);
  if (self->object != NULL)
    bpg_service_unexport (self->service, self->path);
  g_clear_object (&self->object);
  g_clear_object (&self->desk);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->registry);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_prosthesis_parent_class)->dispose (object);
}

static void
bpg_prosthesis_finalize (GObject *object)
{
  g_free (BPG_PROSTHESIS (object)->path);
  G_OBJECT_CLASS (bpg_prosthesis_parent_class)->finalize (object);
}

static void
bpg_prosthesis_class_init (BpgProsthesisClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_prosthesis_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_prosthesis_finalize;
  signals[SIGNAL_DETACHED] =
    g_signal_new ("detached", BPG_TYPE_PROSTHESIS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_prosthesis_init (BpgProsthesis *self)
{
  self->skeleton = bpg_dbus_prosthesis1_skeleton_new ();
}

static void
publish_counters (BpgProsthesis *self)
{
  BpgLinkCounters link = {0};
  BpgStreamCounters stream = {0};
  GVariantBuilder builder;
  const struct {
    const char *name;
    const guint64 *value;
  } rows[] = {
    {"samples", &stream.samples},         {"lost_samples", &stream.lost_samples}, {"frames", &stream.frames},
    {"lost_frames", &stream.lost_frames}, {"bad_frames", &stream.bad_frames},     {"garbage_bytes", &link.garbage},
    {"packets", &link.packets},           {"bytes", &link.bytes},                 {"dropped_for_slow_readers", &stream.dropped},
  };

  bpg_link_get_counters (self->link, &link);
  bpg_stream_hub_get_counters (self->hub, &stream);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_variant_builder_add (&builder, "{st}", rows[i].name, *rows[i].value);
  g_variant_builder_add (&builder, "{st}", "connections",
                         bpg_registry_get_connections (self->registry, bpg_prosthesis_get_device_id (self)));
  bpg_dbus_prosthesis1_set_counters (self->skeleton, g_variant_builder_end (&builder));
}

static void
flush (BpgProsthesis *self)
{
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
}

static void
update_busy (BpgProsthesis *self)
{
  gboolean busy = bpg_dbus_prosthesis1_get_streams (self->skeleton) > 0 ||
                  bpg_dbus_prosthesis1_get_leased (self->skeleton);

  if (self->monitor != NULL)
    bpg_arm_monitor_set_busy (self->monitor, busy);
}

static void
on_readers_changed (BpgStreamHub *hub, gpointer user_data)
{
  BpgProsthesis *self = BPG_PROSTHESIS (user_data);

  bpg_dbus_prosthesis1_set_streams (self->skeleton, bpg_stream_hub_get_n_readers (hub));
  update_busy (self);
}

static void
on_leased_changed (GObject *skeleton, GParamSpec *pspec, gpointer user_data)
{
  update_busy (BPG_PROSTHESIS (user_data));
}

static void
on_lease_returned (BpgLeaseDesk *desk, gpointer user_data)
{
  BpgProsthesis *self = BPG_PROSTHESIS (user_data);

  /* Whoever had it may have changed anything. */
  if (self->monitor != NULL)
    bpg_arm_monitor_hint (self->monitor, BPG_ARM_EVERY_PART);
}

static void
on_arm_event (BpgStreamHub *hub, guint kind, guint a, guint b, gpointer user_data)
{
  BpgProsthesis *self = BPG_PROSTHESIS (user_data);
  BpgArmParts parts = BPG_ARM_STATUS_PART;

  bpg_debug (self->path, "event %u (%u, %u)", kind, a, b);
  if (kind == BPG_EVENT_BUTTON)
    parts = BPG_ARM_IDENTITY_PART;
  else if (kind == BPG_EVENT_MODEL_STARTED || kind == BPG_EVENT_TRIAL_ENDED || kind == BPG_EVENT_MODEL_REJECTED)
    parts |= BPG_ARM_PARAMETERS_PART;
  bpg_arm_monitor_hint (self->monitor, parts);
}

static void
on_arm_restarted (BpgStreamHub *hub, gpointer user_data)
{
  BpgProsthesis *self = BPG_PROSTHESIS (user_data);
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "The arm was started anew");

  bpg_link_close (self->link, error);
}

static void
on_polled (BpgArmMonitor *monitor, gpointer user_data)
{
  BpgProsthesis *self = BPG_PROSTHESIS (user_data);

  publish_counters (self);
  bpg_stream_hub_renew (self->hub);
}

static void
on_link_closed (BpgLink *link, const GError *error, gpointer user_data)
{
  g_autoptr (BpgProsthesis) self = g_object_ref (user_data);

  bpg_info (self->path, "disconnected: %s", error->message);
  detach (self);
}

static void
detach (BpgProsthesis *self)
{
  bpg_lease_desk_set_link (self->desk, NULL);
  bpg_arm_monitor_stop (self->monitor);
  bpg_stream_hub_end (self->hub);
  publish_counters (self);
  g_signal_handlers_disconnect_by_data (self->hub, self);
  g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_object (&self->hub);
  g_clear_object (&self->monitor);
  g_clear_object (&self->link);
  g_clear_pointer (&self->key, g_bytes_unref);
  g_object_set (self->skeleton, "connected", FALSE, "transport", "", "port", "", "connected-since", (guint64) 0, NULL);
  flush (self);
  g_signal_emit (self, signals[SIGNAL_DETACHED], 0);
}

/* All that belongs to a connection is there: now it is one. */
static void
set_connected (BpgProsthesis *self)
{
  BpgTransport *transport = bpg_link_get_transport (self->link);

  bpg_stream_hub_set_format (self->hub, bpg_dbus_prosthesis1_get_channels (self->skeleton),
                             bpg_dbus_prosthesis1_get_sampling_rate (self->skeleton));
  bpg_lease_desk_set_link (self->desk, self->link);
  publish_counters (self);
  g_object_set (self->skeleton, "connected", TRUE, "transport", bpg_transport_get_kind (transport), "port",
                bpg_transport_get_name (transport), "connected-since", (guint64) g_get_real_time (), NULL);
  bpg_prosthesis_export (self);
  flush (self);
  bpg_arm_monitor_start (self->monitor);
  bpg_info (self->path, "connected on %s, %s", bpg_transport_get_name (transport),
            bpg_dbus_prosthesis1_get_state (self->skeleton));
}

static void
on_first_refresh (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgProsthesis) self = user_data;
  BpgArmMonitor *monitor = BPG_ARM_MONITOR (source);
  g_autoptr (GError) error = NULL;

  if (bpg_arm_monitor_refresh_finish (monitor, result, &error)) {
    if (self->monitor == monitor)
      set_connected (self);
  } else if (self->monitor == monitor) {
    bpg_link_close (self->link, error);
  }
}

void
bpg_prosthesis_attach (BpgProsthesis *self, BpgLink *link, const BpgArmIdentity *identity)
{
  g_return_if_fail (self->link == NULL && bpg_link_is_open (link));

  self->link = g_object_ref (link);
  self->key = g_bytes_ref (identity->key);
  bpg_arm_report_identity (identity, self->skeleton);
  self->hub = bpg_stream_hub_new (link);
  self->monitor = bpg_arm_monitor_new (link, identity, self->skeleton);
  g_signal_connect (link, "closed", G_CALLBACK (on_link_closed), self);
  g_signal_connect (self->hub, "changed", G_CALLBACK (on_readers_changed), self);
  g_signal_connect (self->hub, "event", G_CALLBACK (on_arm_event), self);
  g_signal_connect (self->hub, "restarted", G_CALLBACK (on_arm_restarted), self);
  g_signal_connect (self->monitor, "polled", G_CALLBACK (on_polled), self);
  bpg_arm_monitor_refresh_async (self->monitor, BPG_ARM_STATUS_PART | BPG_ARM_PARAMETERS_PART, on_first_refresh,
                                 g_object_ref (self));
}

static void
on_probed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgArmMonitor *monitor = BPG_ARM_MONITOR (source);
  BpgProsthesis *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  gboolean alive = bpg_arm_monitor_refresh_finish (monitor, result, &error);

  if (!alive && self->monitor == monitor)
    bpg_link_close (self->link, error);
  g_task_return_boolean (task, alive && self->link != NULL);
}

void
bpg_prosthesis_probe_async (BpgProsthesis *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_prosthesis_probe_async);
  if (self->link == NULL)
    g_task_return_boolean (task, FALSE);
  else
    bpg_arm_monitor_refresh_async (self->monitor, BPG_ARM_STATUS_PART, on_probed, g_steal_pointer (&task));
}

gboolean
bpg_prosthesis_probe_finish (BpgProsthesis *self, GAsyncResult *result)
{
  return g_task_propagate_boolean (G_TASK (result), NULL);
}

static gboolean
return_disconnected (BpgProsthesis *self, GDBusMethodInvocation *invocation)
{
  if (bpg_dbus_prosthesis1_get_connected (self->skeleton))
    return FALSE;
  g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_DISCONNECTED,
                                         "The prosthesis is not connected; plug it in");
  return TRUE;
}

static GVariant *
describe_format (BpgProsthesis *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "rate",
                         g_variant_new_uint32 (bpg_dbus_prosthesis1_get_sampling_rate (self->skeleton)));
  g_variant_builder_add (&builder, "{sv}", "channels",
                         g_variant_new_uint32 (bpg_dbus_prosthesis1_get_channels (self->skeleton)));
  g_variant_builder_add (&builder, "{sv}", "lsb", g_variant_new_double (bpg_dbus_prosthesis1_get_lsb (self->skeleton)));
  g_variant_builder_add (&builder, "{sv}", "unit", g_variant_new_string (bpg_dbus_prosthesis1_get_unit (self->skeleton)));
  g_variant_builder_add (&builder, "{sv}", "version", g_variant_new_uint32 (1));
  return g_variant_builder_end (&builder);
}

static void
open_stream_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgProsthesis *self = BPG_PROSTHESIS (object);
  BpgStreamWish wish = {TRUE, TRUE, TRUE, DEFAULT_PIPE};
  const BpgOption table[] = {
    {"samples", "b", &wish.samples, 0, 0},
    {"decisions", "b", &wish.decisions, 0, 0},
    {"events", "b", &wish.events, 0, 0},
    {"buffer", "u", &wish.buffer, DEFAULT_PIPE, MAX_PIPE},
    {NULL},
  };
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  if (!bpg_options_parse (options, table, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  if (return_disconnected (self, invocation))
    return;
  fd = bpg_stream_hub_add (self->hub, &wish, &error);
  if (fd < 0) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  flush (self);
  bpg_dbus_prosthesis1_complete_open_stream (self->skeleton, invocation, fds, g_variant_new_handle (0),
                                             describe_format (self));
}

static void
acquire_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgProsthesis *self = BPG_PROSTHESIS (object);
  g_autofree char *purpose = g_strdup ("");
  gboolean wait = FALSE;
  const BpgOption table[] = {
    {"wait", "b", &wait, 0, 0},
    {"purpose", "s", &purpose, 0, MAX_PURPOSE},
    {NULL},
  };
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;

  if (!bpg_options_parse (options, table, &error))
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    bpg_lease_desk_acquire (self->desk, invocation, wait, purpose);
}

static void
on_identified (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  if (payload == NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
identify_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgProsthesis *self = BPG_PROSTHESIS (object);
  struct bpg_identify_request message = {0};
  BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_IDENTIFY, &bpg_identify_request_format, &message, 0, 2};
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 1);
  g_autoptr (GError) error = NULL;
  guint seconds;

  g_variant_get_child (parameters, 0, "u", &seconds);
  if (!bpg_options_none (options, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  if (seconds < 1 || seconds > MAX_IDENTIFY_SECONDS) {
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                                           "seconds must be from 1 to %u", MAX_IDENTIFY_SECONDS);
    return;
  }
  if (return_disconnected (self, invocation))
    return;
  message.seconds = seconds;
  bpg_link_request_async (self->link, &request, NULL, on_identified, invocation);
}

static void
on_refreshed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  BpgProsthesis *self = g_object_get_data (G_OBJECT (invocation), "prosthesis");
  g_autoptr (GError) error = NULL;

  if (!bpg_arm_monitor_refresh_finish (BPG_ARM_MONITOR (source), result, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  flush (self);
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
refresh_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgProsthesis *self = BPG_PROSTHESIS (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;

  if (!bpg_options_none (options, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  if (return_disconnected (self, invocation))
    return;
  publish_counters (self);
  g_object_set_data_full (G_OBJECT (invocation), "prosthesis", g_object_ref (self), g_object_unref);
  bpg_arm_monitor_refresh_async (self->monitor, BPG_ARM_EVERY_PART, on_refreshed, invocation);
}

static void
authorize (BpgProsthesis *self, GDBusMethodInvocation *invocation, const char *action, BpgAuthorizedFunc func)
{
  const char *details[] = {"prosthesis", bpg_prosthesis_get_device_id (self), NULL};

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, action, details, G_OBJECT (self), func);
}

static gboolean
on_handle_open_stream (BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                       GVariant *options, gpointer user_data)
{
  authorize (user_data, invocation, BPG_ACTION_PAIRING_STREAM, open_stream_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle_acquire (BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *options,
                   gpointer user_data)
{
  authorize (user_data, invocation, BPG_ACTION_PAIRING_MANAGE, acquire_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle_identify (BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, guint seconds, GVariant *options,
                    gpointer user_data)
{
  authorize (user_data, invocation, BPG_ACTION_PAIRING_STREAM, identify_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle_refresh (BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, GVariant *options,
                   gpointer user_data)
{
  authorize (user_data, invocation, BPG_ACTION_PAIRING_STREAM, refresh_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
connect_methods (BpgProsthesis *self)
{
  g_signal_connect_object (self->skeleton, "handle-open-stream", G_CALLBACK (on_handle_open_stream), self, 0);
  g_signal_connect_object (self->skeleton, "handle-acquire-management", G_CALLBACK (on_handle_acquire), self, 0);
  g_signal_connect_object (self->skeleton, "handle-identify", G_CALLBACK (on_handle_identify), self, 0);
  g_signal_connect_object (self->skeleton, "handle-refresh", G_CALLBACK (on_handle_refresh), self, 0);
  g_signal_connect_object (self->skeleton, "notify::leased", G_CALLBACK (on_leased_changed), self, 0);
  g_signal_connect_object (self->desk, "returned", G_CALLBACK (on_lease_returned), self, 0);
}

BpgProsthesis *
bpg_prosthesis_new (BpgService *service, BpgRegistry *registry, const BpgRegistryRow *row)
{
  BpgProsthesis *self = g_object_new (BPG_TYPE_PROSTHESIS, NULL);
  gboolean bound = row->patient[0] != '\0';

  self->service = g_object_ref (service);
  self->registry = g_object_ref (registry);
  self->path = bpg_path_build (bpg_service_get_root (service), "prosthesis", row->device_id);
  self->desk = bpg_lease_desk_new (self->skeleton);
  g_object_set (self->skeleton, "device-id", row->device_id, "fingerprint", row->fingerprint, "hardware", row->hardware,
                "patient", row->patient, "side", row->side, "state", bound ? "bound" : "unbound", "firmware", "", "unit",
                "", "model-hash", "", "boot-reason", "", "transport", "", "port", "", "decision-latency",
                g_variant_new ("au", NULL), "counters", g_variant_new ("a{st}", NULL), NULL);
  connect_methods (self);
  return self;
}

void
bpg_prosthesis_export (BpgProsthesis *self)
{
  if (self->object == NULL)
    self->object = bpg_service_export (self->service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL);
}

BpgService *
bpg_prosthesis_get_service (BpgProsthesis *self)
{
  return self->service;
}

BpgRegistry *
bpg_prosthesis_get_registry (BpgProsthesis *self)
{
  return self->registry;
}

BpgDBusProsthesis1 *
bpg_prosthesis_get_skeleton (BpgProsthesis *self)
{
  return self->skeleton;
}

BpgLink *
bpg_prosthesis_get_link (BpgProsthesis *self)
{
  return self->link;
}

BpgArmMonitor *
bpg_prosthesis_get_monitor (BpgProsthesis *self)
{
  return self->monitor;
}

GBytes *
bpg_prosthesis_get_key (BpgProsthesis *self)
{
  return self->key;
}

const char *
bpg_prosthesis_get_device_id (BpgProsthesis *self)
{
  return bpg_dbus_prosthesis1_get_device_id (self->skeleton);
}

const char *
bpg_prosthesis_get_fingerprint (BpgProsthesis *self)
{
  return bpg_dbus_prosthesis1_get_fingerprint (self->skeleton);
}

const char *
bpg_prosthesis_get_path (BpgProsthesis *self)
{
  return self->path;
}
