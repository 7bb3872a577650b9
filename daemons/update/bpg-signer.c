/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-signer.h"

#include "bpg-error.h"

struct _BpgSigner {
  GObject parent_instance;

  char *path;
  GMutex mutex; /* over the key's being there */
  BpgSigningKey *key;
};

G_DEFINE_FINAL_TYPE (BpgSigner, bpg_signer, G_TYPE_OBJECT)

static void
bpg_signer_finalize (GObject *object)
{
  BpgSigner *self = BPG_SIGNER (object);

  g_clear_pointer (&self->key, bpg_signing_key_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->path);
  G_OBJECT_CLASS (bpg_signer_parent_class)->finalize (object);
}

static void
bpg_signer_class_init (BpgSignerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_signer_finalize;
}

static void
bpg_signer_init (BpgSigner *self)
{
  g_mutex_init (&self->mutex);
}

BpgSigner *
bpg_signer_new (const char *path)
{
  BpgSigner *self = g_object_new (BPG_TYPE_SIGNER, NULL);

  self->path = g_strdup (path);
  return self;
}

gboolean
bpg_signer_exists (BpgSigner *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  return self->key != NULL || g_file_test (self->path, G_FILE_TEST_EXISTS);
}

gboolean
bpg_signer_ensure (BpgSigner *self, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);
  g_autoptr (GError) local = NULL;

  if (self->key != NULL)
    return TRUE;
  if (!g_file_test (self->path, G_FILE_TEST_EXISTS)) {
    self->key = bpg_signing_key_generate (self->path, error);
    return self->key != NULL;
  }
  self->key = bpg_signing_key_open (self->path, NULL, NULL, &local);
  if (self->key == NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_VAULT_NO_KEY, "The clinic's key: %s", local->message);
  return self->key != NULL;
}

static void
ensure_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (bpg_signer_ensure (source, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bpg_signer_ensure_async (BpgSigner *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_signer_ensure_async);
  g_task_run_in_thread (task, ensure_in_worker);
}

gboolean
bpg_signer_ensure_finish (BpgSigner *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

BpgSigningKey *
bpg_signer_get_key (BpgSigner *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  return self->key;
}

GBytes *
bpg_signer_get_public_key (BpgSigner *self)
{
  BpgSigningKey *key = bpg_signer_get_key (self);

  return key != NULL ? g_bytes_ref (bpg_signing_key_get_public_key (key)) : NULL;
}
