/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-identity.h"

#include "bpg-error.h"
#include "bpg-key.h"

#include "link/messages.h"

#define MAX_TEXT 63u

static void
clear (gpointer data)
{
  BpgArmIdentity *self = data;

  g_free (self->device_id);
  g_free (self->fingerprint);
  g_clear_pointer (&self->key, g_bytes_unref);
  g_clear_pointer (&self->certificate, g_bytes_unref);
  g_free (self->hardware);
  g_free (self->firmware);
  g_free (self->state);
  g_free (self->side);
  g_free (self->patient);
}

BpgArmIdentity *
bpg_arm_identity_ref (BpgArmIdentity *self)
{
  return g_rc_box_acquire (self);
}

void
bpg_arm_identity_unref (BpgArmIdentity *self)
{
  g_rc_box_release_full (self, clear);
}

/* Short printable ASCII: these go into logs, object paths and other services. */
static gboolean
take_text (const struct bpg_text *text, gsize minimum, char **target)
{
  if (text->length < minimum || text->length > MAX_TEXT)
    return FALSE;
  for (gsize i = 0; i < text->length; i++) {
    if (!g_ascii_isgraph (text->bytes[i]) && text->bytes[i] != ' ')
      return FALSE;
  }
  *target = g_strndup (text->length > 0 ? text->bytes : "", text->length);
  return TRUE;
}

static gboolean
is_side (const char *side)
{
  return g_str_equal (side, "left") || g_str_equal (side, "right") || side[0] == '\0';
}

static gboolean
take_all (BpgArmIdentity *self, const struct bpg_identity *message)
{
  if (!take_text (&message->id, 1, &self->device_id) || !take_text (&message->hw, 0, &self->hardware) ||
      !take_text (&message->fw, 0, &self->firmware) || !take_text (&message->state, 1, &self->state) ||
      !take_text (&message->side, 0, &self->side) || !take_text (&message->patient, 0, &self->patient) ||
      !is_side (self->side) || message->schema > G_MAXUINT32)
    return FALSE;
  if (message->key.length == 0 || message->key.length > BPG_KEY_MAX || message->cert.length > BPG_CERTIFICATE_MAX)
    return FALSE;

  self->schema = (guint) message->schema;
  self->key = g_bytes_new (message->key.bytes, message->key.length);
  self->fingerprint = bpg_key_get_fingerprint (self->key);
  if (message->cert.length > 0)
    self->certificate = g_bytes_new (message->cert.bytes, message->cert.length);
  return TRUE;
}

BpgArmIdentity *
bpg_arm_identity_parse (GBytes *payload, GError **error)
{
  g_autoptr (BpgArmIdentity) self = g_rc_box_new0 (BpgArmIdentity);
  g_autofree char *claimed = NULL;
  struct bpg_identity message = {0};
  gsize length;
  const guint8 *bytes = g_bytes_get_data (payload, &length);

  if (!bpg_identity_decode (bytes, length, &message) || !take_all (self, &message)) {
    g_set_error_literal (error, BPG_ERROR, BPG_ERROR_CORRUPT, "What the device says about itself is not an arm's identity");
    return NULL;
  }
  if (message.fp.length != 64)
    claimed = g_strdup ("");
  else
    claimed = g_ascii_strdown (message.fp.bytes, 64);
  if (!g_str_equal (claimed, self->fingerprint)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS,
                 "What calls itself %s shows a key and the fingerprint of another one; do not use it", self->device_id);
    return NULL;
  }
  return g_steal_pointer (&self);
}
