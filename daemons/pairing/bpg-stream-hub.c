/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-stream-hub.h"

#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-stream-pipe.h"

#include <string.h>

/* Frames of one start of the arm may be this much older than the one before: decisions follow their samples. */
#define MAX_TICK_BACK (500 * 1000)

/* Samples that travel together on a line that can carry every stream, in bytes per second. */
#define FAST_LINE 50000u
#define BATCH_MILLISECONDS 4u
#define MAX_BATCH 16u

typedef struct {
  BpgStreamPipe *pipe;
  BpgStreamWish wish;
  gboolean fresh; /* has not got samples yet: what was lost before is no loss to it */
} Reader;

struct _BpgStreamHub {
  GObject parent_instance;

  BpgLink *link;
  GCancellable *cancellable;
  Reader readers[BPG_STREAM_HUB_MAX_READERS];
  guint n_readers;
  guint channels;
  guint batch; /* samples a frame, 0: the arm chooses */
  BpgStreamRecord record; /* the one being handed out */
  BpgStreamCounters counters;

  gboolean has_sequence;
  guint32 sequence; /* of the last frame, unwrapped */
  guint64 tick;     /* latest */
  gboolean has_sample;
  guint64 next_sample; /* index expected next, unwrapped */
  guint16 dead;

  /* What the arm was told, and whether that is known. */
  gboolean told;
  gboolean telling;
  struct bpg_stream_request said;
};

G_DEFINE_FINAL_TYPE (BpgStreamHub, bpg_stream_hub, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, SIGNAL_EVENT, SIGNAL_RESTARTED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_STATIC_ASSERT (BPG_FRAME_BODY_MAX <= sizeof (((BpgStreamRecord *) NULL)->body));

static void tell (BpgStreamHub *self);

static void
bpg_stream_hub_dispose (GObject *object)
{
  BpgStreamHub *self = BPG_STREAM_HUB (object);

  g_cancellable_cancel (self->cancellable);
  if (self->link != NULL)
    bpg_link_set_frame_func (self->link, NULL, NULL);
  g_clear_object (&self->link);
  bpg_stream_hub_end (self);
  G_OBJECT_CLASS (bpg_stream_hub_parent_class)->dispose (object);
}

static void
bpg_stream_hub_finalize (GObject *object)
{
  g_object_unref (BPG_STREAM_HUB (object)->cancellable);
  G_OBJECT_CLASS (bpg_stream_hub_parent_class)->finalize (object);
}

static void
bpg_stream_hub_class_init (BpgStreamHubClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_stream_hub_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_stream_hub_finalize;
  signals[SIGNAL_CHANGED] =
    g_signal_new ("changed", BPG_TYPE_STREAM_HUB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_EVENT] = g_signal_new ("event", BPG_TYPE_STREAM_HUB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                        3, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT);
  signals[SIGNAL_RESTARTED] =
    g_signal_new ("restarted", BPG_TYPE_STREAM_HUB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_stream_hub_init (BpgStreamHub *self)
{
  self->cancellable = g_cancellable_new ();
}

static void
remove_reader (BpgStreamHub *self, guint index)
{
  BpgStreamPipe *pipe = self->readers[index].pipe;

  g_signal_handlers_disconnect_by_data (pipe, self);
  bpg_stream_pipe_close (pipe);
  g_object_unref (pipe);
  self->readers[index] = self->readers[--self->n_readers];
}

static void
on_reader_closed (BpgStreamPipe *pipe, gpointer user_data)
{
  BpgStreamHub *self = BPG_STREAM_HUB (user_data);

  for (guint i = 0; i < self->n_readers; i++) {
    if (self->readers[i].pipe == pipe) {
      remove_reader (self, i);
      break;
    }
  }
  tell (self);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

void
bpg_stream_hub_end (BpgStreamHub *self)
{
  if (self->n_readers == 0)
    return;
  while (self->n_readers > 0)
    remove_reader (self, self->n_readers - 1);
  tell (self);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/* Gives a record to whoever wants its kind. */
static void
hand_out (BpgStreamHub *self, const struct bpg_frame *frame, BpgStreamType type, gsize length)
{
  BpgStreamHeader *header = &self->record.header;
  guint32 lost = header->lost;

  header->magic = BPG_STREAM_MAGIC;
  header->header_size = sizeof *header;
  header->type = (guint16) type;
  header->length = (guint32) length;
  header->sequence = self->sequence;
  header->tick = frame->tick;
  header->monotonic = (guint64) g_get_monotonic_time ();
  header->real = (guint64) g_get_real_time ();
  header->channels = (guint16) self->channels;
  header->dead = self->dead;

  for (guint i = 0; i < self->n_readers; i++) {
    Reader *reader = &self->readers[i];
    gboolean wanted = type == BPG_STREAM_SAMPLES    ? reader->wish.samples
                      : type == BPG_STREAM_DECISION ? reader->wish.decisions
                                                    : reader->wish.events;

    if (!wanted)
      continue;
    header->lost = reader->fresh ? 0 : lost;
    if (type == BPG_STREAM_SAMPLES)
      reader->fresh = FALSE;
    self->counters.dropped += bpg_stream_pipe_write (reader->pipe, &self->record);
  }
}

/* A new start of the arm's counting: indices mean something else from here on, so nobody may go on reading. */
static void
begin_epoch (BpgStreamHub *self, const char *why)
{
  bpg_notice (bpg_transport_get_name (bpg_link_get_transport (self->link)), "a new stream begins: %s", why);
  self->has_sample = FALSE;
  bpg_stream_hub_end (self);
}

/* Places the samples on the unwrapped index and tells what is missing before them; FALSE when they are not to be used. */
static gboolean
place_samples (BpgStreamHub *self, const struct bpg_samples *samples, guint32 *lost)
{
  guint32 ahead = samples->first - (guint32) self->next_sample;

  *lost = 0;
  if (!self->has_sample) {
    self->next_sample = samples->first;
    self->has_sample = TRUE;
    return TRUE;
  }
  if (ahead > G_MAXINT32) {
    begin_epoch (self, "the arm counts its samples anew");
    return FALSE;
  }
  *lost = ahead;
  self->next_sample += ahead;
  self->counters.lost_samples += ahead;
  return TRUE;
}

static gboolean
take_samples (BpgStreamHub *self, const struct bpg_frame *frame)
{
  BpgStreamHeader *header = &self->record.header;
  struct bpg_samples samples;
  gsize length;

  if (!bpg_samples_decode (frame, &samples) || samples.count == 0 || samples.channels != self->channels)
    return FALSE;
  /* Still on its way when the last reader left. */
  if (!self->said.samples)
    return TRUE;
  if (!place_samples (self, &samples, &header->lost))
    return TRUE;

  length = (gsize) samples.count * samples.channels * sizeof (gint16);
  memcpy (self->record.body, samples.values, length);
  header->first_sample = self->next_sample;
  header->count = samples.count;
  self->dead = samples.dead;
  self->next_sample += samples.count;
  self->counters.samples += samples.count;
  hand_out (self, frame, BPG_STREAM_SAMPLES, length);
  return TRUE;
}

static gboolean
take_decision (BpgStreamHub *self, const struct bpg_frame *frame)
{
  BpgStreamHeader *header = &self->record.header;
  struct bpg_decision_report report;
  BpgStreamDecision decision;

  if (!bpg_decision_decode (frame, &report))
    return FALSE;
  decision = (BpgStreamDecision){report.sample, report.raw,   report.movement, report.flags,     0, report.confidence,
                                 report.speed,  report.distance, report.latency_us};
  memcpy (self->record.body, &decision, sizeof decision);
  header->first_sample = self->next_sample + (guint64) (gint64) (gint32) (report.sample - (guint32) self->next_sample);
  header->count = 0;
  header->lost = 0;
  hand_out (self, frame, BPG_STREAM_DECISION, sizeof decision);
  return TRUE;
}

static gboolean
take_event (BpgStreamHub *self, const struct bpg_frame *frame)
{
  BpgStreamHeader *header = &self->record.header;
  struct bpg_event report;
  BpgStreamEvent event;

  if (!bpg_event_decode (frame, &report))
    return FALSE;
  event = (BpgStreamEvent){report.kind, report.a, report.b};
  memcpy (self->record.body, &event, sizeof event);
  header->first_sample = self->next_sample;
  header->count = 0;
  header->lost = 0;
  hand_out (self, frame, BPG_STREAM_EVENT, sizeof event);
  g_signal_emit (self, signals[SIGNAL_EVENT], 0, (guint) report.kind, (guint) report.a, (guint) report.b);
  return TRUE;
}

/* Follows the arm's numbering and clock; FALSE when it was started anew. */
static gboolean
follow (BpgStreamHub *self, const struct bpg_frame *frame)
{
  guint16 step = (guint16) (frame->sequence - (guint16) self->sequence);

  if (frame->tick + MAX_TICK_BACK < self->tick)
    return FALSE;
  self->tick = MAX (self->tick, frame->tick);
  if (!self->has_sequence) {
    self->sequence = frame->sequence;
    self->has_sequence = TRUE;
    return TRUE;
  }
  self->sequence += step;
  if (step > 1)
    self->counters.lost_frames += step - 1u;
  return TRUE;
}

static void
on_frame (const struct bpg_frame *frame, gpointer user_data)
{
  g_autoptr (BpgStreamHub) self = g_object_ref (user_data);
  gboolean good = FALSE;

  self->counters.frames++;
  if (frame->version == BPG_FRAME_VERSION && !follow (self, frame)) {
    begin_epoch (self, "the arm was started anew");
    g_signal_emit (self, signals[SIGNAL_RESTARTED], 0);
    return;
  }
  if (frame->type == BPG_FRAME_SAMPLES)
    good = take_samples (self, frame);
  else if (frame->type == BPG_FRAME_DECISION)
    good = take_decision (self, frame);
  else if (frame->type == BPG_FRAME_EVENT)
    good = take_event (self, frame);
  if (!good)
    self->counters.bad_frames++;
}

BpgStreamHub *
bpg_stream_hub_new (BpgLink *link)
{
  BpgStreamHub *self = g_object_new (BPG_TYPE_STREAM_HUB, NULL);

  self->link = g_object_ref (link);
  bpg_link_set_frame_func (link, on_frame, self);
  tell (self);
  return self;
}

void
bpg_stream_hub_set_format (BpgStreamHub *self, guint channels, guint rate)
{
  guint speed = bpg_transport_get_speed (bpg_link_get_transport (self->link));

  self->channels = channels;
  /* Half the wake-ups of the arm's own choice, which is better only where the line is slow. */
  self->batch = speed == 0 || speed >= FAST_LINE ? MIN (rate * BATCH_MILLISECONDS / 1000, MAX_BATCH) : 0;
}

static struct bpg_stream_request
sum_up (BpgStreamHub *self)
{
  struct bpg_stream_request sum = {.batch = self->batch};

  for (guint i = 0; i < self->n_readers; i++) {
    sum.samples |= self->readers[i].wish.samples != FALSE;
    sum.decisions |= self->readers[i].wish.decisions != FALSE;
  }
  return sum;
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgStreamHub) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  self->telling = FALSE;
  if (payload == NULL) {
    /* The next poll renews it. */
    self->told = FALSE;
    bpg_debug (bpg_transport_get_name (bpg_link_get_transport (BPG_LINK (source))), "stream not set: %s", error->message);
    return;
  }
  tell (self);
}

/* One request at a time; what changed meanwhile is told when it has ended. */
static void
tell (BpgStreamHub *self)
{
  struct bpg_stream_request sum = sum_up (self);
  BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_STREAM, &bpg_stream_request_format, &sum, 0, 3};
  gboolean same = sum.samples == self->said.samples && sum.decisions == self->said.decisions;

  if (self->telling || (self->told && same) || self->link == NULL || !bpg_link_is_open (self->link))
    return;
  /* Samples that were not streamed are not lost. */
  if (!self->said.samples)
    self->has_sample = FALSE;
  self->said = sum;
  self->told = TRUE;
  self->telling = TRUE;
  bpg_link_request_async (self->link, &request, self->cancellable, on_told, g_object_ref (self));
}

void
bpg_stream_hub_renew (BpgStreamHub *self)
{
  tell (self);
}

int
bpg_stream_hub_add (BpgStreamHub *self, const BpgStreamWish *wish, GError **error)
{
  BpgStreamPipe *pipe;
  int fd = -1;

  if (self->n_readers == BPG_STREAM_HUB_MAX_READERS) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "%u streams of this prosthesis are open already",
                 self->n_readers);
    return -1;
  }
  pipe = bpg_stream_pipe_new (wish->buffer, &fd, error);
  if (pipe == NULL)
    return -1;

  self->readers[self->n_readers++] = (Reader){pipe, *wish, TRUE};
  g_signal_connect (pipe, "closed", G_CALLBACK (on_reader_closed), self);
  tell (self);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  return fd;
}

guint
bpg_stream_hub_get_n_readers (BpgStreamHub *self)
{
  return self->n_readers;
}

void
bpg_stream_hub_get_counters (BpgStreamHub *self, BpgStreamCounters *counters)
{
  *counters = self->counters;
}
