/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-flash-work.h"

#include "bpg-error.h"
#include "bpg-inhibitor.h"
#include "bpg-file.h"
#include "bpg-log.h"
#include "bpg-method.h"
#include "bpg-options.h"
#include "bpg-rom-flash.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB_KIND "flash-rom"
#define MAX_IMAGES 16u
#define MAX_BYTES BPG_ROM_FLASH_MAX
#define MAX_PATH 4096
#define ABSENT_SECONDS 60u
#define MAX_ABSENT_SECONDS 600
#define MAX_FLASH_SIZE (256.0 * 1024 * 1024)
#define PROGRESS_STEP 0.01

#define BPG_TYPE_FLASH_WORK (bpg_flash_work_get_type ())
G_DECLARE_FINAL_TYPE (BpgFlashWork, bpg_flash_work, BPG, FLASH_WORK, GObject)

struct _BpgFlashWork {
  GObject parent_instance;

  BpgService *service; /* until the job has begun */
  BpgJob *job;
  BpgInhibitor *inhibitor;
  char *port;
  char *key; /* the port without links, so that two names of one line are seen to be one */
  GArray *fds;
  GArray *images; /* BpgRomImage; read in the worker */
  BpgRomOrder order;
  BpgRomReport report;

  /* Between the worker and the main loop. */
  GMutex mutex;
  const char *phase;
  char *message;
  double progress;
  gboolean scheduled;
};

G_DEFINE_FINAL_TYPE (BpgFlashWork, bpg_flash_work, G_TYPE_OBJECT)

/* The ports that are being worked on: key -> the job's path. */
static GHashTable *busy_ports = NULL;

static void
clear_fd (gpointer data)
{
  if (*(int *) data >= 0)
    close (*(int *) data);
}

static void
clear_image (gpointer data)
{
  g_clear_pointer (&((BpgRomImage *) data)->bytes, g_bytes_unref);
}

static void
bpg_flash_work_finalize (GObject *object)
{
  BpgFlashWork *self = BPG_FLASH_WORK (object);

  g_clear_object (&self->job);
  g_clear_object (&self->inhibitor);
  g_clear_object (&self->service);
  g_array_unref (self->fds);
  g_array_unref (self->images);
  g_free (self->port);
  g_free (self->key);
  g_free (self->message);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (bpg_flash_work_parent_class)->finalize (object);
}

static void
bpg_flash_work_class_init (BpgFlashWorkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_flash_work_finalize;
  busy_ports = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
bpg_flash_work_init (BpgFlashWork *self)
{
  self->fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_array_set_clear_func (self->fds, clear_fd);
  self->images = g_array_new (FALSE, FALSE, sizeof (BpgRomImage));
  g_array_set_clear_func (self->images, clear_image);
  g_mutex_init (&self->mutex);
}

/* The call. */

static gboolean
check_port (BpgFlashWork *self, GError **error)
{
  if (g_path_is_absolute (self->port) && strlen (self->port) <= MAX_PATH)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'%s' is not the whole path of a port", self->port);
  return FALSE;
}

static gboolean
take_images (BpgFlashWork *self, GDBusMethodInvocation *invocation, GVariant *images, GError **error)
{
  GVariantIter iter;
  BpgRomImage image = {0};
  gint32 handle;

  if (g_variant_n_children (images) == 0 || g_variant_n_children (images) > MAX_IMAGES) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "There are 1 to %u images", MAX_IMAGES);
    return FALSE;
  }
  g_variant_iter_init (&iter, images);
  while (g_variant_iter_next (&iter, "(uh)", &image.offset, &handle)) {
    int fd = bpg_method_get_fd (invocation, handle, error);

    if (fd < 0)
      return FALSE;
    g_array_append_val (self->fds, fd);
    g_array_append_val (self->images, image);
  }
  return TRUE;
}

static gboolean
parse_options (BpgFlashWork *self, GVariant *options, GError **error)
{
  g_autofree char *erase = g_strdup ("");
  guint64 flash_size = 0;
  guint32 baud = 0;
  const BpgOption table[] = {
    {"erase", "s", &erase, 0, MAX_PATH},
    {"reset", "b", &self->order.reset},
    {"baud", "u", &baud, BPG_ROM_FIRST_BAUD, BPG_ROM_LAST_BAUD},
    {"flash_size", "t", &flash_size, BPG_ROM_SECTOR, MAX_FLASH_SIZE},
    {"absent_seconds", "u", &self->order.absent_seconds, 0, MAX_ABSENT_SECONDS},
    {NULL},
  };

  self->order.reset = TRUE;
  self->order.absent_seconds = ABSENT_SECONDS;
  if (!bpg_options_parse (options, table, error))
    return FALSE;
  if (baud != 0 && !bpg_rom_line_is_speed (baud)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'baud' is 115200, 230400, 460800 or 921600");
    return FALSE;
  }
  if (g_str_equal (erase, "chip")) {
    self->order.erase = BPG_ROM_ERASE_CHIP;
  } else if (g_str_equal (erase, "images")) {
    self->order.erase = BPG_ROM_ERASE_IMAGES;
  } else if (erase[0] != '\0') {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "'erase' is 'chip' or 'images'");
    return FALSE;
  }
  self->order.baud = baud;
  self->order.flash_size = flash_size;
  return TRUE;
}

/* The work, in a worker. */

static gboolean
on_report (gpointer user_data)
{
  BpgFlashWork *self = user_data;
  g_autofree char *message = NULL;
  const char *phase;
  double progress;

  g_mutex_lock (&self->mutex);
  self->scheduled = FALSE;
  phase = self->phase;
  message = g_steal_pointer (&self->message);
  progress = self->progress;
  g_mutex_unlock (&self->mutex);
  bpg_inhibitor_set (self->inhibitor, g_str_equal (phase, "erasing") || g_str_equal (phase, "writing"));
  bpg_job_set_phase (self->job, phase, message);
  bpg_job_set_progress (self->job, progress);
  return G_SOURCE_REMOVE;
}

static void
report (const char *phase, double progress, const char *message, gpointer user_data)
{
  BpgFlashWork *self = user_data;

  g_mutex_lock (&self->mutex);
  if (g_strcmp0 (self->phase, phase) != 0 || message != NULL || progress >= self->progress + PROGRESS_STEP) {
    self->phase = phase;
    self->progress = progress;
    if (message != NULL) {
      g_free (self->message);
      self->message = g_strdup (message);
    }
    if (!self->scheduled)
      g_idle_add_full (G_PRIORITY_DEFAULT, on_report, g_object_ref (self), g_object_unref);
    self->scheduled = TRUE;
  }
  g_mutex_unlock (&self->mutex);
}

static gboolean
read_images (BpgFlashWork *self, GError **error)
{
  gsize left = MAX_BYTES;

  for (guint i = 0; i < self->images->len; i++) {
    BpgRomImage *image = &g_array_index (self->images, BpgRomImage, i);

    image->bytes = bpg_file_read_fd (g_array_index (self->fds, int, i), left, error);
    if (image->bytes == NULL)
      return FALSE;
    left -= g_bytes_get_size (image->bytes);
  }
  g_array_set_size (self->fds, 0);
  return TRUE;
}

static void
flash (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgFlashWork *self = source;
  GError *error = NULL;

  if (read_images (self, &error)) {
    self->order.images = (const BpgRomImage *) self->images->data;
    self->order.n_images = self->images->len;
    bpg_rom_flash (&self->order, &self->report, &error);
  }
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static GVariant *
build_result (const BpgRomReport *report_)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "revision", g_variant_new_uint32 (report_->revision));
  g_variant_builder_add (&builder, "{sv}", "flash_size", g_variant_new_uint64 (report_->flash_size));
  g_variant_builder_add (&builder, "{sv}", "baud", g_variant_new_uint32 (report_->baud));
  g_variant_builder_add (&builder, "{sv}", "bytes", g_variant_new_uint64 (report_->bytes));
  g_variant_builder_add (&builder, "{sv}", "written", g_variant_new_uint64 (report_->written));
  g_variant_builder_add (&builder, "{sv}", "deflated", g_variant_new_boolean (report_->deflated));
  g_variant_builder_add (&builder, "{sv}", "retries", g_variant_new_uint32 (report_->retries));
  g_variant_builder_add (&builder, "{sv}", "resumed", g_variant_new_uint32 (report_->resumed));
  g_variant_builder_add (&builder, "{sv}", "restarted", g_variant_new_boolean (report_->restarted));
  g_variant_builder_add (&builder, "{sv}", "seconds", g_variant_new_double (report_->seconds));
  g_variant_builder_add (&builder, "{sv}", "write_seconds", g_variant_new_double (report_->write_seconds));
  return g_variant_builder_end (&builder);
}

static void
on_flashed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgFlashWork *self = BPG_FLASH_WORK (source);
  g_autoptr (GError) error = NULL;

  /* The port is let go before anybody hears of the end, so that the next job finds it free. */
  g_hash_table_remove (busy_ports, self->key);
  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    bpg_job_succeed (self->job, build_result (&self->report));
  } else {
    bpg_debug (bpg_job_get_path (self->job), "%s", error->message);
    bpg_job_fail (self->job, error, build_result (&self->report));
  }
}

static void
start (BpgFlashWork *self)
{
  /* Not given to the task, which would not wait for the worker to let go of the port. */
  g_autoptr (GTask) task = g_task_new (self, NULL, on_flashed, NULL);

  g_hash_table_insert (busy_ports, g_strdup (self->key), g_strdup (bpg_job_get_path (self->job)));
  self->order.path = self->port;
  self->order.func = report;
  self->order.user_data = self;
  self->order.cancellable = bpg_job_get_cancellable (self->job);
  g_task_run_in_thread (task, flash);
}

static gboolean
check_free (BpgFlashWork *self, GError **error)
{
  if (!g_hash_table_contains (busy_ports, self->key))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "%s is working on %s",
               (const char *) g_hash_table_lookup (busy_ports, self->key), self->port);
  return FALSE;
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgFlashWork *self = BPG_FLASH_WORK (source);
  GDBusMethodInvocation *invocation = user_data;
  g_autoptr (BpgService) service = g_steal_pointer (&self->service);
  g_autoptr (GError) error = NULL;

  if (check_free (self, &error))
    self->job = bpg_job_list_start (bpg_service_get_jobs (service), JOB_KIND, NULL,
                                    g_dbus_method_invocation_get_sender (invocation), NULL, &error);
  if (self->job == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  self->inhibitor = bpg_inhibitor_new (bpg_service_get_connection (service), "A chip's flash is being written");
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (self->job)));
  start (self);
}

static void
resolve (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgFlashWork *self = source;
  char *resolved = realpath (self->port, NULL);

  self->key = g_strdup (resolved != NULL ? resolved : self->port);
  free (resolved);
  g_task_return_boolean (task, TRUE);
}

void
bpg_flash_work_handle (BpgService *service, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (BpgFlashWork) self = g_object_new (BPG_TYPE_FLASH_WORK, NULL);
  g_autoptr (GVariant) images = NULL;
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;

  self->service = g_object_ref (service);
  g_variant_get (parameters, "(s@a(uh)@a{sv})", &self->port, &images, &options);
  if (!parse_options (self, options, &error) || !take_images (self, invocation, images, &error) ||
      !check_port (self, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  /* In a worker: a path may lead where nobody answers, and must not keep the other arms waiting. */
  task = g_task_new (self, NULL, on_resolved, invocation);
  g_task_run_in_thread (task, resolve);
}
