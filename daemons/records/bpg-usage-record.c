/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-usage-record.h"

#include "bpg-movement.h"

#include "link/checksum.h"
#include "link/little-endian.h"

#include <string.h>

#define KIND_AT 8
#define FLAGS_AT 9
#define A_AT 10
#define DATA_AT 12
#define CRC_AT 28
#define FLAG_CLOCK_SET 0x01
#define N_GESTURES 13
#define HASH_BYTES 16
#define N_BUCKETS 4

static void
add (GVariantBuilder *builder, const char *key, GVariant *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

static void
add_hash (GVariantBuilder *builder, const guint8 *data)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < HASH_BYTES; i++)
    g_string_append_printf (text, "%02x", data[i]);
  add (builder, "model", g_variant_new_take_string (g_string_free (text, FALSE)));
}

static const char *
name_of (const char *const *names, guint n_names, guint number)
{
  return number < n_names ? names[number] : "other";
}

static void
describe_start (GVariantBuilder *builder, guint a, const guint8 *data)
{
  static const char *const reasons[] = {"power-on", "reset", "watchdog", "power-cut"};

  add (builder, "reason", g_variant_new_string (name_of (reasons, G_N_ELEMENTS (reasons), a)));
  add_hash (builder, data);
}

static void
describe_minute (GVariantBuilder *builder, guint a, const guint8 *data)
{
  GVariantBuilder movements;

  add (builder, "battery", g_variant_new_uint32 (a));
  add (builder, "faults", g_variant_new_uint32 (data[N_GESTURES]));
  add (builder, "worn", g_variant_new_boolean (data[N_GESTURES + 1] != 0));
  g_variant_builder_init (&movements, G_VARIANT_TYPE ("a{su}"));
  for (guint8 i = 0; i < N_GESTURES; i++)
    if (data[i] > 0)
      g_variant_builder_add (&movements, "{su}", bpg_movement_get_name (i), (guint32) data[i]);
  add (builder, "movements", g_variant_builder_end (&movements));
}

static void
describe_fault (GVariantBuilder *builder, guint a, const guint8 *data)
{
  static const char *const faults[] = {"other",          "battery-low",   "over-current", "over-temperature",
                                       "electrode-dead", "electrode-ok",  "model-started", "trial-ended",
                                       "button",         "fault",         "model-rejected"};

  add (builder, "fault", g_variant_new_string (name_of (faults, G_N_ELEMENTS (faults), a)));
  add (builder, "a", g_variant_new_uint32 (bpg_get_u32 (data)));
  add (builder, "b", g_variant_new_uint32 (bpg_get_u32 (data + 4)));
}

static void
describe_binding (GVariantBuilder *builder, guint a, const guint8 *data)
{
  add (builder, "bound", g_variant_new_boolean (a == 1));
}

static void
describe_model (GVariantBuilder *builder, guint a, const guint8 *data)
{
  static const char *const whats[] = {"started", "trial", "confirmed", "reverted", "rejected"};

  add (builder, "what", g_variant_new_string (name_of (whats, G_N_ELEMENTS (whats), a >> 8)));
  add (builder, "slot", g_variant_new_string ((a & 0xff) == 0 ? "A" : "B"));
  add_hash (builder, data);
}

static void
describe_latency (GVariantBuilder *builder, guint a, const guint8 *data)
{
  GVariantBuilder counts;

  add (builder, "bucket", g_variant_new_uint32 (a));
  g_variant_builder_init (&counts, G_VARIANT_TYPE ("au"));
  for (guint i = 0; i < N_BUCKETS; i++)
    g_variant_builder_add (&counts, "u", bpg_get_u32 (data + 4 * i));
  add (builder, "decisions", g_variant_builder_end (&counts));
}

static const struct {
  const char *name;
  void (*describe) (GVariantBuilder *builder, guint a, const guint8 *data);
} kinds[] = {
  {NULL, NULL},
  {"start", describe_start},
  {"minute", describe_minute},
  {"fault", describe_fault},
  {"binding", describe_binding},
  {"model", describe_model},
  {"latency", describe_latency},
};

guint64
bpg_usage_record_get_time (const guint8 *bytes)
{
  return (bytes[FLAGS_AT] & FLAG_CLOCK_SET) != 0 ? bpg_get_u64 (bytes) : 0;
}

GVariant *
bpg_usage_record_describe (guint64 sequence, const guint8 *bytes)
{
  gboolean whole = bpg_crc32 (0, bytes, CRC_AT) == bpg_get_u32 (bytes + CRC_AT);
  guint kind = bytes[KIND_AT];
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "sequence", g_variant_new_uint64 (sequence));
  add (&builder, "tick", g_variant_new_uint64 (bpg_get_u64 (bytes)));
  add (&builder, "time", g_variant_new_uint64 (whole ? bpg_usage_record_get_time (bytes) : 0));
  if (whole && kind > 0 && kind < G_N_ELEMENTS (kinds)) {
    add (&builder, "kind", g_variant_new_string (kinds[kind].name));
    kinds[kind].describe (&builder, bpg_get_u16 (bytes + A_AT), bytes + DATA_AT);
  } else {
    add (&builder, "kind", g_variant_new_string (whole ? "other" : "damaged"));
    add (&builder, "number", g_variant_new_uint32 (kind));
  }
  return g_variant_builder_end (&builder);
}
