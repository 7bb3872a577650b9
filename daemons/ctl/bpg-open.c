/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-open.h"
#include "bpg-file.h"

#include "training/lib/bpg-training-error.h"

#include <string.h>
#include <unistd.h>

#define CONTAINER_MAX (1024u * 1024 * 1024)

void
bpg_opened_free (BpgOpened *self)
{
  g_clear_pointer (&self->file, bpg_recording_file_free);
  g_clear_pointer (&self->container, g_bytes_unref);
  g_free (self->stem);
  g_free (self->patient);
  g_free (self->prosthesis);
  g_free (self->filters);
  g_free (self);
}

gboolean
bpg_ctl_take_training_error (GError **dest, GError *error)
{
  g_autoptr (GError) owned = error;
  g_autofree char *name = NULL;
  int code;

  if (owned->domain != BPG_TRAINING_ERROR)
    return bpg_error_take (dest, g_steal_pointer (&owned), NULL);
  name = g_strconcat ("org.bionicpro.Error.", bpg_training_error_name (owned->code), NULL);
  code = bpg_error_from_name (name);
  g_set_error_literal (dest, BPG_ERROR, code >= 0 ? code : BPG_ERROR_INVALID_ARGUMENT, owned->message);
  return FALSE;
}

static const char *
peek_text (BpgRecordingFile *file, const char *member)
{
  JsonNode *node = file->side_car != NULL && JSON_NODE_HOLDS_OBJECT (file->side_car)
                     ? json_object_get_member (json_node_get_object (file->side_car), member)
                     : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
           ? json_node_get_string (node)
           : NULL;
}

static void
fill_from_side_car (BpgOpened *self)
{
  const char *patient = peek_text (self->file, "patient");
  const char *subject = bpg_emg_recording_get_subject (self->file->recording);

  if (self->patient == NULL)
    self->patient = g_strdup (patient != NULL ? patient : subject);
  if (self->prosthesis == NULL)
    self->prosthesis = g_strdup (peek_text (self->file, "prosthesis"));
  self->filters = g_strdup (peek_text (self->file, "filters"));
  self->generated |= g_strcmp0 (peek_text (self->file, "source"), "generated") == 0 ||
                     g_strcmp0 (peek_text (self->file, "dataset"), "generated") == 0;
  self->info.patient = self->patient;
  self->info.equipment = self->prosthesis;
  self->info.filters = self->filters;
  self->info.code = self->stem;
}

static BpgOpened *
open_file (const char *path, GError **error)
{
  g_autoptr (BpgOpened) self = g_new0 (BpgOpened, 1);
  g_autofree char *base = g_path_get_basename (path);
  GError *local = NULL;

  self->file = bpg_recording_file_load (path, NULL, &local);
  if (self->file == NULL) {
    bpg_ctl_take_training_error (error, local);
    return NULL;
  }
  self->stem = g_strndup (base, (gsize) (strrchr (base, '.') - base));
  fill_from_side_car (self);
  return g_steal_pointer (&self);
}

static BpgOpened *
open_object (BpgCtl *ctl, BpgObject *object, GError **error)
{
  g_autoptr (BpgOpened) self = g_new0 (BpgOpened, 1);
  g_autofree char *patient = bpg_object_get_string (object, "Recording1.Patient");
  g_autofree char *source = bpg_object_get_string (object, "Recording1.Source");
  g_autoptr (GVariant) reply = NULL;
  GError *local = NULL;
  int fd = -1;

  reply = bpg_ctl_call_fd (ctl, object->path, "Recording1.Open", g_variant_new ("(a{sv})", NULL), "(h)", -1, &fd, error);
  if (reply == NULL)
    return NULL;
  self->container = bpg_file_read_fd (fd, CONTAINER_MAX, error);
  close (fd);
  if (self->container == NULL)
    return NULL;
  self->file = bpg_recording_file_from_container (self->container, &local);
  if (self->file == NULL) {
    bpg_ctl_take_training_error (error, local);
    return NULL;
  }
  self->stem = bpg_ctl_get_name (object->path);
  self->patient = bpg_ctl_get_name (patient);
  self->prosthesis = bpg_object_get_string (object, "Recording1.Prosthesis");
  self->info.start = (gint64) bpg_object_get_number (object, "Recording1.Created");
  self->generated = strcmp (source, "generated") == 0;
  fill_from_side_car (self);
  return g_steal_pointer (&self);
}

BpgOpened *
bpg_ctl_open (BpgCtl *ctl, const char *typed, GError **error)
{
  g_autoptr (BpgObject) object = NULL;

  if (bpg_recording_file_is_known (typed))
    return open_file (typed, error);
  object = bpg_ctl_find (ctl, BPG_THING_RECORDING, typed, error);
  return object != NULL ? open_object (ctl, object, error) : NULL;
}
