/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digest.h"

#include <string.h>

#define BLOCK 64

/* FIPS 180-4, 4.2.2: fractions of the cube roots of the first 64 primes */
static const uint32_t round_constants[64] = {
  0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
  0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
  0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
  0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
  0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
  0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
  0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
  0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
};

static uint32_t
rotate (uint32_t word,
        uint32_t count)
{
  return (word >> count) | (word << (32 - count));
}

static void
expand (const uint8_t *block,
        uint32_t       schedule[64])
{
  for (size_t i = 0; i < 16; i++)
    schedule[i] = (uint32_t) block[4 * i] << 24 | (uint32_t) block[4 * i + 1] << 16 |
                  (uint32_t) block[4 * i + 2] << 8 | block[4 * i + 3];
  for (size_t i = 16; i < 64; i++)
    {
      uint32_t a = schedule[i - 15], b = schedule[i - 2];
      uint32_t small0 = rotate (a, 7) ^ rotate (a, 18) ^ (a >> 3);
      uint32_t small1 = rotate (b, 17) ^ rotate (b, 19) ^ (b >> 10);

      schedule[i] = schedule[i - 16] + small0 + schedule[i - 7] + small1;
    }
}

static void
compress (uint32_t       state[8],
          const uint8_t *block)
{
  uint32_t schedule[64];
  uint32_t v[8];

  expand (block, schedule);
  memcpy (v, state, sizeof v);
  for (size_t i = 0; i < 64; i++)
    {
      uint32_t big1 = rotate (v[4], 6) ^ rotate (v[4], 11) ^ rotate (v[4], 25);
      uint32_t choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
      uint32_t first = v[7] + big1 + choose + round_constants[i] + schedule[i];
      uint32_t big0 = rotate (v[0], 2) ^ rotate (v[0], 13) ^ rotate (v[0], 22);
      uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

      v[7] = v[6];
      v[6] = v[5];
      v[5] = v[4];
      v[4] = v[3] + first;
      v[3] = v[2];
      v[2] = v[1];
      v[1] = v[0];
      v[0] = first + big0 + majority;
    }
  for (size_t i = 0; i < 8; i++)
    state[i] += v[i];
}

void
bpg_bpm_digest (const uint8_t *bytes,
                size_t         length,
                uint8_t        digest[BPG_BPM_DIGEST_LENGTH])
{
  uint32_t state[8] = {
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
  };
  uint8_t tail[2 * BLOCK] = { 0 };
  size_t whole = length / BLOCK * BLOCK;
  size_t rest = length - whole;
  size_t padded = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
  uint64_t bits = (uint64_t) length * 8;

  for (size_t at = 0; at < whole; at += BLOCK)
    compress (state, bytes + at);

  if (rest != 0)
    memcpy (tail, bytes + whole, rest);
  tail[rest] = 0x80;
  for (size_t i = 0; i < 8; i++)
    tail[padded - 1 - i] = (uint8_t) (bits >> (8 * i));
  for (size_t at = 0; at < padded; at += BLOCK)
    compress (state, tail + at);

  for (size_t i = 0; i < 8; i++)
    {
      digest[4 * i] = (uint8_t) (state[i] >> 24);
      digest[4 * i + 1] = (uint8_t) (state[i] >> 16);
      digest[4 * i + 2] = (uint8_t) (state[i] >> 8);
      digest[4 * i + 3] = (uint8_t) state[i];
    }
}
