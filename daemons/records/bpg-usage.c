/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-usage.h"

#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-method.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "bpg-usage-fetch.h"
#include "bpg-usage-record.h"

#define MAX_RECORDS 1000u
/* A fetch that failed on a line that is still there is tried again after so long. */
#define RETRY_SECONDS 20

struct _BpgUsage {
  GObject parent_instance;

  BpgArchive *archive;
  BpgArmWatch *watch;
  BpgDBusUsage1 *skeleton;
  GCancellable *cancellable;
  char *device_id;
  char *path;
  gboolean connected;
  gboolean fetching;
  guint retry_id;
  GPtrArray *jobs; /* BpgJob that end with the fetch that is going on */
};

G_DEFINE_FINAL_TYPE (BpgUsage, bpg_usage, G_TYPE_OBJECT)

static void
bpg_usage_dispose (GObject *object)
{
  BpgUsage *self = BPG_USAGE (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->retry_id, g_source_remove);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->watch);
  g_clear_object (&self->archive);
  G_OBJECT_CLASS (bpg_usage_parent_class)->dispose (object);
}

static void
bpg_usage_finalize (GObject *object)
{
  BpgUsage *self = BPG_USAGE (object);

  g_object_unref (self->cancellable);
  g_ptr_array_unref (self->jobs);
  g_free (self->device_id);
  g_free (self->path);
  G_OBJECT_CLASS (bpg_usage_parent_class)->finalize (object);
}

static void
bpg_usage_class_init (BpgUsageClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_usage_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_usage_finalize;
}

static void
bpg_usage_init (BpgUsage *self)
{
  self->cancellable = g_cancellable_new ();
  self->jobs = g_ptr_array_new_with_free_func (g_object_unref);
}

void
bpg_usage_publish (BpgUsage *self)
{
  BpgStore *store = bpg_archive_get_store (self->archive);
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, &error,
                       "SELECT (SELECT count (*) FROM usage WHERE prosthesis = ?1), coalesce (max (next), 0),"
                       " coalesce (max (overwritten), 0), coalesce (max (fetched), 0) FROM prosthesis WHERE id = ?1",
                       "s", self->device_id);

  if (statement == NULL || bpg_store_step (store, statement, &error) != 1) {
    bpg_warning (self->path, "The figures cannot be read: %s", error->message);
    return;
  }
  g_object_set (self->skeleton, "records", (guint64) sqlite3_column_int64 (statement, 0), "next",
                (guint64) sqlite3_column_int64 (statement, 1), "overwritten",
                (guint64) sqlite3_column_int64 (statement, 2), "fetched",
                (guint64) sqlite3_column_int64 (statement, 3), NULL);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
}

static void
end_jobs (BpgUsage *self, gssize count, const GError *error)
{
  g_autoptr (GPtrArray) jobs = g_steal_pointer (&self->jobs);

  self->jobs = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < jobs->len; i++) {
    if (error != NULL) {
      bpg_job_fail (g_ptr_array_index (jobs, i), error, NULL);
    } else {
      GVariantBuilder result;

      g_variant_builder_init (&result, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&result, "{sv}", "records", g_variant_new_uint64 ((guint64) count));
      bpg_job_succeed (g_ptr_array_index (jobs, i), g_variant_builder_end (&result));
    }
  }
}

static void fetch (BpgUsage *self, const BpgArm *arm);

static BpgArm *
find_arm (BpgUsage *self)
{
  g_autofree char *path = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", self->device_id);

  return bpg_arm_watch_get (self->watch, path);
}

static gboolean
on_retry (gpointer user_data)
{
  BpgUsage *self = user_data;
  g_autoptr (BpgArm) arm = find_arm (self);

  self->retry_id = 0;
  if (arm != NULL && arm->connected && arm->bound)
    fetch (self, arm);
  return G_SOURCE_REMOVE;
}

static void
on_fetched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgUsage) self = user_data;
  g_autoptr (GError) error = NULL;
  gssize count = bpg_usage_fetch_finish (result, &error);

  self->fetching = FALSE;
  if (self->archive == NULL)
    return;
  if (error != NULL) {
    bpg_info (self->path, "The usage log was not fetched: %s", error->message);
    if (self->retry_id == 0 && !g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_FOUND))
      self->retry_id = g_timeout_add_seconds (RETRY_SECONDS, on_retry, self);
  }
  bpg_usage_publish (self);
  end_jobs (self, count, error);
}

static void
fetch (BpgUsage *self, const BpgArm *arm)
{
  if (self->fetching)
    return;
  self->fetching = TRUE;
  bpg_usage_fetch_async (self->archive, arm, self->cancellable, on_fetched, g_object_ref (self));
}

void
bpg_usage_take_arm (BpgUsage *self, const BpgArm *arm)
{
  gboolean connected = arm->connected && arm->bound;

  if (connected && !self->connected)
    fetch (self, arm);
  self->connected = connected;
}

void
bpg_usage_set_gone (BpgUsage *self)
{
  self->connected = FALSE;
}

static void
handle_fetch (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUsage *self = BPG_USAGE (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (BpgArm) arm = find_arm (self);
  BpgJobList *jobs = bpg_service_get_jobs (bpg_archive_get_service (self->archive));
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgJob) job = NULL;

  if (bpg_options_none (options, &error))
    job = bpg_job_list_start (jobs, "fetch-usage", self->path, g_dbus_method_invocation_get_sender (invocation), NULL,
                              &error);
  if (job == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (job)));
  bpg_job_set_phase (job, "fetching", NULL);
  if (arm == NULL || !arm->connected) {
    g_set_error (&error, BPG_ERROR, BPG_ERROR_DISCONNECTED, "Prosthesis %s is not connected", self->device_id);
    bpg_job_fail (job, error, NULL);
    return;
  }
  g_ptr_array_add (self->jobs, g_steal_pointer (&job));
  fetch (self, arm);
}

static GVariant *
describe_row (BpgUsage *self, sqlite3_stmt *statement)
{
  static const guint8 nothing[BPG_USAGE_RECORD_BYTES];
  guint64 sequence = (guint64) sqlite3_column_int64 (statement, 0);
  const char *patient = (const char *) sqlite3_column_text (statement, 1);
  g_autoptr (GBytes) stored =
    g_bytes_new (sqlite3_column_blob (statement, 2), (gsize) sqlite3_column_bytes (statement, 2));
  g_autoptr (GBytes) content = bpg_seal_open (bpg_archive_get_seal (self->archive), patient, stored, NULL);

  /* What cannot be opened is told as damaged: the CRC of nothing does not hold. */
  if (content == NULL || g_bytes_get_size (content) != BPG_USAGE_RECORD_BYTES)
    return bpg_usage_record_describe (sequence, nothing);
  return bpg_usage_record_describe (sequence, g_bytes_get_data (content, NULL));
}

static GVariant *
read_records (BpgUsage *self, guint64 from, guint32 limit, GError **error)
{
  BpgStore *store = bpg_archive_get_store (self->archive);
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error,
                       "SELECT sequence, patient, content FROM usage WHERE prosthesis = ? AND sequence >= ?"
                       " ORDER BY sequence LIMIT ?", "stu", self->device_id, MIN (from, (guint64) G_MAXINT64), limit);
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0)
    g_variant_builder_add_value (builder, describe_row (self, statement));
  return more == 0 ? g_variant_builder_end (builder) : NULL;
}

static void
handle_read (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgUsage *self = BPG_USAGE (object);
  guint32 limit = MAX_RECORDS;
  const BpgOption table[] = {{"limit", "u", &limit, 1, MAX_RECORDS}, {NULL}};
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *records = NULL;
  guint64 from;

  g_variant_get (parameters, "(t@a{sv})", &from, &options);
  if (bpg_options_parse (options, table, &error))
    records = read_records (self, from, limit, &error);
  if (records == NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(@aa{sv})", records));
}

static const BpgMethod methods[] = {
  {"handle-read", BPG_ACTION_RECORDS_READ, handle_read},
  {"handle-fetch", BPG_ACTION_RECORDS_WRITE, handle_fetch},
  {NULL},
};

BpgUsage *
bpg_usage_new (BpgArchive *archive, BpgArmWatch *watch, const char *device_id)
{
  BpgUsage *self = g_object_new (BPG_TYPE_USAGE, NULL);
  BpgService *service = bpg_archive_get_service (archive);

  self->archive = g_object_ref (archive);
  self->watch = g_object_ref (watch);
  self->device_id = g_strdup (device_id);
  self->path = bpg_path_build (BPG_PATH_RECORDS, "prosthesis", device_id);
  self->skeleton = bpg_dbus_usage1_skeleton_new ();
  bpg_dbus_usage1_set_prosthesis (self->skeleton, device_id);
  bpg_usage_publish (self);
  bpg_methods_connect (self->skeleton, bpg_service_get_authority (service), G_OBJECT (self), self->path, methods);
  g_object_unref (bpg_service_export (service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL));
  return self;
}
