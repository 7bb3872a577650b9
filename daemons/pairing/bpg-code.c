/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-code.h"

#include "bpg-error.h"
#include "bpg-key.h"

#include "link/messages.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END "-----END PUBLIC KEY-----"
#define FINGERPRINT_DIGITS 64u

void
bpg_code_free (BpgCode *self)
{
  g_free (self->device_id);
  g_free (self->fingerprint);
  g_clear_pointer (&self->key, g_bytes_unref);
  g_free (self);
}

static gboolean
set_bad (GError **error, const char *what)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The code cannot be used: %s; scan it again", what);
  return FALSE;
}

static const char *
get_text (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
           ? json_node_get_string (node)
           : NULL;
}

static gboolean
is_hex (const char *text)
{
  return text[0] != '\0' && text[strspn (text, "0123456789abcdefABCDEF")] == '\0';
}

static GBytes *
decode_hex (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();

  for (gsize i = 0; text[i] != '\0' && text[i + 1] != '\0'; i += 2) {
    guint8 byte = (guint8) (g_ascii_xdigit_value (text[i]) << 4 | g_ascii_xdigit_value (text[i + 1]));

    g_byte_array_append (bytes, &byte, 1);
  }
  return g_byte_array_free_to_bytes (bytes);
}

static GBytes *
decode_base64 (const char *text, gsize length)
{
  g_autofree char *body = g_strndup (text, length);
  gsize size = 0;
  guchar *der;

  if (body[strspn (body, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n ")] != '\0')
    return NULL;
  der = g_base64_decode (body, &size);
  return g_bytes_new_take (der, size);
}

static GBytes *
decode_key (const char *text)
{
  g_autoptr (GBytes) key = NULL;
  const char *begin = strstr (text, PEM_BEGIN);
  const char *end = begin != NULL ? strstr (begin, PEM_END) : NULL;

  if (begin != NULL && end == NULL)
    return NULL;
  if (begin != NULL)
    key = decode_base64 (begin + strlen (PEM_BEGIN), (gsize) (end - begin) - strlen (PEM_BEGIN));
  else if (is_hex (text) && strlen (text) % 2 == 0)
    key = decode_hex (text);
  else
    key = decode_base64 (text, strlen (text));
  if (key == NULL || g_bytes_get_size (key) == 0 || g_bytes_get_size (key) > BPG_KEY_MAX)
    return NULL;
  return g_steal_pointer (&key);
}

static gboolean
take_members (BpgCode *self, JsonObject *object, GError **error)
{
  const char *device_id = get_text (object, "deviceId");
  const char *fingerprint = get_text (object, "fingerprint");
  const char *key = get_text (object, "publicKey");

  if (device_id == NULL || device_id[0] == '\0' || strlen (device_id) > BPG_DEVICE_ID_MAX)
    return set_bad (error, "deviceId is not a short text");
  if (fingerprint == NULL || strlen (fingerprint) != FINGERPRINT_DIGITS || !is_hex (fingerprint))
    return set_bad (error, "fingerprint is not 64 hexadecimal digits");
  if (key == NULL || (self->key = decode_key (key)) == NULL)
    return set_bad (error, "publicKey is not a key");
  self->device_id = g_strdup (device_id);
  self->fingerprint = g_ascii_strdown (fingerprint, -1);
  return TRUE;
}

BpgCode *
bpg_code_parse (const char *text, GError **error)
{
  g_autoptr (BpgCode) self = g_new0 (BpgCode, 1);
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  JsonNode *root;

  if (strlen (text) > BPG_CODE_MAX) {
    set_bad (error, "it is longer than 4096 bytes");
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, -1, NULL) || (root = json_parser_get_root (parser)) == NULL ||
      !JSON_NODE_HOLDS_OBJECT (root)) {
    set_bad (error, "it is not a JSON object");
    return NULL;
  }
  return take_members (self, json_node_get_object (root), error) ? g_steal_pointer (&self) : NULL;
}

gboolean
bpg_code_check (const BpgCode *self, const char *device_id, const char *fingerprint, GBytes *key, GError **error)
{
  const char *what = NULL;
  g_autofree char *own = bpg_key_get_fingerprint (self->key);

  if (!g_str_equal (self->device_id, device_id))
    what = "deviceId";
  else if (!g_str_equal (self->fingerprint, fingerprint) || !g_str_equal (own, fingerprint))
    what = "fingerprint";
  else if (!g_bytes_equal (self->key, key))
    what = "publicKey";
  if (what == NULL)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS,
               "The code is not that of %s (its %s is another); scan the code of this arm, or plug in the right one",
               device_id, what);
  return FALSE;
}
