/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-seal.h"

#include "bpg-error.h"

#include <string.h>

/* Tells content that was stored plainly from content that was sealed. */
static const char mark[4] = {'P', 'L', 'N', '1'};

struct _BpgSeal {
  GObject parent_instance;
};

G_DEFINE_FINAL_TYPE (BpgSeal, bpg_seal, G_TYPE_OBJECT)

static void
bpg_seal_class_init (BpgSealClass *klass)
{
}

static void
bpg_seal_init (BpgSeal *self)
{
}

BpgSeal *
bpg_seal_new (void)
{
  return g_object_new (BPG_TYPE_SEAL, NULL);
}

GBytes *
bpg_seal_close (BpgSeal *self, const char *patient, GBytes *content, GError **error)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (content, &length);
  guint8 *stored = g_malloc (sizeof mark + length);

  memcpy (stored, mark, sizeof mark);
  if (length > 0)
    memcpy (stored + sizeof mark, data, length);
  return g_bytes_new_take (stored, sizeof mark + length);
}

GBytes *
bpg_seal_open (BpgSeal *self, const char *patient, GBytes *stored, GError **error)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (stored, &length);

  if (length < sizeof mark || memcmp (data, mark, sizeof mark) != 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "Stored data of patient %s is damaged", patient);
    return NULL;
  }
  return g_bytes_new_from_bytes (stored, sizeof mark, length - sizeof mark);
}
