/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-parallel.h"

#define WORKERS_MAX 4u

struct _BpgParallel
{
  guint tasks;
  guint next; /* atomic */
  BpgParallelWork work;
  gpointer data;
};

static gpointer
run (gpointer data)
{
  BpgParallel *self = data;

  self->work (self, self->data);
  return NULL;
}

void
bpg_parallel_run (guint           tasks,
                  BpgParallelWork work,
                  gpointer        data)
{
  BpgParallel self = { tasks, 0, work, data };
  guint others = MIN (MIN (g_get_num_processors (), WORKERS_MAX), MAX (tasks, 1)) - 1;
  GThread *threads[WORKERS_MAX] = { NULL };

  /* what a thread that cannot be had would do is done by the others */
  for (guint i = 0; i < others; i++)
    threads[i] = g_thread_try_new ("training", run, &self, NULL);
  work (&self, data);
  for (guint i = 0; i < others; i++)
    {
      if (threads[i] != NULL)
        g_thread_join (threads[i]);
    }
}

gboolean
bpg_parallel_take (BpgParallel *self,
                   guint       *task)
{
  *task = (guint) g_atomic_int_add (&self->next, 1);
  return *task < self->tasks;
}
