/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-update-private.h"

#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-firmware-desk.h"
#include "bpg-firmware-work.h"
#include "bpg-flash-work.h"
#include "bpg-fleet.h"
#include "bpg-log.h"
#include "bpg-method.h"
#include "bpg-model-work.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "bpg-queue.h"
#include "bpg-signer.h"
#include "bpg-slot-table.h"

#define KEY_FILE "clinic-key.pem"
#define TRIAL_SECONDS 600
#define MIN_TRIAL_SECONDS 10
#define MAX_TRIAL_SECONDS 86400

struct _BpgUpdate {
  GObject parent_instance;

  BpgService *service;
  BpgHistory *history;
  BpgSigner *signer;
  BpgFleet *fleet;
  char *key_path;
  BpgFirmwareSettings *firmware;
  BpgFirmwareShelf *shelf;
  BpgFirmwareDesk *desk;
  BpgQueue *queue;
  GQueue deferred;      /* Deferred: calls that came before it was known which arms there are */
};

G_DEFINE_FINAL_TYPE (BpgUpdate, bpg_update, G_TYPE_OBJECT)

static void
bpg_update_dispose (GObject *object)
{
  BpgUpdate *self = BPG_UPDATE (object);

  g_clear_object (&self->queue);
  g_queue_clear_full (&self->deferred, g_free);
  g_clear_object (&self->desk);
  g_clear_object (&self->shelf);
  g_clear_object (&self->fleet);
  g_clear_object (&self->signer);
  g_clear_object (&self->history);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_update_parent_class)->dispose (object);
}

static void
bpg_update_finalize (GObject *object)
{
  BpgUpdate *self = BPG_UPDATE (object);

  bpg_firmware_settings_unref (self->firmware);
  g_free (self->key_path);
  G_OBJECT_CLASS (bpg_update_parent_class)->finalize (object);
}

static void
bpg_update_class_init (BpgUpdateClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_update_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_update_finalize;
}

/* The clinic's key. */

static void
publish_key (BpgUpdate *self)
{
  g_autoptr (GBytes) key = bpg_signer_get_public_key (self->signer);
  g_autofree char *hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, key);

  g_object_set (bpg_service_get_manager (self->service), "clinic-key", hash, NULL);
  g_dbus_interface_skeleton_flush (bpg_service_get_manager (self->service));
  bpg_service_clear_problem (self->service, self->key_path);
}

static void
on_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgUpdate) self = user_data;
  g_autoptr (GError) error = NULL;

  if (self->service == NULL)
    return;
  if (bpg_signer_ensure_finish (BPG_SIGNER (source), result, &error))
    publish_key (self);
  else
    bpg_service_set_problem (self->service, self->key_path, (BpgError) error->code, error->message);
}

typedef struct {
  BpgUpdate *self;
  GDBusMethodInvocation *invocation;
} KeyCall;

static void
on_key_wanted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree KeyCall *call = user_data;
  g_autoptr (BpgUpdate) self = call->self;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) key = NULL;

  if (!bpg_signer_ensure_finish (BPG_SIGNER (source), result, &error)) {
    g_dbus_method_invocation_return_gerror (call->invocation, error);
    return;
  }
  if (self->service != NULL)
    publish_key (self);
  key = bpg_signer_get_public_key (BPG_SIGNER (source));
  g_dbus_method_invocation_return_value (
    call->invocation,
    g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, g_bytes_get_data (key, NULL),
                                                       g_bytes_get_size (key), 1)));
}

static void
handle_get_clinic_key (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUpdate *self = BPG_UPDATE (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;
  KeyCall *call;

  if (!bpg_options_none (options, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  call = g_new0 (KeyCall, 1);
  call->self = g_object_ref (self);
  call->invocation = invocation;
  bpg_signer_ensure_async (self->signer, on_key_wanted, call);
}

/* Jobs. */

static void
on_work_ended (BpgSlots *slots, gboolean look_again, gpointer user_data)
{
  BpgUpdate *self = user_data;

  if (look_again)
    bpg_fleet_look (self->fleet, slots);
  if (self->queue != NULL)
    bpg_queue_next (self->queue, bpg_slots_get_prosthesis (slots));
}

/* The arm a job is about: there, and bound. Of a job that needs the line, connected. */
static BpgArm *
find_arm (BpgUpdate *self, const char *path, gboolean connected, GError **error)
{
  g_autoptr (BpgArm) arm = bpg_fleet_get_arm (self->fleet, path);

  if (arm == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no prosthesis %s", path);
    return NULL;
  }
  if (connected && !arm->connected) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED, "Prosthesis %s is not connected", arm->device_id);
    return NULL;
  }
  if (!arm->bound || bpg_fleet_get_slots (self->fleet, path) == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, "Prosthesis %s is not bound to a patient", arm->device_id);
    return NULL;
  }
  return g_steal_pointer (&arm);
}

BpgArm *
bpg_update_check_arm (BpgUpdate *self, const char *path, gboolean connected, GError **error)
{
  g_autoptr (BpgArm) arm = find_arm (self, path, connected, error);

  if (arm == NULL || bpg_queue_count (self->queue, path) < BPG_QUEUE_MAX)
    return g_steal_pointer (&arm);
  g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "%u jobs wait for prosthesis %s already", BPG_QUEUE_MAX,
               arm->device_id);
  return NULL;
}

void
bpg_update_start_job (BpgUpdate *self, GDBusMethodInvocation *invocation, const BpgArm *arm, BpgOrder *order)
{
  g_autoptr (BpgOrder) owned = order;
  g_autofree char *subject = bpg_path_build (BPG_PATH_UPDATE, "prosthesis", arm->device_id);
  g_autofree char *payload = NULL;
  g_autoptr (BpgJob) job = NULL;
  g_autoptr (GError) error = NULL;

  bpg_order_set_text (&owned->device_id, arm->device_id);
  bpg_order_set_text (&owned->patient, arm->patient);
  payload = bpg_order_print (owned);
  job = bpg_job_list_start (bpg_service_get_jobs (self->service), bpg_order_get_job_kind (owned), subject,
                            g_dbus_method_invocation_get_sender (invocation), payload, &error);
  if (job == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  /* When it is its turn now, Slots1.Job tells of the job before the reply does. */
  bpg_queue_add (self->queue, arm->path, job, g_steal_pointer (&owned));
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (job)));
}

BpgService *
bpg_update_get_service (BpgUpdate *self)
{
  return self->service;
}

/* The queue's view of the arms. */

static BpgQueueState
look_at_arm (const char *path, gpointer user_data)
{
  BpgUpdate *self = user_data;
  BpgSlots *slots = bpg_fleet_get_slots (self->fleet, path);
  g_autoptr (BpgArm) arm = find_arm (self, path, TRUE, NULL);

  if (slots != NULL && bpg_slots_get_job (slots) != NULL)
    return BPG_QUEUE_BUSY;
  return arm != NULL ? BPG_QUEUE_FREE : BPG_QUEUE_AWAY;
}

static void
fail_job (BpgJob *job, const BpgOrder *order, BpgError code, const char *message, gpointer user_data)
{
  BpgUpdate *self = user_data;
  const char *number = strrchr (bpg_job_get_path (job), '/') + 1;
  const BpgHistoryEvent event = {
    .prosthesis = order->device_id,
    .patient = order->patient,
    .action = "failed",
    .model = order->model,
    .firmware = order->firmware ? order->image : "",
    .version = order->version,
    .error = bpg_error_get_name (code),
    .job = g_ascii_strtoull (number, NULL, 10),
  };
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, code, message);
  g_autoptr (GError) local = NULL;

  if (!bpg_history_add (self->history, &event, &local))
    bpg_warning (bpg_job_get_path (job), "The history cannot be written: %s", local->message);
  bpg_job_fail (job, error, NULL);
}

static void
do_order (BpgUpdate *self, BpgSlots *slots, const BpgArm *arm, BpgJob *job, BpgOrder *order)
{
  const BpgWorkTask task = {
    .service = self->service,
    .history = self->history,
    .slots = slots,
    .arm = arm,
    .job = job,
    .order = order,
    .func = on_work_ended,
    .owner = G_OBJECT (self),
  };

  if (order->firmware)
    bpg_firmware_work_start (&task, self->firmware);
  else
    bpg_model_work_start (&task, self->signer);
}

static void
start_job (const char *path, BpgJob *job, BpgOrder *order, gpointer user_data)
{
  BpgUpdate *self = user_data;
  g_autoptr (BpgOrder) owned = order;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgArm) arm = find_arm (self, path, FALSE, &error);
  BpgSlots *slots = bpg_fleet_get_slots (self->fleet, path);

  if (arm == NULL)
    fail_job (job, owned, (BpgError) error->code, error->message, self);
  else if (!g_str_equal (arm->patient, owned->patient))
    fail_job (job, owned, BPG_ERROR_WRONG_STATE, "The prosthesis belongs to another patient by now", self);
  else
    do_order (self, slots, arm, job, g_steal_pointer (&owned));
}

static const BpgQueueFuncs queue_funcs = {look_at_arm, start_job, fail_job};

typedef struct {
  GDBusMethodInvocation *invocation;
  BpgAuthorizedFunc func;
} Deferred;

/* Right after the start nobody can say yet whether an arm, or some firmware, is there: the call waits for that moment. */
gboolean
bpg_update_defer (BpgUpdate *self, GDBusMethodInvocation *invocation, BpgAuthorizedFunc func)
{
  Deferred *deferred;

  if (bpg_fleet_is_ready (self->fleet) && bpg_firmware_shelf_is_ready (self->shelf))
    return FALSE;
  deferred = g_new0 (Deferred, 1);
  deferred->invocation = invocation;
  deferred->func = func;
  g_queue_push_tail (&self->deferred, deferred);
  return TRUE;
}

static void
on_ready (GObject *source, gpointer user_data)
{
  BpgUpdate *self = user_data;
  Deferred *deferred;

  if (!bpg_fleet_is_ready (self->fleet) || !bpg_firmware_shelf_is_ready (self->shelf))
    return;
  while ((deferred = g_queue_pop_head (&self->deferred)) != NULL) {
    deferred->func (self, deferred->invocation, g_dbus_method_invocation_get_parameters (deferred->invocation));
    g_free (deferred);
  }
}

typedef struct {
  char *prosthesis;
  char *model;
  gboolean trial;
  guint32 seconds;
  gboolean override;
} InstallArguments;

static void
install_arguments_clear (InstallArguments *arguments)
{
  g_free (arguments->prosthesis);
  g_free (arguments->model);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (InstallArguments, install_arguments_clear)

static gboolean
parse_install (GVariant *parameters, InstallArguments *arguments, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  const BpgOption table[] = {
    {"trial", "b", &arguments->trial},
    {"trial_seconds", "u", &arguments->seconds, MIN_TRIAL_SECONDS, MAX_TRIAL_SECONDS},
    {"override", "b", &arguments->override},
    {NULL},
  };

  arguments->trial = TRUE;
  arguments->seconds = TRIAL_SECONDS;
  g_variant_get (parameters, "(oo@a{sv})", &arguments->prosthesis, &arguments->model, &options);
  if (!bpg_options_parse (options, table, error))
    return FALSE;
  if (bpg_path_get_element (arguments->model, BPG_PATH_TRAINING, "model") != NULL)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "%s is no model", arguments->model);
  return FALSE;
}

static const char *
lookup_text (GVariant *properties, const char *key)
{
  const char *text = "";

  g_variant_lookup (properties, key, "&s", &text);
  return text;
}

static gboolean
check_model (GVariant *properties, const BpgArm *arm, const InstallArguments *arguments, GError **error)
{
  const char *patient = lookup_text (properties, "Patient");

  if (strlen (lookup_text (properties, "Hash")) != 64) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "%s is no model", arguments->model);
    return FALSE;
  }
  if (!g_str_equal (lookup_text (properties, "Prosthesis"), arm->device_id) ||
      (patient[0] != '\0' && !g_str_equal (patient, arm->patient))) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The model was trained for another prosthesis or patient");
    return FALSE;
  }
  if (g_str_equal (lookup_text (properties, "State"), "refused") && !arguments->override) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_MODEL_WORSE,
                 "The model is worse than the one it was to replace. Record again, or insist with 'override'");
    return FALSE;
  }
  return TRUE;
}

typedef struct {
  BpgUpdate *self;
  GDBusMethodInvocation *invocation;
} InstallCall;

static void
on_model_properties (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree InstallCall *call = user_data;
  g_autoptr (BpgUpdate) self = call->self;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (BpgArm) arm = NULL;
  g_auto (InstallArguments) arguments = {NULL};
  g_autoptr (GError) error = NULL;

  parse_install (g_dbus_method_invocation_get_parameters (call->invocation), &arguments, NULL);
  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  if (reply == NULL)
    g_set_error (&error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no model %s", arguments.model);
  else
    properties = g_variant_get_child_value (reply, 0);
  /* Looked at again: the arm may have left while the model was asked. */
  if (properties != NULL)
    arm = bpg_update_check_arm (self, arguments.prosthesis, TRUE, &error);
  if (arm != NULL && check_model (properties, arm, &arguments, &error)) {
    BpgOrder *order = bpg_order_new (BPG_PROCEDURE_INSTALL);

    bpg_order_set_text (&order->model_path, arguments.model);
    bpg_order_set_text (&order->model, lookup_text (properties, "Hash"));
    order->trial = arguments.trial;
    order->seconds = arguments.seconds;
    bpg_update_start_job (self, call->invocation, arm, order);
  } else {
    g_dbus_method_invocation_return_gerror (call->invocation, error);
  }
}

static void
install (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUpdate *self = BPG_UPDATE (object);
  g_auto (InstallArguments) arguments = {NULL};
  g_autoptr (BpgArm) arm = NULL;
  g_autoptr (GError) error = NULL;
  InstallCall *call;

  if (parse_install (parameters, &arguments, &error))
    arm = bpg_update_check_arm (self, arguments.prosthesis, TRUE, &error);
  if (arm == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  call = g_new0 (InstallCall, 1);
  call->self = g_object_ref (self);
  call->invocation = invocation;
  g_dbus_connection_call (bpg_service_get_connection (self->service), BPG_BUS_TRAINING, arguments.model,
                          "org.freedesktop.DBus.Properties", "GetAll", g_variant_new ("(s)", "org.bionicpro.Model1"),
                          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_model_properties, call);
}

/* Who insists on a model that is worse needs one right more. */
static void
handle_install (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUpdate *self = BPG_UPDATE (object);
  g_auto (InstallArguments) arguments = {NULL};
  const char *details[] = {"object", NULL, NULL};

  if (bpg_update_defer (BPG_UPDATE (object), invocation, handle_install))
    return;
  if (!parse_install (parameters, &arguments, NULL) || !arguments.override) {
    install (object, invocation, parameters);
    return;
  }
  details[1] = arguments.prosthesis;
  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_UPDATE_OVERRIDE, details,
                           G_OBJECT (self), install);
}

/* What the three other methods have in common: the prosthesis must be known and bound; that it is not connected is for
 * the job to say. */
static void
start_other (BpgUpdate *self, GDBusMethodInvocation *invocation, const char *path, BpgOrder *order)
{
  g_autoptr (BpgOrder) owned = order;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgArm) arm = bpg_update_check_arm (self, path, FALSE, &error);

  if (arm == NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    bpg_update_start_job (self, invocation, arm, g_steal_pointer (&owned));
}

static void
handle_start_trial (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_START_TRIAL);
  g_autofree char *image = NULL;
  const BpgOption table[] = {
    {"seconds", "u", &order->seconds, MIN_TRIAL_SECONDS, MAX_TRIAL_SECONDS},
    {"image", "s", &image},
    {"worn", "b", &order->worn},
    {NULL},
  };
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  const char *path;

  if (bpg_update_defer (BPG_UPDATE (object), invocation, handle_start_trial))
    return;
  order->seconds = TRIAL_SECONDS;
  g_variant_get (parameters, "(&o@a{sv})", &path, &options);
  if (!bpg_options_parse (options, table, &error) || !bpg_firmware_desk_take_image (image, order, &error))
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    start_other (BPG_UPDATE (object), invocation, path, g_steal_pointer (&order));
}

/* One confirms what one has seen on trial, and not what comes of work that is still under way. */
static gboolean
check_idle (BpgUpdate *self, const char *path, GError **error)
{
  BpgSlots *slots = bpg_fleet_get_slots (self->fleet, path);
  const char *job = slots != NULL ? bpg_slots_get_job (slots) : NULL;

  if (job == NULL && bpg_queue_count (self->queue, path) == 0)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "%s is working on the prosthesis", job != NULL ? job : "A job");
  return FALSE;
}

static void
handle_confirm (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUpdate *self = BPG_UPDATE (object);
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_CONFIRM);
  g_autofree char *image = NULL;
  const BpgOption table[] = {{"image", "s", &image}, {NULL}};
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgArm) arm = NULL;
  const char *path;

  if (bpg_update_defer (BPG_UPDATE (object), invocation, handle_confirm))
    return;
  g_variant_get (parameters, "(&o@a{sv})", &path, &options);
  if (!bpg_options_parse (options, table, &error) || !bpg_firmware_desk_take_image (image, order, &error) ||
      !check_idle (self, path, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  arm = bpg_fleet_get_arm (self->fleet, path);
  if (arm != NULL) {
    g_autofree char *on_trial = bpg_history_get_trial (self->history, arm->device_id,
                                                       order->firmware ? BPG_IMAGE_FIRMWARE : BPG_IMAGE_MODEL);

    bpg_order_set_text (&order->image, on_trial);
  }
  start_other (self, invocation, path, g_steal_pointer (&order));
}

static gboolean
parse_roll_back (GVariant *parameters, const char **path, BpgOrder *order, GError **error)
{
  g_autofree char *image = NULL;
  g_autoptr (GVariant) options = NULL;
  const BpgOption table[] = {
    {"model", "s", &order->wanted, 8, 64},
    {"image", "s", &image},
    {"downgrade", "b", &order->downgrade},
    {"worn", "b", &order->worn},
    {NULL},
  };

  g_variant_get (parameters, "(&o@a{sv})", path, &options);
  return bpg_options_parse (options, table, error) && bpg_firmware_desk_take_image (image, order, error);
}

static void
roll_back (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_ROLL_BACK);
  g_autoptr (GError) error = NULL;
  const char *path;

  if (!parse_roll_back (parameters, &path, order, &error))
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    start_other (BPG_UPDATE (object), invocation, path, g_steal_pointer (&order));
}

/* Who goes back to older firmware needs one right more. */
static void
handle_roll_back (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUpdate *self = BPG_UPDATE (object);
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_ROLL_BACK);
  const char *details[] = {"object", NULL, NULL};

  if (bpg_update_defer (self, invocation, handle_roll_back))
    return;
  if (!parse_roll_back (parameters, &details[1], order, NULL) || !order->downgrade) {
    roll_back (object, invocation, parameters);
    return;
  }
  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_UPDATE_DOWNGRADE, details,
                           G_OBJECT (self), roll_back);
}

static void
handle_stage_firmware (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  bpg_firmware_desk_stage (BPG_UPDATE (object)->desk, invocation, parameters);
}

static void
handle_import_firmware (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  bpg_firmware_desk_import (BPG_UPDATE (object)->desk, invocation, parameters);
}

static void
handle_install_firmware (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  if (!bpg_update_defer (BPG_UPDATE (object), invocation, handle_install_firmware))
    bpg_firmware_desk_install (BPG_UPDATE (object)->desk, invocation, parameters);
}

static void
handle_flash_rom (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  bpg_flash_work_handle (BPG_UPDATE (object)->service, invocation, parameters);
}

static const BpgMethod methods[] = {
  {"handle-get-clinic-key", NULL, handle_get_clinic_key},
  {"handle-install", BPG_ACTION_UPDATE_INSTALL, handle_install},
  {"handle-start-trial", BPG_ACTION_UPDATE_INSTALL, handle_start_trial},
  {"handle-confirm", BPG_ACTION_UPDATE_CONFIRM, handle_confirm},
  {"handle-roll-back", BPG_ACTION_UPDATE_ROLL_BACK, handle_roll_back},
  {"handle-stage-firmware", BPG_ACTION_UPDATE_INSTALL, handle_stage_firmware},
  {"handle-import-firmware", BPG_ACTION_UPDATE_INSTALL, handle_import_firmware},
  {"handle-install-firmware", BPG_ACTION_UPDATE_INSTALL, handle_install_firmware},
  {"handle-flash-rom", BPG_ACTION_UPDATE_FLASH_ROM, handle_flash_rom},
  {NULL},
};

static void
bpg_update_init (BpgUpdate *self)
{
  g_queue_init (&self->deferred);
}

static void
on_arm (BpgFleet *fleet, const char *path, gpointer user_data)
{
  BpgUpdate *self = user_data;

  bpg_queue_next (self->queue, path);
}

/* Jobs of the previous process are taken up in their order, when their arms are there. */
static gboolean
recover (BpgJob *job, gpointer user_data)
{
  BpgUpdate *self = user_data;
  BpgOrder *order = bpg_order_parse (bpg_job_get_payload (job));
  g_autofree char *path = NULL;

  if (order == NULL)
    return bpg_firmware_desk_recover (self->desk, job);
  path = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", order->device_id);
  bpg_queue_add (self->queue, path, job, order);
  return TRUE;
}

BpgUpdate *
bpg_update_new (BpgService *service, GError **error)
{
  g_autoptr (BpgUpdate) self = g_object_new (BPG_TYPE_UPDATE, NULL);

  self->service = g_object_ref (service);
  self->key_path = g_build_filename (bpg_service_get_state_dir (service), KEY_FILE, NULL);
  self->signer = bpg_signer_new (self->key_path);
  self->history = bpg_history_new (service, error);
  if (self->history == NULL)
    return NULL;
  g_object_set (bpg_service_get_manager (service), "clinic-key", "", NULL);
  self->firmware = bpg_firmware_settings_new (service);
  self->shelf = bpg_firmware_shelf_new (service, self->firmware);
  self->desk = bpg_firmware_desk_new (self, self->firmware, self->shelf);
  self->queue = bpg_queue_new (&queue_funcs, self);
  self->fleet = bpg_fleet_new (service, self->history);
  g_signal_connect_object (self->shelf, "ready", G_CALLBACK (on_ready), self, 0);
  g_signal_connect_object (self->fleet, "arm", G_CALLBACK (on_arm), self, 0);
  g_signal_connect_object (self->fleet, "ready", G_CALLBACK (on_ready), self, 0);
  bpg_methods_connect (bpg_service_get_manager (service), bpg_service_get_authority (service), G_OBJECT (self),
                       BPG_PATH_UPDATE, methods);
  if (bpg_signer_exists (self->signer))
    bpg_signer_ensure_async (self->signer, on_key, g_object_ref (self));
  return g_steal_pointer (&self);
}

void
bpg_update_ready (BpgUpdate *self)
{
  bpg_job_list_recover (bpg_service_get_jobs (self->service), recover, self);
}

static GObject *
start (BpgService *service, GError **error)
{
  return (GObject *) bpg_update_new (service, error);
}

static void
ready (GObject *daemon)
{
  bpg_update_ready (BPG_UPDATE (daemon));
}

static const char *const features[] = {"firmware", NULL};

const BpgServiceInfo bpg_update_info = {
  .name = "update",
  .bus_name = BPG_BUS_UPDATE,
  .root = BPG_PATH_UPDATE,
  .summary = "Writes signed models and firmware to the prostheses of the BionicPRO clinic gateway.",
  .manager_type = bpg_dbus_update1_skeleton_get_type,
  .options = bpg_firmware_options,
  .features = features,
  .start = start,
  .ready = ready,
};
