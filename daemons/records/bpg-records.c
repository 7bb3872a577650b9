/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-records.h"

#include "bpg-archive.h"
#include "bpg-arm-watch.h"
#include "bpg-dbus.h"
#include "bpg-deletion.h"
#include "bpg-import.h"
#include "bpg-log.h"
#include "bpg-method.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "bpg-patient.h"
#include "bpg-recording.h"
#include "bpg-usage.h"

#include <unistd.h>

#define JOB_DELETE_PATIENT "delete-patient"
#define MAX_DEVICE_ID 63
/* Each holds the whole container in memory. */
#define MAX_IMPORTS 2u

struct _BpgRecords {
  GObject parent_instance;

  BpgService *service;
  BpgArchive *archive;
  BpgArmWatch *watch;
  GHashTable *patients;   /* path -> BpgPatient */
  GHashTable *recordings; /* path -> BpgRecording */
  GHashTable *usage;      /* deviceId -> BpgUsage */
  guint importing;
};

G_DEFINE_FINAL_TYPE (BpgRecords, bpg_records, G_TYPE_OBJECT)

static void
bpg_records_dispose (GObject *object)
{
  BpgRecords *self = BPG_RECORDS (object);

  g_hash_table_remove_all (self->usage);
  g_hash_table_remove_all (self->recordings);
  g_hash_table_remove_all (self->patients);
  g_clear_object (&self->watch);
  g_clear_object (&self->archive);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_records_parent_class)->dispose (object);
}

static void
bpg_records_finalize (GObject *object)
{
  BpgRecords *self = BPG_RECORDS (object);

  g_hash_table_unref (self->patients);
  g_hash_table_unref (self->recordings);
  g_hash_table_unref (self->usage);
  G_OBJECT_CLASS (bpg_records_parent_class)->finalize (object);
}

static void
bpg_records_class_init (BpgRecordsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_records_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_records_finalize;
}

static void
bpg_records_init (BpgRecords *self)
{
  self->patients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->recordings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->usage = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

static BpgPatient *
find_patient (BpgRecords *self, const char *path, GError **error)
{
  BpgPatient *patient = g_hash_table_lookup (self->patients, path);

  if (patient == NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no patient %s", path);
  return patient;
}

static gboolean
check_device_id (const char *prosthesis, GError **error)
{
  gsize length = strlen (prosthesis);

  if (length >= 1 && length <= MAX_DEVICE_ID)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A deviceId has 1 to %u bytes", MAX_DEVICE_ID);
  return FALSE;
}

/* Deleting a patient: the rows in one step, then the files. What a crash leaves undone of the first is done again by
 * the job's replay, of the second by the tidying at start. */

static void
on_files_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgJob) job = user_data;
  g_autoptr (GError) error = NULL;

  if (bpg_archive_discard_finish (BPG_ARCHIVE (source), result, &error))
    bpg_job_succeed (job, NULL);
  else
    bpg_job_fail (job, error, NULL);
}

static gboolean
is_recorded (BpgRecords *self, const char *patient)
{
  GHashTableIter iter;
  gpointer recording;

  g_hash_table_iter_init (&iter, self->recordings);
  while (g_hash_table_iter_next (&iter, NULL, &recording))
    if (g_str_equal (bpg_recording_get_patient (recording), patient) && bpg_recording_is_busy (recording))
      return TRUE;
  return FALSE;
}

static void
withdraw_patient (BpgRecords *self, const char *patient)
{
  g_autofree char *path = bpg_path_build (BPG_PATH_RECORDS, "patient", patient);
  g_autoptr (GList) recordings = g_hash_table_get_values (self->recordings);
  BpgPatient *object = g_hash_table_lookup (self->patients, path);
  GHashTableIter iter;
  gpointer usage;

  g_hash_table_iter_init (&iter, self->usage);
  while (g_hash_table_iter_next (&iter, NULL, &usage))
    bpg_usage_publish (usage);
  for (GList *l = recordings; l != NULL; l = l->next)
    if (g_str_equal (bpg_recording_get_patient (l->data), patient))
      bpg_recording_withdraw (l->data);
  if (object == NULL)
    return;
  bpg_patient_withdraw (object);
  g_hash_table_remove (self->patients, path);
}

static void
delete_patient (BpgRecords *self, BpgJob *job)
{
  const char *patient = bpg_job_get_payload (job);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) files = NULL;

  bpg_job_set_phase (job, "deleting", "Deleting recordings and usage");
  if (is_recorded (self, patient))
    g_set_error (&error, BPG_ERROR, BPG_ERROR_BUSY, "A session is recording patient %s; end it first", patient);
  else
    bpg_deletion_delete_rows (self->archive, patient, &files, &error);
  if (error != NULL) {
    bpg_job_fail (job, error, NULL);
    return;
  }
  withdraw_patient (self, patient);
  bpg_archive_discard_async (self->archive, files, on_files_deleted, g_object_ref (job));
}

static void
on_delete_patient (BpgPatient *patient, GDBusMethodInvocation *invocation, gpointer user_data)
{
  BpgRecords *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgJob) job =
    bpg_job_list_start (bpg_service_get_jobs (self->service), JOB_DELETE_PATIENT, bpg_patient_get_path (patient),
                        g_dbus_method_invocation_get_sender (invocation), bpg_patient_get_id (patient), &error);

  if (job == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (job)));
  delete_patient (self, job);
}

static void
take_patient (BpgRecords *self, BpgPatient *patient)
{
  bpg_patient_set_delete_func (patient, on_delete_patient, self);
  g_hash_table_insert (self->patients, g_strdup (bpg_patient_get_path (patient)), patient);
}

static void
on_recording_deleted (BpgRecording *recording, gpointer user_data)
{
  BpgRecords *self = user_data;

  g_hash_table_remove (self->recordings, bpg_recording_get_path (recording));
}

static void
take_recording (BpgRecords *self, BpgRecording *recording)
{
  g_signal_connect_object (recording, "deleted", G_CALLBACK (on_recording_deleted), self, 0);
  g_hash_table_insert (self->recordings, g_strdup (bpg_recording_get_path (recording)), recording);
}

static void
handle_create_patient (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecords *self = BPG_RECORDS (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autofree char *name = g_strdup ("");
  g_autofree char *reference = g_strdup ("");
  const BpgOption table[] = {{"name", "s", &name, 0, 256}, {"reference", "s", &reference, 0, 64}, {NULL}};
  g_autoptr (GError) error = NULL;
  BpgPatient *patient = NULL;

  if (bpg_options_parse (options, table, &error))
    patient = bpg_patient_create (self->archive, name, reference, &error);
  if (patient == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  take_patient (self, patient);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_patient_get_path (patient)));
}

typedef struct {
  char *fingerprint;
  char *side;
  gboolean bound;
} BindingOptions;

static gboolean
check_binding (const BindingOptions *options, GError **error)
{
  gsize length = strlen (options->fingerprint);

  if (length != 0 && (length != 64 || strspn (options->fingerprint, "0123456789abcdefABCDEF") != 64)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A fingerprint is 64 hexadecimal digits");
    return FALSE;
  }
  if (options->side[0] != '\0' && !g_str_equal (options->side, "left") && !g_str_equal (options->side, "right")) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The side is 'left' or 'right'");
    return FALSE;
  }
  return TRUE;
}

/* A prosthesis belongs to one patient: whoever had it before has it no more. */
static gboolean
bind_patient (BpgRecords *self, BpgPatient *patient, const char *prosthesis, const BindingOptions *options,
              GError **error)
{
  GHashTableIter iter;
  gpointer other;

  g_hash_table_iter_init (&iter, self->patients);
  while (g_hash_table_iter_next (&iter, NULL, &other))
    if (other != patient && bpg_patient_is_bound (other, prosthesis) &&
        !bpg_patient_unbind (other, prosthesis, error))
      return FALSE;
  return bpg_patient_bind (patient, prosthesis, options->fingerprint, options->side, error);
}

static void
handle_record_binding (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecords *self = BPG_RECORDS (object);
  g_autofree char *fingerprint = g_strdup ("");
  g_autofree char *side = g_strdup ("");
  gboolean bound = TRUE;
  const BpgOption table[] = {
    {"fingerprint", "s", &fingerprint, 0, 64}, {"side", "s", &side, 0, 8}, {"bound", "b", &bound}, {NULL}};
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  const char *path, *prosthesis;
  BpgPatient *patient = NULL;

  g_variant_get (parameters, "(&o&s@a{sv})", &path, &prosthesis, &options);
  if (bpg_options_parse (options, table, &error) && check_device_id (prosthesis, &error))
    patient = find_patient (self, path, &error);
  if (patient != NULL) {
    const BindingOptions binding = {fingerprint, side, bound};

    if (!bound)
      bpg_patient_unbind (patient, prosthesis, &error);
    else if (check_binding (&binding, &error))
      bind_patient (self, patient, prosthesis, &binding, &error);
  }
  if (error != NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static gboolean
parse_recording (BpgRecordingInfo *info, GVariant *options, GError **error)
{
  const BpgOption table[] = {
    {"rate", "u", &info->rate, 1, BPG_RECORDING_MAX_RATE},
    {"channels", "u", &info->channels, 1, BPG_RECORDING_MAX_CHANNELS},
    {"lsb", "d", &info->lsb},
    {"unit", "s", &info->unit, 1, 64},
    {"filters", "s", &info->filters, 0, 1024},
    {"electrodes", "s", &info->electrodes, 0, 1024},
    {"purpose", "s", &info->purpose, 0, 64},
    {"source", "s", &info->source, 1, 64},
    {"session", "s", &info->session, 0, 1024},
    {"note", "s", &info->note, 0, 1024},
    {NULL},
  };

  /* What is missing stays 0 or empty and is found senseless. */
  return bpg_options_parse (options, table, error) && bpg_recording_info_check (info, error);
}

static void
handle_create_recording (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecords *self = BPG_RECORDS (object);
  g_autoptr (BpgRecordingInfo) info = bpg_recording_info_new ();
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  const char *path, *prosthesis;
  BpgRecording *recording = NULL;

  g_variant_get (parameters, "(&o&s@a{sv})", &path, &prosthesis, &options);
  g_free (info->source);
  info->source = g_strdup ("arm");
  if (parse_recording (info, options, &error) && check_device_id (prosthesis, &error) &&
      find_patient (self, path, &error) != NULL) {
    g_free (info->patient);
    g_free (info->prosthesis);
    info->patient = g_strdup (bpg_patient_get_id (g_hash_table_lookup (self->patients, path)));
    info->prosthesis = g_strdup (prosthesis);
    recording = bpg_recording_create (self->archive, info, NULL, g_dbus_method_invocation_get_sender (invocation),
                                      &error);
  }
  if (recording == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  take_recording (self, recording);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_recording_get_path (recording)));
}

typedef struct {
  BpgRecords *self;
  GDBusMethodInvocation *invocation;
  char *patient_path;
  char *prosthesis;
  char *note;
} Import;

static void
import_free (Import *import)
{
  g_object_unref (import->self);
  g_free (import->patient_path);
  g_free (import->prosthesis);
  g_free (import->note);
  g_free (import);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Import, import_free)

static void
replace_text (char **text, const char *value)
{
  g_free (*text);
  *text = g_strdup (value);
}

static void
complete_info (const Import *import, BpgRecordingInfo *info, const char *patient)
{
  replace_text (&info->patient, patient);
  if (import->prosthesis[0] != '\0')
    replace_text (&info->prosthesis, import->prosthesis);
  if (import->note[0] != '\0')
    replace_text (&info->note, import->note);
  if (!g_str_equal (info->source, "generated"))
    replace_text (&info->source, "import");
}

static void
discard_repetitions (BpgArchive *archive, GPtrArray *repetitions)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) files = NULL;

  for (guint i = 0; i < repetitions->len; i++)
    g_strv_builder_add (builder, ((BpgRepetition *) g_ptr_array_index (repetitions, i))->file);
  files = g_strv_builder_end (builder);
  bpg_archive_discard_async (archive, files, NULL, NULL);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Import) import = user_data;
  g_autoptr (GPtrArray) repetitions = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgRecordingInfo) info = bpg_import_finish (BPG_ARCHIVE (source), result, &repetitions, &error);
  BpgRecording *recording = NULL;

  import->self->importing--;
  if (info != NULL) {
    /* Looked up again: it may have been deleted meanwhile. */
    BpgPatient *patient = find_patient (import->self, import->patient_path, &error);

    if (patient != NULL) {
      complete_info (import, info, bpg_patient_get_id (patient));
      recording = bpg_recording_create (import->self->archive, info, repetitions, NULL, &error);
    }
    if (recording == NULL)
      discard_repetitions (BPG_ARCHIVE (source), repetitions);
  }
  if (recording == NULL) {
    g_dbus_method_invocation_return_gerror (import->invocation, error);
    return;
  }
  take_recording (import->self, recording);
  g_dbus_method_invocation_return_value (import->invocation,
                                         g_variant_new ("(o)", bpg_recording_get_path (recording)));
}

static void
handle_import_recording (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecords *self = BPG_RECORDS (object);
  g_autoptr (Import) import = g_new0 (Import, 1);
  const BpgOption table[] = {
    {"prosthesis", "s", &import->prosthesis, 1, MAX_DEVICE_ID}, {"note", "s", &import->note, 0, 1024}, {NULL}};
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  BpgPatient *patient = NULL;
  gint32 handle;
  int fd = -1;

  import->self = g_object_ref (self);
  import->prosthesis = g_strdup ("");
  import->note = g_strdup ("");
  import->invocation = invocation;
  g_variant_get (parameters, "(oh@a{sv})", &import->patient_path, &handle, &options);
  if (bpg_options_parse (options, table, &error))
    patient = find_patient (self, import->patient_path, &error);
  if (patient != NULL && self->importing >= MAX_IMPORTS)
    g_set_error (&error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED,
                 "%u recordings are being imported already; try again when one is in", self->importing);
  else if (patient != NULL)
    fd = bpg_method_get_fd (invocation, handle, &error);
  if (fd < 0) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  self->importing++;
  bpg_import_async (self->archive, fd, bpg_patient_get_id (patient), on_imported, g_steal_pointer (&import));
}

static const BpgMethod methods[] = {
  {"handle-create-patient", BPG_ACTION_RECORDS_WRITE, handle_create_patient},
  {"handle-record-binding", BPG_ACTION_RECORDS_BIND, handle_record_binding},
  {"handle-create-recording", BPG_ACTION_RECORDS_WRITE, handle_create_recording},
  {"handle-import-recording", BPG_ACTION_RECORDS_WRITE, handle_import_recording},
  {NULL},
};

static gboolean
load (BpgRecords *self, GError **error)
{
  g_autoptr (GPtrArray) patients = bpg_patients_load (self->archive, error);
  g_autoptr (GPtrArray) recordings = patients != NULL ? bpg_recordings_load (self->archive, error) : NULL;

  if (recordings == NULL)
    return FALSE;
  for (guint i = 0; i < patients->len; i++)
    take_patient (self, g_object_ref (g_ptr_array_index (patients, i)));
  for (guint i = 0; i < recordings->len; i++)
    take_recording (self, g_object_ref (g_ptr_array_index (recordings, i)));
  return TRUE;
}

/* Usage of the prostheses that are bound, and of those of which something is stored. */

static BpgUsage *
ensure_usage (BpgRecords *self, const char *device_id)
{
  BpgUsage *usage = g_hash_table_lookup (self->usage, device_id);

  if (usage == NULL) {
    usage = bpg_usage_new (self->archive, self->watch, device_id);
    g_hash_table_insert (self->usage, g_strdup (device_id), usage);
  }
  return usage;
}

static gboolean
load_usage (BpgRecords *self, GError **error)
{
  BpgStore *store = bpg_archive_get_store (self->archive);
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (store, error, "SELECT id FROM prosthesis", "");
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0)
    ensure_usage (self, (const char *) sqlite3_column_text (statement, 0));
  return more == 0;
}

static void
on_arm_changed (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  BpgRecords *self = user_data;
  g_autoptr (BpgArm) arm = bpg_arm_watch_get (watch, path);

  if (arm == NULL || arm->device_id[0] == '\0')
    return;
  if (arm->bound || g_hash_table_contains (self->usage, arm->device_id))
    bpg_usage_take_arm (ensure_usage (self, arm->device_id), arm);
}

static void
on_arm_gone (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  BpgRecords *self = user_data;
  GHashTableIter iter;
  gpointer device_id, usage;

  g_hash_table_iter_init (&iter, self->usage);
  while (g_hash_table_iter_next (&iter, &device_id, &usage)) {
    g_autofree char *own = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", device_id);

    if (g_str_equal (own, path))
      bpg_usage_set_gone (usage);
  }
}

BpgRecords *
bpg_records_new (BpgService *service, GError **error)
{
  g_autoptr (BpgRecords) self = g_object_new (BPG_TYPE_RECORDS, NULL);

  self->service = g_object_ref (service);
  self->archive = bpg_archive_new (service, error);
  if (self->archive == NULL)
    return NULL;
  bpg_archive_remove_orphans (self->archive);
  self->watch = bpg_arm_watch_new (bpg_service_get_connection (service));
  g_signal_connect_object (self->watch, "changed", G_CALLBACK (on_arm_changed), self, 0);
  g_signal_connect_object (self->watch, "gone", G_CALLBACK (on_arm_gone), self, 0);
  if (!load (self, error) || !load_usage (self, error))
    return NULL;
  bpg_methods_connect (bpg_service_get_manager (service), bpg_service_get_authority (service), G_OBJECT (self),
                       BPG_PATH_RECORDS, methods);
  return g_steal_pointer (&self);
}

static gboolean
recover (BpgJob *job, gpointer user_data)
{
  if (!g_str_equal (bpg_job_get_kind (job), JOB_DELETE_PATIENT) || bpg_job_get_payload (job) == NULL)
    return FALSE;
  delete_patient (user_data, job);
  return TRUE;
}

void
bpg_records_ready (BpgRecords *self)
{
  bpg_job_list_recover (bpg_service_get_jobs (self->service), recover, self);
}

static GObject *
start (BpgService *service, GError **error)
{
  return (GObject *) bpg_records_new (service, error);
}

static void
ready (GObject *daemon)
{
  bpg_records_ready (BPG_RECORDS (daemon));
}

static const char *const features[] = {BPG_SEAL_FEATURE, NULL};

const BpgServiceInfo bpg_records_info = {
  .name = "records",
  .bus_name = BPG_BUS_RECORDS,
  .root = BPG_PATH_RECORDS,
  .summary = "Keeps patients, bindings, recordings and usage of the BionicPRO clinic gateway.",
  .manager_type = bpg_dbus_records1_skeleton_get_type,
  .features = features,
  .start = start,
  .ready = ready,
};
