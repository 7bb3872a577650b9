/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bench.h"
#include "bpg-background.h"

#include "bpg-management.h"

#include <string.h>
#include <unistd.h>

#define PURPOSE "bench"
#define HOLD_SECONDS 1
#define BUSY_SECONDS 600 /* firmware over a slow line */
#define BUSY_MS 100
#define RESTART_SECONDS 60
#define RESTART_MS 200
#define NOTICED_MS 5000u /* an arm that has run for so long is seen to have started anew: by its uptime */
#define VERIFY_MS 20000u /* a signature, which a small processor checks */
#define OVERHEAD 32u     /* of CBOR around the samples */

struct _BpgBench {
  BpgCtl *ctl;
  GCancellable *cancellable;
  char *prosthesis;
  char *device_id;
  BpgManagement *management; /* while the channel is held */
  gint64 held_since;
  gboolean yields;
  guint8 payload[BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE];
};

BpgConverter
bpg_converter_of_recording (BpgEmgRecording *recording)
{
  return (BpgConverter){bpg_emg_recording_get_rate (recording), bpg_emg_recording_get_channels (recording),
                        bpg_emg_recording_get_scale_nano (recording), bpg_emg_recording_get_unit (recording)};
}

gboolean
bpg_converter_equal (const BpgConverter *a, const BpgConverter *b)
{
  return a->rate == b->rate && a->channels == b->channels && a->lsb_nano == b->lsb_nano && a->unit == b->unit;
}

char *
bpg_converter_format (const BpgConverter *converter)
{
  return g_strdup_printf (_("%u electrodes at %u Hz, %.9g %s a count"), converter->channels, converter->rate,
                          (double) converter->lsb_nano / 1e9, bpg_unit_name (converter->unit));
}

BpgBench *
bpg_bench_new (BpgCtl *ctl, BpgObject *prosthesis, GCancellable *cancellable)
{
  BpgBench *self = g_new0 (BpgBench, 1);

  self->ctl = ctl;
  self->cancellable = cancellable;
  self->prosthesis = g_strdup (prosthesis->path);
  self->device_id = bpg_object_get_string (prosthesis, "Prosthesis1.DeviceId");
  return self;
}

void
bpg_bench_free (BpgBench *self)
{
  bpg_bench_release (self);
  g_free (self->prosthesis);
  g_free (self->device_id);
  g_free (self);
}

void
bpg_bench_release (BpgBench *self)
{
  g_clear_object (&self->management);
}

void
bpg_bench_yield (BpgBench *self)
{
  self->yields = TRUE;
}

/* Takes the channel; who yields only when it is free, for whoever waits for it in a row comes first. */
static gboolean
acquire (BpgBench *self, GError **error)
{
  GVariantDict options;
  g_autoptr (GVariant) reply = NULL;
  int fd = -1;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "purpose", "s", PURPOSE);
  g_variant_dict_insert (&options, "wait", "b", !self->yields);
  reply = bpg_ctl_call_fd (self->ctl, self->prosthesis, "Prosthesis1.AcquireManagement",
                           g_variant_new ("(@a{sv})", g_variant_dict_end (&options)), "(h)", -1, &fd, error);
  if (reply == NULL)
    return FALSE;
  self->management = bpg_management_new_for_fd (fd);
  self->held_since = g_get_monotonic_time ();
  return TRUE;
}

static gboolean
hold (BpgBench *self, GError **error)
{
  gint64 now = g_get_monotonic_time ();
  gint64 deadline = now + BUSY_SECONDS * G_USEC_PER_SEC;

  if (self->management != NULL && now - self->held_since > HOLD_SECONDS * G_USEC_PER_SEC)
    bpg_bench_release (self);
  while (self->management == NULL) {
    g_autoptr (GError) local = NULL;

    if (acquire (self, &local))
      break;
    if (!g_error_matches (local, BPG_ERROR, BPG_ERROR_BUSY) || g_get_monotonic_time () > deadline) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    if (!bpg_work_sleep (self->cancellable, BUSY_MS, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
call (BpgBench *self, const BpgSmpRequest *request, guint milliseconds, guint tries, BpgSmpReply *reply, GError **error)
{
  if (!hold (self, error))
    return FALSE;
  if (bpg_management_call (self->management, request, milliseconds, tries, reply, self->cancellable, error))
    return TRUE;
  /* A late reply, or the end of the link, is not for the next call to find. */
  bpg_bench_release (self);
  return FALSE;
}

/* Says something: once, for all of it has an effect. */
static gboolean
say (BpgBench *self, const struct bpg_bench_request *message, guint milliseconds, guint *room, GError **error)
{
  BpgSmpRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BENCH, self->payload, 0};
  struct bpg_cbor_writer writer;
  struct bpg_bench_reply answer;
  BpgSmpReply reply;

  bpg_cbor_writer_init (&writer, self->payload, sizeof self->payload);
  bpg_bench_request_encode (message, &writer);
  g_return_val_if_fail (!writer.overflow, FALSE);
  request.length = writer.length;
  if (!call (self, &request, milliseconds, 1, &reply, error))
    return FALSE;
  if (!bpg_bench_reply_decode (reply.payload, reply.length, &answer)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("The arm's answer about its bench mode makes no sense"));
    return FALSE;
  }
  if (room != NULL)
    *room = (guint) MIN (answer.room, G_MAXUINT);
  return TRUE;
}

/* @nonce (nullable): room for it; an arm that has none has broken. */
static gboolean
ask (BpgBench *self, gboolean *on, guint *room, guint8 nonce[BPG_BENCH_NONCE_SIZE], GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_BENCH, NULL, 0};
  struct bpg_bench_reply answer;
  BpgSmpReply reply;

  if (!call (self, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply, error))
    return FALSE;
  if (!bpg_bench_reply_decode (reply.payload, reply.length, &answer) ||
      (nonce != NULL && answer.nonce.length != BPG_BENCH_NONCE_SIZE)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("The arm's answer about its bench mode makes no sense"));
    return FALSE;
  }
  *on = answer.on;
  *room = (guint) MIN (answer.room, G_MAXUINT);
  if (nonce != NULL)
    memcpy (nonce, answer.nonce.bytes, BPG_BENCH_NONCE_SIZE);
  return TRUE;
}

gboolean
bpg_bench_ask_room (BpgBench *self, guint *room, GError **error)
{
  gboolean on;

  return ask (self, &on, room, NULL, error);
}

gboolean
bpg_bench_read (BpgBench *self, BpgBenchState *state, GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_PARAMETERS, NULL, 0};
  struct bpg_parameters parameters;
  BpgSmpReply reply;

  if (!ask (self, &state->on, &state->room, NULL, error) ||
      !call (self, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply, error))
    return FALSE;
  if (!bpg_parameters_decode (reply.payload, reply.length, &parameters)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("The arm's answer about its electrodes makes no sense"));
    return FALSE;
  }
  state->converter = (BpgConverter){(guint) MIN (parameters.fs, G_MAXUINT), (guint) MIN (parameters.ch, G_MAXUINT),
                                    parameters.lsb, bpg_unit_find (parameters.unit.bytes, parameters.unit.length)};
  return TRUE;
}

static guint64
get_connected_since (BpgBench *self)
{
  g_autoptr (BpgObject) object = bpg_ctl_reload (self->ctl, self->prosthesis, "Prosthesis1", NULL);

  return object != NULL && bpg_object_get_boolean (object, "Prosthesis1.Connected")
           ? bpg_object_get_number (object, "Prosthesis1.ConnectedSince")
           : 0;
}

static gboolean
ask_uptime (BpgBench *self, guint64 *milliseconds, GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_STATUS, NULL, 0};
  struct bpg_status status;
  BpgSmpReply reply;

  if (!call (self, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, &reply, error))
    return FALSE;
  if (!bpg_status_decode (reply.payload, reply.length, &status)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, _("The arm's answer about its state makes no sense"));
    return FALSE;
  }
  *milliseconds = status.up;
  return TRUE;
}

/* Has pairingd look at the arm now. */
static gboolean
refresh (BpgBench *self, GError **error)
{
  g_autoptr (GVariant) reply = bpg_ctl_call (self->ctl, self->prosthesis, "Prosthesis1.Refresh",
                                             g_variant_new ("(a{sv})", NULL), "()", error);

  return reply != NULL;
}

/* Before the arm starts anew: pairingd must know an uptime that the new start is short of. */
static gboolean
prepare_restart (BpgBench *self, GError **error)
{
  guint64 uptime;

  if (!ask_uptime (self, &uptime, error))
    return FALSE;
  if (uptime < NOTICED_MS) {
    bpg_bench_release (self);
    if (!bpg_work_sleep (self->cancellable, NOTICED_MS - (guint) uptime, error))
      return FALSE;
  }
  return refresh (self, error);
}

/* Says what makes the arm start anew, and waits until it was recognised again after that. */
static gboolean
restart (BpgBench *self, const struct bpg_bench_request *message, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + RESTART_SECONDS * G_USEC_PER_SEC;
  guint64 before = get_connected_since (self), since;
  g_autoptr (GError) local = NULL;

  /* An arm that is gone at once may have taken its reply with it. */
  if (!say (self, message, VERIFY_MS, NULL, &local) && !g_error_matches (local, BPG_ERROR, BPG_ERROR_DISCONNECTED)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  bpg_bench_release (self);
  do {
    if (g_get_monotonic_time () > deadline) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("The arm did not come back within %d s"), RESTART_SECONDS);
      return FALSE;
    }
    if (!bpg_work_sleep (self->cancellable, RESTART_MS, error))
      return FALSE;
    refresh (self, NULL); /* no answer is news, too */
    since = get_connected_since (self);
  } while (since == 0 || since == before);
  return TRUE;
}

/* What the key signs: that this arm, now, may be moved over its link. */
static gboolean
sign (BpgBench *self, BpgSigningKey *key, const guint8 nonce[BPG_BENCH_NONCE_SIZE],
      guint8 signature[BPG_SIGNATURE_LENGTH], GError **error)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 hash[BPG_HASH_LENGTH];
  gsize length = sizeof hash;

  g_checksum_update (checksum, (const guchar *) BPG_BENCH_PREFIX, strlen (BPG_BENCH_PREFIX));
  g_checksum_update (checksum, (const guchar *) self->device_id, (gssize) strlen (self->device_id));
  g_checksum_update (checksum, nonce, BPG_BENCH_NONCE_SIZE);
  g_checksum_get_digest (checksum, hash, &length);
  return bpg_signing_key_sign (key, hash, signature, error);
}

gboolean
bpg_bench_unlock (BpgBench *self, BpgSigningKey *key, const BpgConverter *converter, GError **error)
{
  struct bpg_bench_request message = {.fs = converter->rate, .ch = converter->channels, .lsb = converter->lsb_nano,
                                      .unit = bpg_text (bpg_unit_name (converter->unit))};
  guint8 nonce[BPG_BENCH_NONCE_SIZE], signature[BPG_SIGNATURE_LENGTH];
  BpgBenchState state;
  gboolean on;
  guint room;

  if (!prepare_restart (self, error) || !ask (self, &on, &room, nonce, error) || !sign (self, key, nonce, signature, error))
    return FALSE;
  message.sig = (struct bpg_bytes){signature, sizeof signature};
  if (!restart (self, &message, error) || !bpg_bench_read (self, &state, error))
    return FALSE;
  if (!state.on || !bpg_converter_equal (&state.converter, converter)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, _("The arm came back without its bench mode"));
    return FALSE;
  }
  return TRUE;
}

gboolean
bpg_bench_end (BpgBench *self, GError **error)
{
  const struct bpg_bench_request message = {.off = true};

  return prepare_restart (self, error) && restart (self, &message, error);
}

gboolean
bpg_bench_press (BpgBench *self, GError **error)
{
  const struct bpg_bench_request message = {.press = true};

  return say (self, &message, BPG_MANAGEMENT_MILLISECONDS, NULL, error);
}

guint
bpg_bench_get_block (guint channels)
{
  return (BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE - OVERHEAD) / (2 * channels);
}

gboolean
bpg_bench_push (BpgBench *self, const gint16 *samples, guint count, guint channels, guint *room, GError **error)
{
  /* Little-endian on the line and, as everywhere the gateway runs, in memory. */
  G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);
  const struct bpg_bench_request message = {.data = {(const guint8 *) samples, 2 * count * channels}};

  return say (self, &message, BPG_MANAGEMENT_MILLISECONDS, room, error);
}
