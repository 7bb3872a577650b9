/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-service.h"

#include "bpg-file.h"
#include "bpg-log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct {
  BpgError code;
  char *message;
  guint64 since;
} Problem;

struct _BpgService {
  GObject parent_instance;

  const BpgServiceInfo *info;
  GDBusConnection *connection;
  GDBusObjectManagerServer *objects;
  GDBusInterfaceSkeleton *manager;
  BpgAuthority *authority;
  BpgJobList *jobs;
  char *state_dir;
  int state_fd; /* the locked folder */
  gboolean session;
  gboolean started;
  GHashTable *problems; /* subject -> Problem */
};

G_DEFINE_FINAL_TYPE (BpgService, bpg_service, G_TYPE_OBJECT)

static void
problem_free (Problem *problem)
{
  g_free (problem->message);
  g_free (problem);
}

static void
bpg_service_dispose (GObject *object)
{
  BpgService *self = BPG_SERVICE (object);

  g_clear_object (&self->jobs);
  if (self->manager != NULL && g_dbus_interface_skeleton_get_connection (self->manager) != NULL)
    g_dbus_interface_skeleton_unexport (self->manager);
  g_clear_object (&self->manager);
  if (self->objects != NULL)
    g_dbus_object_manager_server_set_connection (self->objects, NULL);
  g_clear_object (&self->objects);
  g_clear_object (&self->authority);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->problems, g_hash_table_unref);
  g_clear_pointer (&self->state_dir, g_free);
  G_OBJECT_CLASS (bpg_service_parent_class)->dispose (object);
}

static void
bpg_service_finalize (GObject *object)
{
  BpgService *self = BPG_SERVICE (object);

  /* Last: nobody may come in while something of ours still writes. */
  if (self->state_fd >= 0)
    close (self->state_fd);
  G_OBJECT_CLASS (bpg_service_parent_class)->finalize (object);
}

static void
bpg_service_class_init (BpgServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_service_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_service_finalize;
}

static void
bpg_service_init (BpgService *self)
{
  self->state_fd = -1;
  self->problems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) problem_free);
}

static void
publish_problems (BpgService *self)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer subject, value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  g_hash_table_iter_init (&iter, self->problems);
  while (g_hash_table_iter_next (&iter, &subject, &value)) {
    Problem *problem = value;

    g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&builder, "{sv}", "error", g_variant_new_string (bpg_error_get_name (problem->code)));
    g_variant_builder_add (&builder, "{sv}", "message", g_variant_new_string (problem->message));
    g_variant_builder_add (&builder, "{sv}", "subject", g_variant_new_string (subject));
    g_variant_builder_add (&builder, "{sv}", "since", g_variant_new_uint64 (problem->since));
    g_variant_builder_close (&builder);
  }
  g_object_set (self->manager, "problems", g_variant_builder_end (&builder), NULL);
  if (self->started)
    g_object_set (self->manager, "state", g_hash_table_size (self->problems) == 0 ? "ready" : "degraded", NULL);
}

void
bpg_service_set_started (BpgService *self)
{
  self->started = TRUE;
  publish_problems (self);
}

void
bpg_service_set_problem (BpgService *self, const char *subject, BpgError code, const char *message)
{
  Problem *problem = g_hash_table_lookup (self->problems, subject);
  guint64 since = problem != NULL ? problem->since : (guint64) g_get_real_time ();

  if (problem != NULL && problem->code == code && g_str_equal (problem->message, message))
    return;
  problem = g_new0 (Problem, 1);
  problem->code = code;
  problem->message = g_strdup (message);
  problem->since = since;
  g_hash_table_replace (self->problems, g_strdup (subject), problem);
  bpg_warning (subject, "%s (%s)", message, bpg_error_get_name (code));
  publish_problems (self);
}

void
bpg_service_clear_problem (BpgService *self, const char *subject)
{
  if (g_hash_table_remove (self->problems, subject))
    publish_problems (self);
}

/* Of two instances on one folder the second would take for rubbish what the first is about to write down. The name on
 * the bus does not keep it out: that comes last. */
static gboolean
lock_state (BpgService *self, GError **error)
{
  self->state_fd = open (self->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->state_fd >= 0 && flock (self->state_fd, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  if (errno != EWOULDBLOCK)
    return bpg_error_set_errno (error, errno, FALSE, self->state_dir);
  g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "%s is in use by another instance; end that first", self->state_dir);
  return FALSE;
}

static gboolean
open_jobs (BpgService *self, GError **error)
{
  g_autofree char *path = g_build_filename (self->state_dir, "jobs.db", NULL);
  g_autoptr (GError) local = NULL;

  self->jobs = bpg_job_list_new (self->objects, self->info->root, path, self->authority, &local);
  if (self->jobs != NULL) {
    if (bpg_job_list_get_quarantined (self->jobs) != NULL)
      bpg_service_set_problem (self, path, BPG_ERROR_CORRUPT,
                               "The list of jobs was damaged and has been set aside as .broken; jobs that ran are lost");
    return TRUE;
  }

  /* Without it the service works; only a crash would be forgotten. That beats not starting on a full disk. */
  bpg_service_set_problem (self, path, local->code, local->message);
  self->jobs = bpg_job_list_new (self->objects, self->info->root, NULL, self->authority, error);
  return self->jobs != NULL;
}

static gboolean
export_manager (BpgService *self, GError **error)
{
  static const char *const no_features[] = {NULL};
  const char *const *features = self->info->features != NULL ? self->info->features : no_features;

  self->manager = g_object_new (self->info->manager_type (), "version", BPG_VERSION, "features", features, "state",
                                "starting", "problems", g_variant_new ("aa{sv}", NULL), NULL);
  if (!g_dbus_interface_skeleton_export (self->manager, self->connection, self->info->root, error))
    return FALSE;
  g_dbus_object_manager_server_set_connection (self->objects, self->connection);
  return TRUE;
}

BpgService *
bpg_service_new (const BpgServiceInfo *info, GDBusConnection *connection, const char *state_dir, gboolean session,
                 GError **error)
{
  g_autoptr (BpgService) self = g_object_new (BPG_TYPE_SERVICE, NULL);

  self->info = info;
  self->connection = g_object_ref (connection);
  self->state_dir = g_strdup (state_dir);
  self->session = session;
  self->authority = bpg_authority_new (session);
  self->objects = g_dbus_object_manager_server_new (info->root);
  if (!bpg_file_ensure_folder (state_dir, error) || !lock_state (self, error) || !export_manager (self, error) || !open_jobs (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

GDBusConnection *
bpg_service_get_connection (BpgService *self)
{
  return self->connection;
}

GDBusObjectManagerServer *
bpg_service_get_objects (BpgService *self)
{
  return self->objects;
}

GDBusInterfaceSkeleton *
bpg_service_get_manager (BpgService *self)
{
  return self->manager;
}

BpgAuthority *
bpg_service_get_authority (BpgService *self)
{
  return self->authority;
}

BpgJobList *
bpg_service_get_jobs (BpgService *self)
{
  return self->jobs;
}

const char *
bpg_service_get_root (BpgService *self)
{
  return self->info->root;
}

const char *
bpg_service_get_state_dir (BpgService *self)
{
  return self->state_dir;
}

gboolean
bpg_service_is_session (BpgService *self)
{
  return self->session;
}

BpgStore *
bpg_service_open_store (BpgService *self, const char *file, const char *const *migrations, guint n_migrations,
                        GError **error)
{
  g_autofree char *path = g_build_filename (self->state_dir, file, NULL);
  BpgStore *store = bpg_store_new (path, migrations, n_migrations, error);

  if (store != NULL && bpg_store_get_quarantined (store) != NULL) {
    g_autofree char *message =
      g_strdup_printf ("The database was damaged and has been set aside as %s; an empty one took its place. Restore a "
                       "backup or ask for help before it is deleted", bpg_store_get_quarantined (store));

    bpg_service_set_problem (self, path, BPG_ERROR_CORRUPT, message);
  }
  return store;
}

GDBusObjectSkeleton *
bpg_service_export (BpgService *self, const char *path, GDBusInterfaceSkeleton *interface, ...)
{
  GDBusObjectSkeleton *object = g_dbus_object_skeleton_new (path);
  va_list args;

  va_start (args, interface);
  for (; interface != NULL; interface = va_arg (args, GDBusInterfaceSkeleton *))
    g_dbus_object_skeleton_add_interface (object, interface);
  va_end (args);
  g_dbus_object_manager_server_export (self->objects, object);
  return object;
}

void
bpg_service_unexport (BpgService *self, const char *path)
{
  g_dbus_object_manager_server_unexport (self->objects, path);
}
