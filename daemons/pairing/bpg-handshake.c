/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-handshake.h"

#include "bpg-challenge.h"

#define TRIES 3u

typedef struct {
  BpgMaker *maker;
  GCancellable *cancellable;
  BpgArmIdentity *identity;
} Handshake;

static void
handshake_free (Handshake *handshake)
{
  g_clear_object (&handshake->maker);
  g_clear_object (&handshake->cancellable);
  g_clear_pointer (&handshake->identity, bpg_arm_identity_unref);
  g_free (handshake);
}

static void
on_parameters (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Handshake *handshake = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);
  struct bpg_params_reply reply = {0};

  /* An arm that does not say takes one request at a time; only a lost line ends the handshake here. */
  if (payload != NULL &&
      bpg_params_reply_decode (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), &reply))
    bpg_link_set_window (BPG_LINK (source), (guint) MIN (reply.buf_count, BPG_LINK_MAX_WINDOW));
  if (payload == NULL && !bpg_link_is_open (BPG_LINK (source)))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, g_steal_pointer (&handshake->identity), (GDestroyNotify) bpg_arm_identity_unref);
}

static void
on_proved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  static const BpgLinkRequest request = {BPG_SMP_READ, BPG_GROUP_OS, BPG_OS_PARAMS, NULL, NULL, 0, 2};
  g_autoptr (GTask) task = user_data;
  Handshake *handshake = g_task_get_task_data (task);
  GError *error = NULL;

  if (!bpg_challenge_finish (BPG_LINK (source), result, &error) ||
      (handshake->maker != NULL && !bpg_maker_check (handshake->maker, handshake->identity, &error))) {
    g_task_return_error (task, error);
    return;
  }
  bpg_link_request_async (BPG_LINK (source), &request, handshake->cancellable, on_parameters, g_steal_pointer (&task));
}

static void
on_identity (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Handshake *handshake = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  if (payload != NULL)
    handshake->identity = bpg_arm_identity_parse (payload, &error);
  if (handshake->identity == NULL) {
    g_task_return_error (task, error);
    return;
  }
  bpg_challenge_async (BPG_LINK (source), handshake->identity->device_id, handshake->identity->key,
                       handshake->cancellable, on_proved, g_steal_pointer (&task));
}

void
bpg_handshake_async (BpgLink *link, BpgMaker *maker, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  static const BpgLinkRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_IDENTITY, NULL, NULL, 0, TRIES};
  g_autoptr (GTask) task = g_task_new (link, NULL, callback, user_data);
  Handshake *handshake = g_new0 (Handshake, 1);

  g_task_set_source_tag (task, bpg_handshake_async);
  g_set_object (&handshake->maker, maker);
  g_set_object (&handshake->cancellable, cancellable);
  g_task_set_task_data (task, handshake, (GDestroyNotify) handshake_free);
  bpg_link_request_async (link, &request, cancellable, on_identity, g_steal_pointer (&task));
}

BpgArmIdentity *
bpg_handshake_finish (BpgLink *link, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, link), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
