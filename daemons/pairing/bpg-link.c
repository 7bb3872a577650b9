/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-link.h"

#include "bpg-arm-error.h"
#include "bpg-error.h"
#include "bpg-log.h"

#include "link/demux.h"

#include <string.h>

#define SEQUENCE_AT 6u
#define N_SEQUENCES 256u
/* A forwarded request whose answer does not come keeps its place so long; erasing flash takes seconds. */
#define FORWARD_MILLISECONDS 15000u
/* Requests of our own that wait for their turn; more means that the arm answers too slowly for what is asked. */
#define MAX_WAITING 128u
/* A reply of ordinary size travels too. */
#define REPLY_BYTES 1024u

typedef struct {
  guint8 packet[BPG_SMP_PACKET_MAX];
  gsize length;
  guint milliseconds;
  guint tries;
  gint64 deadline;
  GTask *task;           /* of our own, or … */
  GCancellable *cancellable;
  BpgLinkReplyFunc func; /* … of somebody else's */
  gpointer owner;
  guint8 owners_sequence;
} Pending;

struct _BpgLink {
  GObject parent_instance;

  BpgTransport *transport;
  gboolean open;
  struct bpg_demux demux;
  BpgLinkFrameFunc frame_func;
  gpointer frame_data;
  guint64 bytes;
  guint64 garbage; /* what the demultiplexer had counted before its counter turned over */
  guint32 garbage_seen;
  guint64 packets;
  guint64 frames;
  gint64 heard;

  Pending *flying[N_SEQUENCES];
  guint n_flying;
  guint window;
  guint8 next_sequence;
  GQueue waiting;
  GSource *timer;
};

G_DEFINE_FINAL_TYPE (BpgLink, bpg_link, G_TYPE_OBJECT)

enum { SIGNAL_CLOSED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void pump (BpgLink *self);

static void
pending_free (Pending *pending)
{
  /* So that a cancellation that comes late finds nothing. */
  if (pending->task != NULL)
    g_task_set_task_data (pending->task, NULL, NULL);
  g_clear_object (&pending->task);
  g_clear_object (&pending->cancellable);
  g_free (pending);
}

static void
bpg_link_dispose (GObject *object)
{
  BpgLink *self = BPG_LINK (object);
  g_autoptr (GError) error = g_error_new_literal (BPG_ERROR, BPG_ERROR_DISCONNECTED, "The link was closed");

  bpg_link_close (self, error);
  if (self->timer != NULL) {
    g_source_destroy (self->timer);
    g_clear_pointer (&self->timer, g_source_unref);
  }
  g_clear_object (&self->transport);
  G_OBJECT_CLASS (bpg_link_parent_class)->dispose (object);
}

static void
bpg_link_class_init (BpgLinkClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_link_dispose;
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", BPG_TYPE_LINK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                         G_TYPE_ERROR);
}

static void
bpg_link_init (BpgLink *self)
{
  bpg_demux_init (&self->demux);
  g_queue_init (&self->waiting);
  self->window = 1;
}

/* Ends one request; it must not be on any list any more. */
static void
end_pending (Pending *pending, const GError *error)
{
  if (pending->task != NULL)
    g_task_return_error (pending->task, g_error_copy (error));
  else
    pending->func (NULL, 0, pending->owner);
  pending_free (pending);
}

static void
set_timer (BpgLink *self)
{
  gint64 first = -1;

  for (guint i = 0; i < N_SEQUENCES && self->n_flying > 0; i++) {
    if (self->flying[i] != NULL && (first < 0 || self->flying[i]->deadline < first))
      first = self->flying[i]->deadline;
  }
  g_source_set_ready_time (self->timer, first);
}

static guint8
take_sequence (BpgLink *self)
{
  while (self->flying[self->next_sequence] != NULL)
    self->next_sequence++;
  return self->next_sequence++;
}

static void
launch (BpgLink *self, Pending *pending)
{
  guint8 line[BPG_SMP_CONSOLE_MAX];
  guint8 sequence = take_sequence (self);
  guint speed = bpg_transport_get_speed (self->transport);
  gsize length;

  pending->packet[SEQUENCE_AT] = sequence;
  pending->tries--;
  length = bpg_smp_console_encode (pending->packet, pending->length, line, sizeof line);
  pending->deadline = g_get_monotonic_time () + pending->milliseconds * G_GINT64_CONSTANT (1000);
  if (speed > 0)
    pending->deadline += (gint64) (length + REPLY_BYTES) * self->window * G_USEC_PER_SEC / speed;
  self->flying[sequence] = pending;
  self->n_flying++;
  if (!bpg_transport_send (self->transport, line, length))
    bpg_debug (bpg_transport_get_name (self->transport), "the line is full, a request is dropped");
}

/* What was cancelled while it waited is not sent any more; the cancellation itself ends it. */
static Pending *
take_waiting (BpgLink *self)
{
  for (GList *l = self->waiting.head; l != NULL; l = l->next) {
    Pending *pending = l->data;

    if (!g_cancellable_is_cancelled (pending->cancellable)) {
      g_queue_delete_link (&self->waiting, l);
      return pending;
    }
  }
  return NULL;
}

static void
pump (BpgLink *self)
{
  Pending *pending;

  while (self->open && self->n_flying < self->window && (pending = take_waiting (self)) != NULL)
    launch (self, pending);
  if (self->timer != NULL)
    set_timer (self);
}

static Pending *
land (BpgLink *self, guint8 sequence)
{
  Pending *pending = self->flying[sequence];

  if (pending != NULL) {
    self->flying[sequence] = NULL;
    self->n_flying--;
  }
  return pending;
}

static void
submit (BpgLink *self, Pending *pending)
{
  g_queue_push_tail (&self->waiting, pending);
  pump (self);
}

/* Takes a request off whatever list it is on. */
static gboolean
remove_pending (BpgLink *self, Pending *pending)
{
  if (g_queue_remove (&self->waiting, pending))
    return TRUE;
  for (guint i = 0; i < N_SEQUENCES; i++) {
    if (self->flying[i] == pending) {
      land (self, (guint8) i);
      return TRUE;
    }
  }
  return FALSE;
}

static void
on_overdue (BpgLink *self, Pending *pending)
{
  g_autoptr (GError) error = NULL;

  if (pending->tries > 0) {
    g_queue_push_head (&self->waiting, pending);
    return;
  }
  error = g_error_new (BPG_ERROR, BPG_ERROR_TIMED_OUT, "%s does not answer", bpg_transport_get_name (self->transport));
  end_pending (pending, error);
}

static gboolean
on_timer (gpointer user_data)
{
  g_autoptr (BpgLink) self = g_object_ref (user_data);
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < N_SEQUENCES; i++) {
    if (self->flying[i] != NULL && self->flying[i]->deadline <= now)
      on_overdue (self, land (self, (guint8) i));
  }
  pump (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
timer_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs timer_funcs = {.dispatch = timer_dispatch};

static gboolean
is_reply_to (const struct bpg_smp_header *reply, const Pending *pending)
{
  struct bpg_smp_header request;

  return bpg_smp_header_decode (pending->packet, pending->length, &request) && reply->op == request.op + 1 &&
         reply->group == request.group && reply->command == request.command;
}

static void
answer (Pending *pending, guint8 *packet, gsize length, const struct bpg_smp_header *header)
{
  GError *error = NULL;

  if (pending->task == NULL) {
    packet[SEQUENCE_AT] = pending->owners_sequence;
    pending->func (packet, length, pending->owner);
  } else if (bpg_arm_error_check (packet + BPG_SMP_HEADER_SIZE, header->length, header->group, &error)) {
    g_task_return_pointer (pending->task, g_bytes_new (packet + BPG_SMP_HEADER_SIZE, header->length),
                           (GDestroyNotify) g_bytes_unref);
  } else {
    g_task_return_error (pending->task, error);
  }
  pending_free (pending);
}

static void
take_packet (BpgLink *self, const guint8 *bytes, gsize length, gint64 now)
{
  guint8 packet[BPG_SMP_PACKET_MAX];
  struct bpg_smp_header header;
  Pending *pending;

  if (!bpg_smp_header_decode (bytes, length, &header))
    return;
  pending = self->flying[header.sequence];
  if (pending == NULL || !is_reply_to (&header, pending))
    return;

  self->heard = now;
  memcpy (packet, bytes, length);
  answer (land (self, header.sequence), packet, length, &header);
  pump (self);
}

static void
on_received (const guint8 *bytes, gsize length, gpointer user_data)
{
  g_autoptr (BpgLink) self = g_object_ref (user_data);
  struct bpg_demux_event event;
  gint64 now = g_get_monotonic_time ();

  self->bytes += length;
  while (length > 0 && self->open) {
    gsize used = bpg_demux_push (&self->demux, bytes, length, &event);

    bytes += used;
    length -= used;
    if (event.kind == BPG_DEMUX_FRAME) {
      self->frames++;
      self->heard = now;
      if (self->frame_func != NULL)
        self->frame_func (&event.frame, self->frame_data);
    } else if (event.kind == BPG_DEMUX_PACKET) {
      self->packets++;
      take_packet (self, event.packet, event.packet_length, now);
    }
  }
  self->garbage += self->demux.garbage - self->garbage_seen;
  self->garbage_seen = self->demux.garbage;
}

static void
on_closed (const GError *error, gpointer user_data)
{
  bpg_link_close (user_data, error);
}

static const BpgTransportFuncs transport_funcs = {on_received, on_closed};

BpgLink *
bpg_link_new (BpgTransport *transport)
{
  BpgLink *self = g_object_new (BPG_TYPE_LINK, NULL);

  self->transport = g_object_ref (transport);
  self->open = TRUE;
  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_callback (self->timer, on_timer, self, NULL);
  g_source_set_name (self->timer, "link's time-outs");
  g_source_attach (self->timer, g_main_context_get_thread_default ());
  bpg_transport_start (transport, &transport_funcs, self);
  return self;
}

BpgTransport *
bpg_link_get_transport (BpgLink *self)
{
  return self->transport;
}

gboolean
bpg_link_is_open (BpgLink *self)
{
  return self->open;
}

void
bpg_link_close (BpgLink *self, const GError *error)
{
  g_autoptr (BpgLink) owned = NULL;
  g_autoptr (GError) reason = NULL;
  Pending *pending;

  if (!self->open)
    return;
  owned = g_object_ref (self);
  reason = g_error_copy (error);
  self->open = FALSE;
  self->frame_func = NULL;
  bpg_transport_close (self->transport);
  g_source_set_ready_time (self->timer, -1);

  for (guint i = 0; i < N_SEQUENCES; i++) {
    pending = land (self, (guint8) i);
    if (pending != NULL)
      end_pending (pending, reason);
  }
  while ((pending = g_queue_pop_head (&self->waiting)) != NULL)
    end_pending (pending, reason);
  g_signal_emit (self, signals[SIGNAL_CLOSED], 0, reason);
}

void
bpg_link_set_frame_func (BpgLink *self, BpgLinkFrameFunc func, gpointer user_data)
{
  self->frame_func = func;
  self->frame_data = user_data;
}

void
bpg_link_set_window (BpgLink *self, guint window)
{
  self->window = CLAMP (window, 1u, BPG_LINK_MAX_WINDOW);
  pump (self);
}

void
bpg_link_get_counters (BpgLink *self, BpgLinkCounters *counters)
{
  *counters = (BpgLinkCounters){self->bytes, self->packets, self->frames, self->garbage};
}

gint64
bpg_link_get_heard (BpgLink *self)
{
  return self->heard;
}

static gboolean
encode_request (const BpgLinkRequest *request, Pending *pending)
{
  struct bpg_smp_header header = bpg_request_header (request->op, request->group, request->command, 0);
  struct bpg_cbor_writer writer;

  bpg_packet_begin (&writer, pending->packet, sizeof pending->packet);
  bpg_cbor_open_map (&writer);
  if (request->format != NULL)
    bpg_message_write (request->format, request->message, &writer);
  bpg_cbor_close (&writer);
  pending->length = bpg_packet_finish (&writer, &header);
  return pending->length > 0;
}


static gboolean
on_cancelled_idle (gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgLink *self = g_task_get_source_object (task);
  Pending *pending = g_task_get_task_data (task);

  if (pending == NULL || !remove_pending (self, pending))
    return G_SOURCE_REMOVE;
  pending_free (pending);
  g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_CANCELLED, "The request was cancelled");
  pump (self);
  return G_SOURCE_REMOVE;
}

/* Not from inside g_cancellable_cancel(), where disconnecting would wait for ourselves. */
static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancelled_idle, g_object_ref (user_data), NULL);
}

static void
watch_cancellable (GTask *task, GCancellable *cancellable)
{
  if (cancellable != NULL)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), task, 0);
}

void
bpg_link_request_async (BpgLink *self, const BpgLinkRequest *request, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Pending *pending;

  g_task_set_source_tag (task, bpg_link_request_async);
  if (g_cancellable_is_cancelled (cancellable)) {
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_CANCELLED, "The request was cancelled");
    return;
  }
  if (!self->open) {
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_DISCONNECTED, "The prosthesis is not connected");
    return;
  }
  if (self->waiting.length >= MAX_WAITING) {
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_BUSY, "Too many requests wait for the arm already");
    return;
  }

  pending = g_new0 (Pending, 1);
  if (!encode_request (request, pending)) {
    pending_free (pending);
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "The request does not fit into a packet");
    return;
  }
  pending->milliseconds = request->milliseconds > 0 ? request->milliseconds : BPG_LINK_PATIENCE;
  pending->tries = MAX (request->tries, 1);
  g_task_set_task_data (task, pending, NULL);
  watch_cancellable (task, cancellable);
  g_set_object (&pending->cancellable, cancellable);
  pending->task = g_steal_pointer (&task);
  submit (self, pending);
}

GBytes *
bpg_link_request_finish (BpgLink *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static Pending *
find_forwarded (BpgLink *self, gpointer owner, int sequence)
{
  for (GList *l = self->waiting.head; l != NULL; l = l->next) {
    Pending *pending = l->data;

    if (pending->owner == owner && (sequence < 0 || pending->owners_sequence == sequence))
      return pending;
  }
  for (guint i = 0; i < N_SEQUENCES; i++) {
    Pending *pending = self->flying[i];

    if (pending != NULL && pending->owner == owner && (sequence < 0 || pending->owners_sequence == sequence))
      return pending;
  }
  return NULL;
}

void
bpg_link_forward (BpgLink *self, const guint8 *packet, gsize length, BpgLinkReplyFunc func, gpointer owner)
{
  Pending *pending, *earlier;

  g_return_if_fail (length >= BPG_SMP_HEADER_SIZE && length <= BPG_SMP_PACKET_MAX && owner != NULL);

  earlier = find_forwarded (self, owner, packet[SEQUENCE_AT]);
  if (earlier != NULL && remove_pending (self, earlier))
    end_pending (earlier, NULL);
  if (!self->open) {
    func (NULL, 0, owner);
    return;
  }
  pending = g_new0 (Pending, 1);
  memcpy (pending->packet, packet, length);
  pending->length = length;
  pending->milliseconds = FORWARD_MILLISECONDS;
  pending->tries = 1;
  pending->func = func;
  pending->owner = owner;
  pending->owners_sequence = packet[SEQUENCE_AT];
  submit (self, pending);
}

void
bpg_link_forget (BpgLink *self, gpointer owner)
{
  Pending *pending;

  while ((pending = find_forwarded (self, owner, -1)) != NULL) {
    remove_pending (self, pending);
    pending_free (pending);
  }
  pump (self);
}
