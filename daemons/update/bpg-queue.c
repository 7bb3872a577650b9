/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-queue.h"

/* A recovered job waits so long for its arm to be there. */
#define RECOVERY_SECONDS 30

typedef struct {
  BpgQueue *queue; /* not owned */
  char *path;
  BpgJob *job;
  BpgOrder *order;
  guint timeout_id;
  guint cancel_id;
  gulong cancelled_id;
} Entry;

struct _BpgQueue {
  GObject parent_instance;

  const BpgQueueFuncs *funcs;
  gpointer user_data;
  GQueue entries; /* Entry, in the order in which they were asked for */
};

G_DEFINE_FINAL_TYPE (BpgQueue, bpg_queue, G_TYPE_OBJECT)

static void
entry_free (Entry *entry)
{
  g_clear_handle_id (&entry->timeout_id, g_source_remove);
  g_clear_handle_id (&entry->cancel_id, g_source_remove);
  g_clear_signal_handler (&entry->cancelled_id, bpg_job_get_cancellable (entry->job));
  g_object_unref (entry->job);
  g_clear_pointer (&entry->order, bpg_order_free);
  g_free (entry->path);
  g_free (entry);
}

static void
bpg_queue_finalize (GObject *object)
{
  g_queue_clear_full (&BPG_QUEUE (object)->entries, (GDestroyNotify) entry_free);
  G_OBJECT_CLASS (bpg_queue_parent_class)->finalize (object);
}

static void
bpg_queue_class_init (BpgQueueClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_queue_finalize;
}

static void
bpg_queue_init (BpgQueue *self)
{
  g_queue_init (&self->entries);
}

BpgQueue *
bpg_queue_new (const BpgQueueFuncs *funcs, gpointer user_data)
{
  BpgQueue *self = g_object_new (BPG_TYPE_QUEUE, NULL);

  self->funcs = funcs;
  self->user_data = user_data;
  return self;
}

/* The entry that is next for that arm, %NULL for none. */
static Entry *
find_first (BpgQueue *self, const char *path)
{
  for (GList *l = self->entries.head; l != NULL; l = l->next)
    if (g_str_equal (((Entry *) l->data)->path, path))
      return l->data;
  return NULL;
}

guint
bpg_queue_count (BpgQueue *self, const char *path)
{
  guint n = 0;

  for (GList *l = self->entries.head; l != NULL; l = l->next)
    if (g_str_equal (((Entry *) l->data)->path, path))
      n++;
  return n;
}

static void
fail (Entry *entry, BpgError code, const char *message)
{
  BpgQueue *self = entry->queue;

  g_queue_remove (&self->entries, entry);
  self->funcs->fail (entry->job, entry->order, code, message, self->user_data);
  entry_free (entry);
}

static gboolean
on_timeout (gpointer user_data)
{
  Entry *entry = user_data;
  g_autoptr (BpgQueue) self = g_object_ref (entry->queue);
  g_autofree char *path = g_strdup (entry->path);

  entry->timeout_id = 0;
  /* Those behind it have waited as long. */
  while ((entry = find_first (self, path)) != NULL && entry->order->recovered &&
         self->funcs->look (path, self->user_data) == BPG_QUEUE_AWAY)
    fail (entry, BPG_ERROR_DISCONNECTED,
          "The service was restarted in the middle of it, and the prosthesis is not there. What it had before is still "
          "there. Plug it in and start again");
  bpg_queue_next (self, path);
  return G_SOURCE_REMOVE;
}

void
bpg_queue_next (BpgQueue *self, const char *path)
{
  BpgQueueState state;
  Entry *entry;

  while ((entry = find_first (self, path)) != NULL) {
    state = self->funcs->look (path, self->user_data);
    if (state == BPG_QUEUE_BUSY)
      return;
    if (state == BPG_QUEUE_AWAY && entry->order->recovered) {
      if (entry->timeout_id == 0)
        entry->timeout_id = g_timeout_add_seconds (RECOVERY_SECONDS, on_timeout, entry);
      return;
    }
    g_queue_remove (&self->entries, entry);
    self->funcs->start (path, entry->job, g_steal_pointer (&entry->order), self->user_data);
    entry_free (entry);
  }
}

static gboolean
on_cancel (gpointer user_data)
{
  Entry *entry = user_data;

  entry->cancel_id = 0;
  fail (entry, BPG_ERROR_CANCELLED, "It was cancelled");
  return G_SOURCE_REMOVE;
}

/* Not in the cancelling itself, which holds the cancellable's lock. */
static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Entry *entry = user_data;

  if (entry->cancel_id == 0)
    entry->cancel_id = g_idle_add (on_cancel, entry);
}

void
bpg_queue_add (BpgQueue *self, const char *path, BpgJob *job, BpgOrder *order)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->queue = self;
  entry->path = g_strdup (path);
  entry->job = g_object_ref (job);
  entry->order = order;
  entry->cancelled_id = g_signal_connect (bpg_job_get_cancellable (job), "cancelled", G_CALLBACK (on_cancelled), entry);
  g_queue_push_tail (&self->entries, entry);
  bpg_queue_next (self, path);
  if (g_queue_find (&self->entries, entry) != NULL)
    bpg_job_set_phase (job, "waiting", NULL);
}
