/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-image-builder.h"

#include "bpg-error.h"

#include <string.h>

#define IMAGE_MAGIC 0x96f3b83du
#define HEADER_SIZE 32u
#define TLV_MAGIC 0x6907u
#define PROTECTED_MAGIC 0x6908u
#define TLV_HEAD 4u

#define TLV_KEY_HASH 0x01u
#define TLV_SHA256 0x10u
#define TLV_RSA3072_PSS 0x23u
/* Of the range that MCUboot leaves to vendors. */
#define TLV_HARDWARE 0x00a0u
#define TLV_SIDE 0x00a1u
#define TLV_SCHEMA 0x00a2u

#define MAX_TEXT 31u
#define MAX_PAYLOAD (4u * 1024u * 1024u)

BpgImageVersion
bpg_image_version_from_time (guint64 time, const BpgImageVersion *above)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc ((gint64) (time / G_USEC_PER_SEC));
  BpgImageVersion version = {
    .major = (guint8) CLAMP (g_date_time_get_year (date) - 2000, 0, 255),
    .minor = (guint8) g_date_time_get_month (date),
    .revision = (guint16) g_date_time_get_day_of_month (date),
    .build = (guint32) (time / 1000 % (24 * 3600 * 1000)),
  };

  if (above != NULL && bpg_image_version_pack (&version) <= bpg_image_version_pack (above))
    return bpg_image_version_unpack (bpg_image_version_pack (above) + 1);
  return version;
}

guint64
bpg_image_version_pack (const BpgImageVersion *version)
{
  return (guint64) version->major << 56 | (guint64) version->minor << 48 | (guint64) version->revision << 32 |
         version->build;
}

BpgImageVersion
bpg_image_version_unpack (guint64 packed)
{
  return (BpgImageVersion){(guint8) (packed >> 56), (guint8) (packed >> 48), (guint16) (packed >> 32),
                           (guint32) packed};
}

static void
put_u16 (GByteArray *out, guint value)
{
  guint8 bytes[2] = {(guint8) value, (guint8) (value >> 8)};

  g_byte_array_append (out, bytes, sizeof bytes);
}

static void
put_u32 (GByteArray *out, guint32 value)
{
  put_u16 (out, value & 0xffff);
  put_u16 (out, value >> 16);
}

static void
put_tlv (GByteArray *out, guint type, gconstpointer value, gsize length)
{
  put_u16 (out, type);
  put_u16 (out, (guint) length);
  g_byte_array_append (out, value, (guint) length);
}

static GByteArray *
build_protected (const BpgImageClaims *claims)
{
  GByteArray *out = g_byte_array_new ();
  guint32 schema = GUINT32_TO_LE (claims->schema);
  gsize hardware_length = strlen (claims->hardware);
  gsize side_length = strlen (claims->side);

  put_u16 (out, PROTECTED_MAGIC);
  put_u16 (out, (guint) (TLV_HEAD * 4 + hardware_length + side_length + sizeof schema));
  put_tlv (out, TLV_HARDWARE, claims->hardware, hardware_length);
  put_tlv (out, TLV_SIDE, claims->side, side_length);
  put_tlv (out, TLV_SCHEMA, &schema, sizeof schema);
  return out;
}

static void
put_header (GByteArray *out, gsize payload_length, guint protected_length, const BpgImageVersion *version)
{
  const guint8 short_version[2] = {version->major, version->minor};

  put_u32 (out, IMAGE_MAGIC);
  put_u32 (out, 0); /* load address: none, it runs in place */
  put_u16 (out, HEADER_SIZE);
  put_u16 (out, protected_length);
  put_u32 (out, (guint32) payload_length);
  put_u32 (out, 0); /* flags */
  g_byte_array_append (out, short_version, sizeof short_version);
  put_u16 (out, version->revision);
  put_u32 (out, version->build);
  put_u32 (out, 0);
}

static gboolean
check (GBytes *payload, const BpgImageClaims *claims, GError **error)
{
  gsize length = g_bytes_get_size (payload);

  if (length == 0 || length > MAX_PAYLOAD) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "%" G_GSIZE_FORMAT " bytes cannot be put into a container", length);
    return FALSE;
  }
  if (strlen (claims->hardware) > MAX_TEXT || claims->hardware[0] == '\0' || strlen (claims->side) > MAX_TEXT) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The names of board and side have 1 to %u bytes",
                 MAX_TEXT);
    return FALSE;
  }
  return TRUE;
}

GBytes *
bpg_image_build (GBytes *payload, const BpgImageClaims *claims, BpgSigner *signer, guint8 hash[BPG_HASH_LENGTH],
                 GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GByteArray) protected = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 signature[BPG_SIGNATURE_LENGTH], key_hash[BPG_HASH_LENGTH];
  gsize hash_length = BPG_HASH_LENGTH;

  if (!check (payload, claims, error))
    return NULL;
  protected = build_protected (claims);
  put_header (out, g_bytes_get_size (payload), protected->len, &claims->version);
  g_byte_array_append (out, g_bytes_get_data (payload, NULL), (guint) g_bytes_get_size (payload));
  g_byte_array_append (out, protected->data, protected->len);

  g_checksum_update (checksum, out->data, (gssize) out->len);
  g_checksum_get_digest (checksum, hash, &hash_length);
  bpg_signer_get_key_hash (signer, key_hash);
  if (!bpg_signer_sign (signer, hash, signature, error))
    return NULL;

  put_u16 (out, TLV_MAGIC);
  put_u16 (out, TLV_HEAD * 4 + BPG_HASH_LENGTH * 2 + BPG_SIGNATURE_LENGTH);
  put_tlv (out, TLV_SHA256, hash, BPG_HASH_LENGTH);
  put_tlv (out, TLV_KEY_HASH, key_hash, BPG_HASH_LENGTH);
  put_tlv (out, TLV_RSA3072_PSS, signature, BPG_SIGNATURE_LENGTH);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static guint32
get_u32 (const guint8 *bytes)
{
  guint32 value;

  memcpy (&value, bytes, sizeof value);
  return GUINT32_FROM_LE (value);
}

GBytes *
bpg_image_get_payload (GBytes *container, GError **error)
{
  gsize total;
  const guint8 *bytes = g_bytes_get_data (container, &total);

  if (total < HEADER_SIZE || get_u32 (bytes) != IMAGE_MAGIC || get_u32 (bytes + 12) > total - HEADER_SIZE) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The stored container is damaged");
    return NULL;
  }
  return g_bytes_new_from_bytes (container, HEADER_SIZE, get_u32 (bytes + 12));
}
