/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-uploader.h"

#include "bpg-error.h"

#include <string.h>

/* The channel takes 8 requests at once; the rest is for requests that must be said again. */
#define MAX_WINDOW 6u
/* CBOR around the data, rounded up: keys, offset, and in the first request length and hash as well. */
#define OVERHEAD 40u
#define FIRST_OVERHEAD 100u
#define MIN_CHUNK 96u
#define FIRST_CHUNK 256u
#define MIN_PATIENCE (250 * G_TIME_SPAN_MILLISECOND)
#define MAX_PATIENCE (5 * G_USEC_PER_SEC)
#define FIRST_PATIENCE (4 * G_USEC_PER_SEC)
/* So many losses in a row without a byte of progress, and the line is given up. */
#define MAX_LOSSES 16u
#define MAX_BEGINNINGS 4u
/* Chunks that came through before the line is trusted with more. */
#define GROW_AFTER 6u

typedef struct {
  gboolean used;
  guint epoch;
  gsize offset;
  gsize length;
  gint64 sent;
  guint order;
} Chunk;

typedef struct {
  BpgManagement *management;
  guint image;
  const guint8 *data;
  gsize total;
  guint8 sha[32];
  BpgUploadFunc func;
  gpointer user_data;
  GCancellable *cancellable;

  gsize done; /* what the arm has, by its last word */
  gsize next; /* what is sent next */
  Chunk chunks[MAX_WINDOW]; /* on their way; the place is the sequence number */
  guint order;
  guint epoch; /* counts the times it was begun anew from `done`; older replies tell no losses */
  guint window;
  gsize chunk_size;
  gsize max_chunk;
  guint in_a_row; /* chunks that came through */
  guint losses;
  gint64 travel; /* smoothed, µs; 0 before the first */
  gint64 variance;
  gint64 patience;
} Upload;

static gboolean
send_chunk (Upload *self, guint place, gsize length, GError **error)
{
  guint8 payload[BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE];
  struct bpg_upload_request message = {.image = self->image, .off = self->next};
  struct bpg_cbor_writer writer;
  BpgSmpRequest request = {BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, payload, 0};

  message.data = (struct bpg_bytes){self->data + self->next, length};
  if (self->next == 0) {
    message.len = self->total;
    message.sha = (struct bpg_bytes){self->sha, sizeof self->sha};
  }
  bpg_cbor_writer_init (&writer, payload, sizeof payload);
  bpg_upload_request_encode (&message, &writer);
  if (writer.overflow) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "A chunk does not fit a packet");
    return FALSE;
  }
  request.length = writer.length;
  self->chunks[place] =
    (Chunk){TRUE, self->epoch, self->next, length, g_get_monotonic_time (), self->order++};
  self->next += length;
  return bpg_management_send (self->management, &request, (guint8) place, self->cancellable, error);
}

/* The arm's limits; an arm that does not know the command takes MCUmgr's least. */
static gboolean
ask_parameters (Upload *self, GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_OS, BPG_OS_PARAMS, NULL, 0};
  struct bpg_params_reply parameters;
  g_autoptr (GError) local = NULL;
  BpgSmpReply reply;

  self->window = 1;
  self->max_chunk = FIRST_CHUNK;
  if (!bpg_management_call (self->management, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply,
                            self->cancellable, &local)) {
    if (g_error_matches (local, BPG_ERROR, BPG_ERROR_NOT_SUPPORTED))
      return TRUE;
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (bpg_params_reply_decode (reply.payload, reply.length, &parameters)) {
    gsize room = (gsize) CLAMP (parameters.buf_size, 256, BPG_SMP_PACKET_MAX);

    self->window = (guint) CLAMP (parameters.buf_count, 1, MAX_WINDOW);
    self->max_chunk = room - BPG_SMP_HEADER_SIZE - OVERHEAD;
  }
  self->chunk_size = self->max_chunk;
  return TRUE;
}

static void
take_offset (Upload *self, gsize offset)
{
  if (offset <= self->done)
    return;
  self->done = offset;
  self->losses = 0;
  if (self->func != NULL)
    self->func (self->done, self->total, self->user_data);
}

/* The first request: says what is coming, and hears where the arm wants to go on. It carries a little data, so that a
 * fresh upload loses no turn. */
static gboolean
begin (Upload *self, GError **error)
{
  guint8 payload[BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE];
  gsize length = MIN (FIRST_CHUNK, self->total);
  struct bpg_upload_request message = {
    .image = self->image,
    .len = self->total,
    .sha = {self->sha, sizeof self->sha},
    .data = {self->data, length},
  };
  struct bpg_cbor_writer writer;
  struct bpg_upload_reply answer;
  BpgSmpRequest request = {BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, payload, 0};
  BpgSmpReply reply;

  bpg_cbor_writer_init (&writer, payload, sizeof payload);
  bpg_upload_request_encode (&message, &writer);
  request.length = writer.length;
  if (!bpg_management_call (self->management, &request, BPG_MANAGEMENT_MILLISECONDS * 2, BPG_MANAGEMENT_TRIES, &reply,
                            self->cancellable, error))
    return FALSE;
  if (!bpg_upload_reply_decode (reply.payload, reply.length, &answer) || answer.off > self->total) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's answer to an upload is not one the protocol knows");
    return FALSE;
  }
  memset (self->chunks, 0, sizeof self->chunks);
  self->epoch++;
  self->done = 0;
  take_offset (self, (gsize) answer.off);
  self->next = self->done;
  return TRUE;
}

/* Jacobson's estimate: the mean, and four times the mean deviation on top. */
static void
measure (Upload *self, gint64 travel)
{
  if (self->travel == 0) {
    self->travel = travel;
    self->variance = travel / 2;
  } else {
    self->variance += (ABS (travel - self->travel) - self->variance) / 4;
    self->travel += (travel - self->travel) / 8;
  }
  self->patience = CLAMP (self->travel + 4 * self->variance, MIN_PATIENCE, MAX_PATIENCE);
}

static void
take_success (Upload *self, const Chunk *chunk)
{
  measure (self, MAX (g_get_monotonic_time () - chunk->sent, 1));
  if (++self->in_a_row < GROW_AFTER)
    return;
  self->in_a_row = 0;
  self->chunk_size = MIN (self->chunk_size * 2, self->max_chunk);
}

/* Something was lost: go on from where the arm is, more carefully. */
static gboolean
take_loss (Upload *self, GError **error)
{
  if (++self->losses > MAX_LOSSES) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT,
                 "The line loses too much: %u attempts in a row brought nothing across", MAX_LOSSES);
    return FALSE;
  }
  self->epoch++;
  self->next = self->done;
  self->in_a_row = 0;
  self->chunk_size = MAX (self->chunk_size / 2, MIN_CHUNK);
  return TRUE;
}

/* The line keeps the order: what was sent before an answered chunk and has no answer was lost. */
static gboolean
forget_overtaken (Upload *self, guint order)
{
  gboolean lost = FALSE;

  for (guint i = 0; i < MAX_WINDOW; i++)
    if (self->chunks[i].used && self->chunks[i].order - order > (guint) G_MAXINT) {
      lost = lost || self->chunks[i].epoch == self->epoch;
      self->chunks[i].used = FALSE;
    }
  return lost;
}

typedef enum { WENT_ON, BEGIN_AGAIN, GIVE_UP } Step;

static Step
take_refusal (Upload *self, const BpgSmpReply *reply, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (bpg_management_check (reply, &local))
    return WENT_ON;
  /* The answer to the last chunk was lost, or the arm has started anew: what there is to say is found out by asking. */
  if (g_error_matches (local, BPG_ERROR, BPG_ERROR_WRONG_STATE))
    return BEGIN_AGAIN;
  g_propagate_error (error, g_steal_pointer (&local));
  return GIVE_UP;
}

/* What an answer to a chunk that is still waited for says of the line. */
static Step
take_answer (Upload *self, Chunk *chunk, gsize offset, GError **error)
{
  gboolean lost = forget_overtaken (self, chunk->order);

  chunk->used = FALSE;
  if (offset >= chunk->offset + chunk->length) {
    take_success (self, chunk);
    return WENT_ON;
  }
  /* The arm did not take it: one before it is missing. Told once for all that were on their way behind it. */
  if (lost || chunk->epoch == self->epoch)
    return take_loss (self, error) ? WENT_ON : GIVE_UP;
  return WENT_ON;
}

static Step
take_reply (Upload *self, const BpgSmpReply *reply, GError **error)
{
  struct bpg_upload_reply answer;
  Step step;

  if (reply->group != BPG_GROUP_IMAGE || reply->command != BPG_IMAGE_UPLOAD)
    return WENT_ON;
  step = take_refusal (self, reply, error);
  if (step != WENT_ON)
    return step;
  if (!bpg_upload_reply_decode (reply->payload, reply->length, &answer) || answer.off > self->total) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's answer to an upload is not one the protocol knows");
    return GIVE_UP;
  }
  /* Also an answer that comes late tells where the arm is. */
  take_offset (self, (gsize) answer.off);
  self->next = MAX (self->next, self->done);
  if (reply->sequence >= MAX_WINDOW || !self->chunks[reply->sequence].used)
    return WENT_ON;
  return take_answer (self, &self->chunks[reply->sequence], (gsize) answer.off, error);
}

static gint64
find_deadline (const Upload *self)
{
  gint64 earliest = G_MAXINT64;

  for (guint i = 0; i < MAX_WINDOW; i++)
    if (self->chunks[i].used)
      earliest = MIN (earliest, self->chunks[i].sent + self->patience);
  return earliest;
}

static gboolean
fill_window (Upload *self, GError **error)
{
  guint window = self->losses > 2 ? MIN (2, self->window) : self->window;

  /* All was sent, all was answered, and still something is missing. */
  if (self->next >= self->total && find_deadline (self) == G_MAXINT64)
    self->next = self->done;
  for (guint i = 0; i < window && self->next < self->total; i++) {
    gsize room = self->next == 0 ? self->max_chunk + OVERHEAD - FIRST_OVERHEAD : self->max_chunk;
    gsize length = MIN (MIN (self->chunk_size, room), self->total - self->next);

    if (!self->chunks[i].used && !send_chunk (self, i, length, error))
      return FALSE;
  }
  return TRUE;
}

static Step
take_silence (Upload *self, GError **error)
{
  for (guint i = 0; i < MAX_WINDOW; i++)
    self->chunks[i].used = FALSE;
  self->patience = MIN (self->patience * 2, MAX_PATIENCE);
  return take_loss (self, error) ? WENT_ON : GIVE_UP;
}

static Step
transfer (Upload *self, GError **error)
{
  Step step = WENT_ON;

  while (step == WENT_ON && self->done < self->total) {
    BpgSmpReply reply;
    int received;

    if (!fill_window (self, error))
      return GIVE_UP;
    received = bpg_management_receive (self->management, find_deadline (self), &reply, self->cancellable, error);
    if (received < 0)
      return GIVE_UP;
    step = received > 0 ? take_reply (self, &reply, error) : take_silence (self, error);
  }
  return step;
}

gboolean
bpg_upload (BpgManagement *management, guint image, GBytes *container, BpgUploadFunc func, gpointer user_data,
            GCancellable *cancellable, GError **error)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  Upload self = {
    .management = management,
    .image = image,
    .data = g_bytes_get_data (container, NULL),
    .total = g_bytes_get_size (container),
    .func = func,
    .user_data = user_data,
    .cancellable = cancellable,
    .patience = FIRST_PATIENCE,
    .chunk_size = FIRST_CHUNK,
  };
  gsize sha_length = sizeof self.sha;

  g_checksum_update (checksum, self.data, (gssize) self.total);
  g_checksum_get_digest (checksum, self.sha, &sha_length);
  if (!ask_parameters (&self, error))
    return FALSE;
  for (guint i = 0; i < MAX_BEGINNINGS; i++) {
    Step step;

    if (!begin (&self, error))
      return FALSE;
    step = transfer (&self, error);
    if (step != BEGIN_AGAIN)
      return step == WENT_ON;
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The arm gives the upload up again and again");
  return FALSE;
}
