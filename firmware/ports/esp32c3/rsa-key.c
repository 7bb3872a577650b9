/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/rsa-key.h"

#include <string.h>

#include "boot/image.h"
#include "link/little-endian.h"

#define WORDS (BPG_RSA3072_SIZE / 4u)

/* -1/n mod 2^32 of an odd @n: each of Newton's steps doubles the bits that are
 * right, of which three are right to begin with. */
static uint32_t
negated_inverse (uint32_t n)
{
  uint32_t inverse = n;

  for (unsigned bits = 3; bits < 32; bits *= 2)
    inverse *= 2 - n * inverse;
  return 0 - inverse;
}

/* @a -= @n; returns what had to be borrowed. */
static uint32_t
subtract (uint32_t *a, const uint32_t *n)
{
  uint32_t borrow = 0;

  for (unsigned i = 0; i < WORDS; i++)
    {
      uint64_t difference = (uint64_t) a[i] - n[i] - borrow;

      a[i] = (uint32_t) difference;
      borrow = (uint32_t) (difference >> 32) & 1;
    }
  return borrow;
}

static bool
is_below (const uint32_t *a, const uint32_t *n)
{
  for (unsigned i = WORDS; i-- > 0;)
    {
      if (a[i] != n[i])
        return a[i] < n[i];
    }
  return false;
}

/* @a = 2 @a mod @n. */
static void
double_it (uint32_t *a, const uint32_t *n)
{
  uint32_t carry = 0;

  for (unsigned i = 0; i < WORDS; i++)
    {
      uint32_t word = a[i];

      a[i] = word << 1 | carry;
      carry = word >> 31;
    }
  if (carry != 0 || !is_below (a, n))
    subtract (a, n);
}

bool
bpg_rsa_key_prepare (const uint8_t *spki, size_t spki_length, struct ets_rsa_pubkey *key)
{
  uint32_t n[WORDS];
  uint32_t r[WORDS] = { 0 };
  const uint8_t *rsa;
  const uint8_t *modulus;
  size_t length;

  if (!bpg_image_rsa_key (spki, spki_length, &rsa, &length)
      || !bpg_image_rsa_numbers (rsa, length, &modulus, &key->e) || !(modulus[BPG_RSA3072_SIZE - 1] & 1))
    return false;
  for (unsigned i = 0; i < BPG_RSA3072_SIZE; i++)
    key->n[i] = modulus[BPG_RSA3072_SIZE - 1 - i];
  for (unsigned i = 0; i < WORDS; i++)
    n[i] = bpg_get_u32 (key->n + 4 * i);

  /* 2^3072 mod n is 2^3072 - n, as n has its highest bit set; doubled as often
   * as it has bits it is 2^6144 mod n. */
  subtract (r, n);
  for (unsigned i = 0; i < 8 * BPG_RSA3072_SIZE; i++)
    double_it (r, n);
  for (unsigned i = 0; i < WORDS; i++)
    bpg_put_u32 (key->rinv + 4 * i, r[i]);
  key->mdash = negated_inverse (n[0]);
  return true;
}
