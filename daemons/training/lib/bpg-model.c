/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-model.h"

#include "bpg-output-file.h"

#include <glib/gstdio.h>

#include "bpg-training-error.h"

struct _BpgModel
{
  GObject parent;

  GBytes *bytes;
  struct bpg_bpm bpm;
  char *hash;
};

G_DEFINE_FINAL_TYPE (BpgModel, bpg_model, G_TYPE_OBJECT)

static void
bpg_model_finalize (GObject *object)
{
  BpgModel *self = BPG_MODEL (object);

  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_free (self->hash);
  G_OBJECT_CLASS (bpg_model_parent_class)->finalize (object);
}

static void
bpg_model_class_init (BpgModelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_model_finalize;
}

static void
bpg_model_init (BpgModel *self)
{
}

BpgModel *
bpg_model_new (GBytes  *bytes,
               GError **error)
{
  g_autoptr (BpgModel) self = g_object_new (BPG_TYPE_MODEL, NULL);
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);
  g_autoptr (GBytes) even = (gsize) data % 2 == 0 ? g_bytes_ref (bytes) : g_bytes_new (data, length);
  int result = length > 0 ? bpg_bpm_parse (g_bytes_get_data (even, NULL), length, &self->bpm) : BPG_BPM_ETRUNCATED;

  if (result != 0)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR,
                           result == BPG_BPM_ESCHEMA ? BPG_TRAINING_ERROR_INCOMPATIBLE : BPG_TRAINING_ERROR_CORRUPT,
                           bpg_bpm_strerror (result));
      return NULL;
    }
  self->bytes = g_steal_pointer (&even);
  self->hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  return g_steal_pointer (&self);
}

BpgModel *
bpg_model_read (const char *path,
                GError    **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GStatBuf status;
  char *contents;
  gsize length;
  BpgModel *self;

  if (g_stat (path, &status) == 0 && (!S_ISREG (status.st_mode) || status.st_size > (goffset) BPG_BPM_LENGTH_MAX))
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT,
                   "%s is not a file of at most %u bytes; name the model that training wrote", path, BPG_BPM_LENGTH_MAX);
      return NULL;
    }
  if (!g_file_get_contents (path, &contents, &length, &local))
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND, "%s; check the name and that it may be read",
                   local->message);
      return NULL;
    }
  bytes = g_bytes_new_take (contents, length);
  self = bpg_model_new (bytes, error);
  if (self == NULL)
    g_prefix_error (error, "%s: ", path);
  return self;
}

gboolean
bpg_model_write (BpgModel   *self,
                 const char *path,
                 GError    **error)
{
  gsize length;
  const void *data = g_bytes_get_data (self->bytes, &length);

  return bpg_output_file_write (path, data, length, 0666, error);
}

GBytes *
bpg_model_get_bytes (BpgModel *self)
{
  return self->bytes;
}

const struct bpg_bpm *
bpg_model_get_bpm (BpgModel *self)
{
  return &self->bpm;
}

const char *
bpg_model_get_hash (BpgModel *self)
{
  return self->hash;
}

int
bpg_model_find (BpgModel *self,
                guint8    gesture)
{
  for (unsigned i = 0; i < self->bpm.movements; i++)
    {
      if (bpg_bpm_gesture (&self->bpm, i) == gesture)
        return (int) i;
    }
  return -1;
}
