/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boot/image.h"

#include <string.h>

#include "link/little-endian.h"

#define TLV_INFO_SIZE 4u

int
bpg_image_peek (const uint8_t *bytes, size_t length, uint32_t *payload_length)
{
  if (length < BPG_IMAGE_HEADER_SIZE)
    return BPG_IMAGE_ETRUNCATED;
  if (bpg_get_u32 (bytes) != BPG_IMAGE_MAGIC)
    return BPG_IMAGE_EMAGIC;
  *payload_length = bpg_get_u32 (bytes + 12);
  return BPG_IMAGE_OK;
}

static void
read_version (const uint8_t *bytes, struct bpg_image_version *version)
{
  version->major = bytes[20];
  version->minor = bytes[21];
  version->revision = bpg_get_u16 (bytes + 22);
  version->build = bpg_get_u32 (bytes + 24);
}

/* Keeps what a TLV says; a known type of the wrong size is an error, as is
 * one of ours outside the protected area. */
static int
take_tlv (struct bpg_image *image, bool is_protected, unsigned type, const uint8_t *value,
          size_t length)
{
  switch (type)
    {
    case BPG_IMAGE_TLV_SHA256:
      image->hash = value;
      return length == BPG_SHA256_SIZE ? BPG_IMAGE_OK : BPG_IMAGE_ELAYOUT;
    case BPG_IMAGE_TLV_KEY_HASH:
      image->key_hash = value;
      return length == BPG_SHA256_SIZE ? BPG_IMAGE_OK : BPG_IMAGE_ELAYOUT;
    case BPG_IMAGE_TLV_PUBLIC_KEY:
      image->public_key = value;
      image->public_key_length = length;
      return BPG_IMAGE_OK;
    case BPG_IMAGE_TLV_RSA3072_PSS:
      image->signature = value;
      return length == BPG_RSA3072_SIZE ? BPG_IMAGE_OK : BPG_IMAGE_ELAYOUT;
    case BPG_IMAGE_TLV_HARDWARE:
      image->hardware = (const char *) value;
      image->hardware_length = length;
      return is_protected && length <= BPG_IMAGE_TEXT_MAX ? BPG_IMAGE_OK : BPG_IMAGE_ELAYOUT;
    case BPG_IMAGE_TLV_SIDE:
      image->side = (const char *) value;
      image->side_length = length;
      return is_protected && length <= BPG_IMAGE_TEXT_MAX ? BPG_IMAGE_OK : BPG_IMAGE_ELAYOUT;
    case BPG_IMAGE_TLV_SCHEMA:
      if (!is_protected || length != 4)
        return BPG_IMAGE_ELAYOUT;
      image->has_schema = true;
      image->schema = bpg_get_u32 (value);
      return BPG_IMAGE_OK;
    default:
      return BPG_IMAGE_OK;
    }
}

/* Walks one TLV area of @size bytes, its info included. */
static int
walk_tlvs (struct bpg_image *image, size_t start, size_t size, bool is_protected)
{
  size_t at = start + TLV_INFO_SIZE;
  size_t end = start + size;

  while (at < end)
    {
      size_t length;
      int error;

      if (end - at < 4)
        return BPG_IMAGE_ELAYOUT;
      length = bpg_get_u16 (image->bytes + at + 2);
      if (length > end - at - 4)
        return BPG_IMAGE_ELAYOUT;
      error = take_tlv (image, is_protected, bpg_get_u16 (image->bytes + at),
                        image->bytes + at + 4, length);
      if (error != BPG_IMAGE_OK)
        return error;
      at += 4 + length;
    }
  return BPG_IMAGE_OK;
}

/* Size of the TLV area at @start, 0 when none of that magic is there. */
static size_t
tlv_area_size (const uint8_t *bytes, size_t length, size_t start, unsigned magic)
{
  size_t size;

  if (start > length || length - start < TLV_INFO_SIZE || bpg_get_u16 (bytes + start) != magic)
    return 0;
  size = bpg_get_u16 (bytes + start + 2);
  return size >= TLV_INFO_SIZE && size <= length - start ? size : 0;
}

int
bpg_image_parse (const uint8_t *bytes, size_t length, struct bpg_image *image)
{
  uint32_t payload_length;
  size_t header_size;
  size_t protected_size;
  size_t tlv_size;
  int error = bpg_image_peek (bytes, length, &payload_length);

  memset (image, 0, sizeof *image);
  if (error != BPG_IMAGE_OK)
    return error;

  header_size = bpg_get_u16 (bytes + 8);
  protected_size = bpg_get_u16 (bytes + 10);
  if (header_size < BPG_IMAGE_HEADER_SIZE || payload_length == 0)
    return BPG_IMAGE_ELAYOUT;
  if (header_size > length || payload_length > length - header_size)
    return BPG_IMAGE_ETRUNCATED;

  image->bytes = bytes;
  image->flags = bpg_get_u32 (bytes + 16);
  read_version (bytes, &image->version);
  image->payload = bytes + header_size;
  image->payload_length = payload_length;
  image->hashed_length = header_size + payload_length + protected_size;

  if (protected_size > 0)
    {
      size_t start = header_size + payload_length;

      if (tlv_area_size (bytes, length, start, BPG_IMAGE_PROTECTED_MAGIC) != protected_size)
        return BPG_IMAGE_ELAYOUT;
      error = walk_tlvs (image, start, protected_size, true);
      if (error != BPG_IMAGE_OK)
        return error;
    }

  tlv_size = tlv_area_size (bytes, length, image->hashed_length, BPG_IMAGE_TLV_MAGIC);
  if (tlv_size == 0)
    return BPG_IMAGE_ETRUNCATED;
  image->total_length = image->hashed_length + tlv_size;
  return walk_tlvs (image, image->hashed_length, tlv_size, false);
}

/* One DER element at *@at: its tag, and its contents as a range. */
static bool
read_der (const uint8_t *bytes, size_t length, size_t *at, uint8_t tag, size_t *start, size_t *size)
{
  size_t count = 0;
  unsigned extra;

  if (*at >= length || length - *at < 2 || bytes[*at] != tag)
    return false;
  count = bytes[*at + 1];
  *at += 2;
  if (count >= 0x80)
    {
      extra = (unsigned) count & 0x7F;
      if (extra == 0 || extra > 2 || extra > length - *at)
        return false;
      count = 0;
      while (extra-- > 0)
        count = count << 8 | bytes[(*at)++];
    }
  if (count > length - *at)
    return false;
  *start = *at;
  *size = count;
  *at += count;
  return true;
}

bool
bpg_image_rsa_key (const uint8_t *spki, size_t spki_length, const uint8_t **key, size_t *key_length)
{
  /* rsaEncryption, 1.2.840.113549.1.1.1 */
  static const uint8_t rsa_oid[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01 };
  size_t at = 0;
  size_t start;
  size_t size;
  size_t inner;
  size_t oid;
  size_t oid_size;
  size_t modulus;
  size_t modulus_size;

  if (!read_der (spki, spki_length, &at, 0x30, &start, &size) || at != spki_length)
    return false;
  at = start;
  if (!read_der (spki, spki_length, &at, 0x30, &inner, &size)
      || !read_der (spki, inner + size, &inner, 0x06, &oid, &oid_size)
      || oid_size != sizeof rsa_oid || memcmp (spki + oid, rsa_oid, sizeof rsa_oid) != 0)
    return false;
  if (!read_der (spki, spki_length, &at, 0x03, &start, &size) || size < 2 || spki[start] != 0
      || at != spki_length)
    return false;

  *key = spki + start + 1;
  *key_length = size - 1;
  at = 0;
  if (!read_der (*key, *key_length, &at, 0x30, &start, &size) || at != *key_length)
    return false;
  at = start;
  /* The modulus has a leading zero, as its highest bit is set. */
  return read_der (*key, *key_length, &at, 0x02, &modulus, &modulus_size)
         && modulus_size == BPG_RSA3072_SIZE + 1 && (*key)[modulus] == 0
         && (*key)[modulus + 1] >= 0x80;
}

bool
bpg_image_rsa_numbers (const uint8_t *key, size_t key_length, const uint8_t **modulus,
                       uint32_t *exponent)
{
  size_t at = 0;
  size_t start;
  size_t size;

  if (!read_der (key, key_length, &at, 0x30, &start, &size))
    return false;
  at = start;
  if (!read_der (key, key_length, &at, 0x02, &start, &size) || size != BPG_RSA3072_SIZE + 1)
    return false;
  *modulus = key + start + 1;
  if (!read_der (key, key_length, &at, 0x02, &start, &size) || size > sizeof *exponent)
    return false;
  *exponent = 0;
  for (size_t i = 0; i < size; i++)
    *exponent = *exponent << 8 | key[start + i];
  return true;
}

/* Whether a container says that the RSAPublicKey @key signed it, by its hash or
 * by the whole of it. */
static bool
names_key (const struct bpg_image *image, const uint8_t *key, size_t length,
           const struct bpg_image_crypto *crypto)
{
  uint8_t hash[BPG_SHA256_SIZE];

  if (image->key_hash == NULL)
    return image->public_key_length == length && memcmp (image->public_key, key, length) == 0;
  crypto->sha256 (key, length, hash);
  return memcmp (hash, image->key_hash, sizeof hash) == 0;
}

int
bpg_image_verify (const struct bpg_image *image, const uint8_t *spki, size_t spki_length,
                  const struct bpg_image_crypto *crypto)
{
  uint8_t hash[BPG_SHA256_SIZE];
  const uint8_t *key;
  size_t key_length;

  crypto->sha256 (image->bytes, image->hashed_length, hash);
  if (image->hash == NULL || memcmp (hash, image->hash, sizeof hash) != 0)
    return BPG_IMAGE_EHASH;

  if (!bpg_image_rsa_key (spki, spki_length, &key, &key_length)
      || !names_key (image, key, key_length, crypto))
    return BPG_IMAGE_EKEY;

  if (image->signature == NULL
      || !crypto->rsa_pss_verify (spki, spki_length, hash, image->signature))
    return BPG_IMAGE_ESIGNATURE;
  return (image->flags & BPG_IMAGE_FLAGS_FOREIGN) == 0 ? BPG_IMAGE_OK : BPG_IMAGE_EKIND;
}

static int
compare_u32 (uint32_t a, uint32_t b)
{
  return a < b ? -1 : a > b;
}

int
bpg_image_version_compare (const struct bpg_image_version *a, const struct bpg_image_version *b)
{
  int order = compare_u32 (a->major, b->major);

  if (order == 0)
    order = compare_u32 (a->minor, b->minor);
  if (order == 0)
    order = compare_u32 (a->revision, b->revision);
  if (order == 0)
    order = compare_u32 (a->build, b->build);
  return order;
}
