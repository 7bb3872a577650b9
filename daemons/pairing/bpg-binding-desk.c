/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-binding-desk.h"

#include "bpg-binding.h"
#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"

#include "link/messages.h"

#include <string.h>

#define DEFAULT_TIMEOUT 60u
#define MIN_TIMEOUT 5
#define MAX_TIMEOUT 300

struct _BpgBindingDesk {
  GObject parent_instance;

  BpgService *service;
  BpgBookkeeper *bookkeeper;
  GHashTable *bindings; /* BpgProsthesis -> BpgBinding */
};

G_DEFINE_FINAL_TYPE (BpgBindingDesk, bpg_binding_desk, G_TYPE_OBJECT)

static void
bpg_binding_desk_dispose (GObject *object)
{
  BpgBindingDesk *self = BPG_BINDING_DESK (object);
  GHashTableIter iter;
  gpointer binding;

  if (self->bindings != NULL) {
    g_hash_table_iter_init (&iter, self->bindings);
    while (g_hash_table_iter_next (&iter, NULL, &binding))
      g_object_run_dispose (binding);
  }
  g_clear_pointer (&self->bindings, g_hash_table_unref);
  g_clear_object (&self->bookkeeper);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_binding_desk_parent_class)->dispose (object);
}

static void
bpg_binding_desk_class_init (BpgBindingDeskClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_binding_desk_dispose;
}

static void
bpg_binding_desk_init (BpgBindingDesk *self)
{
  self->bindings = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
}

BpgBindingDesk *
bpg_binding_desk_new (BpgService *service, BpgBookkeeper *bookkeeper)
{
  BpgBindingDesk *self = g_object_new (BPG_TYPE_BINDING_DESK, NULL);

  self->service = g_object_ref (service);
  self->bookkeeper = g_object_ref (bookkeeper);
  return self;
}

static gboolean
is_binding_of (gpointer prosthesis, gpointer binding, gpointer wanted)
{
  return binding == wanted;
}

static void
on_done (BpgBinding *binding, gpointer user_data)
{
  BpgBindingDesk *self = BPG_BINDING_DESK (user_data);

  g_hash_table_foreach_remove (self->bindings, is_binding_of, binding);
}

static void
keep (BpgBindingDesk *self, BpgProsthesis *prosthesis, BpgBinding *binding)
{
  g_hash_table_insert (self->bindings, prosthesis, binding);
  g_signal_connect_object (binding, "done", G_CALLBACK (on_done), self, 0);
}

/* What a call asks for, checked. */
typedef struct {
  BpgCode *code; /* NULL: Unbind */
  const char *patient;
  const char *side;
  guint timeout;
} Order;

static gboolean
check_patient (const char *patient, GError **error)
{
  const char *id = bpg_path_get_element (patient, BPG_PATH_RECORDS, "patient");

  if (id != NULL && strlen (id) <= BPG_PATIENT_MAX)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'%.128s' is not the path of a patient", patient);
  return FALSE;
}

static gboolean
check_side (const char *side, GError **error)
{
  if (g_str_equal (side, "left") || g_str_equal (side, "right"))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "side must be left or right, not '%.32s'", side);
  return FALSE;
}

static gboolean
parse_options (GVariant *options, guint *timeout, GError **error)
{
  const BpgOption table[] = {{"timeout", "u", timeout, MIN_TIMEOUT, MAX_TIMEOUT}, {NULL}};

  *timeout = DEFAULT_TIMEOUT;
  return bpg_options_parse (options, table, error);
}

static gboolean
check_state (BpgBindingDesk *self, BpgProsthesis *prosthesis, gboolean unbind, GError **error)
{
  const char *state = bpg_dbus_prosthesis1_get_state (bpg_prosthesis_get_skeleton (prosthesis));
  gboolean bound = !g_str_equal (state, "unbound") && !g_str_equal (state, "binding");

  if (bpg_binding_desk_is_busy (self, prosthesis)) {
    g_set_error_literal (error, BPG_ERROR, BPG_ERROR_BUSY, "This prosthesis is being bound or unbound already");
    return FALSE;
  }
  if (bound == unbind)
    return TRUE;
  g_set_error_literal (error, BPG_ERROR, BPG_ERROR_WRONG_STATE,
                       bound ? "This prosthesis is bound already; unbind it first" : "This prosthesis is not bound");
  return FALSE;
}

static BpgJob *
start_job (BpgBindingDesk *self, BpgProsthesis *prosthesis, GDBusMethodInvocation *invocation, const Order *order,
           GError **error)
{
  gboolean unbind = order->code == NULL;
  BpgBinding *binding;
  BpgJob *job;

  if (!check_state (self, prosthesis, unbind, error))
    return NULL;
  job = bpg_job_list_start (bpg_service_get_jobs (self->service), unbind ? "unbind" : "bind",
                            bpg_prosthesis_get_path (prosthesis), g_dbus_method_invocation_get_sender (invocation), NULL,
                            error);
  if (job == NULL)
    return NULL;
  if (unbind)
    binding = bpg_binding_start_unbind (prosthesis, self->bookkeeper, job, order->timeout);
  else
    binding = bpg_binding_start_bind (prosthesis, self->bookkeeper, job, order->code, order->patient, order->side,
                                      order->timeout);
  keep (self, prosthesis, binding);
  return job;
}

/* Carries a call through the question for authorization. */
typedef struct {
  BpgBindingDesk *desk;
  BpgProsthesis *prosthesis;
} Call;

static void
call_free (Call *call)
{
  g_object_unref (call->desk);
  g_object_unref (call->prosthesis);
  g_free (call);
}

static void
answer (GDBusMethodInvocation *invocation, BpgJob *job, const GError *error)
{
  if (job == NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (job)));
}

static void
bind_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  Call *call = g_object_get_data (G_OBJECT (invocation), "call");
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 3);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgJob) job = NULL;
  Order order = {NULL};
  const char *text;

  g_variant_get_child (parameters, 0, "&s", &text);
  g_variant_get_child (parameters, 1, "&o", &order.patient);
  g_variant_get_child (parameters, 2, "&s", &order.side);
  if (parse_options (options, &order.timeout, &error) && check_patient (order.patient, &error) &&
      check_side (order.side, &error) && (order.code = bpg_code_parse (text, &error)) != NULL) {
    job = start_job (call->desk, call->prosthesis, invocation, &order, &error);
    if (job == NULL)
      bpg_code_free (order.code);
  }
  answer (invocation, job, error);
}

static void
unbind_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  Call *call = g_object_get_data (G_OBJECT (invocation), "call");
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgJob) job = NULL;
  Order order = {NULL};

  if (parse_options (options, &order.timeout, &error))
    job = start_job (call->desk, call->prosthesis, invocation, &order, &error);
  answer (invocation, job, error);
}

static void
authorize (BpgBindingDesk *self, BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, BpgAuthorizedFunc func)
{
  BpgProsthesis *prosthesis = g_object_get_data (G_OBJECT (skeleton), "prosthesis");
  const char *details[] = {"prosthesis", bpg_prosthesis_get_device_id (prosthesis), NULL};
  Call *call = g_new0 (Call, 1);

  call->desk = g_object_ref (self);
  call->prosthesis = g_object_ref (prosthesis);
  g_object_set_data_full (G_OBJECT (invocation), "call", call, (GDestroyNotify) call_free);
  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_PAIRING_BIND, details,
                           G_OBJECT (self), func);
}

static gboolean
on_handle_bind (BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, const char *code, const char *patient,
                const char *side, GVariant *options, gpointer user_data)
{
  authorize (user_data, skeleton, invocation, bind_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle_unbind (BpgDBusProsthesis1 *skeleton, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  authorize (user_data, skeleton, invocation, unbind_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
on_withdrawn (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgProsthesis) prosthesis = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);
  BpgArmMonitor *monitor = bpg_prosthesis_get_monitor (prosthesis);

  if (payload == NULL)
    bpg_info (bpg_prosthesis_get_path (prosthesis), "still waits for its button: %s", error->message);
  if (monitor != NULL)
    bpg_arm_monitor_hint (monitor, BPG_ARM_IDENTITY_PART);
}

/* An arm that waits for its button when it is plugged in again, though the job has ended: a late press must not bind. */
static void
on_connected_changed (BpgDBusProsthesis1 *skeleton, GParamSpec *pspec, gpointer user_data)
{
  static const struct bpg_unbind_request message = {0};
  static const BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND, &bpg_unbind_request_format,
                                         &message, 0, 1};
  BpgBindingDesk *self = BPG_BINDING_DESK (user_data);
  BpgProsthesis *prosthesis = g_object_get_data (G_OBJECT (skeleton), "prosthesis");

  if (!bpg_dbus_prosthesis1_get_connected (skeleton) || bpg_binding_desk_is_busy (self, prosthesis) ||
      !g_str_equal (bpg_dbus_prosthesis1_get_state (skeleton), "binding"))
    return;
  bpg_link_request_async (bpg_prosthesis_get_link (prosthesis), &request, NULL, on_withdrawn, g_object_ref (prosthesis));
}

void
bpg_binding_desk_adopt (BpgBindingDesk *self, BpgProsthesis *prosthesis)
{
  BpgDBusProsthesis1 *skeleton = bpg_prosthesis_get_skeleton (prosthesis);

  /* The prosthesis owns its skeleton, so it is there whenever a call comes. */
  g_object_set_data (G_OBJECT (skeleton), "prosthesis", prosthesis);
  g_signal_connect_object (skeleton, "handle-bind", G_CALLBACK (on_handle_bind), self, 0);
  g_signal_connect_object (skeleton, "handle-unbind", G_CALLBACK (on_handle_unbind), self, 0);
  g_signal_connect_object (skeleton, "notify::connected", G_CALLBACK (on_connected_changed), self, 0);
}

gboolean
bpg_binding_desk_is_busy (BpgBindingDesk *self, BpgProsthesis *prosthesis)
{
  return g_hash_table_contains (self->bindings, prosthesis);
}

gboolean
bpg_binding_desk_resume (BpgBindingDesk *self, BpgProsthesis *prosthesis, BpgJob *job)
{
  BpgBinding *binding = bpg_binding_resume (prosthesis, self->bookkeeper, job);

  if (binding == NULL)
    return FALSE;
  keep (self, prosthesis, binding);
  return TRUE;
}
