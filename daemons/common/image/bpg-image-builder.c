/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-image-builder.h"

#include "bpg-error.h"

#include "boot/image.h"

#include <string.h>

#define TLV_HEAD 4u
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

/* A number up to @most, and what follows it; digits alone, so that no sign and no blank gets in. */
static gboolean
read_number (const char **at, guint64 most, guint64 *number)
{
  const char *begin = *at;

  *number = 0;
  while (g_ascii_isdigit (**at) && *number <= most) {
    *number = *number * 10 + (guint64) g_ascii_digit_value (**at);
    (*at)++;
  }
  return *at > begin && *number <= most;
}

gboolean
bpg_image_version_parse (const char *text, BpgImageVersion *version, GError **error)
{
  const char *at = text;
  guint64 major, minor, revision, build = 0;

  if (read_number (&at, G_MAXUINT8, &major) && *at++ == '.' && read_number (&at, G_MAXUINT8, &minor) &&
      *at++ == '.' && read_number (&at, G_MAXUINT16, &revision) &&
      (*at == '\0' || (*at++ == '+' && read_number (&at, G_MAXUINT32, &build) && *at == '\0'))) {
    *version = (BpgImageVersion){(guint8) major, (guint8) minor, (guint16) revision, (guint32) build};
    return TRUE;
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
               "'%s' is no version: MAJOR.MINOR.REVISION[+BUILD], up to 255.255.65535+4294967295", text);
  return FALSE;
}

char *
bpg_image_version_format (const BpgImageVersion *version)
{
  if (version->build == 0)
    return g_strdup_printf ("%u.%u.%u", version->major, version->minor, version->revision);
  return g_strdup_printf ("%u.%u.%u+%u", version->major, version->minor, version->revision, version->build);
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

/* Nothing at all when nothing is claimed: an area without a TLV is none. */
static GByteArray *
build_protected (const BpgImageClaims *claims)
{
  g_autoptr (GByteArray) tlvs = g_byte_array_new ();
  GByteArray *out = g_byte_array_new ();
  guint32 schema = GUINT32_TO_LE (claims->schema);

  if (claims->hardware != NULL)
    put_tlv (tlvs, BPG_IMAGE_TLV_HARDWARE, claims->hardware, strlen (claims->hardware));
  if (claims->side != NULL)
    put_tlv (tlvs, BPG_IMAGE_TLV_SIDE, claims->side, strlen (claims->side));
  if (claims->schema != 0)
    put_tlv (tlvs, BPG_IMAGE_TLV_SCHEMA, &schema, sizeof schema);
  if (tlvs->len == 0)
    return out;
  put_u16 (out, BPG_IMAGE_PROTECTED_MAGIC);
  put_u16 (out, TLV_HEAD + tlvs->len);
  g_byte_array_append (out, tlvs->data, tlvs->len);
  return out;
}

static guint
get_header_size (const BpgImageClaims *claims)
{
  return claims->header_size != 0 ? claims->header_size : BPG_IMAGE_HEADER_SIZE;
}

static void
put_header (GByteArray *out, gsize payload_length, guint protected_length, const BpgImageClaims *claims)
{
  const guint8 short_version[2] = {claims->version.major, claims->version.minor};
  guint size = get_header_size (claims);

  put_u32 (out, BPG_IMAGE_MAGIC);
  put_u32 (out, 0); /* load address: none, it runs in place */
  put_u16 (out, size);
  put_u16 (out, protected_length);
  put_u32 (out, (guint32) payload_length);
  put_u32 (out, 0); /* flags */
  g_byte_array_append (out, short_version, sizeof short_version);
  put_u16 (out, claims->version.revision);
  put_u32 (out, claims->version.build);
  while (out->len < size)
    put_u16 (out, 0);
}

static gboolean
is_text (const char *text)
{
  return text == NULL || (text[0] != '\0' && strlen (text) <= BPG_IMAGE_TEXT_MAX);
}

static gboolean
check (GBytes *payload, const BpgImageClaims *claims, GError **error)
{
  gsize length = g_bytes_get_size (payload);
  guint header_size = get_header_size (claims);

  if (length == 0 || length > MAX_PAYLOAD) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "%" G_GSIZE_FORMAT " bytes cannot be put into a container", length);
    return FALSE;
  }
  if (!is_text (claims->hardware) || !is_text (claims->side)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The names of board and side have 1 to %u bytes",
                 BPG_IMAGE_TEXT_MAX);
    return FALSE;
  }
  if (header_size < BPG_IMAGE_HEADER_SIZE || header_size % 4 != 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "A header has a multiple of 4 bytes, %u at least, and not %u", BPG_IMAGE_HEADER_SIZE, header_size);
    return FALSE;
  }
  return TRUE;
}

GBytes *
bpg_image_build (GBytes *payload, const BpgImageClaims *claims, BpgSigningKey *key, guint8 hash[BPG_HASH_LENGTH],
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
  put_header (out, g_bytes_get_size (payload), protected->len, claims);
  g_byte_array_append (out, g_bytes_get_data (payload, NULL), (guint) g_bytes_get_size (payload));
  g_byte_array_append (out, protected->data, protected->len);

  g_checksum_update (checksum, out->data, (gssize) out->len);
  g_checksum_get_digest (checksum, hash, &hash_length);
  bpg_signing_key_get_hash (key, key_hash);
  if (!bpg_signing_key_sign (key, hash, signature, error))
    return NULL;

  put_u16 (out, BPG_IMAGE_TLV_MAGIC);
  put_u16 (out, TLV_HEAD * 4 + BPG_HASH_LENGTH * 2 + BPG_SIGNATURE_LENGTH);
  put_tlv (out, BPG_IMAGE_TLV_SHA256, hash, BPG_HASH_LENGTH);
  put_tlv (out, BPG_IMAGE_TLV_KEY_HASH, key_hash, BPG_HASH_LENGTH);
  put_tlv (out, BPG_IMAGE_TLV_RSA3072_PSS, signature, BPG_SIGNATURE_LENGTH);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

GBytes *
bpg_image_get_payload (GBytes *container, GError **error)
{
  gsize total;
  const guint8 *bytes = g_bytes_get_data (container, &total);
  struct bpg_image image;

  if (bpg_image_parse (bytes, total, &image) != BPG_IMAGE_OK) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The stored container is damaged");
    return NULL;
  }
  return g_bytes_new_from_bytes (container, (gsize) (image.payload - bytes), image.payload_length);
}

char *
bpg_hash_to_hex (const guint8 hash[BPG_HASH_LENGTH])
{
  GString *text = g_string_sized_new (2 * BPG_HASH_LENGTH);

  for (guint i = 0; i < BPG_HASH_LENGTH; i++)
    g_string_append_printf (text, "%02x", hash[i]);
  return g_string_free (text, FALSE);
}
