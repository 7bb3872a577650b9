/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-challenge.h"

#include "bpg-error.h"
#include "bpg-key.h"

#define MAX_SIGNATURE 160u
/* Signing takes a secure element a good part of a second. */
#define SIGN_MILLISECONDS 2500u

typedef struct {
  char *device_id;
  GBytes *key;
  guint8 nonce[BPG_KEY_NONCE_SIZE];
} Challenge;

static void
challenge_free (Challenge *challenge)
{
  g_free (challenge->device_id);
  g_bytes_unref (challenge->key);
  g_free (challenge);
}

static gboolean
check (const Challenge *challenge, GBytes *payload, GError **error)
{
  struct bpg_challenge_reply reply = {0};
  g_autoptr (GBytes) signature = NULL;
  gsize length;
  const guint8 *bytes = g_bytes_get_data (payload, &length);

  if (!bpg_challenge_reply_decode (bytes, length, &reply) || reply.sig.length == 0 || reply.sig.length > MAX_SIGNATURE) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS, "What calls itself %s does not sign what it is asked to",
                 challenge->device_id);
    return FALSE;
  }
  signature = g_bytes_new (reply.sig.bytes, reply.sig.length);
  return bpg_key_verify (challenge->key, challenge->device_id, challenge->nonce, signature, error);
}

/* An arm that answers but will not sign has not proved anything. */
static GError *
refusal (const Challenge *challenge, GError *error)
{
  GError *ours;

  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT) ||
      g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) ||
      g_error_matches (error, BPG_ERROR, BPG_ERROR_CANCELLED) || g_error_matches (error, BPG_ERROR, BPG_ERROR_BUSY))
    return error;
  ours = g_error_new (BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS, "What calls itself %s does not prove its key: %s",
                      challenge->device_id, error->message);
  g_error_free (error);
  return ours;
}

static void
on_signed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Challenge *challenge = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  if (payload == NULL)
    g_task_return_error (task, refusal (challenge, error));
  else if (!check (challenge, payload, &error))
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
bpg_challenge_async (BpgLink *link, const char *device_id, GBytes *key, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (link, NULL, callback, user_data);
  Challenge *challenge = g_new0 (Challenge, 1);
  struct bpg_challenge_request message = {{challenge->nonce, sizeof challenge->nonce}};
  BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_CHALLENGE, &bpg_challenge_request_format, &message,
                            SIGN_MILLISECONDS, 3};
  GError *error = NULL;

  g_task_set_source_tag (task, bpg_challenge_async);
  challenge->device_id = g_strdup (device_id);
  challenge->key = g_bytes_ref (key);
  g_task_set_task_data (task, challenge, (GDestroyNotify) challenge_free);
  if (!bpg_key_make_nonce (challenge->nonce, &error)) {
    g_task_return_error (task, error);
    return;
  }
  bpg_link_request_async (link, &request, cancellable, on_signed, g_steal_pointer (&task));
}

gboolean
bpg_challenge_finish (BpgLink *link, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, link), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
