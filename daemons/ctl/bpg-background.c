/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-background.h"
#include "bpg-progress.h"

#include <glib-unix.h>
#include <signal.h>

#define TICK_MS 200

typedef struct {
  BpgWorkFunc func;
  void (*tick) (gpointer data);
  gpointer data;
  GCancellable *cancellable;
  GMainLoop *loop;
  GTask *task; /* the thread's end */
  guint timeout_id;
  gboolean expired;
} Work;

static void
on_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Work *self = task_data;
  GError *error = NULL;

  if (self->func (self->data, self->cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Work *self = user_data;

  self->task = g_object_ref (G_TASK (result));
  g_main_loop_quit (self->loop);
}

static gboolean
on_stop (gpointer user_data)
{
  g_cancellable_cancel (((Work *) user_data)->cancellable);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_expired (gpointer user_data)
{
  Work *self = user_data;

  self->expired = TRUE;
  self->timeout_id = 0;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
on_tick (gpointer user_data)
{
  Work *self = user_data;

  self->tick (self->data);
  return G_SOURCE_CONTINUE;
}

gboolean
bpg_ctl_run_work (BpgCtl *ctl, BpgWorkFunc func, void (*tick) (gpointer data), gpointer data,
                  GCancellable *cancellable, GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Work self = {.func = func, .tick = tick, .data = data, .cancellable = cancellable, .loop = loop};
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_ended, &self);
  guint interrupt_id = g_unix_signal_add (SIGINT, on_stop, &self);
  guint terminate_id = g_unix_signal_add (SIGTERM, on_stop, &self);
  guint tick_id = tick != NULL ? g_timeout_add (TICK_MS, on_tick, &self) : 0;
  gboolean good;

  if (ctl->timeout > 0)
    self.timeout_id = g_timeout_add_seconds ((guint) ctl->timeout, on_expired, &self);
  g_task_set_task_data (task, &self, NULL);
  g_task_run_in_thread (task, on_thread);
  g_main_loop_run (loop);
  g_source_remove (interrupt_id);
  g_source_remove (terminate_id);
  g_clear_handle_id (&tick_id, g_source_remove);
  g_clear_handle_id (&self.timeout_id, g_source_remove);
  bpg_progress_clear ();
  good = g_task_propagate_boolean (self.task, error);
  g_object_unref (self.task);
  if (!good && self.expired) {
    g_clear_error (error);
    g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("It took longer than %d s"), ctl->timeout);
  }
  return good;
}

gboolean
bpg_work_sleep (GCancellable *cancellable, guint milliseconds, GError **error)
{
  GPollFD fd;

  if (g_cancellable_make_pollfd (cancellable, &fd)) {
    g_poll (&fd, 1, (int) milliseconds);
    g_cancellable_release_fd (cancellable);
  }
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CANCELLED, _("It was stopped"));
  return FALSE;
}
