/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-reporter.h"

void
bpg_reporter_init (BpgReporter *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->taken);
}

void
bpg_reporter_clear (BpgReporter *self)
{
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->taken);
}

void
bpg_reporter_report (BpgReporter *self, const char *phase, double progress, GSourceFunc func, gpointer owner)
{
  gboolean is_new;

  g_mutex_lock (&self->mutex);
  is_new = !g_str_equal (self->phase, phase);
  if (is_new || progress >= self->progress + 0.01) {
    g_strlcpy (self->phase, phase, sizeof self->phase);
    self->progress = progress;
    self->told = FALSE;
    /* Never by invoking it, which would run it here, under the lock, once the main loop has ended. */
    g_idle_add_full (G_PRIORITY_DEFAULT, func, g_object_ref (owner), g_object_unref);
    while (is_new && !self->told)
      g_cond_wait (&self->taken, &self->mutex);
  }
  g_mutex_unlock (&self->mutex);
}

char *
bpg_reporter_take (BpgReporter *self, double *progress)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  *progress = self->progress;
  return g_strdup (self->phase);
}

void
bpg_reporter_release (BpgReporter *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  self->told = TRUE;
  g_cond_signal (&self->taken);
}
