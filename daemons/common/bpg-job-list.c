/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-error.h"
#include "bpg-job-private.h"
#include "bpg-log.h"
#include "bpg-store.h"

#define MAX_RUNNING 64
#define MAX_FINISHED 32

struct _BpgJobList {
  GObject parent_instance;

  GDBusObjectManagerServer *objects;
  BpgAuthority *authority;
  BpgStore *store;
  char *root;
  guint64 previous; /* the last number of an earlier process */
  GQueue running;  /* BpgJob, owned */
  GQueue finished; /* BpgJob, owned, oldest first */
};

G_DEFINE_FINAL_TYPE (BpgJobList, bpg_job_list, G_TYPE_OBJECT)

/* A row stays from the start until Finished has been sent; outcome columns are filled in between. */
static const char *const migrations[] = {
  "CREATE TABLE job (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL,"
  " started INTEGER NOT NULL, payload TEXT, error TEXT, message TEXT, result TEXT);",
};

static void
drop_job (gpointer data)
{
  bpg_job_detach (data);
  g_object_unref (data);
}

static void
bpg_job_list_dispose (GObject *object)
{
  BpgJobList *self = BPG_JOB_LIST (object);

  g_queue_clear_full (&self->running, drop_job);
  g_queue_clear_full (&self->finished, drop_job);
  g_clear_object (&self->store);
  g_clear_object (&self->authority);
  g_clear_object (&self->objects);
  g_clear_pointer (&self->root, g_free);
  G_OBJECT_CLASS (bpg_job_list_parent_class)->dispose (object);
}

static void
bpg_job_list_class_init (BpgJobListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_job_list_dispose;
}

static void
bpg_job_list_init (BpgJobList *self)
{
  g_queue_init (&self->running);
  g_queue_init (&self->finished);
}

static gboolean
load_previous (BpgJobList *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, error, "SELECT coalesce (max (number), 0) FROM job", "");

  if (statement == NULL || bpg_store_step (self->store, statement, error) != 1)
    return FALSE;
  self->previous = (guint64) sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* Which numbers were used is not known any more. Those that count the seconds of the real clock are far above what has
 * ever been reached, and above those of another such start. */
static gboolean
skip_used (BpgJobList *self, GError **error)
{
  return bpg_store_run (self->store, error, "INSERT INTO sqlite_sequence (name, seq) VALUES ('job', ?)", "t",
                        (guint64) (g_get_real_time () / G_USEC_PER_SEC));
}

BpgJobList *
bpg_job_list_new (GDBusObjectManagerServer *objects, const char *root, const char *path, BpgAuthority *authority,
                  GError **error)
{
  g_autoptr (BpgJobList) self = g_object_new (BPG_TYPE_JOB_LIST, NULL);

  self->objects = g_object_ref (objects);
  self->authority = g_object_ref (authority);
  self->root = g_strdup (root);
  self->store = bpg_store_new (path != NULL ? path : ":memory:", migrations, G_N_ELEMENTS (migrations), error);
  if (self->store == NULL || !load_previous (self, error))
    return NULL;
  if ((path == NULL || bpg_store_get_quarantined (self->store) != NULL) && !skip_used (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
bpg_job_list_get_quarantined (BpgJobList *self)
{
  return bpg_store_get_quarantined (self->store);
}

BpgAuthority *
bpg_job_list_get_authority (BpgJobList *self)
{
  return self->authority;
}

static BpgJob *
export (BpgJobList *self, const BpgJobRow *row)
{
  BpgJob *job = bpg_job_new (self, self->root, row);
  g_autoptr (GDBusObjectSkeleton) object = g_dbus_object_skeleton_new (bpg_job_get_path (job));

  g_dbus_object_skeleton_add_interface (object, bpg_job_get_skeleton (job));
  g_dbus_object_manager_server_export (self->objects, object);
  g_queue_push_tail (&self->running, g_object_ref (job));
  return job;
}

BpgJob *
bpg_job_list_start (BpgJobList *self, const char *kind, const char *subject, const char *sender, const char *payload,
                    GError **error)
{
  BpgJobRow row = {0, kind, subject != NULL ? subject : "/", sender, payload, (guint64) g_get_real_time ()};

  if (self->running.length >= MAX_RUNNING) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "%u jobs are running already", self->running.length);
    return NULL;
  }
  if (!bpg_store_run (self->store, error, "INSERT INTO job (kind, subject, started, payload) VALUES (?, ?, ?, ?)", "ssts",
                      row.kind, row.subject, row.started, row.payload))
    return NULL;

  row.number = (guint64) bpg_store_get_last_id (self->store);
  return export (self, &row);
}

gboolean
bpg_job_list_store_payload (BpgJobList *self, BpgJob *job, const char *payload, GError **error)
{
  return bpg_store_run (self->store, error, "UPDATE job SET payload = ? WHERE number = ?", "st", payload,
                        bpg_job_get_number (job));
}

void
bpg_job_list_store_outcome (BpgJobList *self, BpgJob *job, const BpgJobOutcome *outcome)
{
  g_autofree char *result = g_variant_print (outcome->result, TRUE);
  g_autoptr (GError) error = NULL;

  /* Failing to write it down must not keep the caller from hearing the end. */
  if (!bpg_store_run (self->store, &error, "UPDATE job SET error = ?, message = ?, result = ? WHERE number = ?", "ssst",
                      outcome->error_name, outcome->message, result, bpg_job_get_number (job)))
    bpg_warning (bpg_job_get_path (job), "The outcome could not be written down: %s", error->message);
}

static void
forget_oldest (BpgJobList *self)
{
  while (self->finished.length > MAX_FINISHED) {
    BpgJob *oldest = g_queue_pop_head (&self->finished);

    g_dbus_object_manager_server_unexport (self->objects, bpg_job_get_path (oldest));
    drop_job (oldest);
  }
}

void
bpg_job_list_job_announced (BpgJobList *self, BpgJob *job)
{
  g_autoptr (GError) error = NULL;

  if (!bpg_store_run (self->store, &error, "DELETE FROM job WHERE number = ?", "t", bpg_job_get_number (job)))
    bpg_warning (bpg_job_get_path (job), "Could not be struck from the list: %s", error->message);
  if (g_queue_remove (&self->running, job))
    g_queue_push_tail (&self->finished, job);
  forget_oldest (self);
}

static void
recover_one (BpgJobList *self, sqlite3_stmt *statement, BpgJobRecoverFunc func, gpointer user_data)
{
  BpgJobRow row = {
    .number = (guint64) sqlite3_column_int64 (statement, 0),
    .kind = (const char *) sqlite3_column_text (statement, 1),
    .subject = (const char *) sqlite3_column_text (statement, 2),
    .started = (guint64) sqlite3_column_int64 (statement, 3),
    .payload = (const char *) sqlite3_column_text (statement, 4),
  };
  const char *error_name = (const char *) sqlite3_column_text (statement, 5);
  g_autoptr (BpgJob) job = NULL;

  if (!g_variant_is_object_path (row.subject))
    row.subject = "/";
  job = export (self, &row);

  if (error_name != NULL) {
    const char *text = (const char *) sqlite3_column_text (statement, 7);
    g_autoptr (GVariant) result =
      text != NULL ? g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL) : NULL;
    const char *message = (const char *) sqlite3_column_text (statement, 6);
    BpgJobOutcome outcome = {error_name, message != NULL ? message : "", NULL};

    if (result == NULL)
      result = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
    outcome.result = result;
    bpg_job_announce (job, &outcome);
    bpg_job_list_job_announced (self, job);
    return;
  }
  if (func == NULL || !func (job, user_data)) {
    g_autoptr (GError) error =
      g_error_new (BPG_ERROR, BPG_ERROR_FAILED, "The service was restarted in the middle of it; start it again");

    bpg_job_fail (job, error, NULL);
  }
}

void
bpg_job_list_recover (BpgJobList *self, BpgJobRecoverFunc func, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (
    self->store, &error,
    "SELECT number, kind, subject, started, payload, error, message, result FROM job WHERE number <= ?", "t",
    self->previous);
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (self->store, statement, &error)) > 0)
    recover_one (self, statement, func, user_data);
  if (statement == NULL || more < 0)
    bpg_warning (self->root, "Jobs of the previous process cannot be read: %s", error->message);
}

guint
bpg_job_list_count_running (BpgJobList *self)
{
  return self->running.length;
}

void
bpg_job_list_cancel_all (BpgJobList *self)
{
  g_autoptr (GList) jobs = g_list_copy_deep (self->running.head, (GCopyFunc) (void (*) (void)) g_object_ref, NULL);

  for (GList *l = jobs; l != NULL; l = l->next) {
    g_cancellable_cancel (bpg_job_get_cancellable (l->data));
    g_object_unref (l->data);
  }
}
