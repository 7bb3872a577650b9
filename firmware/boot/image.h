/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Signed containers in MCUboot's image format, for firmware and for models:
 * a 32-byte header, the payload, protected TLVs (covered by hash and
 * signature), then TLVs with SHA-256, hash of the key and RSA-3072-PSS
 * signature. MCUboot, docs/design.md, "Image format". Freestanding; the
 * cryptography is the port's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_IMAGE_MAGIC 0x96F3B83Du
#define BPG_IMAGE_TLV_MAGIC 0x6907u
#define BPG_IMAGE_PROTECTED_MAGIC 0x6908u
#define BPG_IMAGE_HEADER_SIZE 32u

/* Flags of what only another boot loader makes something of: encrypted, not to
 * be started, to be copied to RAM, compressed. */
#define BPG_IMAGE_FLAGS_FOREIGN 0x0E3Cu

#define BPG_IMAGE_TLV_KEY_HASH 0x01u
#define BPG_IMAGE_TLV_PUBLIC_KEY 0x02u
#define BPG_IMAGE_TLV_SHA256 0x10u
#define BPG_IMAGE_TLV_RSA3072_PSS 0x23u
/* Ours, always protected. */
#define BPG_IMAGE_TLV_HARDWARE 0x00A0u /* text: for which board */
#define BPG_IMAGE_TLV_SIDE 0x00A1u     /* text: "left", "right" or "any" */
#define BPG_IMAGE_TLV_SCHEMA 0x00A2u   /* u32: schema of the payload */

#define BPG_SHA256_SIZE 32u
#define BPG_RSA3072_SIZE 384u
#define BPG_IMAGE_TEXT_MAX 31u

struct bpg_image_version
{
  uint8_t major;
  uint8_t minor;
  uint16_t revision;
  uint32_t build;
};

/* A parsed container; pointers point into the caller's bytes. */
struct bpg_image
{
  struct bpg_image_version version;
  uint32_t flags;
  const uint8_t *bytes;
  size_t hashed_length; /* header, payload and protected TLVs */
  size_t total_length;  /* with all TLVs */
  const uint8_t *payload;
  size_t payload_length;
  const uint8_t *hash;      /* SHA-256 it claims; NULL when absent */
  const uint8_t *key_hash;  /* SHA-256 of the signer's RSAPublicKey; NULL when absent */
  const uint8_t *public_key; /* the signer's RSAPublicKey instead; NULL when absent */
  size_t public_key_length;
  const uint8_t *signature; /* RSA-3072-PSS; NULL when absent */
  const char *hardware;     /* not terminated; NULL when absent */
  size_t hardware_length;
  const char *side;
  size_t side_length;
  bool has_schema;
  uint32_t schema;
};

enum bpg_image_error
{
  BPG_IMAGE_OK = 0,
  BPG_IMAGE_ETRUNCATED = -1, /* shorter than it says */
  BPG_IMAGE_EMAGIC = -2,     /* not a container */
  BPG_IMAGE_ELAYOUT = -3,    /* sizes or TLVs contradict each other */
  BPG_IMAGE_EHASH = -4,      /* no SHA-256, or it does not match */
  BPG_IMAGE_EKEY = -5,       /* signed by another key, or the key is not RSA-3072 */
  BPG_IMAGE_ESIGNATURE = -6, /* no signature, or it does not hold */
  BPG_IMAGE_EKIND = -7,      /* all holds, and its flags say that it is nothing to start */
};

/* The port's cryptography. */
struct bpg_image_crypto
{
  /* SHA-256 of @length bytes. */
  void (*sha256) (const uint8_t *bytes, size_t length, uint8_t hash[BPG_SHA256_SIZE]);
  /* Whether @signature over the SHA-256 @hash is RSASSA-PSS (SHA-256, MGF1 with
   * SHA-256, salt 32) by the key @spki (SubjectPublicKeyInfo DER, RSA-3072). */
  bool (*rsa_pss_verify) (const uint8_t *spki, size_t spki_length,
                          const uint8_t hash[BPG_SHA256_SIZE],
                          const uint8_t signature[BPG_RSA3072_SIZE]);
};

/*
 * Takes a container apart. @bytes may go on behind its end (a flash slot).
 * Hostile input. Returns BPG_IMAGE_OK or an error of the structure only:
 * nothing is verified yet.
 */
int bpg_image_parse (const uint8_t *bytes, size_t length, struct bpg_image *image);

/*
 * Size of the payload that the header at the start of @bytes promises, for a
 * check before the rest has come. Returns BPG_IMAGE_OK, ETRUNCATED or EMAGIC.
 */
int bpg_image_peek (const uint8_t *bytes, size_t length, uint32_t *payload_length);

/*
 * Verifies hash, key and signature of a parsed container against the key
 * @spki (SubjectPublicKeyInfo DER). Returns BPG_IMAGE_OK or an error.
 */
int bpg_image_verify (const struct bpg_image *image, const uint8_t *spki, size_t spki_length,
                      const struct bpg_image_crypto *crypto);

/* Below 0, 0 or above 0 as @a is lower than, equal to or higher than @b;
 * build numbers count last. */
int bpg_image_version_compare (const struct bpg_image_version *a,
                               const struct bpg_image_version *b);

/*
 * The RSAPublicKey inside a SubjectPublicKeyInfo (whose SHA-256 is MCUboot's
 * key hash). Returns false when @spki is not an RSA key of 3072 bits.
 */
bool bpg_image_rsa_key (const uint8_t *spki, size_t spki_length, const uint8_t **key,
                        size_t *key_length);

/*
 * The numbers in such an RSAPublicKey: its modulus (BPG_RSA3072_SIZE bytes,
 * big-endian) and its exponent. Returns false when the exponent is longer than
 * a word.
 */
bool bpg_image_rsa_numbers (const uint8_t *key, size_t key_length, const uint8_t **modulus,
                            uint32_t *exponent);
