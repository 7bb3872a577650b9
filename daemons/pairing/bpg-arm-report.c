/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-report.h"

#include "bpg-error.h"

#include "link/frame.h"
#include "link/messages.h"

#define MAX_RATE 100000u
#define MAX_WORD 32u
#define HASH_SIZE 32u
#define NANO 1e9

static char *
take_word (const struct bpg_text *text)
{
  if (text->length > MAX_WORD)
    return NULL;
  for (gsize i = 0; i < text->length; i++) {
    if (!g_ascii_isgraph (text->bytes[i]))
      return NULL;
  }
  return g_strndup (text->length > 0 ? text->bytes : "", text->length);
}

static gboolean
set_corrupt (GError **error, const char *what)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's %s cannot be made sense of", what);
  return FALSE;
}

static GVariant *
latency_histogram (const struct bpg_status *status)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("au"));
  for (guint i = 0; i < BPG_LATENCY_BUCKETS; i++)
    g_variant_builder_add (&builder, "u", (guint32) MIN (status->lat[i], G_MAXUINT32));
  return g_variant_builder_end (&builder);
}

gboolean
bpg_arm_report_status (GBytes *payload, BpgDBusProsthesis1 *skeleton, guint64 *uptime, GError **error)
{
  struct bpg_status status = {0};
  g_autofree char *boot = NULL;

  if (!bpg_status_decode (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), &status))
    return set_corrupt (error, "status");
  boot = take_word (&status.boot);
  if (boot == NULL || status.bat > 100 || status.mv > G_MAXUINT32 || status.trial > G_MAXUINT32 ||
      status.dead > G_MAXUINT16 || status.temp < -2732 || status.temp > 10000)
    return set_corrupt (error, "status");

  *uptime = status.up;
  g_object_set (skeleton, "battery-percent", (guint) status.bat, "battery-millivolt", (guint) status.mv, "temperature",
                (double) status.temp / 10.0, "worn", (gboolean) status.worn, "dead-electrodes", (guint) status.dead,
                "trial-seconds-left", (guint) status.trial, "boot-reason", boot, "decision-latency",
                latency_histogram (&status), NULL);
  return TRUE;
}

static char *
hash_to_hex (const struct bpg_bytes *hash)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < hash->length; i++)
    g_string_append_printf (text, "%02x", hash->bytes[i]);
  return g_string_free (text, FALSE);
}

gboolean
bpg_arm_report_parameters (GBytes *payload, BpgDBusProsthesis1 *skeleton, GError **error)
{
  struct bpg_parameters parameters = {0};
  g_autofree char *unit = NULL;
  g_autofree char *model = NULL;

  if (!bpg_parameters_decode (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), &parameters))
    return set_corrupt (error, "parameters");
  unit = take_word (&parameters.unit);
  if (unit == NULL || parameters.fs == 0 || parameters.fs > MAX_RATE || parameters.ch == 0 ||
      parameters.ch > BPG_FRAME_MAX_CHANNELS || parameters.lsb == 0 ||
      (parameters.model.length != 0 && parameters.model.length != HASH_SIZE))
    return set_corrupt (error, "parameters");

  model = hash_to_hex (&parameters.model);
  g_object_set (skeleton, "sampling-rate", (guint) parameters.fs, "channels", (guint) parameters.ch, "lsb",
                (double) parameters.lsb / NANO, "unit", unit, "model-hash", model, NULL);
  return TRUE;
}

void
bpg_arm_report_identity (const BpgArmIdentity *identity, BpgDBusProsthesis1 *skeleton)
{
  g_object_set (skeleton, "device-id", identity->device_id, "fingerprint", identity->fingerprint, "hardware",
                identity->hardware, "firmware", identity->firmware, "schema", identity->schema, "state", identity->state,
                "side", identity->side, "patient", identity->patient, NULL);
}
