/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-desk.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-firmware-fetch.h"
#include "bpg-firmware-policy.h"
#include "bpg-method.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "bpg-reporter.h"
#include "bpg-update-private.h"

#include <unistd.h>

#define KIND_STAGE "firmware-stage"
#define SOURCE_MAX 255
/* The payload of a job that fetches; an order's has another type. */
#define PAYLOAD "(s)"

struct _BpgFirmwareDesk {
  GObject parent_instance;

  BpgUpdate *update; /* not owned */
  BpgService *service;
  BpgFirmwareSettings *settings;
  BpgFirmwareShelf *shelf;
  GHashTable *fetching; /* addresses */
};

G_DEFINE_FINAL_TYPE (BpgFirmwareDesk, bpg_firmware_desk, G_TYPE_OBJECT)

static void
bpg_firmware_desk_finalize (GObject *object)
{
  BpgFirmwareDesk *self = BPG_FIRMWARE_DESK (object);

  g_object_unref (self->service);
  g_object_unref (self->shelf);
  bpg_firmware_settings_unref (self->settings);
  g_hash_table_unref (self->fetching);
  G_OBJECT_CLASS (bpg_firmware_desk_parent_class)->finalize (object);
}

static void
bpg_firmware_desk_class_init (BpgFirmwareDeskClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_firmware_desk_finalize;
}

static void
bpg_firmware_desk_init (BpgFirmwareDesk *self)
{
  self->fetching = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

BpgFirmwareDesk *
bpg_firmware_desk_new (BpgUpdate *update, BpgFirmwareSettings *settings, BpgFirmwareShelf *shelf)
{
  BpgFirmwareDesk *self = g_object_new (BPG_TYPE_FIRMWARE_DESK, NULL);

  self->update = update;
  self->service = g_object_ref (bpg_update_get_service (update));
  self->settings = bpg_firmware_settings_ref (settings);
  self->shelf = g_object_ref (shelf);
  return self;
}

gboolean
bpg_firmware_desk_take_image (const char *image, BpgOrder *order, GError **error)
{
  order->firmware = g_strcmp0 (image, "firmware") == 0;
  if (image != NULL && !order->firmware && !g_str_equal (image, "model")) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'image' is 'model' or 'firmware', not '%s'", image);
    return FALSE;
  }
  if (!order->firmware && (order->downgrade || order->worn)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'downgrade' and 'worn' go with 'image' 'firmware'");
    return FALSE;
  }
  if (order->firmware && order->wanted[0] != '\0') {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'model' does not go with 'image' 'firmware'");
    return FALSE;
  }
  return TRUE;
}

/* Fetching. A fetch is a GTask whose data this is. */

typedef struct {
  BpgFirmwareDesk *desk;
  BpgJob *job;
  char *url;
  BpgReporter reporter;
  BpgFirmwareFetch order;
  BpgFirmware *firmware;
  GTask *task; /* not owned: the task owns this */
} Fetching;

static void
fetching_free (Fetching *fetching)
{
  g_clear_pointer (&fetching->firmware, bpg_firmware_free);
  bpg_firmware_settings_unref (fetching->order.settings);
  bpg_reporter_clear (&fetching->reporter);
  g_object_unref (fetching->job);
  g_object_unref (fetching->desk);
  g_free (fetching->url);
  g_free (fetching);
}

static gboolean
on_report (gpointer user_data)
{
  Fetching *fetching = g_task_get_task_data (user_data);
  double progress;
  g_autofree char *phase = bpg_reporter_take (&fetching->reporter, &progress);

  bpg_job_set_phase (fetching->job, phase, NULL);
  bpg_job_set_progress (fetching->job, progress);
  bpg_reporter_release (&fetching->reporter);
  return G_SOURCE_REMOVE;
}

static void
report (const char *phase, double progress, gpointer user_data)
{
  Fetching *fetching = user_data;

  bpg_reporter_report (&fetching->reporter, phase, progress, on_report, fetching->task);
}

static void
fetch_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Fetching *fetching = task_data;
  GError *error = NULL;

  fetching->firmware = bpg_firmware_fetch (&fetching->order, &error);
  if (fetching->firmware != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static char *
build_object_path (const BpgFirmware *firmware)
{
  return bpg_path_build (BPG_PATH_UPDATE, "firmware", firmware->hash);
}

/* The object is there before anybody hears of the end. */
static void
on_shelved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Fetching *fetching = g_task_get_task_data (task);
  g_autofree char *path = build_object_path (fetching->firmware);
  GVariantBuilder builder;

  bpg_firmware_shelf_look_finish (BPG_FIRMWARE_SHELF (source), result);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "firmware", g_variant_new_object_path (path));
  g_variant_builder_add (&builder, "{sv}", "hash", g_variant_new_string (fetching->firmware->hash));
  g_variant_builder_add (&builder, "{sv}", "version", g_variant_new_string (fetching->firmware->version));
  g_variant_builder_add (&builder, "{sv}", "bytes", g_variant_new_uint64 (fetching->firmware->size));
  g_variant_builder_add (&builder, "{sv}", "fetched", g_variant_new_uint64 (fetching->order.fetched));
  g_variant_builder_add (&builder, "{sv}", "unchanged", g_variant_new_boolean (fetching->order.unchanged));
  bpg_job_succeed (fetching->job, g_variant_builder_end (&builder));
}

static void
on_fetched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = G_TASK (result);
  Fetching *fetching = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  g_hash_table_remove (fetching->desk->fetching, fetching->url);
  if (!g_task_propagate_boolean (task, &error))
    bpg_job_fail (fetching->job, error, NULL);
  else
    bpg_firmware_shelf_look_async (fetching->desk->shelf, on_shelved, g_object_ref (task));
}

static void
start_fetch (BpgFirmwareDesk *self, BpgJob *job, const char *url)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_fetched, NULL);
  Fetching *fetching = g_new0 (Fetching, 1);

  fetching->desk = g_object_ref (self);
  fetching->job = g_object_ref (job);
  fetching->url = g_strdup (url);
  fetching->task = task;
  bpg_reporter_init (&fetching->reporter);
  fetching->order = (BpgFirmwareFetch){
    .settings = bpg_firmware_settings_ref (self->settings),
    .url = fetching->url,
    .func = report,
    .user_data = fetching,
    .cancellable = bpg_job_get_cancellable (job),
  };
  g_hash_table_add (self->fetching, g_strdup (url));
  g_task_set_task_data (task, fetching, (GDestroyNotify) fetching_free);
  g_task_run_in_thread (task, fetch_in_worker);
}

static gboolean
check_stage (BpgFirmwareDesk *self, const char *url, GVariant *options, GError **error)
{
  if (!bpg_options_none (options, error) || !bpg_firmware_fetch_check (url, error))
    return FALSE;
  if (!g_hash_table_contains (self->fetching, url))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "%s is being fetched already", url);
  return FALSE;
}

void
bpg_firmware_desk_stage (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) payload = NULL;
  g_autoptr (BpgJob) job = NULL;
  g_autoptr (GError) error = NULL;
  const char *url;

  g_variant_get (parameters, "(&s@a{sv})", &url, &options);
  if (check_stage (self, url, options, &error)) {
    g_autofree char *text = NULL;

    payload = g_variant_ref_sink (g_variant_new (PAYLOAD, url));
    text = g_variant_print (payload, TRUE);
    job = bpg_job_list_start (bpg_service_get_jobs (self->service), KIND_STAGE, NULL,
                              g_dbus_method_invocation_get_sender (invocation), text, &error);
  }
  if (job == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (job)));
  start_fetch (self, job, url);
}

gboolean
bpg_firmware_desk_recover (BpgFirmwareDesk *self, BpgJob *job)
{
  const char *text = bpg_job_get_payload (job);
  g_autoptr (GVariant) payload =
    text != NULL ? g_variant_parse (G_VARIANT_TYPE (PAYLOAD), text, NULL, NULL, NULL) : NULL;
  const char *url;

  if (payload == NULL || !g_str_equal (bpg_job_get_kind (job), KIND_STAGE))
    return FALSE;
  g_variant_get (payload, "(&s)", &url);
  if (!bpg_firmware_fetch_check (url, NULL) || g_hash_table_contains (self->fetching, url))
    return FALSE;
  start_fetch (self, job, url);
  return TRUE;
}

/* Handing in. */

typedef struct {
  BpgFirmwareDesk *desk;
  BpgFirmwareSettings *settings;
  GDBusMethodInvocation *invocation;
  int fd;
  char *source;
  BpgFirmware *firmware;
} Import;

static void
import_free (Import *import)
{
  if (import->fd >= 0)
    close (import->fd);
  g_clear_pointer (&import->firmware, bpg_firmware_free);
  bpg_firmware_settings_unref (import->settings);
  g_object_unref (import->desk);
  g_free (import->source);
  g_free (import);
}

static void
import_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Import *import = task_data;
  GError *error = NULL;
  g_autoptr (GBytes) container = bpg_file_read_fd (import->fd, BPG_FIRMWARE_MAX, &error);

  if (container != NULL)
    import->firmware = bpg_firmware_folder_keep (import->settings, container, import->source, &error);
  if (import->firmware != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_import_shelved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  g_autofree char *path = build_object_path (import->firmware);

  bpg_firmware_shelf_look_finish (BPG_FIRMWARE_SHELF (source), result);
  g_dbus_method_invocation_return_value (import->invocation, g_variant_new ("(o)", path));
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = G_TASK (result);
  Import *import = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (task, &error))
    g_dbus_method_invocation_return_gerror (import->invocation, error);
  else
    bpg_firmware_shelf_look_async (import->desk->shelf, on_import_shelved, g_object_ref (task));
}

void
bpg_firmware_desk_import (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (GVariant) options = NULL;
  g_autofree char *source = g_strdup ("");
  const BpgOption table[] = {{"source", "s", &source, 0, SOURCE_MAX}, {NULL}};
  g_autoptr (GError) error = NULL;
  g_autoptr (GTask) task = NULL;
  Import *import;
  gint32 handle;
  int fd = -1;

  g_variant_get (parameters, "(h@a{sv})", &handle, &options);
  if (bpg_options_parse (options, table, &error))
    fd = bpg_method_get_fd (invocation, handle, &error);
  if (fd < 0) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  import = g_new0 (Import, 1);
  import->desk = g_object_ref (self);
  import->settings = bpg_firmware_settings_ref (self->settings);
  import->invocation = invocation;
  import->fd = fd;
  import->source = g_steal_pointer (&source);
  task = g_task_new (NULL, NULL, on_imported, NULL);
  g_task_set_task_data (task, import, (GDestroyNotify) import_free);
  g_task_run_in_thread (task, import_in_worker);
}

/* Installing. */

static gboolean
parse_install (GVariant *parameters, char **prosthesis, char **firmware, BpgOrder *order, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  const BpgOption table[] = {
    {"trial", "b", &order->trial},
    {"override", "b", &order->override},
    {"downgrade", "b", &order->downgrade},
    {"worn", "b", &order->worn},
    {NULL},
  };

  order->firmware = TRUE;
  order->trial = TRUE;
  g_variant_get (parameters, "(oo@a{sv})", prosthesis, firmware, &options);
  return bpg_options_parse (options, table, error);
}

static void
install (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgFirmwareDesk *self = BPG_FIRMWARE_DESK (object);
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_INSTALL);
  g_autofree char *prosthesis = NULL;
  g_autofree char *path = NULL;
  g_autoptr (BpgArm) arm = NULL;
  g_autoptr (GError) error = NULL;
  const BpgFirmware *firmware = NULL;

  if (parse_install (parameters, &prosthesis, &path, order, &error))
    arm = bpg_update_check_arm (self->update, prosthesis, TRUE, &error);
  if (arm != NULL) {
    firmware = bpg_firmware_shelf_get (self->shelf, path);
    if (firmware == NULL)
      g_set_error (&error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no firmware %s", path);
  }
  if (firmware == NULL || !bpg_firmware_policy_check_fit (firmware, arm->hardware, arm->side, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  bpg_order_set_text (&order->model_path, path);
  bpg_order_set_text (&order->image, firmware->hash);
  bpg_order_set_text (&order->version, firmware->version);
  bpg_update_start_job (self->update, invocation, arm, g_steal_pointer (&order));
}

static void
authorize (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, const char *action, const char *prosthesis,
           BpgAuthorizedFunc func)
{
  const char *details[] = {"object", prosthesis, NULL};

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, action, details, G_OBJECT (self),
                           func);
}

static void
check_downgrade (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_INSTALL);
  g_autofree char *prosthesis = NULL;
  g_autofree char *firmware = NULL;

  if (parse_install (parameters, &prosthesis, &firmware, order, NULL) && order->downgrade)
    authorize (object, invocation, BPG_ACTION_UPDATE_DOWNGRADE, prosthesis, install);
  else
    install (object, invocation, parameters);
}

/* Who insists, and who goes back to an older version, needs one right more for each. */
void
bpg_firmware_desk_install (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (BpgOrder) order = bpg_order_new (BPG_PROCEDURE_INSTALL);
  g_autofree char *prosthesis = NULL;
  g_autofree char *firmware = NULL;

  if (parse_install (parameters, &prosthesis, &firmware, order, NULL) && order->override)
    authorize (self, invocation, BPG_ACTION_UPDATE_OVERRIDE, prosthesis, check_downgrade);
  else
    check_downgrade (self, invocation, parameters);
}
