/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/p256.h"

#include <string.h>

#define LIMBS 8u
#define BYTES BPG_P256_NUMBER
#define WINDOW 4u
#define WINDOW_SIZE (1u << WINDOW)
#define BLOCK 64u /* of SHA-256 */

/* Least significant limb first. */
typedef uint32_t number[LIMBS];

/* Numbers modulo a prime; multiply() takes and gives them as a * 2^256. */
struct field
{
  number modulus;
  number square;    /* 2^512 mod modulus */
  uint32_t inverse; /* -1 / modulus mod 2^32 */
};

/* Projective, coordinates as multiply() has them; z = 0 is the point at infinity. */
struct point
{
  number x;
  number y;
  number z;
};

static const struct field coordinates = {
  { 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x00000000, 0x00000000, 0x00000000, 0x00000001,
    0xFFFFFFFF },
  { 0x00000003, 0x00000000, 0xFFFFFFFF, 0xFFFFFFFB, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD,
    0x00000004 },
  0x00000001,
};

static const struct field scalars = {
  { 0xFC632551, 0xF3B9CAC2, 0xA7179E84, 0xBCE6FAAD, 0xFFFFFFFF, 0xFFFFFFFF, 0x00000000,
    0xFFFFFFFF },
  { 0xBE79EEA2, 0x83244C95, 0x49BD6FA6, 0x4699799C, 0x2B6BEC59, 0x2845B239, 0xF3D95620,
    0x66E12D94 },
  0xEE00BC4F,
};

static const number one = { 1 };
static const number curve_b = { 0x27D2604B, 0x3BCE3C3E, 0xCC53B0F6, 0x651D06B0,
                                0x769886BC, 0xB3EBBD55, 0xAA3A93E7, 0x5AC635D8 };
static const number base_x = { 0xD898C296, 0xF4A13945, 0x2DEB33A0, 0x77037D81,
                               0x63A440F2, 0xF8BCE6E5, 0xE12C4247, 0x6B17D1F2 };
static const number base_y = { 0x37BF51F5, 0xCBB64068, 0x6B315ECE, 0x2BCE3357,
                               0x7C0F9E16, 0x8EE7EB4A, 0xFE1A7F9B, 0x4FE342E2 };

/* All ones when @bit is 1, 0 when it is 0; the compiler must not know that
 * there are only two, or it makes a branch of it. */
static uint32_t
mask_of (uint32_t bit)
{
  uint32_t mask = 0u - bit;

  __asm__ ("" : "+r"(mask));
  return mask;
}

static void
wipe (void *memory, size_t length)
{
  memset (memory, 0, length);
  __asm__ volatile ("" : : "r"(memory) : "memory");
}

static void
read_number (number result, const uint8_t bytes[BYTES])
{
  for (unsigned i = 0; i < LIMBS; i++)
    {
      const uint8_t *at = bytes + BYTES - 4 * (i + 1);

      result[i] = (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
    }
}

static void
write_number (uint8_t bytes[BYTES], const number value)
{
  for (unsigned i = 0; i < BYTES; i++)
    bytes[BYTES - 1 - i] = (uint8_t) (value[i / 4] >> (i % 4 * 8));
}

/* @result = @a - @b; returns the borrow, 0 or 1. */
static uint32_t
subtract_raw (number result, const number a, const number b)
{
  uint32_t borrow = 0;

  for (unsigned i = 0; i < LIMBS; i++)
    {
      uint64_t difference = (uint64_t) a[i] - b[i] - borrow;

      result[i] = (uint32_t) difference;
      borrow = (uint32_t) (difference >> 32) & 1;
    }
  return borrow;
}

/* @result = @when_set where @mask is all ones, else as it is. */
static void
replace (number result, const number when_set, uint32_t mask)
{
  for (unsigned i = 0; i < LIMBS; i++)
    result[i] ^= (result[i] ^ when_set[i]) & mask;
}

/* Brings @value + @carry * 2^256, below twice the modulus, below the modulus. */
static void
reduce (number value, uint32_t carry, const struct field *field)
{
  number less;
  uint32_t borrow = subtract_raw (less, value, field->modulus);

  replace (value, less, mask_of (carry | (borrow ^ 1)));
}

static void
add (number result, const number a, const number b, const struct field *field)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < LIMBS; i++)
    {
      sum += (uint64_t) a[i] + b[i];
      result[i] = (uint32_t) sum;
      sum >>= 32;
    }
  reduce (result, (uint32_t) sum, field);
}

static void
subtract (number result, const number a, const number b, const struct field *field)
{
  uint32_t mask = mask_of (subtract_raw (result, a, b));
  uint64_t sum = 0;

  for (unsigned i = 0; i < LIMBS; i++)
    {
      sum += (uint64_t) result[i] + (field->modulus[i] & mask);
      result[i] = (uint32_t) sum;
      sum >>= 32;
    }
}

/* @result = @a * @b / 2^256; any of them may be the same. */
static void
multiply (number result, const number a, const number b, const struct field *field)
{
  uint32_t t[LIMBS + 2] = { 0 };

  for (unsigned i = 0; i < LIMBS; i++)
    {
      uint64_t sum = 0;
      uint32_t factor;

      for (unsigned j = 0; j < LIMBS; j++)
        {
          sum = (uint64_t) a[j] * b[i] + t[j] + (sum >> 32);
          t[j] = (uint32_t) sum;
        }
      sum = (uint64_t) t[LIMBS] + (sum >> 32);
      t[LIMBS] = (uint32_t) sum;
      t[LIMBS + 1] = (uint32_t) (sum >> 32);

      factor = t[0] * field->inverse;
      sum = (uint64_t) factor * field->modulus[0] + t[0];
      for (unsigned j = 1; j < LIMBS; j++)
        {
          sum = (uint64_t) factor * field->modulus[j] + t[j] + (sum >> 32);
          t[j - 1] = (uint32_t) sum;
        }
      sum = (uint64_t) t[LIMBS] + (sum >> 32);
      t[LIMBS - 1] = (uint32_t) sum;
      t[LIMBS] = t[LIMBS + 1] + (uint32_t) (sum >> 32);
    }
  memcpy (result, t, sizeof (number));
  reduce (result, t[LIMBS], field);
}

/* @result = 1 / @a, as @a ^ (modulus - 2): the power is no secret. */
static void
invert (number result, const number a, const struct field *field)
{
  static const number two = { 2 };
  number power;
  number base;

  memcpy (base, a, sizeof base);
  multiply (result, field->square, one, field);
  subtract_raw (power, field->modulus, two);
  for (unsigned bit = 32 * LIMBS; bit-- > 0;)
    {
      multiply (result, result, result, field);
      if (power[bit / 32] >> (bit % 32) & 1)
        multiply (result, result, base, field);
    }
  wipe (base, sizeof base);
}

static void
triple (number result, const number a)
{
  number twice;

  add (twice, a, a, &coordinates);
  add (result, twice, a, &coordinates);
}

/* (a1 + b1) (a2 + b2) - a - b = a1 b2 + a2 b1, where a = a1 a2 and b = b1 b2. */
static void
cross (number result, const number a1, const number b1, const number a2, const number b2,
       const number a, const number b)
{
  number left;
  number right;

  add (left, a1, b1, &coordinates);
  add (right, a2, b2, &coordinates);
  multiply (left, left, right, &coordinates);
  subtract (left, left, a, &coordinates);
  subtract (result, left, b, &coordinates);
}

/* Every sum of two points, the same one and the one at infinity among them. */
static void
add_points (struct point *result, const struct point *p, const struct point *q, const number b)
{
  const struct field *f = &coordinates;
  number xx, yy, zz, xy, yz, xz, u, v, w, left, right;

  multiply (xx, p->x, q->x, f);
  multiply (yy, p->y, q->y, f);
  multiply (zz, p->z, q->z, f);
  cross (xy, p->x, p->y, q->x, q->y, xx, yy);
  cross (yz, p->y, p->z, q->y, q->z, yy, zz);
  cross (xz, p->x, p->z, q->x, q->z, xx, zz);

  /* left = yy - 3 (xz - b zz), right = yy + 3 (xz - b zz) */
  multiply (u, b, zz, f);
  subtract (u, xz, u, f);
  triple (u, u);
  subtract (left, yy, u, f);
  add (right, yy, u, f);

  /* v = 3 (b xz - 3 zz - xx), w = 3 (xx - zz) */
  triple (w, zz);
  multiply (v, b, xz, f);
  subtract (v, v, w, f);
  subtract (v, v, xx, f);
  triple (v, v);
  subtract (w, xx, zz, f);
  triple (w, w);

  multiply (xx, xy, right, f);
  multiply (u, yz, v, f);
  subtract (result->x, xx, u, f);
  multiply (yy, right, left, f);
  multiply (u, w, v, f);
  add (result->y, yy, u, f);
  multiply (zz, yz, left, f);
  multiply (u, xy, w, f);
  add (result->z, zz, u, f);
}

/* @result = @table[@index]; all of the table is read. */
static void
choose (struct point *result, const struct point table[WINDOW_SIZE], uint32_t index)
{
  memset (result, 0, sizeof *result);
  for (uint32_t i = 0; i < WINDOW_SIZE; i++)
    {
      uint32_t other = i ^ index;
      uint32_t mask = mask_of ((other - 1) >> 31);

      replace (result->x, table[i].x, mask);
      replace (result->y, table[i].y, mask);
      replace (result->z, table[i].z, mask);
    }
}

/* @x and @y, plain numbers, of @scalar times the base point. */
static void
multiply_base (number x, number y, const number scalar)
{
  struct point table[WINDOW_SIZE] = { 0 };
  struct point sum;
  struct point chosen;
  number b;

  multiply (b, curve_b, coordinates.square, &coordinates);
  multiply (table[0].y, one, coordinates.square, &coordinates);
  multiply (table[1].x, base_x, coordinates.square, &coordinates);
  multiply (table[1].y, base_y, coordinates.square, &coordinates);
  multiply (table[1].z, one, coordinates.square, &coordinates);
  for (unsigned i = 2; i < WINDOW_SIZE; i++)
    add_points (&table[i], &table[i - 1], &table[1], b);

  sum = table[0];
  for (unsigned bit = 32 * LIMBS; bit > 0; bit -= WINDOW)
    {
      unsigned at = bit - WINDOW;

      for (unsigned i = 0; i < WINDOW; i++)
        add_points (&sum, &sum, &sum, b);
      choose (&chosen, table, scalar[at / 32] >> (at % 32) & (WINDOW_SIZE - 1));
      add_points (&sum, &sum, &chosen, b);
    }

  invert (sum.z, sum.z, &coordinates);
  multiply (sum.z, sum.z, one, &coordinates);
  multiply (x, sum.x, sum.z, &coordinates);
  multiply (y, sum.y, sum.z, &coordinates);
  wipe (&sum, sizeof sum);
  wipe (&chosen, sizeof chosen);
}

/* 1 when 0 < @value < the curve's order, else 0. */
static uint32_t
is_scalar (const number value)
{
  number less;
  uint32_t below = subtract_raw (less, value, scalars.modulus);
  uint32_t any = 0;

  for (unsigned i = 0; i < LIMBS; i++)
    any |= value[i];
  wipe (less, sizeof less);
  return below & (any | (0u - any)) >> 31;
}

bool
bpg_p256_make_key (const uint8_t random[BYTES], uint8_t private_key[BYTES])
{
  number scalar;
  bool valid;

  read_number (scalar, random);
  valid = is_scalar (scalar) != 0;
  if (valid)
    write_number (private_key, scalar);
  wipe (scalar, sizeof scalar);
  return valid;
}

bool
bpg_p256_public_key (const uint8_t private_key[BYTES], uint8_t public_key[2 * BYTES])
{
  number scalar;
  number x;
  number y;
  bool valid;

  read_number (scalar, private_key);
  valid = is_scalar (scalar) != 0;
  if (valid)
    {
      multiply_base (x, y, scalar);
      write_number (public_key, x);
      write_number (public_key + BYTES, y);
    }
  wipe (scalar, sizeof scalar);
  return valid;
}

void
bpg_p256_spki (const uint8_t public_key[2 * BYTES], uint8_t spki[BPG_P256_SPKI])
{
  /* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 ... */
  static const uint8_t head[BPG_P256_SPKI - 2 * BYTES]
    = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
        0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

  memcpy (spki, head, sizeof head);
  memcpy (spki + sizeof head, public_key, 2 * BYTES);
}

/* RFC 6979, 3.2: what makes nonces. */
struct generator
{
  bpg_p256_sha256 sha256;
  uint8_t key[32];
  uint8_t value[32];
};

/* @result = HMAC of @length bytes under the generator's key (RFC 2104);
 * @message has room for a block before the bytes. */
static void
hmac (const struct generator *generator, uint8_t *message, size_t length, uint8_t result[32])
{
  uint8_t outer[BLOCK + 32];

  memset (message, 0x36, BLOCK);
  memset (outer, 0x5C, BLOCK);
  for (unsigned i = 0; i < 32; i++)
    {
      message[i] ^= generator->key[i];
      outer[i] ^= generator->key[i];
    }
  generator->sha256 (message, BLOCK + length, outer + BLOCK);
  generator->sha256 (outer, sizeof outer, result);
  wipe (outer, sizeof outer);
}

/* A new key of value, @separator and @seed, then a new value. */
static void
stir (struct generator *generator, unsigned separator, const uint8_t *seed, size_t length)
{
  uint8_t message[BLOCK + 32 + 1 + 3 * BYTES];

  memcpy (message + BLOCK, generator->value, 32);
  message[BLOCK + 32] = (uint8_t) separator;
  if (length > 0)
    memcpy (message + BLOCK + 33, seed, length);
  hmac (generator, message, 33 + length, generator->key);
  memcpy (message + BLOCK, generator->value, 32);
  hmac (generator, message, 32, generator->value);
  wipe (message, sizeof message);
}

static void
start_generator (struct generator *generator, const uint8_t private_key[BYTES], const number hash,
                 const uint8_t *fresh)
{
  uint8_t seed[3 * BYTES];
  size_t length = fresh != NULL ? 3 * BYTES : 2 * BYTES;

  memcpy (seed, private_key, BYTES);
  write_number (seed + BYTES, hash);
  if (fresh != NULL)
    memcpy (seed + 2 * BYTES, fresh, BYTES);
  memset (generator->key, 0, sizeof generator->key);
  memset (generator->value, 1, sizeof generator->value);
  stir (generator, 0, seed, length);
  stir (generator, 1, seed, length);
  wipe (seed, sizeof seed);
}

static void
next_nonce (struct generator *generator, number nonce)
{
  uint8_t message[BLOCK + 32];

  memcpy (message + BLOCK, generator->value, 32);
  hmac (generator, message, 32, generator->value);
  read_number (nonce, generator->value);
  while (is_scalar (nonce) == 0)
    {
      stir (generator, 0, NULL, 0);
      memcpy (message + BLOCK, generator->value, 32);
      hmac (generator, message, 32, generator->value);
      read_number (nonce, generator->value);
    }
  wipe (message, sizeof message);
}

/* @r and @s of @hash and @nonce; returns whether neither is 0. */
static bool
make_signature (number r, number s, const number scalar, const number hash, const number nonce)
{
  number inverse;
  number product;

  multiply_base (r, s, nonce);
  reduce (r, 0, &scalars);

  /* s = (hash + r scalar) / nonce: multiply() divides by 2^256 each time. */
  multiply (product, scalar, scalars.square, &scalars);
  multiply (product, product, r, &scalars);
  add (product, product, hash, &scalars);
  multiply (inverse, nonce, scalars.square, &scalars);
  invert (inverse, inverse, &scalars);
  multiply (s, product, inverse, &scalars);
  wipe (product, sizeof product);
  wipe (inverse, sizeof inverse);
  return (is_scalar (r) & is_scalar (s)) != 0;
}

/* A number as a DER INTEGER; returns its length. */
static size_t
write_integer (uint8_t *at, const number value)
{
  uint8_t bytes[1 + BYTES] = { 0 };
  size_t skip = 0;

  write_number (bytes + 1, value);
  while (skip < BYTES && bytes[skip] == 0 && bytes[skip + 1] < 0x80)
    skip++;
  at[0] = 0x02;
  at[1] = (uint8_t) (sizeof bytes - skip);
  memcpy (at + 2, bytes + skip, sizeof bytes - skip);
  return 2 + sizeof bytes - skip;
}

size_t
bpg_p256_sign (const uint8_t private_key[BYTES], const uint8_t hash[32], const uint8_t *fresh,
               bpg_p256_sha256 sha256, uint8_t signature[BPG_P256_SIGNATURE_MAX])
{
  struct generator generator = { .sha256 = sha256 };
  number scalar;
  number digest;
  number nonce;
  number r;
  number s;
  size_t length = 0;

  read_number (scalar, private_key);
  read_number (digest, hash);
  reduce (digest, 0, &scalars);
  if (is_scalar (scalar) != 0)
    {
      start_generator (&generator, private_key, digest, fresh);
      do
        next_nonce (&generator, nonce);
      while (!make_signature (r, s, scalar, digest, nonce));
      length = 2 + write_integer (signature + 2, r);
      length += write_integer (signature + length, s);
      signature[0] = 0x30;
      signature[1] = (uint8_t) (length - 2);
    }
  wipe (scalar, sizeof scalar);
  wipe (nonce, sizeof nonce);
  wipe (&generator, sizeof generator);
  return length;
}
